from collections.abc import Callable

import numpy as np

from posetube.skeletons import COCO17
from posetube.structures import Detections
from posetube.tracker.duplicates import survivors

People = Callable[..., Detections]


def kept(people: Detections, *, max_similarity: float = 0.5) -> list[bool]:
    keep = survivors(people, sigmas=COCO17.sigmas, max_similarity=max_similarity)
    return [bool(one) for one in keep]


def test_the_surer_of_two_detections_of_one_person_stays(people: People) -> None:
    twice = people([(100, 100)])[[0, 0]]
    twice.scores[:] = [0.5, 0.9]
    twice.boxes[0] += 3

    assert kept(twice) == [False, True]


def test_two_people_who_overlap_in_other_poses_stay(people: People) -> None:
    both = people([(100, 100), (106, 104)])

    assert kept(both) == [True, True]


def test_one_kept_person_does_not_fall_with_a_dropped_one(people: People) -> None:
    """Of three in a row, the middle goes because of the first; so the last has no rival left."""
    three = people([(100, 100)])[[0, 0, 0]]
    three.scores[:] = [0.9, 0.8, 0.7]
    three.boxes[:] += np.array([0, 12, 24], np.float32)[:, None]
    three.keypoints[:] += np.array([0, 4, 8], np.float32)[:, None, None]

    assert kept(three, max_similarity=0.6) == [True, False, True]


def test_without_joints_only_nearly_equal_boxes_are_one_person(people: People) -> None:
    three = people([(100, 100), (101, 100), (112, 100)])
    three.keypoints[:] = np.nan

    assert kept(three) == [True, False, True]


def test_nobody_is_no_problem(people: People) -> None:
    assert kept(people([])) == []
