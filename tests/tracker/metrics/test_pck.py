"""Share of right joints, by each rule."""

import numpy as np
import pytest

from posetube.tracker.metrics.pck import box_sizes, pck, pixel_curve, torso_sizes

TRUTH = np.zeros((2, 3, 2))
FOUND = np.array([[[20.0, 0], [0, 20.1], [0, 0]], [[np.nan, np.nan], [0, 0], [0, 0]]])
LABELED = np.array([[True, True, False], [True, True, False]])
SIZES = np.array([100.0, 100.0])


def test_lstm_pose_machines_counts_the_threshold_in_and_averages_over_joints_together() -> None:
    accuracy = pck(TRUTH, FOUND, sizes=SIZES, labeled=LABELED, threshold=0.2)
    assert accuracy.joints.tolist() == [0.5, 0.5, 0]
    assert accuracy.total == 0.5


def test_mmpose_leaves_the_threshold_out_and_averages_the_joints() -> None:
    accuracy = pck(TRUTH, FOUND, sizes=SIZES, labeled=LABELED, threshold=0.2, rule="mmpose")
    np.testing.assert_array_equal(accuracy.joints, [0, 0.5, np.nan])
    assert accuracy.total == 0.25


def test_without_any_label_the_total_is_undefined() -> None:
    nothing = np.zeros_like(LABELED)
    assert np.isnan(pck(TRUTH, FOUND, sizes=SIZES, labeled=nothing, threshold=0.2).total)


def test_sizes_are_the_longer_side_and_the_torso() -> None:
    assert box_sizes(np.array([[0.0, 0, 30, 40], [5, 5, 65, 15]])).tolist() == [40, 60]
    people = np.array([[[0.0, 0], [3, 4]], [[1, 1], [1, 1.5]]])
    found = np.full((2, 2, 2), [[[0.0, 0], [0, 7]]])
    assert torso_sizes(people, found, (0, 1)).tolist() == [5, 7]  # the second is under a pixel


def test_a_curve_rises_with_the_distance_and_scales() -> None:
    curve = pixel_curve(TRUTH, FOUND, labeled=LABELED)
    totals = [accuracy.total for accuracy in curve]
    assert totals == sorted(totals)
    assert (totals[0], totals[20]) == (0.25, 0.5)
    halved = pixel_curve(TRUTH, FOUND, labeled=LABELED, thresholds=[10, 10.1], scale=0.5)
    assert [accuracy.total for accuracy in halved] == [pytest.approx(0.5), pytest.approx(0.75)]
