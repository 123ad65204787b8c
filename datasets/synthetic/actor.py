"""Who does what in a shot: an actor gets a motion, a path over the ground, a pose per frame."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from .body import Figure
from .mocap import Capture
from .motion import Motion, bend, mirrored, rotation
from .repertoire import MOTIONS

Array = npt.NDArray[np.float64]

Role = Literal["cross", "enter", "leave", "stay", "roam"]
"""Walks through the picture; comes in late; goes out early; does something on the spot; walks in
circles."""

_ROUND = 0.9
"""Radius of a walk in circles, metres."""

_SOON = 6.0
"""Walkers come by within so many seconds of a shot's beginning."""

_MARGIN = 2.5
"""How far out of sight a walker starts again, metres."""

_WALKS = tuple(name for name, motion in MOTIONS.items() if motion.stride)
_SPOTS = tuple(name for name, motion in MOTIONS.items() if not motion.stride)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One person of a shot."""

    track_id: int
    """Identity within the clip, from 1."""

    figure: Figure
    """Build and clothes."""

    joints: Array
    """(F, 17, 3) world positions of the skeleton in each frame of the shot, metres."""


def walking(
    figure: Figure,
    motion: Motion,
    times: Array,
    *,
    start: Array,
    end: Array,
    middle: float,
    phase: float,
    lap: float = np.inf,
) -> Array:
    """Walk straight on through two places.

    Args:
        figure: Who.
        motion: One with a stride.
        times: (F,) seconds.
        start: (2,) x, z on the ground; before this point and after ``end`` the walk goes on.
        end: (2,) likewise.
        middle: Time at which the person is half-way, seconds.
        phase: Of the gait at that time, radians.
        lap: Whoever is so far past half-way, metres, starts again as far before it: out of sight,
            so that a long clip never runs out of people.

    Returns:
        (F, 17, 3) world positions, metres.
    """
    heading = end - start
    heading = heading / max(float(np.linalg.norm(heading)), 1e-6)
    stride = motion.stride * figure.scale
    travelled = (times - middle) * motion.frequency * stride
    phases = 2 * np.pi * travelled / stride + phase
    if np.isfinite(lap):
        travelled = (travelled + lap) % (2 * lap) - lap
    place = (start + end) / 2 + travelled[:, None] * heading
    return _placed(figure, motion, phases, place, float(np.arctan2(heading[0], heading[1])))


def circling(
    figure: Figure, motion: Motion, times: Array, *, centre: Array, radius: float, phase: float
) -> Array:
    """Walk around a place (x, z), metres; (F, 17, 3) world positions."""
    stride = motion.stride * figure.scale
    travelled = (times - times[0]) * motion.frequency * stride
    turn = travelled / radius + phase
    place = centre + radius * np.stack([np.cos(turn), -np.sin(turn)], axis=1)
    phases = 2 * np.pi * travelled / stride + phase
    return _placed(figure, motion, phases, place, turn + np.pi)


def staying(
    figure: Figure, motion: Motion, times: Array, *, place: Array, facing: float, phase: float
) -> Array:
    """Move on the spot; (F, 17, 3) world positions."""
    phases = 2 * np.pi * motion.frequency * times + phase
    return _placed(figure, motion, phases, np.broadcast_to(place, (len(times), 2)), facing)


def captured(
    figure: Figure, capture: Capture, times: Array, *, place: Array, facing: float, delay: float
) -> Array:
    """Repeat a captured motion to and fro, on the figure's scale; (F, 17, 3) world positions."""
    joints = capture.at(times + delay) * figure.scale
    joints = joints - joints[len(joints) // 2, :1] * [1.0, 0.0, 1.0]
    return np.asarray(joints @ rotation(1, facing).T + np.array([place[0], 0.0, place[1]]))


def _placed(
    figure: Figure, motion: Motion, phases: Array, place: Array, facing: float | Array
) -> Array:
    joints = bend(motion.angles(phases), figure.bones)
    joints[..., 1] += motion.bounce * np.abs(np.sin(phases))[:, None]
    joints = joints @ np.swapaxes(rotation(1, facing), -1, -2)
    joints[..., 0] += place[:, :1]
    joints[..., 2] += place[:, 1:]
    return joints


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The part of the ground that the camera sees, for placing people."""

    near: float
    """Distance of the closest people, metres."""

    far: float
    """Of the farthest."""

    slope: float
    """Half of the visible width over the distance."""

    def half(self, distance: float) -> float:
        """Half of the visible width at a distance, metres."""
        return self.slope * distance


def random_path(
    rng: np.random.Generator,
    figure: Figure,
    times: Array,
    *,
    stage: Stage,
    role: Role,
    distance: float,
    captures: tuple[Capture, ...] = (),
) -> Array:
    """Invent what an actor does; (F, 17, 3) world positions.

    Args:
        rng: Source of chance.
        figure: Who.
        times: (F,) seconds.
        stage: Where people can be seen.
        role: What to do.
        distance: From the camera, metres.
        captures: Recorded motions to use besides the invented ones.
    """
    half, z = stage.half(distance), -distance
    phase = float(rng.uniform(0, 2 * np.pi))
    place = np.array([rng.uniform(-0.75, 0.75) * half, z])
    if captures and rng.random() < 0.4 and role in ("stay", "roam"):
        capture = captures[rng.integers(len(captures))]
        facing, delay = rng.uniform(-np.pi, np.pi), rng.uniform(0, 5)
        return captured(figure, capture, times, place=place, facing=facing, delay=delay)
    if role == "stay":
        motion = _random_motion(rng, _SPOTS)
        facing = float(rng.normal(0, 1.0) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi))
        return staying(figure, motion, times, place=place, facing=facing, phase=phase)
    motion = _random_motion(rng, ("run",) if rng.random() < 0.15 else ("walk",))
    if role == "roam":
        centre = np.array([0.5 * place[0], -max(distance, stage.near + _ROUND)])
        return circling(figure, motion, times, centre=centre, radius=_ROUND, phase=phase)
    return _passing(rng, figure, motion, times, half=half, distance=distance, role=role)


def _passing(
    rng: np.random.Generator,
    figure: Figure,
    motion: Motion,
    times: Array,
    *,
    half: float,
    distance: float,
    role: Role,
) -> Array:
    """Cross the picture: pass its middle or one of its borders some time in the first seconds."""
    side = rng.choice([-1.0, 1.0])
    x, early, late = {
        "cross": (rng.normal(0, 0.15) * half, 0.35, 0.65),
        "enter": (-side * half, 0.1, 0.5),
        "leave": (side * half, 0.5, 0.9),
    }[role]
    span = min(float(times[-1] - times[0]), _SOON)
    passed = np.array([x, -distance])
    ahead = np.array([side, rng.normal(0, 0.12)])
    return walking(
        figure,
        motion,
        times,
        start=passed - ahead,
        end=passed + ahead,
        middle=float(times[0] + rng.uniform(early, late) * span),
        phase=float(rng.uniform(0, 2 * np.pi)),
        lap=2 * half + _MARGIN,
    )


def _random_motion(rng: np.random.Generator, names: tuple[str, ...]) -> Motion:
    motion = MOTIONS[names[rng.integers(len(names))]].varied(rng, spread=0.06)
    return mirrored(motion) if rng.random() < 0.5 else motion


def random_pose(rng: np.random.Generator, figure: Figure, *, tumbling: float = 0.0) -> Array:
    """One frozen pose, more varied than any motion: (17, 3), at the origin.

    Args:
        rng: Source of chance.
        figure: Whose pose.
        tumbling: Chance, in [0, 1], of being anything but upright: in a handstand, a somersault,
            a fall, or lying. Otherwise the person stands and faces +z.
    """
    tumbles = rng.random() < tumbling
    motion = _random_motion(rng, _WALKS + _SPOTS).varied(rng, spread=0.35 if tumbles else 0.16)
    joints = bend(motion.angles(rng.uniform(0, 2 * np.pi, 1)), figure.bones)[0]
    return _tumbled(joints, figure, rng) if tumbles else np.asarray(joints)


def _tumbled(joints: Array, figure: Figure, rng: np.random.Generator) -> Array:
    """Tilted to any side by up to half a turn; on the ground or, as often, in the air."""
    towards = rotation(1, rng.uniform(-np.pi, np.pi))
    tilt = towards @ rotation(0, rng.uniform(0.5, np.pi)) @ towards.T
    turned = (joints - joints[0]) @ tilt.T
    height = rng.exponential(0.35) if rng.random() < 0.5 else 0.0
    turned[:, 1] += figure.bones.sole + height - turned[:, 1].min()
    return np.asarray(turned)
