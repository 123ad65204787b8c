"""Single pictures of synthetic people, for training: in whole scenes, or on photographs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.structures import ByteArray

from .actor import random_pose
from .camera import Camera, camera_rotation
from .props import random_props
from .random_figure import random_figure
from .raster import Canvas
from .render import Moment, PosedFigure, SyntheticFrame, draw_people, render_moment
from .rig import STATURE
from .scene import random_light, random_scene
from .scene_config import check_rising, check_size
from .vector_math import Array, rotation


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """What single pictures show."""

    size: tuple[int, int] = (336, 448)
    """(H, W), pixels."""

    people: tuple[int, int] = (1, 6)
    """Fewest and most people."""

    person_height: tuple[float, float] = (0.3, 1.6)
    """Smallest and largest height of the main person, as a share of the picture's; above 1 the
    person is cut off."""

    together: float = 0.5
    """Share of the other people who stand close to somebody, so that they overlap."""

    tumbling: float = 0.25
    """Share of people, in [0, 1], who are not upright: in a handstand, tumbling, falling, lying."""

    occluders: int = 2
    """Greatest number of props that may hide people."""

    noise: float = 6.0
    """Greatest standard deviation of the sensor's noise, in levels of 255."""

    blur: float = 1.0
    """Greatest standard deviation of the lens's blur, pixels."""

    def __post_init__(self) -> None:
        check_rising(self, "people", 1, 20)
        check_numbers(self, "tumbling", low=0, high=1)
        check_rising(self, "person_height", 0.05, 4)
        check_size(self.size, "PictureConfig")


def picture(config: PictureConfig, *, rng: np.random.Generator) -> SyntheticFrame:
    """Render a random scene with people in random poses, seen by a random camera.

    Args:
        config: What it shows.
        rng: Random generator.
    """
    camera, distance = _random_camera(config.size, config.person_height, rng)
    count = int(rng.integers(config.people[0], config.people[1] + 1))
    poses = _random_poses(
        rng, camera, distance, count, together=config.together, tumbling=config.tumbling
    )
    farthest = max(float(camera.view(pose.joints[0])[2]) for pose in poses)
    wall = max(farthest, distance) + rng.uniform(0.8, 5.0)
    spots = []
    for _ in range(int(rng.integers(0, config.occluders + 1))):
        z = rng.uniform(0.7 * distance, wall)
        spots.append((_across(rng, camera, z), -float(z)))
    fineness = float(np.clip(camera.focal / wall, 14, 26))
    scene = random_scene(rng, distance=wall, fineness=fineness, props=random_props(rng, spots))
    moment = render_moment(scene, camera, poses)
    return _frame(moment, _photographed(moment.canvas.image, config, rng))


def paste_people(
    image: ByteArray, *, rng: np.random.Generator, people: int, tumbling: float = 0.0
) -> SyntheticFrame:
    """Draw people on a photograph, with its brightness, tint and sharpness.

    The ground truth does not contain the people who are in the photograph already.

    Args:
        image: (H, W, 3) RGB; not changed.
        rng: Random generator.
        people: How many, at least 1.
        tumbling: Share of them who are not upright, in [0, 1].

    Raises:
        InputError: If ``people`` is less than 1.
    """
    if people < 1:
        raise InputError(f"paste_people: people must be at least 1, got {people}")
    size = (image.shape[0], image.shape[1])
    camera, distance = _random_camera(size, (0.3, 1.4), rng)
    poses = _random_poses(rng, camera, distance, people, together=0.4, tumbling=tumbling)
    canvas = Canvas(image.copy(), np.full(size, np.inf, np.float32))
    moment = draw_people(canvas, camera, poses, random_light(rng))
    return _frame(moment, _harmonised(canvas, image, rng))


def _random_camera(
    size: tuple[int, int], heights: tuple[float, float], rng: np.random.Generator
) -> tuple[Camera, float]:
    """A camera, and the distance of the main person, who is in the middle of the picture."""
    share = float(np.exp(rng.uniform(*np.log(heights))))
    focal = size[1] / 2 / np.tan(rng.uniform(0.5, 1.1) / 2)
    distance = STATURE * focal / (share * size[0])
    height = float(np.clip(rng.normal(1.45, 0.4), 0.4, 3.0))
    # Small people are centred at the hips; those larger than the picture show any part of the body.
    aim = 0.86 + rng.normal(0, 0.15) if share < 0.9 else rng.uniform(0.5, 1.5)
    tilt = float(np.arctan2(height - aim, distance))
    turn = camera_rotation(tilt=tilt, roll=float(rng.normal(0, 0.05)))
    camera = Camera(
        focal=float(focal), position=np.array([0.0, height, 0.0]), rotation=turn, size=size
    )
    return camera, float(distance)


