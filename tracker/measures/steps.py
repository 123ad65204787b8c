"""Counts the steps of people who walk: feet pass each other once per step.

The way from the right ankle to the left, seen along the direction in which it changes most, swings
to and fro as somebody walks, whether seen from the side (the feet pass) or from the front (they
rise in turn). Each swing that is large against the leg is a step.
"""

import numpy as np

from posetube.keypoint_similarity import mean_of_known
from posetube.structures import DoubleArray, IntArray, VideoTracks

from .joint_places import place_of

LARGE = 0.15
"""Share of a leg's length by which a swing must leave the middle to count."""

LONGEST = 1.5
"""Seconds; whoever has the same foot in front for longer stands."""


def step_times(tracks: VideoTracks, track: int) -> DoubleArray:
    """(S,) when a person made each step, seconds: where the feet are farthest apart.

    Raises:
        InputError: If there is no such track.
    """
    tracks[track]  # refuses unknown ids
    own = tracks.select(tracks.track_ids == track)
    feet = place_of(own, "left_ankle") - place_of(own, "right_ankle")
    leg = mean_of_known(np.stack([_leg(own, side) for side in ("left", "right")], axis=1))
    known = np.isfinite(feet).all(axis=1) & np.isfinite(leg)
    if known.sum() < 3:
        return np.empty(0)
    times = own.frames.times[own.frame][known]
    return _peaks(times, _along_widest(feet[known]) / float(np.median(leg[known])))


def _leg(tracks: VideoTracks, side: str) -> DoubleArray:
    """(R,) from hip to ankle, pixels."""
    ankle, hip = place_of(tracks, f"{side}_ankle"), place_of(tracks, f"{side}_hip")
    return np.asarray(np.linalg.norm(ankle - hip, axis=1))


def _along_widest(ways: DoubleArray) -> DoubleArray:
    """(F,) along the direction in which they differ most, around their middle."""
    centred = ways - np.median(ways, axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    along: DoubleArray = centred @ directions[0]
    return along


def _peaks(times: DoubleArray, swing: DoubleArray) -> DoubleArray:
    """Times of the farthest point of each swing."""
    sides = np.where(swing > LARGE, 1, np.where(swing < -LARGE, -1, 0))
    starts = np.flatnonzero(np.diff(sides, prepend=0))
    runs = np.split(np.arange(len(sides)), starts)
    found: list[IntArray] = []
    for run in (run for run in runs if len(run) and sides[run[0]]):
        # what only trembles around the limit is one swing
        if (
            found
            and sides[found[-1][-1]] == sides[run[0]]
            and _time(times, found[-1], run) < LONGEST
        ):
            found[-1] = np.concatenate([found[-1], run])
        else:
            found.append(run)
    swings = [run for run in found if _time(times, run, run) < LONGEST]
    farthest = np.array([run[np.argmax(np.abs(swing[run]))] for run in swings], np.int64)
    # of a swing that the first or the last row cuts off nobody knows when it was farthest
    peaks: DoubleArray = times[farthest[(farthest > 0) & (farthest < len(times) - 1)]]
    return peaks


def _time(times: DoubleArray, one: IntArray, other: IntArray) -> float:
    """Seconds from the first row of one swing to the last of another."""
    return float(times[other[-1]] - times[one[0]])
