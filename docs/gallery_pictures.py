"""Draws the pictures of the gallery from a drawn clip and its truth."""

from pathlib import Path

import cv2
import numpy as np

import posetube
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.pipelines.measuring.measure_plots import draw_measures
from posetube.pipelines.rendering.painter import Painter
from posetube.pipelines.settings import OverlayConfig
from posetube.structures import FramePoses, IntArray, VideoTracks

SCENE = SceneConfig(people=3, seconds=4, size=(360, 480))
SEED = 11

SECOND = 25
"""Frames; so many later there are trails."""

PICTURES: dict[str, OverlayConfig] = {
    "overlay": OverlayConfig(),
    "beside": OverlayConfig(beside=True),
    "joints": OverlayConfig(boxes=False, ids=False, trail=0),
    "heat-map": OverlayConfig(heat_map=True, boxes=False, trail=0),
    "blurred": OverlayConfig(blur_faces=True),
    "only": OverlayConfig(),
}


def draw_gallery(folder: Path) -> None:
    """Draw every picture into a folder."""
    folder.mkdir(exist_ok=True)
    clip = generate(SCENE, seed=SEED)
    truth = clip.tracks()
    people = _sure(truth)
    fullest = max(people, key=len).frame  # the first frame in which most people are
    frames = [*zip(clip.frames(), people, strict=True)][: fullest + SECOND]
    for name, config in PICTURES.items():
        painter = Painter(truth.skeleton, size=SCENE.size, config=config)
        only: IntArray | None = np.array([1]) if name == "only" else None
        for frame, poses in frames:
            drawn = painter.draw(frame.image, poses, only=only)
        cv2.imwrite(str(folder / f"{name}.png"), drawn[..., ::-1])
    draw_measures(posetube.measure(truth), folder, size=SCENE.size)


def _sure(truth: VideoTracks) -> list[FramePoses]:
    """Truth as tracks whose joints are all sure."""
    found = list(truth.poses())
    for poses in found:
        poses.people.keypoint_scores[:] = 1
    return found
