"""Computes the cost of joining two tracklets: how well one continues the other across a gap.

:class:`TrackletEnds` holds place, speed, size and pose at one end of each tracklet, estimated from
a short time around the end rather than from one row. The two ends at a gap predict into it, one
forward and one backward in time, and should meet.

Not here: which tracklets are joined (:mod:`.offline`).
"""

from dataclasses import dataclass

import numpy as np

from posetube.keypoint_similarity import pose_similarity
from posetube.structures import DoubleArray, IntArray, VideoTracks

from .motion import CENTRE_FADE
from .tracklets import Rows


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackletEnds:
    """One end (first or last) of N tracklets."""

    times: DoubleArray
    """(N,) time of the outermost row, seconds."""

    centres: DoubleArray
    """(N, 2) centre of the box at that time, on the best fitting line, pixels."""

    speeds: DoubleArray
    """(N, 2) slope of that line, pixels per second."""

    sizes: DoubleArray
    """(N, 2) mean width and height, pixels."""

    poses: DoubleArray
    """(N, K, 2) mean joints relative to the centre, pixels; NaN where never known."""


STILL = 0.001
"""Ridge term of the line fit, square seconds: rows whose squared distances in time sum up to less
than this say little about speed, which is then taken to be near 0."""


def ends(
    tracks: VideoTracks,
    parts: Rows,
    scene: IntArray,
    *,
    last: bool,
    seconds: float,
    shape_seconds: float,
) -> TrackletEnds:
    """Describe the last (or first) rows of each tracklet.

    Earlier (or later) rows of the same track and scene count too: most of them were linked
    correctly, and a tracklet of a row or two says nothing about motion.

    Args:
        tracks: The table.
        parts: Tracklets of at least one row; those of one track in succession.
        scene: (R,) number of the scene of each row.
        last: Whether to describe the last end; otherwise the first.
        seconds: How much time to use for place and speed.
        shape_seconds: How much time to use for size and pose.
    """
    edge = np.array([rows[-1 if last else 0] for rows in parts], np.int64)
    near = _Near.rows_of(tracks, parts, scene, last=last, seconds=seconds)
    times = tracks.frames.times[tracks.frame]
    centres = near.centres(tracks)
    since = times[near.rows] - times[edge][near.part]
    middle, place = near.mean(since), near.mean(centres)
    away = since - middle[near.part]
    # Least squares: the slope is covariance over variance, near 0 for rows close in time.
    spread = near.mean(away**2) + STILL / near.counts
    speeds = near.mean(away[:, None] * (centres - place[near.part])) / spread[:, None]
    sizes, poses = shapes(tracks, parts, scene, last=last, seconds=shape_seconds)
    return TrackletEnds(
        times=times[edge],
        centres=place - speeds * middle[:, None],
        speeds=speeds,
        sizes=sizes,
        poses=poses,
    )


def shapes(
    tracks: VideoTracks, parts: Rows, scene: IntArray, *, last: bool, seconds: float
) -> tuple[DoubleArray, DoubleArray]:
    """Mean (N, 2) sizes and (N, K, 2) poses at one end of N tracklets, as in ``TrackletEnds``."""
    near = _Near.rows_of(tracks, parts, scene, last=last, seconds=seconds)
    boxes = tracks.boxes[near.rows].astype(np.float64)
    poses = tracks.keypoints[near.rows] - near.centres(tracks)[:, None]
    return near.mean(boxes[:, 2:] - boxes[:, :2]), near.mean(poses)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Near:
    """The rows near one end of each of N tracklets."""

    rows: IntArray
    """(M,) rows of the table, tracklet after tracklet."""

    counts: IntArray
    """(N,) how many of them each tracklet has, 1 or more."""

    @classmethod
    def rows_of(
        cls, tracks: VideoTracks, parts: Rows, scene: IntArray, *, last: bool, seconds: float
    ) -> "_Near":
        rows, counts = _near(tracks, parts, scene, last=last, seconds=seconds)
        return cls(rows=rows, counts=counts)

    @property
    def part(self) -> IntArray:
        """(M,) the tracklet of each row."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def centres(self, tracks: VideoTracks) -> DoubleArray:
        """(M, 2) of the boxes, pixels."""
        boxes = tracks.boxes[self.rows].astype(np.float64)
        return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)

    def mean(self, values: DoubleArray) -> DoubleArray:
        """(M, ...) to (N, ...) over the rows of each tracklet where known."""
        starts = np.cumsum(self.counts) - self.counts
        known = ~np.isnan(values)
        total = np.add.reduceat(np.where(known, values, 0), starts)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / np.add.reduceat(known, starts, dtype=np.int64))


def _near(
    tracks: VideoTracks, parts: Rows, scene: IntArray, *, last: bool, seconds: float
) -> tuple[IntArray, IntArray]:
    """Rows of the same track and scene within some seconds of each end, and (N,) their number."""
    rows, lengths = np.concatenate(parts), np.array([len(part) for part in parts])
    another = np.diff(tracks.track_ids[rows], prepend=0) != 0
    another |= np.diff(scene[rows], prepend=0) != 0
    times = tracks.frames.times[tracks.frame[rows]]
    # One search serves all tracks: their times are put one after the other, so far apart that a
    # search never reaches the next track.
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
"""Standard deviation of a predicted place, in sizes of the person: without a gap, added for each
second of the gap, and at most."""

HASTE = 0.1
"""Added to ``DRIFT`` for each size per second that the person moves."""

GROWTH = np.array([0.4, 0.25])
"""Standard deviation of the change of a person's width and height across a gap, as logarithms."""

