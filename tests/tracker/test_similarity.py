from typing import Any

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.keypoint_similarity import oks
from posetube.tracker.similarity import cosine, tube_overlap, weighted


def test_equal_poses_are_fully_similar() -> None:
    pose = np.random.default_rng(0).uniform(0, 100, (2, 5, 2))

    found = oks(pose, pose, scales=np.array([50.0, 50.0]), sigmas=np.full(5, 0.05))

    np.testing.assert_allclose(np.diag(found), 1)


@pytest.mark.parity
def test_oks_agrees_with_pycocotools() -> None:
    cocoeval: Any = pytest.importorskip("pycocotools.cocoeval")
    rng = np.random.default_rng(0)
    sigmas = rng.uniform(0.02, 0.1, 17)
    areas = np.array([900.0, 2500.0])
    truth = rng.uniform(0, 100, (2, 17, 2))
    found = truth[0] + rng.normal(0, 4, (3, 17, 2))

    def record(pose: Any, **extra: float) -> dict[str, Any]:
        flagged = np.column_stack([pose, np.full(len(pose), 2.0)])
        return {"keypoints": flagged.ravel().tolist(), "bbox": [0, 0, 1, 1], **extra}

    reference = cocoeval.COCOeval.__new__(cocoeval.COCOeval)
    reference.params = cocoeval.Params("keypoints")
    reference.params.kpt_oks_sigmas = sigmas
    reference._gts = {(0, 1): [record(p, area=float(a)) for p, a in zip(truth, areas, strict=True)]}
    reference._dts = {(0, 1): [record(p, score=-i) for i, p in enumerate(found)]}
    expected = reference.computeOks(0, 1).T

    np.testing.assert_allclose(
        oks(truth, found, scales=np.sqrt(areas), sigmas=sigmas), expected, rtol=1e-6
    )


def test_joints_unknown_on_either_side_do_not_count() -> None:
    first = np.array([[[0.0, 0], [np.nan, np.nan]]])
    second = np.array([[[0.0, 0], [9, 9]], [[np.nan, np.nan], [9, 9]]])

    found = oks(first, second, scales=np.array([10.0]), sigmas=np.array([0.1, 0.1]))

    np.testing.assert_array_equal(found, [[1, np.nan]])


def test_an_uncertain_prediction_is_more_forgiving() -> None:
    first, second = np.zeros((1, 1, 2)), np.full((1, 1, 2), 5.0)
    settings: dict[str, Any] = {"scales": np.array([10.0]), "sigmas": np.array([0.1])}

    sure = oks(first, second, **settings)
    unsure = oks(first, second, **settings, spread=np.array([[25.0]]))

    assert unsure[0, 0] > sure[0, 0]


def test_cosine_ignores_length_and_takes_opposites_for_strangers() -> None:
    first = np.array([[1.0, 0], [0, 0]])

    found = cosine(first, np.array([[5.0, 0], [-1, 0], [0, 2]]))

    np.testing.assert_allclose(found, [[1.0, 0.0, 0.0], [np.nan] * 3])


def test_tubes_are_compared_on_the_frames_both_are_present_in() -> None:
    box = np.array([0.0, 0, 10, 10])
    first = np.stack([box, box, np.full(4, np.nan)])[None]
    second = np.stack([box, np.array([5.0, 0, 15, 10]), box])[None]

    np.testing.assert_allclose(tube_overlap(first, second), [[(1 + 1 / 3) / 2]])


def test_a_measure_that_does_not_know_is_left_out_of_the_sum() -> None:
    found = weighted([np.array([1.0, np.nan, np.nan]), np.array([0.0, 0.5, np.nan])], [3, 1])

    np.testing.assert_array_equal(found, [0.75, 0.5, np.nan])


def test_a_weight_may_differ_from_pair_to_pair() -> None:
    found = weighted([np.array([1.0, 1.0]), np.zeros(2)], [np.array([3.0, 0.0]), 1])

    np.testing.assert_array_equal(found, [0.75, 0])


def test_what_does_not_fit_is_refused() -> None:
    pose = np.zeros((1, 5, 2))
    with pytest.raises(InputError, match=r"oks: expected poses of shapes .* got \(1, 5, 2\)"):
        oks(pose, np.zeros((1, 4, 2)), scales=np.ones(1), sigmas=np.ones(5))
    with pytest.raises(InputError, match="oks: 4 sigmas for poses of 5 joints"):
        oks(pose, pose, scales=np.ones(1), sigmas=np.ones(4))
    with pytest.raises(InputError, match=r"expected 1 weights of 0 or more, got \[-1\]"):
        weighted([np.ones(1)], [-1])