def _across(rng: np.random.Generator, camera: Camera, distance: float) -> float:
    """A visible x at a distance, metres."""
    half = camera.size[1] / 2 / camera.focal * distance
    return float(rng.uniform(-0.9, 0.9) * half)


def _random_poses(
    rng: np.random.Generator,
    camera: Camera,
    distance: float,
    count: int,
    *,
    together: float,
    tumbling: float,
) -> list[PosedFigure]:
    # Now and then all wear the same, like a team.
    outfit = int(rng.integers(1 << 32)) if rng.random() < 0.1 else None
    places: list[Array] = []
    poses = []
    for number in range(count):
        places.append(_place(rng, camera, distance, places, together=together))
        clothes = None if outfit is None else np.random.default_rng(outfit)
        figure = random_figure(rng, outfit=clothes)
        facing = rng.normal(0, 1.1) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi)
        pose = random_pose(rng, figure, tumbling=tumbling)
        joints = pose @ rotation(1, facing).T + places[-1]
        poses.append(PosedFigure(track_id=number + 1, figure=figure, joints=joints))
    return poses


def _place(
    rng: np.random.Generator,
    camera: Camera,
    distance: float,
    places: Sequence[Array],
    *,
    together: float,
) -> Array:
    if not places:
        z = distance
    elif rng.random() < together:
        other = places[int(rng.integers(len(places)))]
        step = rng.choice([-1.0, 1.0]) * rng.uniform(0.25, 0.7)
        return np.asarray(other + np.array([step, 0.0, rng.normal(0, 0.35)]))
    else:
        z = distance * rng.uniform(0.9, 2.8)
    return np.array([_across(rng, camera, z), 0.0, -z])


def _frame(moment: Moment, image: ByteArray) -> SyntheticFrame:
    return SyntheticFrame(
        index=0, time=0.0, image=image, people=moment.people, owner=moment.canvas.owner
    )


def _photographed(image: ByteArray, config: PictureConfig, rng: np.random.Generator) -> ByteArray:
    """Degrade a picture as lens, sensor and camera settings do: blur, colours, gamma, noise."""
    sigma = float(rng.uniform(0, config.blur))
    if sigma > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))
    gains = rng.uniform(0.75, 1.15) * rng.normal(1, 0.05, 3)
    levels = np.arange(256)[:, None] * gains
    table = 255 * np.clip(levels / 255, 0, 1) ** rng.uniform(0.8, 1.25)
    image = np.asarray(cv2.LUT(image, table.astype(np.uint8)[:, None]))
    grain = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(
        rng.uniform(0, config.noise)
    )
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U))


def _harmonised(canvas: Canvas, photograph: ByteArray, rng: np.random.Generator) -> ByteArray:
    """Match the drawn people to the photograph, and put them on it."""
    people = canvas.image
    where = np.flatnonzero(canvas.owner)
    if not len(where):
        return people
    drawn = people.reshape(-1, 3)[where].astype(np.float32)
    around = photograph[::4, ::4].reshape(-1, 3).mean(axis=0)
    bright = float(np.clip((around.mean() + 20) / 128, 0.4, 1.5)) ** 0.6
    tint = np.clip((around + 20) / (around.mean() + 20), 0.7, 1.4) ** 0.5
    grey = drawn.mean(axis=1, keepdims=True)
    vivid = min(_colourfulness(photograph[::4, ::4]) / max(_colourfulness(drawn), 1), 1.0)
    drawn = grey + (drawn - grey) * vivid
    people.reshape(-1, 3)[where] = np.clip(drawn * (bright * tint), 0, 255)
    sigma = _softness(photograph)
    result = people if sigma < 0.3 else np.asarray(cv2.GaussianBlur(people, (0, 0), sigma))
    result = np.asarray(
        cv2.add(result, rng.normal(0, 3, people.shape).astype(np.int16), dtype=cv2.CV_8U)
    )
    # One pixel around the people is taken too, where their edges were blurred.
    reach = cv2.dilate((canvas.owner > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.copyTo(result, reach, photograph.copy()))


def _colourfulness(pixels: npt.NDArray[Any]) -> float:
    """How far RGB (..., 3) pixels are from grey, levels: near 0 in a black-and-white photograph."""
    return float(np.percentile(np.ptp(pixels.astype(np.int16), axis=-1), 90))


def _softness(photograph: ByteArray) -> float:
    """Standard deviation of a blur that makes drawn edges as soft as the photograph's, pixels."""
    grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
    detail = float(cv2.Laplacian(grey, cv2.CV_32F).std())
    return float(np.interp(detail, [5, 30], [1.3, 0.4]))
