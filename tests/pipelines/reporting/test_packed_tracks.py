"""What is packed for a page comes out again, to an eighth of a pixel."""

import base64
import zlib
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posetube.pipelines.reporting.packed_tracks import (
    ABSENT,
    UNKNOWN,
    first_time,
    pack_times,
    pack_tracks,
    rows_by_track,
    stretches,
)
from posetube.skeletons import COCO17
from posetube.structures import FrameTable, VideoTracks


def some_tracks(seed: int, *, frames: int = 6) -> VideoTracks:
    """People who come and go, with joints that are not known."""
    random = np.random.default_rng(seed)
    there = np.argwhere(random.random((frames, 3)) < 0.7)
    rows = len(there)
    keypoints = random.uniform(-50, 4000, (rows, 17, 2))
    keypoints[random.random((rows, 17)) < 0.2] = np.nan
    scores = random.random((rows, 17))
    scores[random.random((rows, 17)) < 0.1] = np.nan
    return VideoTracks(
        source="clip",
        size=(480, 640),
        skeleton=COCO17,
        frames=FrameTable(times=36001 + np.cumsum(random.uniform(0.001, 2, frames))),
        frame=there[:, 0],
        track_ids=there[:, 1] - 1,
        boxes=np.sort(random.uniform(0, 640, (rows, 4)).astype(np.float32)),
        scores=random.random(rows).astype(np.float32),
        keypoints=keypoints,
        keypoint_scores=scores,
    )


def unpacked_times(text: str) -> np.ndarray:
    """(F,) seconds after the first, as the page's script unpacks them."""
    steps = np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i4")
    return np.cumsum(steps) / 1e6


def unpacked(text: str, *, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(38, R) places in pixels and (20, R) marks, as the page's script unpacks them."""
    content = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    cells = 38 * rows
    low, high, marks = np.split(content, [cells, 2 * cells])
    steps = (low.astype(np.uint16) | high.astype(np.uint16) << 8).reshape(38, rows)
    places = np.cumsum(steps, axis=1, dtype=np.uint16).view(np.int16) / 4
    return places, np.cumsum(marks.reshape(20, rows), axis=1, dtype=np.uint8)


@given(st.integers(0, 2**32 - 1))
def test_packed_tracks_come_out_again(seed: int) -> None:
    tracks = some_tracks(seed)
    rows = rows_by_track(tracks)

    times = unpacked_times(pack_times(tracks))
    places, marks = unpacked(pack_tracks(tracks), rows=len(rows))

    np.testing.assert_allclose(times + first_time(tracks), tracks.frames.times, atol=1e-6)
    np.testing.assert_allclose(places[:4], tracks.boxes[rows].T, atol=0.126)
    joints = tracks.keypoints[rows].reshape(len(rows), 34).T
    known = ~np.isnan(joints)
    np.testing.assert_allclose(places[4:][known], joints[known], atol=0.126)
    assert ((marks[:17] & ABSENT > 0) == np.isnan(tracks.keypoints[rows, :, 0]).T).all()
    scores = (marks[:17] & ~np.uint8(ABSENT)).astype(float)
    scores[scores == UNKNOWN] = np.nan
    np.testing.assert_allclose(scores / 50, tracks.keypoint_scores[rows].T, atol=0.0101)


def test_nobody_and_frames_without_times_can_be_packed() -> None:
    times = np.array([np.nan, 1, np.nan, 2, np.nan, np.nan])
    nobody = some_tracks(0).select(np.array([], np.int64))
    nobody = replace(nobody, frames=FrameTable(times=times))

    assert unpacked_times(pack_times(nobody)).tolist() == [0, 0, 0.5, 1, 1, 1]
    assert unpacked(pack_tracks(nobody), rows=0)[0].shape == (38, 0)


def test_stretches_are_runs_of_successive_frames() -> None:
    assert stretches(np.array([], np.int64)) == []
    assert stretches(np.array([2, 3, 4, 7, 9, 10])) == [(2, 3), (7, 1), (9, 2)]
