from collections.abc import Callable

import numpy as np
import pytest

from posetube.skeletons import COCO17
from posetube.structures import Detections
from posetube.tracker.detection_filter import usable_people
from posetube.tracker.duplicates import likeness, look_alikes, survivors

People = Callable[..., Detections]


def kept(people: Detections, *, max_similarity: float = 0.5) -> list[bool]:
    alike = likeness(people, sigmas=COCO17.sigmas)
    keep = survivors(people, alike, max_similarity=max_similarity)
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


def test_a_copy_is_found_in_a_crowd(people: People) -> None:
    crowd = people([(100 + 60 * (row % 10), 100 + 120 * (row // 10)) for row in range(100)])
    rows = np.append(np.arange(100), 37)
    crowd.scores[37] = 0.5

    assert np.flatnonzero(~np.array(kept(crowd[rows]))).tolist() == [100]


def beside(people: People, *, scores: tuple[float, float]) -> Detections:
    """Two people in one pose, 8 pixels apart: a similarity of 0.7."""
    both = people([(100, 100)])[[0, 0]]
    both.scores[:] = scores
    both.boxes[1] += [8, 0, 8, 0]
    both.keypoints[1] += [8, 0]
    return both


@pytest.mark.parametrize(
    ("scores", "expected"), [((0.9, 0.9), [True, True]), ((0.9, 0.5), [True, False])]
)
def test_of_two_equally_sure_people_side_by_side_both_stay(
    people: People, scores: tuple[float, float], expected: list[bool]
) -> None:
    assert kept(beside(people, scores=scores), max_similarity=0.8) == expected


def test_a_person_half_hidden_who_got_the_joints_of_the_one_in_front_stays(people: People) -> None:
    both = people([(100, 100)])[[0, 0]]
    both.boxes[1] = [100, 20, 140, 100]
    both.keypoints[:] = np.clip(both.keypoints, [101, 55], [119, 99])

    assert kept(both, max_similarity=0.8) == [True, True]


def test_the_less_sure_of_two_look_alikes_is_the_second(people: People) -> None:
    both = beside(people, scores=(0.8, 0.9))
    alike, second = look_alikes(likeness(both, sigmas=COCO17.sigmas), both.scores)

    assert alike.tolist() == [[False, True], [True, False]]
    assert second.tolist() == [True, False]


def test_without_joints_only_nearly_equal_boxes_are_one_person(people: People) -> None:
    three = people([(100, 100), (101, 100), (112, 100)])
    three.keypoints[:] = np.nan

    assert kept(three) == [True, False, True]


def test_nobody_is_no_problem(people: People) -> None:
    assert kept(people([])) == []


def test_the_similarities_of_those_who_stay_are_theirs(people: People) -> None:
    four = people([(100, 100)])[[0, 0, 0, 0]]
    four.scores[:] = [0.9, 0.8, 0.9, 0.01]
    four.boxes[0] += [8, 0, 8, 0]
    four.keypoints[0] += [8, 0]

    used = usable_people(
        four, sigmas=COCO17.sigmas, min_score=0.05, max_people=10, duplicate_similarity=0.8
    )

    assert used.rows.tolist() == [2, 0]
    assert used.similarity.any()
    assert np.array_equal(used.similarity, likeness(used.people, sigmas=COCO17.sigmas))
