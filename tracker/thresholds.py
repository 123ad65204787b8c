"""Leaves out of finished tracks what is unsure: joints by their score, people by their track's.

Measures of tracking count every false joint, so that they reward leaving out what is unsure;
average precision ranks joints by score and loses by it. Tracks are therefore kept whole, and cut
for each purpose when they are written.

Not here: which thresholds are best (:mod:`posetube.tracker.metrics.threshold_sweep`).
"""

from dataclasses import dataclass, replace

import numpy as np

from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray, VideoTracks


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdConfig:
    """How sure joints and people must be to be written."""

    min_joint: float = 0.0
    """Joints with a lower score, in [0, 1], are absent; 0 keeps all."""

    min_track: float = 0.0
    """People whose track has a lower score, in [0, 1], are left out; 0 keeps all. A track's score
    is the mean of the person's in its frames."""

    def __post_init__(self) -> None:
        check_numbers(self, "min_joint", "min_track", low=0, high=1)


def above_thresholds(tracks: VideoTracks, thresholds: ThresholdConfig) -> VideoTracks:
    """The tracks without unsure people, and with NaN in the place of unsure joints.

    What has no score stays; so do people of whom no joint is left, because their boxes do.
    """
    if thresholds.min_track:
        tracks = tracks.select(~(track_scores(tracks) < thresholds.min_track))
    return sure_joints(tracks, thresholds.min_joint)


def sure_joints(tracks: VideoTracks, min_joint: float) -> VideoTracks:
    """The tracks with NaN in the place of joints with a lower score than ``min_joint``."""
    unsure = tracks.keypoint_scores < min_joint
    return replace(tracks, keypoints=np.where(unsure[..., None], np.nan, tracks.keypoints))


def track_scores(tracks: VideoTracks) -> DoubleArray:
    """Compute how sure it is that each row's track is a person.

    Returns:
        (R,) mean score of the person over the rows of the same identity; where people have no
        score, of their joints. NaN where nobody says. A row without identity is a track of its own.
    """
    own = np.where(np.isnan(tracks.scores), _joint_means(tracks), tracks.scores)
    known, named = ~np.isnan(own), tracks.track_ids >= 0
    _, places = np.unique(tracks.track_ids, return_inverse=True)
    sums = np.bincount(places, np.where(known, own, 0), minlength=1)
    counts = np.bincount(places, known, minlength=1)
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return np.asarray(np.where(named, means[places], own))


def _joint_means(tracks: VideoTracks) -> DoubleArray:
    """(R,) mean score of the joints of each row that have one, NaN where none has."""
    known = ~np.isnan(tracks.keypoint_scores)
    sums = np.where(known, tracks.keypoint_scores, 0).astype(np.float64).sum(axis=1)
    counts = known.sum(axis=1)
    return np.asarray(np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0))
