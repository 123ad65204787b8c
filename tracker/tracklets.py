"""Splits a table of tracks into tracklets: the rows of one person without a gap or a cut."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import (
    BoolArray,
    DoubleArray,
    FloatArray,
    FramePoses,
    FrameTable,
    IntArray,
    VideoTracks,
)

Rows = list[IntArray]
"""Row numbers of a table, one rising array per track or tracklet."""


def table_of(frames: Sequence[FramePoses], *, skeleton: Skeleton) -> VideoTracks:
    """The frames as one table, which counts them from 0 without gaps.

    Where only every n-th frame was looked at, the frames between are no gaps in a track.
    """
    return VideoTracks.from_frames(
        [replace(poses, frame=place) for place, poses in enumerate(frames)],
        source="video",
        size=None,
        skeleton=skeleton,
        frames=FrameTable(times=np.array([poses.time for poses in frames], np.float64)),
    )


def tracklets(tracks: VideoTracks) -> Rows:
    """The rows of each track, lowest id first; rows without an id are left out."""
    order = np.argsort(tracks.track_ids, kind="stable")
    ids, starts = np.unique(tracks.track_ids[order], return_index=True)
    return [r for i, r in zip(ids, np.split(order, starts[1:]), strict=False) if i >= 0]


def scenes(tracks: VideoTracks, cuts: Sequence[int]) -> IntArray:
    """(R,) number of the scene of each row, given the first frame of each new scene."""
    return np.searchsorted(np.sort(np.array(cuts, np.int64)), tracks.frame, side="right")


def stretches(tracks: VideoTracks, *, max_gap: float, cuts: Sequence[int] = ()) -> Rows:
    """The rows of each track, split at cuts and at gaps longer than ``max_gap`` seconds."""
    times = tracks.frames.times[tracks.frame]
    return _apart(tracks, scenes(tracks, cuts), lambda rows: np.diff(times[rows]) > max_gap)


def unbroken(tracks: VideoTracks, scene: IntArray) -> Rows:
    """The rows of each track, split at cuts and wherever the person is missing in a frame.

    Args:
        tracks: The table.
        scene: (R,) number of the scene of each row.
    """
    return _apart(tracks, scene, lambda rows: np.diff(tracks.frame[rows]) > 1)


def _apart(tracks: VideoTracks, scene: IntArray, gaps: Callable[[IntArray], BoolArray]) -> Rows:
    parts = []
    for rows in tracklets(tracks):
        apart = gaps(rows) | (np.diff(scene[rows]) > 0)
        parts += np.split(rows, np.flatnonzero(apart) + 1)
    return parts


def mean_looks(embeddings: FloatArray, parts: Rows) -> DoubleArray:
    """Mean appearance of each tracklet, as vectors of length 1.

    Args:
        embeddings: (R, D) any scale, NaN where not known.
        parts: N tracklets.

    Returns:
        (N, D); NaN where no row is known.
    """
    sums = np.array([_unit(embeddings[rows]).sum(axis=0) for rows in parts])
    sums = sums.reshape(len(parts), embeddings.shape[1])
    total = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(total > 0, sums / np.where(total > 0, total, 1), np.nan)


def _unit(vectors: FloatArray) -> DoubleArray:
    """(R, D) vectors of length 1; 0 where not known."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float64)
    known = np.isfinite(lengths) & (lengths > 0)
    return np.where(known, vectors / np.where(known, lengths, 1), 0)
