"""The skeleton of a synthetic person: its joints, its bones, and forward kinematics.

:func:`forward_kinematics` turns joint angles (:mod:`.motion_cycle`) into the positions of the 17
joints of :data:`JOINTS`. Motion capture (:mod:`.mocap`) gives positions of the same joints.

The body's own axes are x to its left, y up, z forward, metres; angles are radians.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .vector_math import Array, rotation

JOINTS = (
    "pelvis", "thorax", "neck", "nose", "head_top", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Order of the joints."""

_TRUNK = ("pitch", "roll", "yaw")
_ARM = ("shoulder_flex", "shoulder_abduct", "shoulder_turn", "elbow")
_LEG = ("hip_flex", "hip_abduct", "hip_turn", "knee")
ANGLES = tuple(f"{part}_{turn}" for part in ("pelvis", "spine", "head") for turn in _TRUNK) + tuple(
    f"{side}_{angle}" for side in ("left", "right") for angle in _ARM + _LEG
)
"""Names of the 25 joint angles; flexion bends forward (the knee backward), abduction outward."""

COLUMN = {name: place for place, name in enumerate(ANGLES)}
"""Column of each angle in an array of joint angles."""

STATURE = 1.72
"""Height of a person of scale 1, metres; every motion capture is scaled to it."""

SOLE = 0.08
"""Height of a captured person's lowest ankle above the ground, metres."""


@dataclass(frozen=True, kw_only=True)
class Bones:
    """Lengths of a skeleton's bones, metres; the defaults are those of a person of 1.72 m."""

    spine: float = 0.575
    """Pelvis to neck."""

    shoulders: float = 0.187
    """Half of the distance between the shoulder joints."""

    hips: float = 0.104
    """Half of the distance between the hip joints."""

    upper_arm: float = 0.285
    """Shoulder to elbow."""

    forearm: float = 0.248
    """Elbow to wrist."""

    thigh: float = 0.40
    """Hip to knee."""

    shank: float = 0.39
    """Knee to ankle."""

    sole: float = 0.085
    """Height of the ankle above the ground."""

    head: float = 0.25
    """Neck to the top of the head."""

    def scaled(self, factor: float) -> "Bones":
        """The same body, ``factor`` times as tall."""
        return Bones(**{name: getattr(self, name) * factor for name in self.__dataclass_fields__})


def forward_kinematics(angles: Array, bones: Bones) -> Array:
    """PosedFigure a skeleton that stands on the ground at the origin and faces +z.

    Args:
        angles: (T, 25) radians, in the order of :data:`ANGLES`.
        bones: Lengths.

    Returns:
        (T, 17, 3) positions of :data:`JOINTS`, metres; the lower ankle is ``bones.sole`` high.
    """
    place = {"pelvis": np.zeros((len(angles), 3))}
    pelvis = _turned(np.eye(3), angles, "pelvis")
    chest = _turned(pelvis, angles, "spine")
    head = _turned(chest, angles, "head")
    waist = place["pelvis"] + 0.3 * bones.spine * pelvis[..., 1]
    place["thorax"] = waist + 0.52 * bones.spine * chest[..., 1]
    place["neck"] = waist + 0.7 * bones.spine * chest[..., 1]
    place["head_top"] = place["neck"] + bones.head * head[..., 1]
    place["nose"] = place["neck"] + bones.head * (0.46 * head[..., 1] + 0.5 * head[..., 2])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = place["thorax"] + sign * bones.shoulders * chest[..., 0]
        lengths = (bones.upper_arm, bones.forearm)
        arm = _limb(shoulder, chest, angles, side, _ARM, lengths, -1)
        hip = place["pelvis"] + sign * bones.hips * pelvis[..., 0] - 0.02 * pelvis[..., 1]
        leg = _limb(hip, pelvis, angles, side, _LEG, (bones.thigh, bones.shank), 1)
        limbs = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for name, where in zip(limbs, (*arm, *leg), strict=True):
            place[f"{side}_{name}"] = where
    joints = np.stack([place[name] for name in JOINTS], axis=1)
    # The pelvis was the origin so far. The lower foot carries the body, so it sets the height.
    lowest = joints[:, -2:, 1].min(axis=1)
    joints[..., 1] += (bones.sole - lowest)[:, None]
    return joints


def _turned(parent: Array, angles: Array, part: str) -> Array:
    pitch, roll, yaw = (angles[:, COLUMN[f"{part}_{turn}"]] for turn in _TRUNK)
    return parent @ rotation(1, yaw) @ rotation(0, pitch) @ rotation(2, roll)


def _limb(
    start: Array,
    parent: Array,
    angles: Array,
    side: str,
    names: tuple[str, ...],
    lengths: tuple[float, float],
    fold: int,
) -> tuple[Array, Array, Array]:
    """Three joints of an arm (``fold`` -1: the elbow bends forward) or of a leg (1: backward)."""
    # Abduction and inward turning go opposite ways around the same axes on the two sides.
    sign = 1.0 if side == "left" else -1.0
    flex, abduct, turn, hinge = (angles[:, COLUMN[f"{side}_{name}"]] for name in names)
    upper = parent @ rotation(2, sign * abduct) @ rotation(0, -flex) @ rotation(1, -sign * turn)
    lower = upper @ rotation(0, fold * hinge)
    middle = start - lengths[0] * upper[..., 1]
    return start, middle, middle - lengths[1] * lower[..., 1]


def stature(positions: Array) -> float:
    """Estimated height of a captured person, in the unit of the positions.

    Leg and trunk are measured, because a rig's head may end anywhere; the median over time keeps
    single bad frames out.

    Args:
        positions: (F, 17, 3) positions of :data:`JOINTS`.
    """
    at = {name: positions[:, place] for place, name in enumerate(JOINTS)}
    chain = ("neck", "pelvis", "left_hip", "left_knee", "left_ankle")
    lengths = [float(np.median(np.linalg.norm(at[a] - at[b], axis=1))) for a, b in pairwise(chain)]
    # The step from pelvis to hip goes sideways and adds no height.
    return (sum(lengths) - lengths[1]) * STATURE / 1.29


def grounded(positions: Array) -> Array:
    """Move a capture so that the feet touch the ground and the first pelvis is above the origin.

    Args:
        positions: (F, 17, 3) positions of :data:`JOINTS`, metres, y up.
    """
    moved = positions - positions[:1, :1] * [1.0, 0.0, 1.0]
    moved[..., 1] += SOLE - moved[:, -2:, 1].min()
    return np.asarray(moved)
