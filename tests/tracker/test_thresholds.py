"""What thresholds leave of tracks."""

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.thresholds import ThresholdConfig, above_thresholds, track_scores

HAND = Skeleton(name="hand", joints=("thumb", "index"))


def tracks(
    ids: list[int], scores: list[float], joint_scores: list[tuple[float, float]]
) -> VideoTracks:
    """One person per frame."""
    rows = len(ids)
    return VideoTracks(
        source="s",
        size=None,
        skeleton=HAND,
        frames=FrameTable(times=np.arange(rows) / 25),
        frame=np.arange(rows),
        track_ids=np.array(ids),
        boxes=np.zeros((rows, 4), np.float32),
        scores=np.array(scores, np.float32),
        keypoints=np.ones((rows, 2, 2)),
        keypoint_scores=np.array(joint_scores),
    )


def test_a_track_is_as_sure_as_its_person_on_average() -> None:
    given = tracks([4, 7, 4, -1, -1], [0.2, 0.9, 0.6, 0.1, 0.8], [(0.5, 0.5)] * 5)

    assert track_scores(given).round(6).tolist() == [0.4, 0.9, 0.4, 0.1, 0.8]


def test_joints_tell_where_people_have_no_score() -> None:
    nan = float("nan")
    given = tracks([1, 1, 2], [nan, nan, nan], [(0.2, nan), (0.6, 0.8), (nan, nan)])

    assert track_scores(given)[:2].round(6).tolist() == [0.45, 0.45]
    assert np.isnan(track_scores(given)[2])
    assert len(above_thresholds(given, ThresholdConfig(min_track=0.46)).frame) == 1


def test_unsure_joints_become_nan_and_unsure_people_go() -> None:
    given = tracks([1, 2, 1], [0.5, 0.9, 0.3], [(0.3, 0.6), (0.1, 0.2), (0.29, float("nan"))])

    sure = above_thresholds(given, ThresholdConfig(min_joint=0.3))
    few = above_thresholds(given, ThresholdConfig(min_track=0.41))

    assert np.isnan(sure.keypoints[..., 0]).tolist() == [[0, 0], [1, 1], [1, 0]]
    assert sure.keypoint_scores is given.keypoint_scores
    assert few.track_ids.tolist() == [2]
    assert above_thresholds(given, ThresholdConfig()).keypoints.tolist() == given.keypoints.tolist()
    assert len(above_thresholds(given.select([]), ThresholdConfig(min_track=1)).frame) == 0


def test_thresholds_are_shares() -> None:
    with pytest.raises(InputError, match=r"ThresholdConfig.min_joint must be in \[0, 1\], got 1.5"):
        ThresholdConfig(min_joint=1.5)
    with pytest.raises(InputError, match=r"ThresholdConfig.min_track must be in \[0, 1\], got -1"):
        ThresholdConfig(min_track=-1)
