"""Smooths the joints and boxes of every track with a coordinate filter.

The filter runs over a person's joints and box corners between cuts and long gaps, never across
them. The result is a new table; the input is not changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from posetube.keypoint_similarity import scale_of
from posetube.quantities import Seconds
from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray, VideoTracks

from .filters.gaps import fill_gaps
from .filters.kalman import kalman_smoother
from .filters.local import median, savitzky_golay
from .filters.one_euro import one_euro
from .tracklets import stretches

Method = Literal["one-euro", "kalman", "savitzky-golay", "median"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SmoothConfig:
    """Which filter smooths the joints, and how strongly."""

    method: Method = "kalman"
    """``one-euro`` is causal and lags a little; the others look both ways and do not lag."""

    max_gap: Seconds = 0.5
    """Tracks are split at longer gaps, seconds, above 0; the pieces are smoothed separately."""

    fill_gap: Seconds = 0.0
    """A joint that is missing for at most this long, seconds, is interpolated; its score stays as
    it is. 0 fills none."""

    noise: float = 0.02
    """``kalman``: standard deviation of a sure joint, in sizes of the person, above 0."""

    restlessness: float = 2.0
    """``kalman``: standard deviation of the change of a joint's speed in one second, in sizes per
    second, above 0."""

    min_cutoff: float = 1.5
    """``one-euro``: cut-off frequency at rest, hertz, above 0."""

    speed_coefficient: float = 2.0
    """``one-euro``: rise of the cut-off, hertz per size per second, 0 or more."""

    window: Seconds = 0.25
    """``savitzky-golay`` and ``median``: width of the window, seconds, above 0."""

    order: int = 2
    """``savitzky-golay``: order of the polynomial, 0 or more."""

    def __post_init__(self) -> None:
        positive = ("max_gap", "noise", "restlessness", "min_cutoff", "window")
        check_numbers(self, *positive, above=0)
        check_numbers(self, "fill_gap", "speed_coefficient", "order", low=0)


DEFAULTS = SmoothConfig()


def smooth(
    tracks: VideoTracks, *, config: SmoothConfig = DEFAULTS, cuts: Sequence[int] = ()
) -> VideoTracks:
    """Smooth the joints and boxes of every track.

    Args:
        tracks: Tracks of a whole video; frames have times.
        config: Which filter, and how strongly. Lengths are in sizes of the person (square root of
            the box's area), so that the same settings fit people near and far.
        cuts: Index of the first frame of each new scene.

    Returns:
        The same rows. Joints that were unknown stay unknown, except in short gaps that are filled.
    """
    boxes, joints = tracks.boxes.copy(), tracks.keypoints.copy()
    for rows in stretches(tracks, max_gap=config.max_gap, cuts=cuts):
        times = tracks.frames.times[tracks.frame[rows]]
        corners = tracks.boxes[rows].reshape(len(rows), 2, 2)
        points = np.concatenate([corners, tracks.keypoints[rows]], axis=1).astype(np.float64)
        sure = np.concatenate(
            [np.ones((len(rows), 2)), np.nan_to_num(tracks.keypoint_scores[rows], nan=1.0)], axis=1
        )
        size = float(np.median(scale_of(tracks.boxes[rows])))
        smoothed = size * _filtered(times, points / size, sure[..., None], config)
        smoothed = fill_gaps(times, smoothed, max_gap=config.fill_gap)
        boxes[rows], joints[rows] = smoothed[:, :2].reshape(-1, 4), smoothed[:, 2:]
    return replace(tracks, boxes=boxes, keypoints=joints)


def _filtered(
    times: DoubleArray, points: DoubleArray, sure: DoubleArray, config: SmoothConfig
) -> DoubleArray:
    """Filter one stretch: (F, P, 2) points in sizes of the person, (F, P, 1) confidences."""
    match config.method:
        case "one-euro":
            return one_euro(
                times,
                points,
                min_cutoff=config.min_cutoff,
                speed_coefficient=config.speed_coefficient,
            )
        case "kalman":
            return kalman_smoother(
                times,
                points,
                confidence=sure,
                noise=config.noise,
                restlessness=config.restlessness,
            )
        case "savitzky-golay":
            return savitzky_golay(times, points, window=config.window, order=config.order)
        case "median":
            return median(times, points, window=config.window)
