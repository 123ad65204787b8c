"""Draws clips at random from a configuration: ``generate(SceneConfig(), seed=0)``."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from posetube.errors import InputError
from posetube.structures import IntArray

from .actor import Actor, ViewFrustum, random_animation
from .camera import camera_path
from .clip import Shot, SyntheticClip
from .mocap import Capture, read_captures
from .props import random_props
from .random_figure import random_figure
from .rig import STATURE
from .scene import random_scene
from .scene_config import SceneConfig

FIELD_OF_VIEW = 0.9
"""Horizontal field of view of the camera, radians."""


def generate(config: SceneConfig, *, seed: int) -> SyntheticClip:
    """Draw a clip at random; the same seed gives the same clip, bit by bit.

    Args:
        config: What the clip shows.
        seed: Seed of the random generator, 0 or more.

    Raises:
        InputError: If the seed is negative, or ``config.mocap`` has no motion capture.
    """
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, got {seed}")
    rng = np.random.default_rng(seed)
    moments = max(round(config.seconds * config.rate), 1)
    captures = read_captures(config.mocap) if config.mocap else ()
    borders = np.linspace(0, moments, config.shots + 1).round().astype(int)
    shots = tuple(
        _shot(config, rng, int(first), int(last), 1 + number * config.people, captures)
        for number, (first, last) in enumerate(pairwise(borders))
        if last > first
    )
    shown = _shown_moments(config, rng, moments)
    drift = np.sin(
        2 * np.pi * (np.arange(moments) / config.rate * rng.uniform(0.2, 0.8) + rng.random())
    )
    kept = shown >= 0
    return SyntheticClip(
        config=config,
        seed=seed,
        shots=shots,
        shown=shown[kept],
        times=np.flatnonzero(kept) / config.rate,
        gains=1 + config.light_change * drift[kept],
    )


def _shown_moments(config: SceneConfig, rng: np.random.Generator, moments: int) -> IntArray:
    """(moments,) the moment that each frame shows: its own, the one before, or -1: left out."""
    shown = np.arange(moments)
    chance = rng.random(moments)
    for frame in range(1, moments):
        if chance[frame] < config.duplicated:
            shown[frame] = shown[frame - 1]
    shown[1:][rng.random(moments - 1) < config.dropped] = -1
    return shown


def _shot(
    config: SceneConfig,
    rng: np.random.Generator,
    first: int,
    last: int,
    first_id: int,
    captures: Sequence[Capture],
) -> Shot:
    times = np.arange(first, last) / config.rate
    frustum, tilt = _frustum(config)
    cameras = camera_path(
        config.camera, times, size=config.size, rng=rng,
        field_of_view=FIELD_OF_VIEW, height=float(rng.uniform(1.35, 1.75)), tilt=tilt,
    )  # fmt: skip
    # One seed of clothes for all: each figure then gets its own generator in the same state.
    outfit = int(rng.integers(1 << 32)) if config.same_clothes else None
    distances = rng.permutation(np.linspace(frustum.near, frustum.far, config.people))
    actors = []
    for number in range(config.people):
        clothes = None if outfit is None else np.random.default_rng(outfit)
        figure = random_figure(rng, outfit=clothes)
        joints = random_animation(
            rng, figure, times, frustum=frustum, role=config.roles[number % len(config.roles)],
            distance=float(distances[number]), captures=tuple(captures),
        )  # fmt: skip
        actors.append(Actor(track_id=first_id + number, figure=figure, joints=joints))
    wall = frustum.far + float(rng.uniform(1.0, 5.0))
    spots = [_spot(rng, frustum) for _ in range(config.occluders)]
    props = random_props(rng, spots)
    scene = random_scene(
        rng,
        distance=wall,
        fineness=float(np.clip(cameras[0].focal / wall, 16, 48)),
        props=props,
    )
    return Shot(first=first, scene=scene, cameras=tuple(cameras), actors=tuple(actors))


def _spot(rng: np.random.Generator, frustum: ViewFrustum) -> tuple[float, float]:
    """A place for a prop among the people, x, z."""
    distance = rng.uniform(0.85 * frustum.near, frustum.far)
    return float(rng.uniform(-0.8, 0.8) * frustum.half_width(distance)), -float(distance)


def _frustum(config: SceneConfig) -> tuple[ViewFrustum, float]:
    """The ground on which people have the wanted heights, and the camera's tilt, radians."""
    slope = float(np.tan(FIELD_OF_VIEW / 2))
    focal = config.size[1] / 2 / slope
    small, large = config.person_height
    near, far = (STATURE * focal / (share * config.size[0]) for share in (large, small))
    # The horizon is at about eye height: so high that the feet of the nearest people are visible.
    horizon = min(max(0.95 - large, 0.16), 0.45)
    tilt = float(np.arctan((0.5 - horizon) * config.size[0] / focal))
    return ViewFrustum(near=near, far=far, slope=slope), tilt
