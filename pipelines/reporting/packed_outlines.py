"""Packs people's masks as outlines, some seventy letters each, for the script of a page to unpack.

A network's mask has 28 or 56 cells a side, so that corners which lie within a hundredth of the
person's height of an outline say nothing. ``unpack.js`` is the inverse.
"""

import base64
import zlib

import numpy as np

from posetube.masks import mask_outlines
from posetube.structures import BytesArray, FloatArray, IntArray, VideoTracks

from .packed_tracks import rows_by_track

NEAR = 1 / 100
"""Corners are left out that lie within so much of a person's height beside the outline, or within
a pixel."""

MOST_OUTLINES, MOST_CORNERS = 255, 65535
"""Of a person; of an outline. The largest stay."""


def pack_outlines(tracks: VideoTracks) -> str:
    """The masks of the rows of :func:`~.packed_tracks.rows_by_track` as text; empty without masks.

    Returns:
        Base64 of a zlib stream. In it, without gaps: (R,) bytes, each row's number of outlines;
        their numbers of corners, 16-bit; the corners' places in whole pixels, as differences from
        the corner before, of 16 bits that wrap around: the low bytes of all x, then of all y, then
        the high bytes. All is little-endian. What an odd number of a row's outlines goes round is
        the person.
    """
    rows = rows_by_track(tracks)
    if tracks.masks is None or not any(tracks.masks[rows]):
        return ""
    outlines = _outlines(tracks.masks[rows], tracks.boxes[rows])
    counts = np.array([len(found) for found in outlines], np.uint8)
    every = [outline for found in outlines for outline in found]
    lengths = np.array([len(outline) for outline in every], "<u2")
    corners = np.concatenate([np.zeros((0, 2), np.int64), *every]).T.astype(np.int16)
    moves = np.diff(corners, axis=1, prepend=np.int16(0)).view(np.uint16)
    content = b"".join(
        [
            counts.tobytes(),
            lengths.tobytes(),
            (moves & 255).astype(np.uint8).tobytes(),
            (moves >> 8).astype(np.uint8).tobytes(),
        ]
    )
    return base64.b64encode(zlib.compress(content, 6)).decode("ascii")


def _outlines(masks: BytesArray, boxes: FloatArray) -> list[list[IntArray]]:
    """The outlines of each of (R,) masks, of people in (R, 4) boxes."""
    found = []
    for mask, height in zip(masks.tolist(), boxes[:, 3] - boxes[:, 1], strict=True):
        outlines = mask_outlines(mask, near=max(1.0, NEAR * float(height)))
        outlines.sort(key=len, reverse=True)
        found.append([one for one in outlines[:MOST_OUTLINES] if len(one) <= MOST_CORNERS])
    return found
