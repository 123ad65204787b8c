"""Suppression by joints: the same pose twice, people who stand close, people who come and go."""

import numpy as np

from posetube.keypoint_similarity import oks
from posetube.models3d.pose_nms import distinct_poses
from posetube.skeletons import COCO17
from posetube.structures import FloatArray

BODY = np.random.default_rng(0).uniform(0, 100, (17, 2)).astype(np.float32)


def people(shifts: list[float], *, frames: int = 1) -> tuple[FloatArray, FloatArray]:
    """The same pose so many pixels further right, in boxes of 100 x 100."""
    corner = np.array([[shift, 0] for shift in shifts], np.float32).reshape(-1, 1, 2)
    keypoints = np.repeat((BODY + corner)[:, None], frames, axis=1)
    boxes = np.concatenate([corner, corner + 100], axis=-1)
    return keypoints, np.repeat(boxes, frames, axis=1)


def kept(shifts: list[float], *, threshold: float = 0.6) -> list[bool]:
    keypoints, boxes = people(shifts)
    marks: list[bool] = distinct_poses(
        keypoints, boxes, sigmas=COCO17.sigmas, threshold=threshold
    ).tolist()
    return marks


def test_the_same_pose_is_kept_once_and_the_better_one_comes_first() -> None:
    assert kept([0, 1, 200, 201, 0]) == [True, False, True, False, False]


def test_nobody_and_a_single_person_are_kept() -> None:
    assert kept([]) == []
    assert kept([5]) == [True]


def test_whoever_is_dropped_drops_nobody() -> None:
    step = 9.0
    alike = [_similarity(n * step) for n in (1, 2)]
    threshold = (alike[0] + alike[1]) / 2

    assert alike[0] > threshold > alike[1]
    assert kept([0, step, 2 * step], threshold=threshold) == [True, False, True]


def _similarity(shift: float) -> float:
    keypoints, _ = people([0, shift])
    found = oks(keypoints[:1, 0], keypoints[1:, 0], scales=np.array([100.0]), sigmas=COCO17.sigmas)
    return float(found[0, 0])


def test_just_at_the_threshold_both_are_kept() -> None:
    assert kept([0, 9], threshold=_similarity(9)) == [True, True]
    assert kept([0, 9], threshold=_similarity(9) - 1e-6) == [True, False]


def test_the_box_of_the_better_person_is_the_scale() -> None:
    keypoints, boxes = people([0, 9])
    boxes[0, 0] = [0, 0, 20, 20]

    small = distinct_poses(keypoints, boxes, sigmas=COCO17.sigmas, threshold=0.3)
    large = distinct_poses(keypoints[::-1], boxes[::-1], sigmas=COCO17.sigmas, threshold=0.3)

    assert small.tolist() == [True, True]
    assert large.tolist() == [True, False]


def test_tubes_are_as_similar_as_their_frames_are_on_average() -> None:
    keypoints, boxes = people([0, 0], frames=3)
    keypoints[1, 2] += 500

    for threshold, second in ((0.66, False), (0.67, True)):
        marks = distinct_poses(keypoints, boxes, sigmas=COCO17.sigmas, threshold=threshold)
        assert marks.tolist() == [True, second]
