"""Rows for the frames in which somebody was not found for a moment, marked as made up."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posetube.structures import ROW_COLUMNS, IntArray, RowState, VideoTracks

from .similarity import Doubles
from .tracklets import scenes, tracklets

DRAWN = ("boxes", "scores", "keypoints", "keypoint_scores")
"""Columns that lie on the straight line between the rows on both sides."""


def interpolate_gaps(
    tracks: VideoTracks, *, seconds: float, cuts: Sequence[int] = ()
) -> VideoTracks:
    """Add rows in short gaps, on the straight line in time between the rows on both sides.

    Args:
        tracks: Tracks of a whole video; frames have times.
        seconds: Longest gap, from row to row.
        cuts: Index of the first frame of each new scene; nothing is filled across.

    Returns:
        The table with ``RowState.INTERPOLATED`` rows among the others, each frame's rows by track
        id. A joint or score is known there only if it is on both sides. Columns of annotations
        (joint states, head boxes) are dropped, for nobody annotated the new rows.
    """
    left, right, frames = _gaps(tracks, seconds, cuts)
    if not len(frames):
        return tracks
    times = tracks.frames.times
    start, end = times[tracks.frame[left]], times[tracks.frame[right]]
    share = (times[frames] - start) / (end - start)
    old = np.zeros(len(tracks.frame), np.uint8) if tracks.states is None else tracks.states
    made_up = np.full(len(frames), RowState.INTERPOLATED, np.uint8)
    columns: dict[str, Any] = {
        "frame": np.concatenate([tracks.frame, frames]),
        "track_ids": np.concatenate([tracks.track_ids, tracks.track_ids[left]]),
        "states": np.concatenate([old, made_up]),
    }
    for name in DRAWN:
        values = getattr(tracks, name)
        columns[name] = np.concatenate([values, _between(values[left], values[right], share)])
    for name in ("link_margins", "link_costs", "link_gates"):
        values = getattr(tracks, name)
        unknown = np.full(len(frames), np.nan, np.float32)
        columns[name] = None if values is None else np.concatenate([values, unknown])
    order = np.lexsort((columns["track_ids"], columns["frame"]))
    sorted_columns: dict[str, Any] = {
        name: columns[name][order] if columns.get(name) is not None else None
        for name in ROW_COLUMNS
    }
    return replace(tracks, **sorted_columns)


def _gaps(
    tracks: VideoTracks, seconds: float, cuts: Sequence[int]
) -> tuple[IntArray, IntArray, IntArray]:
    """For each new row the rows on both sides of it, and its frame."""
    scene = scenes(tracks, cuts)
    times = tracks.frames.times[tracks.frame]
    pairs = [np.stack([rows[:-1], rows[1:]]) for rows in tracklets(tracks)]
    one, two = np.concatenate([np.zeros((2, 0), np.int64), *pairs], axis=1)
    length = times[two] - times[one]
    short = (length > 0) & (length <= seconds) & (scene[one] == scene[two])
    one, two = one[short], two[short]
    missing = tracks.frame[two] - tracks.frame[one] - 1
    left, right = np.repeat(one, missing), np.repeat(two, missing)
    step = np.arange(missing.sum()) - np.repeat(np.cumsum(missing) - missing, missing)
    return left, right, tracks.frame[left] + 1 + step


def _between(first: Doubles, second: Doubles, share: Doubles) -> Doubles:
    weight = share.reshape(-1, *[1] * (first.ndim - 1))
    return np.asarray(((1 - weight) * first + weight * second).astype(first.dtype))
