"""Fills short gaps in tracks with interpolated rows, which are marked as such.

Places lie on the line between the rows on both sides: with the speeds on both sides, as cubic
curves, they are further from the true places on every length of gap. Widths and heights change
with every step and gesture, so that those of one row say little soon after: they fall back to the
mean around the gap.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posetube.records import join_columns
from posetube.structures import ROW_COLUMNS, DoubleArray, IntArray, RowState, VideoTracks

from .continuation import shapes
from .tracklets import scenes, tracklets, unbroken

INTERPOLATED = ("boxes", "scores", "keypoints")
"""Columns that are interpolated linearly; then boxes get other sizes around their centres."""

SIZE_MEMORY = 0.5
"""Time on either side of a gap from which the mean size is taken, seconds."""

SIZE_FADE = 0.2
"""Seconds after which a size has fallen back to the mean by two thirds (1 - 1/e)."""


def interpolate_gaps(
    tracks: VideoTracks, *, seconds: float, cuts: Sequence[int] = ()
) -> VideoTracks:
    """Add rows in short gaps, interpolated linearly in time between the rows on both sides.

    The sizes of boxes fall back to the mean around the gap on the way from one side to the other.

    Args:
        tracks: Tracks of a whole video; frames have times.
        seconds: Longest gap to fill, from row to row.
        cuts: Index of the first frame of each new scene; no gap is filled across it.

    Returns:
        The table with ``RowState.INTERPOLATED`` rows added, each frame's rows sorted by track id. A
        joint or score of a new row is known only if both sides know it, and a joint is as sure as
        on the side that is less sure of it; its mask is not known. Columns of annotations
        (joint states, head boxes) are dropped, because nobody annotated the new rows.
    """
    left, right, frames = _gaps(tracks, seconds, cuts)
    if not len(frames):
        return tracks
    times = tracks.frames.times
    start, end = times[tracks.frame[left]], times[tracks.frame[right]]
    share = (times[frames] - start) / (end - start)
    detected = np.full(len(tracks.frame), RowState.DETECTED, np.uint8)
    old = replace(tracks, states=detected if tracks.states is None else tracks.states)
    columns: dict[str, Any] = {
        name: _between(getattr(tracks, name)[left], getattr(tracks, name)[right], share)
        for name in INTERPOLATED
    }
    centres = (columns["boxes"][:, :2] + columns["boxes"][:, 2:]) / 2
    halves = _sizes(tracks, left, right, times[frames], cuts) / 2
    columns["boxes"] = np.concatenate([centres - halves, centres + halves], 1).astype(np.float32)
    # A joint between a sure place and a guess is a guess too.
    sides = tracks.keypoint_scores[left], tracks.keypoint_scores[right]
    columns["keypoint_scores"] = np.minimum(*sides)
    for name in ("link_margins", "link_costs", "link_gates"):
        columns[name] = np.full(len(frames), np.nan, np.float32)
    if tracks.masks is not None:
        columns["masks"] = np.full(len(frames), b"", object)
    new = replace(
        tracks,
        frame=frames,
        track_ids=tracks.track_ids[left],
        states=np.full(len(frames), RowState.INTERPOLATED, np.uint8),
        joint_states=None,
        head_boxes=None,
        **columns,
    )
    both = join_columns([old, new], ROW_COLUMNS)
    order = np.lexsort((both["track_ids"], both["frame"]))
    sorted_columns: dict[str, Any] = {
        name: None if column is None else column[order] for name, column in both.items()
    }
    return replace(tracks, **sorted_columns)


def _gaps(
    tracks: VideoTracks, seconds: float, cuts: Sequence[int]
) -> tuple[IntArray, IntArray, IntArray]:
    """For each new row: the row before it, the row after it, and its frame; frames do not fall."""
    scene = scenes(tracks, cuts)
    times = tracks.frames.times[tracks.frame]
    pairs = [np.stack([rows[:-1], rows[1:]]) for rows in tracklets(tracks)]
    one, two = np.concatenate([np.zeros((2, 0), np.int64), *pairs], axis=1)
    length = times[two] - times[one]
    # Where times are unknown, a gap has length 0, and there is no line in time.
    short = (length > 0) & (length <= seconds) & (scene[one] == scene[two])
    one, two = one[short], two[short]
    missing = tracks.frame[two] - tracks.frame[one] - 1
    left, right = np.repeat(one, missing), np.repeat(two, missing)
    step = np.arange(missing.sum()) - np.repeat(np.cumsum(missing) - missing, missing)
    frames = tracks.frame[left] + 1 + step
    order = np.argsort(frames, kind="stable")
    return left[order], right[order], frames[order]


def _sizes(
    tracks: VideoTracks, left: IntArray, right: IntArray, now: DoubleArray, cuts: Sequence[int]
) -> DoubleArray:
    """(N, 2) width and height of each new row, from the rows before and after it, at its time.

    Source: the mean of an Ornstein-Uhlenbeck bridge, whose ends are known.
    """
    scene = scenes(tracks, cuts)
    parts = unbroken(tracks, scene)
    part = np.zeros(len(tracks.frame), np.int64)
    part[np.concatenate(parts)] = np.repeat(np.arange(len(parts)), [len(rows) for rows in parts])
    times = tracks.frames.times[tracks.frame]
    length = times[right] - times[left]
    size = np.zeros((len(now), 2))
    for rows, last, rest in ((left, True, times[right] - now), (right, False, now - times[left])):
        sizes, _ = shapes(tracks, parts, scene, last=last, seconds=SIZE_MEMORY)
        usual = sizes[part[rows]]
        exact = tracks.boxes[rows, 2:].astype(np.float64) - tracks.boxes[rows, :2]
        share = (rest / length)[:, None]
        kept = _bridge(rest / SIZE_FADE, length / SIZE_FADE)[:, None]
        size += share * usual + kept * (exact - usual)
    return size


def _bridge(rest: DoubleArray, length: DoubleArray) -> DoubleArray:
    """sinh(rest) / sinh(length), which is at most rest / length, without overflow."""
    return np.asarray(np.exp(rest - length) * np.expm1(-2 * rest) / np.expm1(-2 * length))


def _between(first: DoubleArray, second: DoubleArray, share: DoubleArray) -> DoubleArray:
    weight = share.reshape(-1, *[1] * (first.ndim - 1))
    return np.asarray(((1 - weight) * first + weight * second).astype(first.dtype))
