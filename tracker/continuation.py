"""How well one stretch of a track continues another: what the second pass decides by.

An :class:`Ends` says, for one end of every stretch, where the person was, how fast and how large,
and in which pose, from a short time before or after rather than from one row. The two ends at a gap
then predict into it, forward and backward in time, and should meet.

Not here: which stretches are joined (:mod:`.offline`).
"""

from dataclasses import dataclass

import numpy as np

from posetube.structures import DoubleArray, IntArray, VideoTracks

from .motion import CENTRE_FADE
from .similarity import Doubles, pose_similarity
from .tracklets import Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """One end of N stretches."""

    times: DoubleArray
    """(N,) time of the outermost row, seconds."""

    centres: DoubleArray
    """(N, 2) the box's centre there, on the line that fits the time around best, pixels."""

    speeds: DoubleArray
    """(N, 2) slope of that line, pixels per second."""

    sizes: DoubleArray
    """(N, 2) mean width and height, pixels."""

    poses: DoubleArray
    """(N, K, 2) mean joints less the centre; NaN where never known."""


STILL = 0.001
"""How much few rows that are close in time say about speed: little, as long as the sum of their
squared distances in time, in square seconds, is below this (ridge regression)."""


def ends(tracks: VideoTracks, parts: Rows, scene: IntArray, *, last: bool, seconds: float) -> Ends:
    """Describe the last (or first) rows of each stretch.

    The rows before (or after) it in the same track and scene count too: most were linked rightly,
    and a stretch of a row or two says nothing about motion.

    Args:
        tracks: The table.
        parts: Stretches of at least one row; those of a track in turn.
        scene: (R,) number of the scene that each row lies in.
        last: Which end.
        seconds: How much time is looked at.
    """
    edge = np.array([rows[-1 if last else 0] for rows in parts], np.int64)
    near, counts = _near(tracks, parts, scene, last=last, seconds=seconds)
    starts, part = np.cumsum(counts) - counts, np.repeat(np.arange(len(parts)), counts)

    def mean(values: Doubles) -> Doubles:
        known = ~np.isnan(values)
        total = np.add.reduceat(np.where(known, values, 0), starts)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / np.add.reduceat(known, starts, dtype=np.int64))

    times = tracks.frames.times[tracks.frame]
    boxes = tracks.boxes[near].astype(np.float64)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    since = times[near] - times[edge][part]
    middle, place = mean(since), mean(centres)
    away = since - middle[part]
    spread = mean(away**2) + STILL / counts
    speeds = mean(away[:, None] * (centres - place[part])) / spread[:, None]
    return Ends(
        times=times[edge],
        centres=place - speeds * middle[:, None],
        speeds=speeds,
        sizes=mean(boxes[:, 2:] - boxes[:, :2]),
        poses=mean(tracks.keypoints[near] - centres[:, None]),
    )


def _near(
    tracks: VideoTracks, parts: Rows, scene: IntArray, *, last: bool, seconds: float
) -> tuple[IntArray, IntArray]:
    """Rows of the same track and scene within some seconds of each edge, and (N,) how many."""
    rows, lengths = np.concatenate(parts), np.array([len(part) for part in parts])
    another = np.diff(tracks.track_ids[rows], prepend=0) != 0
    another |= np.diff(scene[rows], prepend=0) != 0
    times = tracks.frames.times[tracks.frame[rows]]
    # Tracks one after the other, too far apart for a search to reach from one into the next.
    clock = times + np.cumsum(another) * (np.ptp(times) + seconds + 1)
    stops = np.cumsum(lengths)
    first, stop = stops - lengths, stops
    if last:
        first = np.searchsorted(clock, clock[stop - 1] - seconds)
    else:
        stop = np.searchsorted(clock, clock[first] + seconds, side="right")
    counts = stop - first
    steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows[np.repeat(first, counts) + steps], counts


PLACE, DRIFT, FAR = 0.08, 0.3, 0.5
"""Standard deviation of a predicted place: at once, more for each second, and at most; in sizes."""

HASTE = 0.1
"""How much more the place drifts for each size per second that the person moves."""

GROWTH = np.array([0.4, 0.25])
"""Standard deviation of the logarithm of a person's width and height across a gap."""

SURPRISE = 2.0
"""Misses of many standard deviations count less than a Gaussian's would (Student's t)."""

POSE_FADE = 0.5
"""Seconds after which an unlike pose counts only a third (1/e) as much."""

POSE_BLUR = 1.5
"""How much more than an annotator's the joints' spread is: people move while out of sight."""

LEAST = 0.001
"""Similarities below this count as this: nothing is ruled out by one measure alone."""


def meeting_costs(
    before: Ends, after: Ends, one: IntArray, two: IntArray, *, max_gap: float, gap_weight: float
) -> Doubles:
    """How unlikely it is, by place and size, that stretches ``two`` continue stretches ``one``.

    The person is carried into the gap from both sides, forward and backward in time. The cost is
    the negative logarithm of how likely the misses are, measured in the person's size; the longer
    the gap, the larger they may be, but the less such a wide guess says. A change of size adds to
    it, and so does the time itself: ``gap_weight`` for a gap of ``max_gap`` seconds.

    Returns:
        (P,) one cost per pair; 0 is a perfect meeting at once.
    """
    gap = after.times[two] - before.times[one]
    reach = (CENTRE_FADE * (1 - np.exp(-gap / CENTRE_FADE)))[:, None]
    forward = before.centres[one] + reach * before.speeds[one] - after.centres[two]
    backward = after.centres[two] - reach * after.speeds[two] - before.centres[one]
    miss = (_squared(forward) + _squared(backward)) / 2
    size = _size(before, after, one, two)
    swift = (_squared(before.speeds[one]) + _squared(after.speeds[two])) / 2
    drift = DRIFT + HASTE * np.sqrt(swift) / size
    deviation = np.minimum(PLACE + drift * gap, FAR)
    place = _surprise(miss / np.square(deviation * size))
    change = np.log(after.sizes[two] / before.sizes[one])
    growth = _surprise(_squared(change / GROWTH))
    return np.asarray(place + 2 * np.log(deviation / PLACE) + growth + gap_weight * gap / max_gap)


def pose_costs(
    before: Ends, after: Ends, one: IntArray, two: IntArray, *, sigmas: Doubles, weight: float
) -> Doubles:
    """What an unlike pose adds, the less the longer the gap; 0 where poses cannot be compared."""
    gap = after.times[two] - before.times[one]
    alike = pose_similarity(
        before.poses[one],
        after.poses[two],
        scales=_size(before, after, one, two),
        sigmas=POSE_BLUR * sigmas,
    )
    return weight * np.exp(-gap / POSE_FADE) * unlikeness(alike)


def unlikeness(similarity: Doubles) -> Doubles:
    """Negative logarithm of a similarity in [0, 1]; 0 where it is not known."""
    return np.asarray(-np.log(np.maximum(np.nan_to_num(similarity, nan=1), LEAST)))


def _size(before: Ends, after: Ends, one: IntArray, two: IntArray) -> Doubles:
    return np.asarray((before.sizes[one] * after.sizes[two]).prod(axis=1) ** 0.25)


def _squared(vectors: Doubles) -> Doubles:
    return np.asarray(np.square(vectors).sum(axis=1))


def _surprise(squared: Doubles) -> Doubles:
    """Negative logarithm of how likely a miss of so many squared standard deviations is."""
    return np.asarray(SURPRISE * np.log1p(squared / (2 * SURPRISE)))
