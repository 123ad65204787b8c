import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import (
    COCO17,
    POSETRACK15,
    POSETRACK17SLOTS,
    SKELETONS,
    Skeleton,
    apply,
    convert,
    skeleton,
)

EVERY = list(SKELETONS.values())


@pytest.mark.parametrize("joints", EVERY, ids=lambda s: s.name)
def test_mirroring_twice_changes_nothing(joints: Skeleton) -> None:
    np.testing.assert_array_equal(joints.flip[joints.flip], np.arange(len(joints)))


@pytest.mark.parametrize("joints", EVERY, ids=lambda s: s.name)
def test_every_joint_can_be_drawn_and_scored(joints: Skeleton) -> None:
    bare = set(joints.joints) - {joint for edge in joints.edges for joint in edge}

    # the ears of PoseTrack's 17 slots are never labelled, so no line leads to them
    assert bare <= {"left_ear", "right_ear"}
    assert joints.sigmas.shape == (len(joints),)
    assert (joints.sigmas > 0).all()


def test_sigmas_are_those_of_coco() -> None:
    expected = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]

    np.testing.assert_allclose(COCO17.sigmas * 1000, expected)
    np.testing.assert_allclose(POSETRACK17SLOTS.sigmas, COCO17.sigmas)


def test_seventeen_slots_to_fifteen_joints_and_back_keeps_every_joint() -> None:
    rng = np.random.default_rng(0)
    points, scores = rng.uniform(0, 100, (3, 15, 2)), rng.uniform(0, 1, (3, 15))

    there = convert(POSETRACK15, POSETRACK17SLOTS)
    back = convert(POSETRACK17SLOTS, POSETRACK15)
    slots = apply(there, points, scores)
    again = apply(back, *slots)

    assert there.missing == ("left_ear", "right_ear")
    assert back.dropped == ("left_ear", "right_ear")
    np.testing.assert_allclose(again[0], points)
    np.testing.assert_allclose(again[1], scores)
    assert np.isnan(slots[0][:, 3:5]).all()


def test_the_ends_of_the_head_are_estimated_from_nose_and_shoulders() -> None:
    points = np.full((1, 17, 2), np.nan)
    points[0, COCO17.index("nose")] = [50, 20]
    points[0, COCO17.index("left_shoulder")] = [60, 40]
    points[0, COCO17.index("right_shoulder")] = [40, 40]
    plan = convert(COCO17, POSETRACK17SLOTS)

    found, scores = apply(plan, points, np.full((1, 17), 0.5))

    assert plan.derived == ("head_bottom", "head_top")
    np.testing.assert_allclose(found[0, POSETRACK17SLOTS.index("head_bottom")], [50, 34])
    np.testing.assert_allclose(found[0, POSETRACK17SLOTS.index("head_top")], [50, 11])
    assert scores[0, POSETRACK17SLOTS.index("head_top")] == 0.5


def test_an_estimate_from_an_unknown_joint_is_unknown() -> None:
    plan = convert(COCO17, POSETRACK15)

    found, _ = apply(plan, np.full((1, 17, 2), np.nan), np.zeros((1, 17)))

    assert np.isnan(found).all()


def test_without_estimates_such_joints_are_named_as_missing() -> None:
    assert convert(COCO17, POSETRACK15, derive=False).missing == ("head_bottom", "head_top")


def test_an_unknown_skeleton_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="'coco18'; there are coco17, coco19"):
        skeleton("coco18")


def test_an_unknown_joint_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="skeleton coco17 has no joint 'tail'"):
        COCO17.index("tail")


def test_a_joint_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="Skeleton odd: a joint is named twice"):
        Skeleton(name="odd", joints=("nose", "nose"))


def test_an_edge_to_nowhere_is_refused() -> None:
    with pytest.raises(InputError, match=r"Skeleton odd: edges name unknown joints \['tail'\]"):
        Skeleton(name="odd", joints=("nose",), edges=(("nose", "tail"),))


def test_people_who_are_boxes_alone_have_no_joint_in_any_set() -> None:
    boxes = Skeleton(name="boxes", joints=(), edges=())

    points, scores = apply(convert(boxes, COCO17), np.zeros((3, 0, 2)), np.zeros((3, 0)))

    assert np.isnan(points).all()
    assert points.shape == (3, 17, 2)
    assert (scores == 0).all()
