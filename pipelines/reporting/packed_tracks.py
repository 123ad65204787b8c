"""Packs a video's tracks into a few bytes per joint, for the script of a page to unpack.

Places are whole quarters of a pixel in 16 bits, scores 50 steps. Neighbours in a column differ
little, so differences are stored, low and high bytes apart, which deflate shrinks to a quarter.
``unpack.js`` is the inverse; the order of the columns is written down in :func:`pack_tracks`.
"""

import base64
import zlib
from itertools import pairwise

import numpy as np

from posetube.structures import BoolArray, ByteArray, DoubleArray, FloatArray, IntArray, VideoTracks

PLACES_PER_PIXEL = 4

SCORE_STEPS = 50
"""A score of 1 is this number."""

UNKNOWN = 127
"""A score that is not known."""

ABSENT = 128
"""Added to the score of a joint whose place is not known."""

MICRO = 1e6
"""Times are whole microseconds."""


def rows_by_track(tracks: VideoTracks) -> IntArray:
    """(R,) the rows that belong to a track, track after track by rising id, in order of frames."""
    order = np.argsort(tracks.track_ids, kind="stable")
    return order[tracks.track_ids[order] >= 0]


def stretches(frames: IntArray) -> list[tuple[int, int]]:
    """First frame and number of frames of each run of successive frames in (R,) rising ones."""
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) != 1) + 1
    ends = [0, *breaks.tolist(), len(frames)]
    return [(int(frames[start]), stop - start) for start, stop in pairwise(ends)]


def pack_times(tracks: VideoTracks) -> str:
    """The times of all frames as text.

    Returns:
        Base64 of a zlib stream of (F,) differences, microseconds, 32-bit, little-endian; from
        :func:`first_time` on.
    """
    return _as_text(_time_steps(tracks.frames.times).tobytes())


def pack_tracks(tracks: VideoTracks) -> str:
    """Everything about the rows of :func:`rows_by_track`, as text.

    Returns:
        Base64 of a zlib stream. In it, without gaps: the low bytes, then the high bytes, of
        (4 + 2 K, R) differences of places, box corners first, then x and y of each joint; and
        (K + 3, R) differences of bytes: each joint's score, then the person's, the link's margin,
        and the state. Places wrap around.
    """
    rows = rows_by_track(tracks)
    points = tracks.keypoints[rows]
    absent = np.asarray(np.isnan(points).any(axis=-1))
    columns = [*tracks.boxes[rows].T, *points.reshape(len(rows), 2 * len(tracks.skeleton)).T]
    places = np.array([_quantised(column) for column in columns], np.int16)
    moves = np.diff(places, axis=1, prepend=np.int16(0)).view(np.uint16)
    marks = _marks(tracks, rows, absent)
    marks[:, 1:] -= marks[:, :-1].copy()
    content = b"".join(
        [
            (moves & 255).astype(np.uint8).tobytes(),
            (moves >> 8).astype(np.uint8).tobytes(),
            marks.tobytes(),
        ]
    )
    return _as_text(content)


def _as_text(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 6)).decode("ascii")


def first_time(tracks: VideoTracks) -> float:
    """The time that the packed steps start from, seconds; 0 if there are no frames."""
    times = _known_times(tracks.frames.times)
    return float(times[0]) if len(times) else 0.0


def _time_steps(times: DoubleArray) -> IntArray:
    known = _known_times(times)
    whole = np.rint((known - known[:1]) * MICRO).astype(np.int64)
    return np.diff(whole, prepend=whole[:1]).astype("<i4")


def _known_times(times: DoubleArray) -> DoubleArray:
    """(F,) times, those that the source lacks filled in from their neighbours."""
    known = np.isfinite(times)
    if known.all() or not known.any():
        return np.nan_to_num(times)
    every = np.arange(len(times))
    return np.interp(every, every[known], times[known])


def _quantised(column: DoubleArray | FloatArray) -> IntArray:
    """(R,) places as whole quarters of a pixel; an unknown one repeats the one before."""
    known = np.isfinite(column)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(column)), 0))
    filled = np.nan_to_num(column[latest]) * PLACES_PER_PIXEL
    whole: IntArray = np.rint(np.clip(filled, -32768, 32767)).astype(np.int16)
    return whole


def _marks(tracks: VideoTracks, rows: IntArray, absent: BoolArray) -> ByteArray:
    """(K + 3, R) what is a byte each."""
    joints = _steps(tracks.keypoint_scores[rows]) + ABSENT * absent.astype(np.uint8)
    unknown = np.full(len(rows), np.nan)
    margins = unknown if tracks.link_margins is None else tracks.link_margins[rows]
    states = np.zeros(len(rows), np.uint8) if tracks.states is None else tracks.states[rows]
    people = [_steps(tracks.scores[rows]), _steps(margins), states]
    return np.array([*joints.T, *people], np.uint8)


def _steps(scores: DoubleArray | FloatArray) -> ByteArray:
    whole = np.rint(np.clip(np.nan_to_num(scores), 0, 1) * SCORE_STEPS)
    return np.where(np.isnan(scores), UNKNOWN, whole).astype(np.uint8)
