"""Videos of invented people with exact truth: ``generate(SceneConfig(), seed=0)``.

A clip is one or more shots; each has its scene, a camera and actors whose poses are settled when
the clip is made. Pictures are drawn only when they are asked for. Not here: single pictures for
training (:mod:`.picture`), motion of pixels (:mod:`.flow`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.skeletons import COCO17, apply, convert, skeleton
from posetube.structures import FrameTable, VideoTracks

from .actor import Actor, Role, Stage, random_path
from .body import random_figure
from .camera import Camera, CameraKind, camera_path
from .mocap import Capture, read_captures
from .render import Moment, Pose, SyntheticFrame, render
from .scene import Scene, random_scene, random_things

Array = npt.NDArray[np.float64]

FIELD_OF_VIEW = 0.9
"""Horizontal angle of the camera, radians."""


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """What a clip shows."""

    people: int = 4
    """Number of people per shot, 1 to 10."""

    seconds: float = 4.0
    """Length of the clip."""

    rate: float = 25.0
    """Frames per second."""

    size: tuple[int, int] = (360, 640)
    """(H, W), pixels."""

    camera: CameraKind = "static"
    """How the camera moves."""

    roles: tuple[Role, ...] = ("cross", "cross", "stay", "enter", "leave", "roam")
    """What people do; each takes the next of these, from the start again when they run out."""

    person_height: tuple[float, float] = (0.4, 0.8)
    """Height of the farthest and of the nearest person as a share of the picture's."""

    occluders: int = 1
    """Number of pillars, bushes and boards among the people."""

    same_clothes: bool = False
    """Whether all wear the same."""

    motion_blur: float = 0.0
    """Time the shutter is open as a share of a frame, in [0, 1]."""

    noise: float = 3.0
    """Standard deviation of the sensor's noise, levels."""

    light_change: float = 0.0
    """How much the brightness wanders, as a share of it, in [0, 1)."""

    dropped: float = 0.0
    """Share of the frames that are left out (their time passes), in [0, 1)."""

    duplicated: float = 0.0
    """Share of the frames that show the one before once more, in [0, 1)."""

    shots: int = 1
    """Number of scenes, cut one after the other; nobody is in two of them."""

    mocap: Path | None = None
    """Folder with captured motion (``.npz``) that some people follow."""

    def __post_init__(self) -> None:
        _check_range(self, "people", 1, 10)
        _check_range(self, "shots", 1, 100)
        _check_range(self, "occluders", 0, 20)
        _check_range(self, "seconds", 0.04, 3600)
        _check_range(self, "rate", 1, 240)
        _check_range(self, "motion_blur", 0, 1)
        _check_range(self, "noise", 0, 64)
        for name in ("light_change", "dropped", "duplicated"):
            _check_range(self, name, 0, 0.9)
        if min(self.size) < 32 or max(self.size) > 4096:
            raise InputError(f"SceneConfig.size must be (H, W) from 32 to 4096, got {self.size}")
        low, high = self.person_height
        if not 0.02 <= low <= high <= 3:
            raise InputError(
                f"SceneConfig.person_height must rise within [0.02, 3], got {self.person_height}"
            )
        if not self.roles:
            raise InputError("SceneConfig.roles must name at least one role, got none")


def _check_range(config: object, name: str, low: float, high: float) -> None:
    value = getattr(config, name)
    if not low <= value <= high:
        kind = type(config).__name__
        raise InputError(f"{kind}.{name} must be in [{low}, {high}], got {value}")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A stretch of frames with one scene."""

    first: int
    """Moment at which it begins, counted over the clip's undisturbed frames."""

    scene: Scene
    """Where."""

    cameras: tuple[Camera, ...]
    """One per moment."""

    actors: tuple[Actor, ...]
    """Who."""

    def moment(self, step: int) -> Moment:
        """Draw the shot's moment ``step``, from 0."""
        poses = [
            Pose(track_id=actor.track_id, figure=actor.figure, joints=actor.joints[step])
            for actor in self.actors
        ]
        return render(self.scene, self.cameras[step], poses)


