"""Share of right limbs, on people made by hand."""

import numpy as np
import pytest

from posetube.skeletons import BBC7, COCO17, LSP14, MPII16, Skeleton
from posetube.tracker.metrics.pcp import limbs_of, pcp

JOINTS = ("left_shoulder", "left_elbow", "left_wrist")
ARM = np.array([[0.0, 0], [0, 10], [0, 14]])


def judged(
    offsets: list[list[float]], *, labeled: np.ndarray | None = None
) -> dict[str, tuple[bool, bool, bool]]:
    found = np.stack([ARM + np.array(offsets)])
    known = np.ones((1, 3), bool) if labeled is None else labeled
    limbs = pcp(ARM[None], found, joints=JOINTS, labeled=known)
    return {
        name: (bool(limb.labeled[0]), bool(limb.strict[0]), bool(limb.loose[0]))
        for name, limb in limbs.items()
    }


def test_an_end_may_be_off_by_half_of_the_limb() -> None:
    assert judged([[5, 0], [0, 0], [0, 0]])["left_upper_arm"] == (True, True, True)
    # 5 pixels are half of the upper arm, and more than half of the forearm, whose mean is 2.5
    assert judged([[0, 0], [5, 0], [0, 0]])["left_forearm"] == (True, False, False)
    assert judged([[0, 0], [3, 0], [0, 0]])["left_forearm"] == (True, False, True)
    assert judged([[6, 0], [0, 0], [0, 0]])["left_upper_arm"] == (True, False, True)
    assert judged([[6, 0], [0, 6], [0, 0]])["left_upper_arm"] == (True, False, False)


def test_a_missed_end_is_wrong_and_an_unlabelled_one_does_not_count() -> None:
    assert judged([[np.nan, 0], [0, 0], [0, 0]])["left_upper_arm"] == (True, False, False)
    known = np.array([[False, True, True]])
    assert not judged([[0, 0]] * 3, labeled=known)["left_upper_arm"][0]
    assert judged([[0, 0]] * 3, labeled=known)["left_forearm"][0]


ARMS = {f"{side}_{part}" for side in ("left", "right") for part in ("upper_arm", "forearm")}
LEGS = {f"{side}_{part}" for side in ("left", "right") for part in ("thigh", "shank")}


@pytest.mark.parametrize(
    ("skeleton", "limbs"),
    [
        (LSP14, {"head", "torso"} | ARMS | LEGS),
        (MPII16, {"head", "torso"} | ARMS | LEGS),
        (COCO17, {"torso"} | ARMS | LEGS),
        (BBC7, ARMS),
    ],
)
def test_limbs_are_those_whose_ends_are_known(skeleton: Skeleton, limbs: set[str]) -> None:
    assert {*limbs_of(skeleton.joints)} == limbs
