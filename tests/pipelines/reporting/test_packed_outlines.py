"""Outlines that are packed for a page come out again as the pixels that they are about."""

import base64
import zlib
from dataclasses import replace

import cv2
import numpy as np

from posetube.masks import decode_mask, encode_mask
from posetube.pipelines.reporting.packed_outlines import pack_outlines
from posetube.pipelines.reporting.packed_tracks import rows_by_track
from posetube.structures import BoolArray, VideoTracks
from tests.pipelines.reporting.test_packed_tracks import some_tracks

SIZE = (480, 640)


def ring(*, at: int) -> BoolArray:
    """A disc with a hole, and a second, small one beside it."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    far = np.hypot(x - at, y - 240)
    return np.asarray(((far < 100) & (far > 50)) | (np.hypot(x - at - 200, y - 300) < 12))


def with_masks(*, empty: int) -> VideoTracks:
    """People with rings, all but the last few of them."""
    tracks = some_tracks(0)
    rows = len(tracks.frame)
    masks = [encode_mask(ring(at=120 + 20 * row)) for row in range(rows - empty)] + [b""] * empty
    boxes = np.tile(np.array([0, 100, 640, 400], np.float32), (rows, 1))
    return replace(tracks, masks=np.array(masks, object), boxes=boxes)


def unpacked(text: str, *, rows: int) -> list[BoolArray]:
    """(480, 640) pixels of each row, as the page's script fills them."""
    content = zlib.decompress(base64.b64decode(text))
    counts = np.frombuffer(content, np.uint8, rows)
    lengths = np.frombuffer(content, "<u2", counts.sum(), offset=rows).astype(int)
    low, high = np.frombuffer(content, np.uint8, offset=rows + 2 * len(lengths)).reshape(2, -1)
    moves = (low.astype(np.uint16) | high.astype(np.uint16) << 8).reshape(2, -1)
    corners = np.cumsum(moves, axis=1, dtype=np.uint16).view(np.int16).T.astype(np.int32)
    outlines = np.split(corners, np.cumsum(lengths)[:-1])
    ends = np.cumsum(counts.astype(int))
    found = []
    for start, end in zip(ends - counts, ends, strict=True):
        filled = np.zeros(SIZE, np.uint8)
        cv2.fillPoly(filled, outlines[start:end], (1,))  # by even and odd
        found.append(filled > 0)
    return found


def test_packed_outlines_come_out_again() -> None:
    tracks = with_masks(empty=3)
    rows = rows_by_track(tracks)
    assert tracks.masks is not None

    text = pack_outlines(tracks)
    found = unpacked(text, rows=len(rows))

    for mask, drawn in zip(tracks.masks[rows], found, strict=True):
        inside = decode_mask(mask) if mask else np.zeros(SIZE, np.bool_)
        overlap, either = (inside & drawn).sum(), (inside | drawn).sum()
        assert overlap >= 0.94 * either
    assert [not drawn.any() for drawn in found] == [not mask for mask in tracks.masks[rows]]


def test_without_masks_nothing_is_packed() -> None:
    tracks = some_tracks(0)

    assert pack_outlines(tracks) == ""
    assert pack_outlines(replace(tracks, masks=np.full(len(tracks.frame), b"", object))) == ""
    nobody = with_masks(empty=0).select(np.array([], np.int64))
    assert pack_outlines(nobody) == ""
