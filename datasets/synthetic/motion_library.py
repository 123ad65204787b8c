"""The motion cycles that synthetic people have: walk, run, stand, wave ..., as tables of waves.

The numbers are written by hand, not recorded.
"""

from collections.abc import Mapping

import numpy as np

from .motion_cycle import MotionCycle, Wave
from .rig import ANGLES, COLUMN


def _cycle(
    both: Mapping[str, Wave] | None = None,
    *,
    opposed: bool = False,
    one: Mapping[str, Wave] | None = None,
    frequency: float,
    stride: float = 0.0,
    bounce: float = 0.0,
) -> MotionCycle:
    """Build a cycle from the waves of the angles that move; all others stay 0.

    ``both`` holds angles that both sides have. If ``opposed``, the right side is half a cycle
    behind the left one, as in a walk. ``one`` holds single angles.
    """
    waves = np.zeros((len(ANGLES), 5))
    for name, wave in (both or {}).items():
        for side, lag in (("left", 0.0), ("right", np.pi if opposed else 0.0)):
            row = np.zeros(5)
            row[: len(wave)] = wave
            row[2] += lag
            row[4] += 2 * lag  # half a cycle is a whole one of the second harmonic
            waves[COLUMN[f"{side}_{name}"]] = row
    for name, wave in (one or {}).items():
        waves[COLUMN[name], : len(wave)] = wave
    return MotionCycle(waves=waves, frequency=frequency, stride=stride, bounce=bounce)


