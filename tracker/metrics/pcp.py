"""Computes the share of limbs that are right: PCP, which judges two ends of a limb together.

Source: Ferrari, Marín-Jiménez & Zisserman, CVPR 2008, for the rule; Pishchulin et al., CVPR 2012,
for the strict reading of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posetube.structures import BoolArray, DoubleArray

SIDES = ("left", "right")

LIMBS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    *(("head", ("head_top",), (neck,)) for neck in ("head_bottom", "upper_neck", "neck")),
    ("torso", ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")),
    *((f"{side}_upper_arm", (f"{side}_shoulder",), (f"{side}_elbow",)) for side in SIDES),
    *((f"{side}_forearm", (f"{side}_elbow",), (f"{side}_wrist",)) for side in SIDES),
    *((f"{side}_thigh", (f"{side}_hip",), (f"{side}_knee",)) for side in SIDES),
    *((f"{side}_shank", (f"{side}_knee",), (f"{side}_ankle",)) for side in SIDES),
)
"""The limbs, and the joints whose middle is each end; data sets call the neck in several ways."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimbAccuracy:
    """Which of N people's limbs are right."""

    labeled: BoolArray
    """(N,) whether both ends are known in the truth."""

    strict: BoolArray
    """(N,) whether each end is near enough."""

    loose: BoolArray
    """(N,) whether both ends are near enough on average."""


def limbs_of(joints: tuple[str, ...]) -> dict[str, tuple[list[int], list[int]]]:
    """The limbs whose ends are known among K joints, and the indices of these."""
    return {
        name: ([joints.index(joint) for joint in one], [joints.index(joint) for joint in other])
        for name, one, other in LIMBS
        if {*one, *other} <= {*joints}
    }


def pcp(
    truth: DoubleArray,
    found: DoubleArray,
    *,
    joints: tuple[str, ...],
    labeled: BoolArray,
    threshold: float = 0.5,
) -> Mapping[str, LimbAccuracy]:
    """Judge the limbs of N people, each paired with a prediction.

    Args:
        truth: (N, K, 2) pixels.
        found: (N, K, 2) pixels; NaN is a miss.
        joints: Names of the K joints.
        labeled: (N, K) which joints count.
        threshold: How far an end may be off, as a share of the true limb's length; errors at the
            threshold are right.

    Returns:
        By the name of each limb whose ends are among the joints.
    """
    result = {}
    for name, ends in limbs_of(joints).items():
        true, ours = ([people[:, end].mean(axis=1) for end in ends] for people in (truth, found))
        longest = threshold * np.linalg.norm(true[0] - true[1], axis=-1)
        errors = np.stack([np.linalg.norm(a - b, axis=-1) for a, b in zip(true, ours, strict=True)])
        result[name] = LimbAccuracy(
            labeled=np.asarray(labeled[:, [*ends[0], *ends[1]]].all(axis=1)),
            strict=np.asarray((errors <= longest).all(axis=0)),
            loose=np.asarray(errors.mean(axis=0) <= longest),
        )
    return result
