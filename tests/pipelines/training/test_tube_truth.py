"""What labelled clips and pictures become for the losses."""

from dataclasses import replace

import numpy as np
import pytest

from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.errors import InputError
from posetube.pipelines.training.tube_truth import truth_of_clip
from posetube.skeletons import BBC7, COCO17, LSP14, PIW8, POSETRACK17SLOTS, Skeleton
from posetube.structures import JointState

NOWHERE = [np.nan] * 4
INSIDE = [10.0, 10, 30, 40]


def clip_of(
    *people: list[list[float]],
    skeleton: Skeleton = COCO17,
    ignore: tuple[object, ...] | list[object] = (),
) -> LabelledClip:
    """People by their box in each frame, on pictures of 60 x 80, all joints at (20, 20.5)."""
    t, k = len(people[0]) if people else 2, len(skeleton)
    return LabelledClip(
        images=np.zeros((t, 60, 80, 3), np.uint8),
        times=np.arange(t) / 25,
        skeleton=skeleton,
        boxes=np.array(people, np.float32).reshape(-1, t, 4),
        keypoints=np.full((len(people), t, k, 2), [20, 20.5], np.float32),
        joint_states=np.full((len(people), t, k), JointState.VISIBLE, np.uint8),
        ignore=np.array(ignore, np.float32).reshape(-1, t, 4),
    )


def test_a_person_is_absent_where_the_box_is_not_known() -> None:
    truth = truth_of_clip(clip_of([INSIDE, NOWHERE]), skeleton=COCO17)

    assert truth.present.tolist() == [[True, False]]
    assert truth.boxes.tolist() == [[INSIDE, [0, 0, 0, 0]]]
    assert truth.known_joints.tolist() == [[[1.0] * 17, [0.0] * 17]]
    assert truth.keypoints[0, 0, 0].tolist() == [20, 20.5]


def test_boxes_end_where_the_picture_does_and_people_outside_are_absent() -> None:
    over, outside = [-20.0, 10, 30, 90], [90.0, 10, 120, 40]

    truth = truth_of_clip(clip_of([over, outside]), skeleton=COCO17)

    assert truth.boxes[0, 0].tolist() == [0, 10, 30, 60]
    assert truth.present.tolist() == [[True, False]]


def test_who_is_nowhere_is_left_out() -> None:
    truth = truth_of_clip(clip_of([NOWHERE, NOWHERE], [INSIDE, INSIDE]), skeleton=COCO17)

    assert len(truth.boxes) == 1


def test_a_clip_without_people_has_an_empty_truth() -> None:
    truth = truth_of_clip(clip_of(), skeleton=COCO17)

    assert truth.boxes.shape == (0, 2, 4)
    assert truth.keypoints.shape == (0, 2, 17, 2)


def test_hidden_joints_count_and_unknown_ones_do_not() -> None:
    clip = clip_of([INSIDE])
    clip.joint_states[0, 0, :3] = JointState.OCCLUDED, JointState.ABSENT, JointState.VISIBLE
    clip.keypoints[0, 0, 2] = np.nan

    truth = truth_of_clip(clip, skeleton=COCO17)

    assert truth.keypoint_weights[0, 0, :4].tolist() == [1, 0, 0, 1]
    assert truth.keypoints.isfinite().all()


def test_joints_are_found_by_name() -> None:
    clip = clip_of([INSIDE], skeleton=LSP14)
    clip.keypoints[0, 0, LSP14.index("left_knee")] = [25, 35]

    truth = truth_of_clip(clip, skeleton=POSETRACK17SLOTS)

    knee, nose = POSETRACK17SLOTS.index("left_knee"), POSETRACK17SLOTS.index("nose")
    assert truth.keypoints[0, 0, knee].tolist() == [25, 35]
    assert truth.keypoint_weights[0, 0, [knee, nose]].tolist() == [1, 0]


def test_joint_sets_without_a_common_joint_are_refused() -> None:
    faces = Skeleton(name="faces", joints=("left_cheek",))

    with pytest.raises(
        InputError, match="pictures of faces have no joint that a network of coco17"
    ):
        truth_of_clip(clip_of([INSIDE], skeleton=faces), skeleton=COCO17)


def test_regions_to_ignore_are_empty_where_they_are_not() -> None:
    truth = truth_of_clip(
        clip_of([INSIDE, INSIDE], ignore=[[[1, 2, 30, 40], NOWHERE]]), skeleton=COCO17
    )

    assert truth.ignore.tolist() == [[[1, 2, 30, 40], [0, 0, 0, 0]]]


def test_a_picture_is_a_clip_of_one_frame() -> None:
    picture = clip_of([INSIDE], [[5.0, 5, 5, 20]])

    truth = truth_of_clip(picture, skeleton=COCO17)

    assert truth.boxes.shape == (1, 1, 4)  # nobody is zero pixels wide
    assert truth.present.tolist() == [[True]]


def test_joints_count_by_their_weights() -> None:
    weights = np.linspace(0, 1, 17, dtype=np.float32)[None, None]
    clip = replace(clip_of([INSIDE]), keypoint_weights=weights)
    clip.joint_states[0, 0, 16] = JointState.ABSENT

    truth = truth_of_clip(clip, skeleton=COCO17)

    np.testing.assert_array_equal(truth.keypoint_weights[0, 0, :16], weights[0, 0, :16])
    assert truth.keypoint_weights[0, 0, 16] == 0


@pytest.mark.parametrize("skeleton", [BBC7, PIW8])
def test_few_joints_are_enough(skeleton: Skeleton) -> None:
    truth = truth_of_clip(clip_of([INSIDE], skeleton=skeleton), skeleton=COCO17)

    shared = set(skeleton.joints) & set(COCO17.joints)
    assert int(truth.keypoint_weights.sum()) == len(shared)