@dataclass(frozen=True, kw_only=True)
class SyntheticClip:
    """A clip that is drawn frame by frame when it is read."""

    config: SceneConfig
    """What was asked for."""

    seed: int
    """What chance started from."""

    shots: tuple[Shot, ...]
    """In order of time."""

    shown: npt.NDArray[np.int64]
    """(F,) the moment that each frame shows; frames may be left out or repeated."""

    times: Array
    """(F,) presentation times, seconds, rising."""

    gains: Array
    """(F,) brightness of each frame."""

    def __len__(self) -> int:
        return len(self.shown)

    def frames(self) -> Iterator[SyntheticFrame]:
        """Draw the frames, in order."""
        noise = _noise_plate(self.config, self.seed)
        last: SyntheticFrame | None = None
        for index, shown in enumerate(self.shown):
            if last is not None and shown == self.shown[index - 1]:
                last = replace(last, index=index, time=float(self.times[index]))
            else:
                last = self._frame(index, noise)
            yield last

    def moment(self, index: int) -> Moment:
        """The buffers behind frame ``index``, without noise, blur and change of light."""
        shot = self._shot(int(self.shown[index]))
        return shot.moment(int(self.shown[index]) - shot.first)

    def camera(self, index: int) -> Camera:
        """The camera of frame ``index``."""
        shot = self._shot(int(self.shown[index]))
        return shot.cameras[int(self.shown[index]) - shot.first]

    def tracks(self, *, skeleton: str = "coco17", min_visibility: float = 0.1) -> VideoTracks:
        """The truth as annotations; draws every frame once.

        Args:
            skeleton: Joint set to convert to, by name.
            min_visibility: People of whom less than this share is seen are left out.
        """
        return collect_tracks(self.frames(), self, skeleton=skeleton, min_visibility=min_visibility)

    def _shot(self, moment: int) -> Shot:
        return next(shot for shot in reversed(self.shots) if shot.first <= moment)

    def _frame(self, index: int, noise: npt.NDArray[np.int16]) -> SyntheticFrame:
        moment = self.moment(index)
        image = moment.canvas.image
        rng = np.random.default_rng((self.seed, index))
        image = _exposed(image, float(self.gains[index]), noise, rng)
        return SyntheticFrame(
            index=index,
            time=float(self.times[index]),
            image=image,
            people=moment.people,
            owner=moment.canvas.owner,
        )


def _noise_plate(config: SceneConfig, seed: int) -> npt.NDArray[np.int16]:
    """Noise for more than a frame, of which every frame takes another cut."""
    height, width = config.size
    rng = np.random.default_rng((seed, 1 << 32))
    plate = rng.standard_normal((height + 48, width + 48, 3), dtype=np.float32)
    return np.asarray((plate * config.noise).round(), np.int16)