MOTIONS: dict[str, MotionCycle] = {
    "walk": _cycle(
        {
            "hip_flex": (0.10, 0.42, 0.0),
            "knee": (0.38, 0.42, 1.75, 0.22, 3.2),
            "hip_abduct": (0.03,),
            "shoulder_flex": (-0.02, 0.38, np.pi),
            "shoulder_abduct": (0.11,),
            "elbow": (0.38, 0.16, np.pi),
        },
        opposed=True,
        one={
            "pelvis_yaw": (0, 0.09, np.pi),
            "spine_yaw": (0, 0.16, 0),
            "pelvis_roll": (0, 0.04, 1.5),
            "spine_pitch": (0.04,),
        },
        frequency=0.95,
        stride=1.35,
    ),
    "run": _cycle(
        {
            "hip_flex": (0.35, 0.68, 0.0),
            "knee": (0.95, 0.72, 1.5, 0.2, 3.2),
            "shoulder_flex": (-0.1, 0.65, np.pi),
            "shoulder_abduct": (0.22,),
            "shoulder_turn": (0.35,),
            "elbow": (1.55, 0.2, np.pi),
        },
        opposed=True,
        one={"spine_pitch": (0.14,), "spine_yaw": (0, 0.2, 0), "pelvis_yaw": (0, 0.12, np.pi)},
        frequency=1.4,
        stride=2.3,
        bounce=0.06,
    ),
    "stand": _cycle(
        {"shoulder_abduct": (0.12,), "hip_abduct": (0.07,), "elbow": (0.25, 0.05), "knee": (0.05,)},
        one={"pelvis_roll": (0, 0.04), "spine_yaw": (0, 0.1, 1), "head_yaw": (0, 0.4, 2, 0.2)},
        frequency=0.25,
    ),
    "hands_on_hips": _cycle(
        {
            "shoulder_abduct": (0.75,), "shoulder_flex": (-0.3,), "shoulder_turn": (1.0,),
            "elbow": (1.65,), "hip_abduct": (0.12,),
        },
        one={"head_yaw": (0, 0.4), "spine_yaw": (0, 0.15, 1)},
        frequency=0.25,
    ),
    "phone": _cycle(
        {"hip_abduct": (0.07,), "shoulder_abduct": (0.12,)},
        one={
            "right_shoulder_flex": (0.55, 0.05), "right_elbow": (1.9, 0.08),
            "right_shoulder_turn": (0.4,), "left_elbow": (0.3,), "head_pitch": (0.4, 0.08),
        },
        frequency=0.4,
    ),
    "talk": _cycle(
        {
            "shoulder_flex": (0.35, 0.2, 0, 0.1), "elbow": (1.35, 0.35, 1, 0.2),
            "shoulder_turn": (0.35, 0.25, 2), "shoulder_abduct": (0.2,), "hip_abduct": (0.08,),
        },
        opposed=True,
        one={"head_yaw": (0, 0.25), "head_pitch": (0.05, 0.1, 1), "spine_yaw": (0, 0.12)},
        frequency=0.7,
    ),
    "wave": _cycle(
        {"hip_abduct": (0.07,), "shoulder_abduct": (0.12,), "elbow": (0.2,)},
        one={
            "right_shoulder_abduct": (2.3, 0.15), "right_elbow": (0.9, 0.5, 1),
            "right_shoulder_turn": (-1.4,), "spine_roll": (0, 0.05),
        },
        frequency=1.3,
    ),
    "squat": _cycle(
        {
            "hip_flex": (1.15, 1.15, np.pi), "knee": (1.0, 1.0, np.pi), "hip_abduct": (0.2,),
            "shoulder_flex": (0.75, 0.75, np.pi), "elbow": (0.2,), "shoulder_abduct": (0.1,),
        },
        one={"pelvis_pitch": (0.3, 0.3, np.pi), "head_pitch": (-0.2, 0.2)},
        frequency=0.45,
    ),
    "jacks": _cycle(
        {
            "shoulder_abduct": (1.45, 1.3, np.pi), "hip_abduct": (0.22, 0.2, np.pi),
            "elbow": (0.25, 0.1), "knee": (0.15, 0.0, 0, 0.12),
        },
        frequency=1.0,
        bounce=0.12,
    ),
    "pick": _cycle(
        {
            "hip_flex": (0.65, 0.6, np.pi), "knee": (0.45, 0.4, np.pi),
            "shoulder_flex": (0.7, 0.6, np.pi), "elbow": (0.3,), "hip_abduct": (0.08,),
        },
        one={"pelvis_pitch": (0.45, 0.45, np.pi), "spine_pitch": (0.3, 0.3, np.pi)},
        frequency=0.35,
    ),
    "kick": _cycle(
        {"shoulder_abduct": (0.5,), "elbow": (0.6,), "hip_abduct": (0.1,)},
        one={
            "right_hip_flex": (0.35, 0.85, 0), "right_knee": (0.7, 0.7, 1.9),
            "left_hip_flex": (0.1, 0.1, np.pi), "left_knee": (0.2,), "spine_pitch": (-0.05, 0.2),
            "left_shoulder_flex": (0.3, 0.5), "right_shoulder_flex": (-0.2, 0.4, np.pi),
        },
        frequency=0.6,
    ),
    "crouch": _cycle(
        {
            "hip_flex": (1.9, 0.06), "knee": (2.2, 0.05), "hip_abduct": (0.25,),
            "shoulder_flex": (0.8, 0.15), "shoulder_turn": (0.3,), "elbow": (0.9, 0.2),
        },
        one={"pelvis_pitch": (0.35,), "head_pitch": (-0.25, 0.2), "head_yaw": (0, 0.3)},
        frequency=0.35,
    ),
    "reach": _cycle(
        {
            "shoulder_flex": (2.6, 0.25), "elbow": (0.35, 0.25, 1), "hip_abduct": (0.08,),
            "shoulder_abduct": (0.1,), "knee": (0.12, 0.1),
        },
        one={"head_pitch": (-0.35, 0.1), "spine_pitch": (-0.08,), "spine_roll": (0, 0.1)},
        frequency=0.4,
    ),
    "throw": _cycle(
        {"hip_abduct": (0.15,), "knee": (0.25, 0.15)},
        one={
            "right_shoulder_abduct": (1.4, 0.3), "right_shoulder_flex": (0.2, 0.7, 0.5),
            "right_elbow": (1.2, 0.8, np.pi), "right_shoulder_turn": (-0.9, 0.7, 1.0),
            "left_shoulder_flex": (0.7, 0.5, np.pi), "left_elbow": (0.6,),
            "left_hip_flex": (0.5, 0.3, 0.5), "right_hip_flex": (-0.25, 0.2, np.pi),
            "spine_yaw": (0, 0.5, 0.5), "spine_pitch": (0.1, 0.25, 1.2),
        },
        frequency=0.7,
    ),
    "bat": _cycle(
        {
            "shoulder_flex": (0.95, 0.15), "elbow": (0.9, 0.4, 1), "hip_abduct": (0.3,),
            "knee": (0.45, 0.15), "hip_flex": (0.35, 0.1),
        },
        one={
            "spine_yaw": (0, 0.9), "pelvis_yaw": (0, 0.4, 0.4), "spine_pitch": (0.25,),
            "left_shoulder_turn": (0.8, 0.5), "right_shoulder_turn": (0.8, 0.5, np.pi),
        },
        frequency=0.6,
    ),
    "lunge": _cycle(
        {"shoulder_abduct": (0.35, 0.1), "elbow": (1.2, 0.2)},
        one={
            "left_hip_flex": (0.85, 0.35), "left_knee": (0.95, 0.4), "right_hip_flex": (-0.3, 0.15),
            "right_knee": (0.6, 0.4), "spine_pitch": (0.1,), "head_yaw": (0, 0.3),
        },
        frequency=0.4,
    ),
    "stretch": _cycle(
        {"shoulder_abduct": (2.7, 0.1), "elbow": (0.5, 0.1), "hip_abduct": (0.2,)},
        one={"spine_roll": (0, 0.4), "pelvis_roll": (0, 0.08), "head_roll": (0, 0.2)},
        frequency=0.3,
    ),
    "arms_crossed": _cycle(
        {
            "shoulder_flex": (0.45,), "shoulder_turn": (1.0,), "elbow": (1.75, 0.04),
            "shoulder_abduct": (0.05,), "hip_abduct": (0.08,),
        },
        one={"head_yaw": (0, 0.5), "spine_yaw": (0, 0.1), "pelvis_roll": (0.03, 0.03)},
        frequency=0.25,
    ),
    "sit": _cycle(
        {
            "hip_flex": (1.5,), "knee": (1.5, 0.05), "hip_abduct": (0.12,), "elbow": (1.1, 0.06),
            "shoulder_flex": (0.35,), "shoulder_turn": (0.35,), "shoulder_abduct": (0.1,),
        },
        one={"spine_pitch": (0.08, 0.05), "head_yaw": (0, 0.4)},
        frequency=0.3,
    ),
    "dance": _cycle(
        {
            "shoulder_abduct": (0.9, 0.6, 0, 0.3), "elbow": (1.1, 0.6, 1, 0.3),
            "shoulder_flex": (0.4, 0.6, 2), "hip_flex": (0.25, 0.25, 0), "knee": (0.45, 0.35, 0.5),
            "hip_abduct": (0.12, 0.1), "shoulder_turn": (0, 0.6),
        },
        opposed=True,
        one={"pelvis_roll": (0, 0.12), "spine_roll": (0, 0.15, 2), "pelvis_yaw": (0, 0.3)},
        frequency=0.9,
        bounce=0.03,
    ),
}  # fmt: skip
"""Motions by name; those with a stride move forward."""
