"""The camera: perspective projection, and how the camera moves during a clip.

World axes are x right, y up, z towards the viewer, metres; the ground is y = 0. Camera axes are x
right, y down, z away from the viewer; pixels as everywhere (i covers [i, i + 1)).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .vector_math import Array, rotation

CameraKind = Literal["static", "pan", "zoom", "shake", "dolly"]
"""Stands still; turns; changes its focal length; is hand-held; travels sideways (parallax)."""

_UPRIGHT = np.diag([1.0, -1.0, -1.0])
"""Rotation of a camera that looks along -z: from axes with y up to axes with y down."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera without lens distortion."""

    focal: float
    """Focal length, pixels."""

    position: Array
    """(3,) in the world, metres."""

    rotation: Array
    """(3, 3) from world axes to camera axes."""

    size: tuple[int, int]
    """(H, W), pixels."""

    def view(self, points: Array) -> Array:
        """World points (..., 3) in camera axes, metres."""
        return np.asarray((points - self.position) @ self.rotation.T)

    def project(self, points: Array) -> Array:
        """World points (..., 3) as x, y in pixels and depth in metres, (..., 3)."""
        seen = self.view(points)
        # Points at or behind the camera have no image; the bound keeps the division finite.
        depth = np.maximum(seen[..., 2:], 1e-3)
        centre = np.array([self.size[1] / 2, self.size[0] / 2])
        pixels = centre + self.focal * seen[..., :2] / depth
        return np.concatenate([pixels, seen[..., 2:]], axis=-1)

    def plane(self, origin: Array, across: Array, along: Array) -> Array:
        """(3, 3) homography from coordinates on a plane, metres, to homogeneous pixels.

        Args:
            origin: (3,) world point of plane coordinate (0, 0).
            across: (3,) world vector of one metre of the first coordinate.
            along: (3,) likewise of the second.
        """
        columns = np.stack([across, along, origin - self.position], axis=1)
        lens = np.array(
            [[self.focal, 0, self.size[1] / 2], [0, self.focal, self.size[0] / 2], [0, 0, 1]]
        )
        return np.asarray(lens @ self.rotation @ columns)


def camera_rotation(*, pan: float = 0.0, tilt: float = 0.0, roll: float = 0.0) -> Array:
    """(3, 3) world-to-camera rotation; positive angles, radians, turn right, down, clockwise."""
    return np.asarray(rotation(2, -roll) @ rotation(0, tilt) @ rotation(1, -pan) @ _UPRIGHT)


def camera_path(
    kind: CameraKind,
    times: Array,
    *,
    size: tuple[int, int],
    rng: np.random.Generator,
    field_of_view: float,
    height: float,
    tilt: float,
) -> list[Camera]:
    """One camera per frame; the same object for all frames if it stands still.

    Args:
        kind: How it moves.
        times: (F,) seconds.
        size: (H, W), pixels.
        rng: Random generator for direction, speed and shake.
        field_of_view: Horizontal, radians.
        height: Above the ground, metres.
        tilt: Downwards, radians.
    """
    pan, zoom, shift = _movement(kind, times, rng)
    # Drawn for every kind of camera, so that people and scene of a seed do not depend on it.
    sway = _hand_shake(times, rng) * (0.025 if kind == "shake" else 0.0)
    angles = sway[:, :3] * [1.0, 1.0, 0.5]
    position = np.array([0.0, height, 0.0]) + (shift + sway[:, 3:] * 2)
    focal = size[1] / 2 / np.tan(field_of_view / 2)
    cameras = [
        Camera(
            focal=float(focal * zoom[f]),
            position=position[f],
            rotation=camera_rotation(
                pan=pan[f] + angles[f, 0], tilt=tilt + angles[f, 1], roll=angles[f, 2]
            ),
            size=size,
        )
        for f in range(1 if kind == "static" else len(times))
    ]
    return cameras * len(times) if kind == "static" else cameras


def _movement(
    kind: CameraKind, times: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Pan (F,), radians; zoom (F,), a factor; and shift (F, 3), metres, of a moving camera."""
    frames = len(times)
    pan, zoom, shift = np.zeros(frames), np.ones(frames), np.zeros((frames, 3))
    # The camera swings to and fro, so that in a long clip it never leaves the people for good.
    swing = np.sin(2 * np.pi * (times - times[0]) / rng.uniform(7, 14) + rng.uniform(0, 2 * np.pi))
    if kind == "pan":
        pan = rng.uniform(0.1, 0.22) * swing
    elif kind == "zoom":
        zoom = np.exp(rng.uniform(0.1, 0.22) * swing)
    elif kind == "dolly":
        shift[:, 0] = rng.uniform(0.3, 0.8) * swing
    return pan, zoom, shift


def _hand_shake(times: Array, rng: np.random.Generator) -> Array:
    """(F, 6) smooth random motion of about unit size, like that of a hand-held camera.

    Three columns for angles, three for position.
    """
    rates = rng.uniform(0.3, 2.8, (4, 6))
    phases = rng.uniform(0, 2 * np.pi, (4, 6))
    waves = np.sin(2 * np.pi * rates * times[:, None, None] + phases) / (1 + rates)
    return np.asarray(waves.sum(axis=1))
