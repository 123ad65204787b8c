"""The clip of ``posetube demo``: five seconds in which people cross, leave and hide."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from posetube.structures import DoubleArray, VideoTracks

from ..formats import posetrack18_writer
from ..video.writer import VideoWriter
from .actor import Actor, animate_on_spot, animate_walk
from .camera import Camera, camera_rotation
from .clip import Shot, SyntheticClip
from .clip_generator import FIELD_OF_VIEW
from .ground_truth import collect_tracks
from .motion_library import MOTIONS
from .props import pillar
from .random_figure import random_figure
from .scene import random_scene
from .scene_config import SceneConfig

SEED = 14
RATE, SECONDS, SIZE = 25.0, 5.0, (360, 640)

_WALKS = (
    # from, to (x, z on the ground, metres), time half-way (seconds), speed relative to the usual
    ((-1.0, -6.2), (1.0, -6.2), 2.2, 0.55),
    ((1.0, -5.0), (-1.0, -5.0), 4.0, 0.64),
    ((-1.5, -6.9), (-3.5, -6.9), 0.0, 0.7),
)
_STANDING = (((1.75, -4.2), -0.3, "talk"),)
_PILLAR = (-0.55, -4.6)


def demo_clip() -> SyntheticClip:
    """Two people cross, one leaves, one stands; a pillar hides those who pass. Always the same."""
    rng = np.random.default_rng(SEED)
    times = np.arange(round(SECONDS * RATE)) / RATE
    camera = Camera(
        focal=SIZE[1] / 2 / np.tan(FIELD_OF_VIEW / 2),
        position=np.array([0.0, 1.6, 0.0]),
        rotation=camera_rotation(tilt=0.1),
        size=SIZE,
    )
    actors = _demo_actors(rng, times)
    scene = random_scene(
        rng, distance=9.0, fineness=48.0, props=[pillar(rng, *_PILLAR, radius=0.11)]
    )
    return SyntheticClip(
        config=SceneConfig(people=len(actors), seconds=SECONDS, rate=RATE, size=SIZE),
        seed=SEED,
        shots=(Shot(first=0, scene=scene, cameras=(camera,) * len(times), actors=tuple(actors)),),
        shown=np.arange(len(times)),
        times=times,
        gains=np.ones(len(times)),
    )


def _demo_actors(rng: np.random.Generator, times: DoubleArray) -> list[Actor]:
    actors: list[Actor] = []
    for start, end, middle, pace in _WALKS:
        figure = random_figure(rng)
        walk = replace(MOTIONS["walk"], frequency=MOTIONS["walk"].frequency * pace)
        joints = animate_walk(
            figure,
            walk,
            times,
            start=np.array(start),
            end=np.array(end),
            middle=middle,
            phase=float(rng.uniform(0, 6)),
        )
        actors.append(Actor(track_id=len(actors) + 1, figure=figure, joints=joints))
    for place, facing, name in _STANDING:
        figure = random_figure(rng)
        joints = animate_on_spot(
            figure, MOTIONS[name], times, place=np.array(place), facing=facing, phase=0.5
        )
        actors.append(Actor(track_id=len(actors) + 1, figure=figure, joints=joints))
    return actors


def write_demo(folder: Path) -> tuple[Path, VideoTracks]:
    """Write ``demo.mp4`` and its ground truth, ``demo.json`` (PoseTrack18), to a folder.

    Args:
        folder: Created if it does not exist.

    Returns:
        The video's path, and the ground truth in the joints of ``coco19``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.mp4"
    clip = demo_clip()
    with VideoWriter(path, size=SIZE, rate=RATE) as writer:
        truth = collect_tracks(
            clip.frames(),
            source="demo",
            size=SIZE,
            times=clip.times,
            each=lambda frame: writer.write(frame.image, frame.time),
        )
    posetrack18_writer.write_tracks(path.with_suffix(".json"), truth)
    return path, truth