SURPRISE = 2.0
"""Heaviness of the tails, as in Student's t distribution: a large miss costs less than under a
Gaussian, because people do turn and boxes do jump."""

POSE_FADE = 0.5
"""Seconds after which an unlike pose counts only a third (1/e) as much."""

POSE_BLUR = 1.5
"""Factor on the joints' sigmas: people move while out of sight."""

LEAST = 0.001
"""Similarities below this count as this, so that no measure alone rules a pair out."""


def meeting_costs(
    before: TrackletEnds,
    after: TrackletEnds,
    one: IntArray,
    two: IntArray,
    *,
    max_gap: float,
    gap_weight: float,
) -> DoubleArray:
    """Cost of joining tracklets ``one`` with later tracklets ``two``, by place, size and time.

    The person is predicted into the gap from both sides, forward and backward in time. The cost is
    the negative logarithm of how likely the two misses are, in sizes of the person. A longer gap
    allows larger misses, but such a wide prediction proves less, which costs too. A change of size
    adds to the cost, and so does the gap itself: ``gap_weight`` for ``max_gap`` seconds.

    Args:
        before: Last ends of N tracklets.
        after: First ends of the same tracklets.
        one: (P,) the earlier tracklet of each pair.
        two: (P,) the later one.
        max_gap: Longest gap, seconds.
        gap_weight: Cost of the longest gap.

    Returns:
        (P,) one cost per pair; 0 for a perfect meeting without a gap.
    """
    gap = after.times[two] - before.times[one]
    # Speeds fade in the gap as they do in the tracker: people do not walk on in a line for long.
    reach = (CENTRE_FADE * (1 - np.exp(-gap / CENTRE_FADE)))[:, None]
    forward = before.centres[one] + reach * before.speeds[one] - after.centres[two]
    backward = after.centres[two] - reach * after.speeds[two] - before.centres[one]
    miss = (_squared(forward) + _squared(backward)) / 2
    size = _size(before, after, one, two)
    swift = (_squared(before.speeds[one]) + _squared(after.speeds[two])) / 2
    drift = DRIFT + HASTE * np.sqrt(swift) / size
    # Fast people turn and stop, so their place becomes uncertain sooner. But the deviation has a
    # limit: a tracklet that was lost for long must not match anybody in the picture.
    deviation = np.minimum(PLACE + drift * gap, FAR)
    place = _surprise(miss / np.square(deviation * size))
    change = np.log(after.sizes[two] / before.sizes[one])
    growth = _surprise(_squared(change / GROWTH))
    # A wide density is low everywhere: its logarithm loses log(deviation) for each of two axes.
    width = 2 * np.log(deviation / PLACE)
    return np.asarray(place + width + growth + gap_weight * gap / max_gap)


def pose_costs(
    before: TrackletEnds,
    after: TrackletEnds,
    one: IntArray,
    two: IntArray,
    *,
    sigmas: DoubleArray,
    weight: float,
) -> DoubleArray:
    """(P,) cost of a different pose; it fades with the gap, and is 0 where poses are unknown."""
    gap = after.times[two] - before.times[one]
    alike = pose_similarity(
        before.poses[one],
        after.poses[two],
        scales=_size(before, after, one, two),
        sigmas=POSE_BLUR * sigmas,
    )
    return weight * np.exp(-gap / POSE_FADE) * unlikeness(alike)


def unlikeness(similarity: DoubleArray) -> DoubleArray:
    """Negative logarithm of a similarity in [0, 1]; 0 where not known."""
    return np.asarray(-np.log(np.maximum(np.nan_to_num(similarity, nan=1), LEAST)))


def _size(before: TrackletEnds, after: TrackletEnds, one: IntArray, two: IntArray) -> DoubleArray:
    return np.asarray((before.sizes[one] * after.sizes[two]).prod(axis=1) ** 0.25)


def _squared(vectors: DoubleArray) -> DoubleArray:
    return np.asarray(np.square(vectors).sum(axis=1))


def _surprise(squared: DoubleArray) -> DoubleArray:
    """Negative log likelihood of a miss, given in squared standard deviations (Student's t)."""
    return np.asarray(SURPRISE * np.log1p(squared / (2 * SURPRISE)))
