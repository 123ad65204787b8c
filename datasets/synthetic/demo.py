"""The clip of ``posetube demo``: five seconds of people who cross, leave and hide, with its truth."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from posetube.structures import VideoTracks

from ..video_writer import VideoWriter
from .actor import Actor, staying, walking
from .body import random_figure
from .camera import camera_path
from .clip import FIELD_OF_VIEW, SceneConfig, Shot, SyntheticClip, collect_tracks
from .motion import MOTIONS
from .render import SyntheticFrame
from .scene import pillar, random_scene

SEED = 12
RATE, SECONDS, SIZE = 25.0, 5.0, (360, 640)

_WALKS = (
    # start and end on the ground (x, z), time half-way between them, gait
    ((-1.0, -6.0), (1.0, -6.0), 2.3, "walk"),
    ((1.0, -5.2), (-1.0, -5.4), 2.6, "walk"),
    ((0.4, -7.2), (2.4, -6.8), 0.9, "walk"),
)


def demo_scene() -> SyntheticClip:
    """The same clip every time: two people cross, one walks out, one stands, one passes a pillar."""
    rng = np.random.default_rng(SEED)
    times = np.arange(round(SECONDS * RATE)) / RATE
    cameras = camera_path(
        "static", times, size=SIZE, rng=rng, field_of_view=FIELD_OF_VIEW, height=1.6, tilt=0.1
    )
    actors = []
    for start, end, middle, name in _WALKS:
        figure = random_figure(rng)
        joints = walking(
            figure, MOTIONS[name], times, start=np.array(start), end=np.array(end),
            middle=middle, phase=float(rng.uniform(0, 6)),
        )  # fmt: skip
        actors.append(Actor(track_id=len(actors) + 1, figure=figure, joints=joints))
    for place, facing, name in (((-1.5, -6.8), 0.3, "talk"), ((2.3, -6.4), -0.4, "wave")):
        figure = random_figure(rng)
        joints = staying(
            figure, MOTIONS[name], times, place=np.array(place), facing=facing, phase=0.5
        )
        actors.append(Actor(track_id=len(actors) + 1, figure=figure, joints=joints))
    column = pillar(rng, 0.9, -4.8)
    scene = random_scene(rng, distance=9.0, pixels_per_metre=48.0, things=[column])
    shot = Shot(first=0, scene=scene, cameras=tuple(cameras), actors=tuple(actors))
    config = SceneConfig(people=len(actors), seconds=SECONDS, rate=RATE, size=SIZE)
    return SyntheticClip(
        config=config, seed=SEED, shots=(shot,), shown=np.arange(len(times)), times=times,
        gains=np.ones(len(times)),
    )  # fmt: skip


def write_demo(folder: Path) -> tuple[Path, VideoTracks]:
    """Encode the clip as ``demo.mp4`` in a folder, which is made if need be.

    Returns:
        The video's path, and the truth in COCO's joints.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.mp4"
    clip = demo_scene()
    with VideoWriter(path, size=SIZE, rate=RATE) as writer:

        def written() -> Iterator[SyntheticFrame]:
            for frame in clip.frames():
                writer.write(frame.image, frame.time)
                yield frame

        truth = collect_tracks(written(), clip)
    return path, truth
