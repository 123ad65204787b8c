from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import FrameTable, RowState, VideoTracks
from posetube.tracker.filters.gaps import GapConfig
from posetube.tracker.filters.kalman import KalmanConfig
from posetube.tracker.filters.local import SavitzkyGolayConfig
from posetube.tracker.refiners.refine import refine_tracks
from posetube.tracker.refiners.refine_config import RefineConfig, RefinerName

STEADY: tuple[RefinerName, ...] = (
    "kalman",
    "savitzky-golay",
    "median",
    "one-euro",
    "running-kalman",
)
each_name = pytest.mark.parametrize("name", STEADY)


def smooth(
    tracks: VideoTracks, *names: RefinerName, cuts: Sequence[int] = (), **settings: Any
) -> VideoTracks:
    """The tracks after a chain of refiners."""
    return refine_tracks(tracks, config=RefineConfig(refiners=names, **settings), cuts=cuts)


def walkers(*, noise: float = 2.0, frames: int = 50) -> VideoTracks:
    """Two people who walk right, rows by frame, one joint unknown."""
    rng = np.random.default_rng(0)
    frame = np.repeat(np.arange(frames), 2)
    ids = np.tile([1, 2], frames)
    middle = np.stack([100 + 2.0 * frame, 300.0 * ids], axis=1)
    half = np.array([20, 50])
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    joints = middle[:, None] + np.linspace(-20, 20, 17)[None, :, None]
    joints = joints + rng.normal(0, noise, joints.shape)
    joints[:, 3] = np.nan
    return VideoTracks(
        source="clip",
        size=None,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(frames) / 25),
        frame=frame,
        track_ids=ids,
        boxes=(boxes + rng.normal(0, noise, boxes.shape)).astype(np.float32),
        scores=np.ones(2 * frames, np.float32),
        keypoints=joints.astype(np.float32),
        keypoint_scores=np.ones((2 * frames, 17), np.float32),
    )


def jitter(tracks: VideoTracks) -> float:
    """Mean size of the second differences of the joints of person 1."""
    joints = tracks.keypoints[tracks.track_ids == 1]
    return float(np.nanmean(np.abs(np.diff(joints, n=2, axis=0))))


@each_name
def test_joints_shake_less_and_stay_where_they_are(name: RefinerName) -> None:
    tracks = walkers()

    steady = smooth(tracks, name)

    assert jitter(steady) < 0.7 * jitter(tracks)
    assert np.nanmean(np.abs(steady.keypoints - walkers(noise=0).keypoints)) < 2.0


@each_name
def test_unknown_joints_stay_unknown_and_the_raw_table_as_it_was(name: RefinerName) -> None:
    tracks = walkers()
    before = tracks.keypoints.copy()

    steady = smooth(tracks, name)

    assert np.array_equal(np.isnan(steady.keypoints), np.isnan(tracks.keypoints))
    np.testing.assert_array_equal(tracks.keypoints, before)


@each_name
def test_nothing_is_smoothed_across_a_cut(name: RefinerName) -> None:
    tracks = walkers(noise=0)
    tracks.keypoints[tracks.frame >= 25] += 500
    tracks.boxes[tracks.frame >= 25] += 500

    steady = smooth(tracks, name, cuts=[25])

    apart = smooth(tracks.select(tracks.frame < 25), name)
    np.testing.assert_allclose(steady.keypoints[:50], apart.keypoints, atol=1e-3)


def test_joints_that_were_missed_for_a_moment_are_drawn_in_but_never_across_a_cut() -> None:
    tracks = walkers(noise=0)
    tracks.keypoints[(tracks.frame >= 20) & (tracks.frame < 23), 5] = np.nan
    tracks.keypoints[(tracks.frame >= 30) & (tracks.frame < 45), 6] = np.nan
    gaps = GapConfig(longest=0.2)

    whole = smooth(tracks, "fill-gaps", fill_gaps=gaps)
    cut = smooth(tracks, "fill-gaps", fill_gaps=gaps, cuts=[21])

    np.testing.assert_allclose(whole.keypoints[:, 5], walkers(noise=0).keypoints[:, 5], atol=1e-3)
    assert np.isnan(whole.keypoints[:, 6, 0]).sum() == 2 * 15
    assert np.isnan(whole.keypoints[:, 3]).all()
    assert np.isnan(cut.keypoints[:, 5, 0]).sum() == 2 * 3


