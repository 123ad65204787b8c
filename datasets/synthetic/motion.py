"""How synthetic people move: joint angles as short Fourier series, and the skeleton they bend.

A :class:`Motion` gives every joint angle as a mean and two harmonics of one phase, so that a walk,
a wave or a dance is a table of numbers (:mod:`.repertoire`); :func:`bend` turns angles into the 17
joint positions of :data:`JOINTS`, the same that :mod:`.mocap` reads from captured motion.

The body's own axes are x to its left, y up, z forward, metres; angles are radians. Not here:
where a person walks to (:mod:`.actor`) and what hangs on the bones (:mod:`.body`).
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

JOINTS = (
    "pelvis", "thorax", "neck", "nose", "head_top", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Order of the joints of a moving skeleton."""

_MIDDLE = ("pitch", "roll", "yaw")
_ARM = ("shoulder_flex", "shoulder_abduct", "shoulder_turn", "elbow")
_LEG = ("hip_flex", "hip_abduct", "hip_turn", "knee")
ANGLES = tuple(
    f"{part}_{turn}" for part in ("pelvis", "spine", "head") for turn in _MIDDLE
) + tuple(f"{side}_{angle}" for side in ("left", "right") for angle in _ARM + _LEG)
"""Names of the 25 joint angles; flexion bends forward (the knee backward), abduction outward."""

COLUMN = {name: place for place, name in enumerate(ANGLES)}
"""Place of each angle."""

_LEFT = [COLUMN[f"left_{angle}"] for angle in _ARM + _LEG]
_RIGHT = [COLUMN[f"right_{angle}"] for angle in _ARM + _LEG]
_LIMITS = {"knee": (0.0, 2.4), "elbow": (0.0, 2.5), "shoulder_abduct": (-0.1, 3.0)}

_LOOSE = np.array([0.3 if name.startswith("pelvis") else 1.0 for name in ANGLES])
"""(25,) how much of a variation an angle takes: who tilts the pelvis tilts everything."""

Wave = tuple[float, ...]
"""Mean, then amplitude and phase of the first and of the second harmonic (cosines)."""


@dataclass(frozen=True, kw_only=True)
class Motion:
    """A repeating motion."""

    waves: Array
    """(25, 5) a :data:`Wave` per joint angle, radians."""

    frequency: float
    """Repetitions per second."""

    stride: float = 0.0
    """Metres travelled per repetition; 0 stays on the spot."""

    bounce: float = 0.0
    """Height of the jump in each half of a repetition, metres."""

    def angles(self, phase: Array) -> Array:
        """Joint angles (T, 25) at phases (T,), radians."""
        mean, a, p, b, q = self.waves.T
        turn = phase[:, None]
        raw = mean + a * np.cos(turn + p) + b * np.cos(2 * turn + q)
        for column, name in enumerate(ANGLES):
            low, high = _LIMITS.get(name.partition("_")[2], (-np.inf, np.inf))
            np.clip(raw[:, column], low, high, out=raw[:, column])
        return np.asarray(raw)

    def varied(self, rng: np.random.Generator, *, spread: float) -> "Motion":
        """The same motion as somebody else does it: angles differ by about ``spread`` radians."""
        waves = self.waves.copy()
        waves[:, 0] += rng.normal(0, spread, len(waves)) * _LOOSE
        waves[:, 1] *= rng.normal(1, min(spread, 0.3), len(waves))
        waves[:, 3] *= rng.normal(1, min(spread, 0.3), len(waves))
        return replace(self, waves=waves, frequency=self.frequency * rng.uniform(0.85, 1.15))


@dataclass(frozen=True, kw_only=True)
class Bones:
    """Lengths of a skeleton, metres, for a person of 1.72 m; ``scaled`` gives other heights."""

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


def rotation(axis: int, angle: npt.ArrayLike) -> Array:
    """(..., 3, 3) right-handed rotation by ``angle`` (...,) about x (0), y (1) or z (2)."""
    angle = np.asarray(angle, float)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., axis, axis] = 1
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -np.sin(angle)
    return matrix


def bend(angles: Array, bones: Bones) -> Array:
    """Put a skeleton into poses, feet on the ground below the origin, facing +z.

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
        for name, where in zip(("shoulder", "elbow", "wrist"), arm, strict=True):
            place[f"{side}_{name}"] = where
        for name, where in zip(("hip", "knee", "ankle"), leg, strict=True):
            place[f"{side}_{name}"] = where
    joints = np.stack([place[name] for name in JOINTS], axis=1)
    lowest = joints[:, -2:, 1].min(axis=1)
    joints[..., 1] += (bones.sole - lowest)[:, None]
    return joints


def _turned(parent: Array, angles: Array, part: str) -> Array:
    pitch, roll, yaw = (angles[:, COLUMN[f"{part}_{turn}"]] for turn in _MIDDLE)
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
    """Three joints of an arm (``fold`` -1: the elbow bends forward) or a leg (1)."""
    sign = 1.0 if side == "left" else -1.0
    flex, abduct, turn, hinge = (angles[:, COLUMN[f"{side}_{name}"]] for name in names)
    upper = parent @ rotation(2, sign * abduct) @ rotation(0, -flex) @ rotation(1, -sign * turn)
    lower = upper @ rotation(0, fold * hinge)
    middle = start - lengths[0] * upper[..., 1]
    return start, middle, middle - lengths[1] * lower[..., 1]


def mirrored(motion: Motion) -> Motion:
    """The motion with left and right exchanged."""
    waves = motion.waves.copy()
    waves[_LEFT + _RIGHT] = waves[_RIGHT + _LEFT]
    for name in ("roll", "yaw"):
        for part in ("pelvis", "spine", "head"):
            waves[COLUMN[f"{part}_{name}"], [0, 1, 3]] *= -1
    return replace(motion, waves=waves)
