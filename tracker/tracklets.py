"""Stretches of tracks, and how they begin and end: what the second pass joins and splits.

A :class:`Ends` says, for one end of every tracklet, where the person was, how fast and how large,
and in which pose, from a short stretch of rows rather than one. Both ends of a gap then predict
into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posetube.structures import DoubleArray, FloatArray, IntArray, VideoTracks

from .cost import Doubles, scale_of

Rows = list[IntArray]
"""Row numbers of a table, one rising array per tracklet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """One end of N tracklets."""

    times: DoubleArray
    """(N,) time of the outermost row, seconds."""

    centres: DoubleArray
    """(N, 2) the box's centre there, on the line that fits the stretch best, pixels."""

    speeds: DoubleArray
    """(N, 2) slope of that line, pixels per second."""

    sizes: DoubleArray
    """(N, 2) middle width and height over the stretch, pixels."""

    poses: DoubleArray
    """(N, K, 2) mean joints less the centre; NaN where never known."""


def tracklets(tracks: VideoTracks) -> Rows:
    """The rows of each track, by rising id; rows without an id are left out."""
    order = np.argsort(tracks.track_ids, kind="stable")
    ids, starts = np.unique(tracks.track_ids[order], return_index=True)
    return [r for i, r in zip(ids, np.split(order, starts[1:]), strict=False) if i >= 0]


def scenes(tracks: VideoTracks, cuts: Sequence[int]) -> IntArray:
    """(R,) number of the scene that each row lies in, given the first frame of each new scene."""
    return np.searchsorted(np.sort(np.array(cuts, np.int64)), tracks.frame, side="right")


def stretches(tracks: VideoTracks, *, max_gap: float, cuts: Sequence[int] = ()) -> Rows:
    """The rows of each track, taken apart at cuts and at gaps longer than some seconds."""
    scene, times = scenes(tracks, cuts), tracks.frames.times[tracks.frame]
    parts = []
    for rows in tracklets(tracks):
        apart = (np.diff(times[rows]) > max_gap) | (np.diff(scene[rows]) > 0)
        parts += np.split(rows, np.flatnonzero(apart) + 1)
    return parts


def ends(tracks: VideoTracks, parts: Rows, *, last: bool, seconds: float) -> Ends:
    """Describe the last (or first) rows of each tracklet.

    Args:
        tracks: The table.
        parts: Tracklets of at least one row.
        last: Which end.
        seconds: Length of the stretch.
    """
    found = [_end(tracks, rows, last=last, seconds=seconds) for rows in parts]
    joints = len(tracks.skeleton)
    shapes = [(), (2,), (2,), (2,), (joints, 2)]
    columns = [
        np.array([one[i] for one in found], np.float64).reshape(len(found), *shape)
        for i, shape in enumerate(shapes)
    ]
    times, centres, speeds, sizes, poses = columns
    return Ends(times=times, centres=centres, speeds=speeds, sizes=sizes, poses=poses)


def _end(
    tracks: VideoTracks, rows: IntArray, *, last: bool, seconds: float
) -> tuple[float, Doubles, Doubles, Doubles, Doubles]:
    times = tracks.frames.times[tracks.frame[rows]]
    edge = times[-1] if last else times[0]
    near = np.abs(times - edge) <= seconds
    rows, since = rows[near], times[near] - edge
    boxes = tracks.boxes[rows].astype(np.float64)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    joints = tracks.keypoints[rows] - centres[:, None]
    known = ~np.isnan(joints)
    total = np.where(known, joints, 0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        pose = total / known.sum(axis=0)
    speed = _slope(since, centres, float(scale_of(boxes).mean()))
    place = centres.mean(axis=0) - speed * since.mean()
    return float(edge), place, speed, np.median(boxes[:, 2:] - boxes[:, :2], axis=0), pose


CALM = 0.05
"""How unsure one centre is, in sizes: few rows that are close in time say little about speed."""

USUAL_SPEED = 1.0
"""How fast people usually move, in sizes per second."""


def _slope(since: Doubles, places: Doubles, size: float) -> Doubles:
    """Speed that fits best, drawn to zero where the rows cannot tell (ridge regression)."""
    centred = since - since.mean()
    doubt = (CALM * size) ** 2 / (USUAL_SPEED * size) ** 2
    return np.asarray(centred @ (places - places.mean(axis=0)) / (centred @ centred + doubt))


def mean_looks(embeddings: FloatArray, parts: Rows) -> Doubles:
    """Mean appearance of each tracklet, of length 1.

    Args:
        embeddings: (R, D) any scale, NaN where not known.
        parts: N tracklets.

    Returns:
        (N, D); NaN where no row is known.
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True).astype(np.float64)
    known = np.isfinite(lengths) & (lengths > 0)
    unit = np.where(known, embeddings / np.where(known, lengths, 1), 0)
    sums = np.array([unit[rows].sum(axis=0) for rows in parts])
    sums = sums.reshape(len(parts), embeddings.shape[1])
    total = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(total > 0, sums / np.where(total > 0, total, 1), np.nan)