@pytest.mark.parametrize("name", ["kalman", "running-kalman"])
def test_settings_fit_people_near_and_far(name: RefinerName) -> None:
    tracks = walkers()
    far = replace(tracks, boxes=tracks.boxes / np.float32(4), keypoints=tracks.keypoints / 4)

    steady, steady_far = smooth(tracks, name), smooth(far, name)

    np.testing.assert_allclose(steady_far.keypoints * 4, steady.keypoints, atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("name", ["kalman", "running-kalman"])
def test_people_with_empty_boxes_are_as_large_as_their_joints_reach(name: RefinerName) -> None:
    tracks = walkers()
    empty, unknown = (
        smooth(replace(tracks, boxes=np.full_like(tracks.boxes, absent)), name)
        for absent in (0, np.nan)
    )

    np.testing.assert_array_equal(empty.keypoints, unknown.keypoints)


@pytest.mark.parametrize("name", ["kalman", "running-kalman", "one-euro"])
def test_joints_of_people_whose_size_nothing_tells_stay_as_found(name: RefinerName) -> None:
    """They were taken for a pixel large, and a moving joint was left far behind."""
    tracks = walkers()
    lone = replace(
        tracks, boxes=np.full_like(tracks.boxes, np.nan), keypoints=tracks.keypoints.copy()
    )
    lone.keypoints[:, 1:] = np.nan
    later = replace(lone, boxes=np.where(lone.frame[:, None] < 20, np.nan, tracks.boxes))

    np.testing.assert_array_equal(smooth(lone, name).keypoints, lone.keypoints)
    changed = (smooth(later, name).keypoints != lone.keypoints)[:, 0].any(axis=1)
    assert changed[lone.frame > 20].mean() > 0.9
    if name != "kalman":
        assert not changed[lone.frame < 20].any()


def test_gaps_are_filled_whatever_the_size() -> None:
    tracks = walkers()
    lone = replace(
        tracks, boxes=np.full_like(tracks.boxes, np.nan), keypoints=tracks.keypoints.copy()
    )
    lone.keypoints[:, 1:] = np.nan
    lone.keypoints[lone.frame == 20] = np.nan

    assert np.isfinite(smooth(lone, "fill-gaps").keypoints[:, 0]).all()


@pytest.mark.parametrize("name", ["kalman", "running-kalman"])
def test_low_scores_smooth_more_only_where_scores_count(name: RefinerName) -> None:
    tracks = walkers()
    doubtful = replace(tracks, keypoint_scores=tracks.keypoint_scores * np.float32(0.1))

    sure = smooth(tracks, name)
    counting = smooth(doubtful, name)
    alike = smooth(doubtful, name, kalman=KalmanConfig(by_score=False))

    np.testing.assert_array_equal(alike.keypoints, sure.keypoints)
    assert jitter(counting) < 0.5 * jitter(sure)


@pytest.mark.parametrize("by_score", [True, False])
@pytest.mark.parametrize("name", ["kalman", "running-kalman"])
def test_rows_that_nobody_saw_follow_the_others(name: RefinerName, by_score: bool) -> None:
    tracks = walkers(noise=0)
    guessed = (tracks.track_ids == 1) & (tracks.frame >= 20) & (tracks.frame < 24)
    states = np.where(guessed, RowState.INTERPOLATED, RowState.DETECTED).astype(np.uint8)
    joints = np.where(guessed[:, None, None], tracks.keypoints + 30, tracks.keypoints)

    steady = smooth(
        replace(tracks, states=states, keypoints=joints),
        name,
        kalman=KalmanConfig(by_score=by_score),
    )

    np.testing.assert_allclose(steady.keypoints[guessed], tracks.keypoints[guessed], atol=0.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KalmanConfig(noise=0.0), "KalmanConfig.noise must be above 0, got 0.0"),
        (lambda: KalmanConfig(tail=-1), "KalmanConfig.tail must be above 0, got -1"),
        (lambda: SavitzkyGolayConfig(order=-1), "Config.order must be 0 or more, got -1"),
        (lambda: GapConfig(longest=-0.1), "GapConfig.longest must be 0 or more, got -0.1"),
        (lambda: RefineConfig(max_gap=0), "RefineConfig.max_gap must be above 0, got 0"),
    ],
)
def test_settings_name_the_field_and_the_value(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def turning_walker() -> VideoTracks:
    """One person who turns about; joint 10 is hidden meanwhile, and found where it is not."""
    tracks = walkers(noise=0.3, frames=75).select(np.arange(150) % 2 == 0)
    there = 100 + 60 * np.sin(np.pi * tracks.frame / 20)[:, None]
    joints = tracks.keypoints + (there - (100 + 2.0 * tracks.frame)[:, None])[..., None] * [1, 0]
    scores = tracks.keypoint_scores.copy()
    hidden = (tracks.frame >= 15) & (tracks.frame < 40)
    joints[hidden, 10] += np.random.default_rng(1).normal(0, 25, (hidden.sum(), 2))
    scores[hidden, 10] = 0.1
    return replace(tracks, keypoints=joints.astype(np.float32), keypoint_scores=scores)


def test_hidden_joints_go_where_the_person_goes() -> None:
    tracks = turning_walker()
    offset = np.full(2, 2.5, np.float32)  # of joint 10 from joint 9

    steady = smooth(tracks, "kalman").keypoints
    lonely = smooth(
        replace(
            tracks,
            keypoints=np.where(
                np.isin(np.arange(17), [9, 10])[:, None], tracks.keypoints, np.float32(np.nan)
            ),
        ),
        "kalman",
    ).keypoints

    off, alone = (
        np.abs(joints[:, 10] - joints[:, 9] - offset).max() for joints in (steady, lonely)
    )
    assert off < 3
    assert off < 0.2 * alone
