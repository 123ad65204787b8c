"""Animates the people of a shot: each gets a motion, a path over the ground, a pose per frame."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .body import Figure
from .mocap import Capture
from .motion_cycle import MotionCycle
from .motion_library import MOTIONS
from .rig import forward_kinematics
from .vector_math import Array, rotation

Role = Literal["cross", "enter", "leave", "stay", "roam"]
"""Walks through the picture; enters late; leaves early; moves on the spot; walks in circles."""

_CIRCLE_RADIUS = 0.9
"""Radius of a walk in circles, metres."""

_LATEST_PASS = 6.0
"""Walkers pass through the picture within this many seconds from the beginning of a shot."""

_MARGIN = 2.5
"""How far outside the picture a walker turns up again, metres."""

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
    """(F, 17, 3) world positions of the joints in each frame of the shot, metres."""


def animate_walk(
    figure: Figure,
    motion: MotionCycle,
    times: Array,
    *,
    start: Array,
    end: Array,
    middle: float,
    phase: float,
    lap: float = np.inf,
) -> Array:
    """Walk along the straight line through two points.

    Args:
        figure: Who walks.
        motion: A motion with a stride.
        times: (F,) seconds.
        start: (2,) x, z on the ground; the walk also covers the line before this point.
        end: (2,) x, z on the ground; the walk continues behind this point.
        middle: Time at which the person is half-way between the points, seconds.
        phase: Phase of the gait at that time, radians.
        lap: Distance from half-way, metres, at which a walker is moved back to the same distance
            before it. Both ends are outside the picture, so a long clip never runs out of people.

    Returns:
        (F, 17, 3) world positions, metres.
    """
    heading = end - start
    heading = heading / max(float(np.linalg.norm(heading)), 1e-6)
    # The phase follows from the distance, so that the standing foot does not slide.
    stride = motion.stride * figure.scale
    travelled = (times - middle) * motion.frequency * stride
    phases = 2 * np.pi * travelled / stride + phase
    if np.isfinite(lap):
        travelled = (travelled + lap) % (2 * lap) - lap
    place = (start + end) / 2 + travelled[:, None] * heading
    return _placed(figure, motion, phases, place, float(np.arctan2(heading[0], heading[1])))


def animate_circle(
    figure: Figure, motion: MotionCycle, times: Array, *, centre: Array, radius: float, phase: float
) -> Array:
    """Walk in a circle around a point (x, z), metres; (F, 17, 3) world positions."""
    stride = motion.stride * figure.scale
    travelled = (times - times[0]) * motion.frequency * stride
    turn = travelled / radius + phase
    place = centre + radius * np.stack([np.cos(turn), -np.sin(turn)], axis=1)
    phases = 2 * np.pi * travelled / stride + phase
    return _placed(figure, motion, phases, place, turn + np.pi)


def animate_on_spot(
    figure: Figure, motion: MotionCycle, times: Array, *, place: Array, facing: float, phase: float
) -> Array:
    """Move on the spot; (F, 17, 3) world positions."""
    phases = 2 * np.pi * motion.frequency * times + phase
    return _placed(figure, motion, phases, np.broadcast_to(place, (len(times), 2)), facing)


def animate_capture(
    figure: Figure, capture: Capture, times: Array, *, place: Array, facing: float, delay: float
) -> Array:
    """Play a motion capture forwards and backwards in turns; (F, 17, 3) world positions.

    The capture is scaled to the figure, but keeps the proportions of the person recorded.
    """
    joints = capture.at(times + delay) * figure.scale
    # In the middle of the shot the person is at the place; the capture's own path is kept.
    joints = joints - joints[len(joints) // 2, :1] * [1.0, 0.0, 1.0]
    return np.asarray(joints @ rotation(1, facing).T + np.array([place[0], 0.0, place[1]]))


def _placed(
    figure: Figure, motion: MotionCycle, phases: Array, place: Array, facing: float | Array
) -> Array:
    joints = forward_kinematics(motion.angles(phases), figure.bones)
    joints[..., 1] += motion.bounce * np.abs(np.sin(phases))[:, None]
    joints = joints @ np.swapaxes(rotation(1, facing), -1, -2)
    joints[..., 0] += place[:, :1]
    joints[..., 2] += place[:, 1:]
    return joints


@dataclass(frozen=True, kw_only=True)
class ViewFrustum:
    """The part of the ground that the camera sees, for placing people."""

    near: float
    """Distance of the nearest people, metres."""

    far: float
    """Distance of the farthest people, metres."""

    slope: float
    """Half of the visible width over the distance."""

    def half_width(self, distance: float) -> float:
        """Half of the visible width at a distance, metres."""
        return self.slope * distance


def random_animation(
    rng: np.random.Generator,
    figure: Figure,
    times: Array,
    *,
    frustum: ViewFrustum,
    role: Role,
    distance: float,
    captures: tuple[Capture, ...] = (),
) -> Array:
    """Choose a motion and a path at random; (F, 17, 3) world positions.

    Args:
        rng: Random generator.
        figure: Who moves.
        times: (F,) seconds.
        frustum: Where people can be seen.
        role: What the person does.
        distance: Distance from the camera, metres.
        captures: Motion captures to use besides the motion library.
    """
    half, z = frustum.half_width(distance), -distance
    phase = float(rng.uniform(0, 2 * np.pi))
    place = np.array([rng.uniform(-0.75, 0.75) * half, z])
    if captures and rng.random() < 0.4 and role in ("stay", "roam"):
        capture = captures[rng.integers(len(captures))]
        facing, delay = rng.uniform(-np.pi, np.pi), rng.uniform(0, 5)
        return animate_capture(figure, capture, times, place=place, facing=facing, delay=delay)
    if role == "stay":
        motion = _random_motion(rng, _SPOTS)
        facing = float(rng.normal(0, 1.0) if rng.random() < 0.75 else rng.uniform(-np.pi, np.pi))
        return animate_on_spot(figure, motion, times, place=place, facing=facing, phase=phase)
    motion = _random_motion(rng, ("run",) if rng.random() < 0.15 else ("walk",))
    if role == "roam":
        centre = np.array([0.5 * place[0], -max(distance, frustum.near + _CIRCLE_RADIUS)])
        return animate_circle(
            figure, motion, times, centre=centre, radius=_CIRCLE_RADIUS, phase=phase
        )
    return _passing(rng, figure, motion, times, half=half, distance=distance, role=role)


def _passing(
    rng: np.random.Generator,
    figure: Figure,
    motion: MotionCycle,
    times: Array,
    *,
    half: float,
    distance: float,
    role: Role,
) -> Array:
    """Cross the picture: pass its middle or one of its borders within the first seconds."""
    side = rng.choice([-1.0, 1.0])
    x, early, late = {
        "cross": (rng.normal(0, 0.15) * half, 0.35, 0.65),
        "enter": (-side * half, 0.1, 0.5),
        "leave": (side * half, 0.5, 0.9),
    }[role]
    span = min(float(times[-1] - times[0]), _LATEST_PASS)
    passed = np.array([x, -distance])
    ahead = np.array([side, rng.normal(0, 0.12)])
    return animate_walk(
        figure,
        motion,
        times,
        start=passed - ahead,
        end=passed + ahead,
        middle=float(times[0] + rng.uniform(early, late) * span),
        phase=float(rng.uniform(0, 2 * np.pi)),
        lap=2 * half + _MARGIN,
    )


def _random_motion(rng: np.random.Generator, names: tuple[str, ...]) -> MotionCycle:
    motion = MOTIONS[names[rng.integers(len(names))]].varied(rng, spread=0.06)
    return motion.mirrored() if rng.random() < 0.5 else motion


def random_pose(rng: np.random.Generator, figure: Figure, *, tumbling: float = 0.0) -> Array:
    """One pose, more varied than in any motion: (17, 3) positions at the origin, metres.

    Args:
        rng: Random generator.
        figure: Whose pose.
        tumbling: Probability, in [0, 1], that the person is not upright: in a handstand, in a
            somersault, falling or lying. Otherwise the person stands and faces +z.
    """
    tumbles = rng.random() < tumbling
    motion = _random_motion(rng, _WALKS + _SPOTS).varied(rng, spread=0.35 if tumbles else 0.16)
    joints = forward_kinematics(motion.angles(rng.uniform(0, 2 * np.pi, 1)), figure.bones)[0]
    return _tumbled(joints, figure, rng) if tumbles else np.asarray(joints)


def _tumbled(joints: Array, figure: Figure, rng: np.random.Generator) -> Array:
    """Tilt a pose to any side by up to half a turn; half of the people are in the air."""
    towards = rotation(1, rng.uniform(-np.pi, np.pi))
    tilt = towards @ rotation(0, rng.uniform(0.5, np.pi)) @ towards.T
    turned = (joints - joints[0]) @ tilt.T
    height = rng.exponential(0.35) if rng.random() < 0.5 else 0.0
    # No joint may be below the ground, whichever is the lowest now.
    turned[:, 1] += figure.bones.sole + height - turned[:, 1].min()
    return np.asarray(turned)