def _exposed(
    image: npt.NDArray[np.uint8],
    gain: float,
    noise: npt.NDArray[np.int16],
    rng: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    y, x = rng.integers(0, 48, 2)
    grain = noise[y : y + image.shape[0], x : x + image.shape[1]]
    if gain != 1:
        image = cv2.convertScaleAbs(image, alpha=gain)
    return np.asarray(cv2.add(image, grain, dtype=cv2.CV_8U))


def collect_tracks(
    frames: Iterator[SyntheticFrame],
    clip: SyntheticClip,
    *,
    skeleton: str = "coco17",
    min_visibility: float = 0.1,
) -> VideoTracks:
    """Gather the truth of frames while somebody else uses their pictures.

    Args:
        frames: All frames of the clip, in order.
        clip: The clip.
        skeleton: Joint set to convert to, by name.
        min_visibility: People of whom less than this share is seen are left out.
    """
    found = [(f.index, f.people) for f in frames]
    kept = [(index, people, people.visibility >= min_visibility) for index, people in found]

    def gather(name: str) -> npt.NDArray[np.generic]:
        return np.concatenate([getattr(people, name)[rows] for _, people, rows in kept])

    counts = [int(rows.sum()) for _, _, rows in kept]
    points, states = gather("keypoints").astype(np.float64), gather("joint_states")
    target, plan = _skeleton(skeleton)
    known = (states > 0).astype(np.float64)
    points, scores = apply(plan, points, known)
    _, worst = apply(plan, np.zeros((*states.shape, 2)), states.astype(np.float64))
    return VideoTracks(
        source=f"synthetic_{clip.seed}",
        size=clip.config.size,
        skeleton=target,
        frames=FrameTable(times=clip.times),
        frame=np.repeat([index for index, _, _ in kept], counts).astype(np.int64),
        track_ids=gather("track_ids").astype(np.int64),
        boxes=gather("boxes").astype(np.float32),
        scores=np.ones(sum(counts), np.float32),
        keypoints=np.asarray(points, np.float64),
        keypoint_scores=np.asarray(np.where(np.isnan(points[..., 0]), 0, scores)),
        joint_states=worst.astype(np.uint8),
        head_boxes=gather("head_boxes").astype(np.float64),
    )


def _skeleton(name: str):  # type: ignore[no-untyped-def]
    target = skeleton(name)
    return target, convert(COCO17, target)


def generate(config: SceneConfig, *, seed: int) -> SyntheticClip:
    """Settle everything that happens in a clip; the same seed gives the same clip, bit by bit.

    Args:
        config: What it shows.
        seed: 0 or more.

    Raises:
        InputError: If ``config.mocap`` has no captured motion.
    """
    if seed < 0:
        raise InputError(f"generate: seed must be 0 or more, got {seed}")
    rng = np.random.default_rng(seed)
    moments = max(round(config.seconds * config.rate), 1)
    captures = read_captures(config.mocap) if config.mocap else ()
    borders = np.linspace(0, moments, config.shots + 1).round().astype(int)
    shots = tuple(
        _shot(config, rng, int(first), int(last), 1 + number * config.people, captures)
        for number, (first, last) in enumerate(zip(borders, borders[1:], strict=False))
        if last > first
    )
    shown = _disturbed(config, rng, moments)
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


def _disturbed(
    config: SceneConfig, rng: np.random.Generator, moments: int
) -> npt.NDArray[np.int64]:
    """(moments,) what each frame shows: itself, the one before, or -1: left out."""
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
    stage, tilt = _stage(config)
    cameras = camera_path(
        config.camera, times, size=config.size, rng=rng,
        field_of_view=FIELD_OF_VIEW, height=float(rng.uniform(1.35, 1.75)), tilt=tilt,
    )  # fmt: skip
    outfit = int(rng.integers(1 << 32)) if config.same_clothes else None
    distances = rng.permutation(np.linspace(stage.near, stage.far, config.people))
    actors = []
    for number in range(config.people):
        clothes = None if outfit is None else np.random.default_rng(outfit)
        figure = random_figure(rng, outfit=clothes)
        joints = random_path(
            rng, figure, times, stage=stage, role=config.roles[number % len(config.roles)],
            distance=float(distances[number]), captures=tuple(captures),
        )  # fmt: skip
        actors.append(Actor(track_id=first_id + number, figure=figure, joints=joints))
    back = stage.far + float(rng.uniform(1.0, 5.0))
    spots = [_spot(rng, stage) for _ in range(config.occluders)]
    things = random_things(rng, spots)
    scene = random_scene(
        rng, distance=back, pixels_per_metre=cameras[0].focal / back, things=things
    )
    return Shot(first=first, scene=scene, cameras=tuple(cameras), actors=tuple(actors))


def _spot(rng: np.random.Generator, stage: Stage) -> tuple[float, float]:
    distance = rng.uniform(0.85 * stage.near, stage.far)
    return float(rng.uniform(-0.8, 0.8) * stage.half(distance)), -float(distance)


def _stage(config: SceneConfig) -> tuple[Stage, float]:
    """Distances at which people have the wanted heights, and the camera's tilt, radians."""
    slope = float(np.tan(FIELD_OF_VIEW / 2))
    focal = config.size[1] / 2 / slope
    small, large = config.person_height
    near, far = (1.72 * focal / (share * config.size[0]) for share in (large, small))
    # The horizon, about eye height, so high that the nearest people's feet are in the picture.
    horizon = min(max(0.95 - large, 0.16), 0.45)
    return Stage(near=near, far=far, slope=slope), float(
        np.arctan((0.5 - horizon) * config.size[0] / focal)
    )
