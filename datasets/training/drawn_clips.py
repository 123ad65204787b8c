"""Draws clips of synthetic people whose joints are known in every frame, each in another way.

Camera, frame rate, light and sharpness differ from clip to clip; things move before the people, and
some clips show them small or blurred. Pictures are those of :mod:`.drawn_pictures`.
"""

from dataclasses import replace
from typing import get_args

import numpy as np

from ..synthetic import SceneConfig, generate, labelled_clip
from ..synthetic.camera import CameraKind
from .augment import augment_clip
from .augment_config import AugmentConfig
from .augment_pixels import occlude
from .labelled_clip import LabelledClip

VARIED = AugmentConfig(
    scale=(0.45, 1.3),
    aim_share=0.3,
    rotate_share=0.2,
    mosaic_share=0.0,
    reverse_share=0.3,
    blur_share=0.4,
    least_visible=0.1,
)
"""How a clip is varied as a whole."""

MOST_OCCLUDERS = 2
"""Things that move before the people."""


def drawn_clip(number: int, *, seconds: float, seed: int) -> LabelledClip:
    """One clip, which depends on ``seed`` and its own number alone; joints of ``coco19``."""
    rng = np.random.default_rng([seed, number])
    scene = _random_scene(rng, seconds=seconds)
    shown = labelled_clip(list(generate(scene, seed=int(rng.integers(2**31))).frames()))
    clip = augment_clip(lambda: replace(shown, masks=None), size=scene.size, config=VARIED, rng=rng)
    for _ in range(rng.integers(MOST_OCCLUDERS + 1)):
        clip = occlude(clip, rng=rng)
    return clip


def _random_scene(rng: np.random.Generator, *, seconds: float) -> SceneConfig:
    return SceneConfig(
        people=int(rng.integers(2, 6)),
        seconds=seconds,
        rate=float(rng.choice([15, 25, 30])),
        camera=rng.choice(get_args(CameraKind)),
        person_height=(float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.6, 1.1))),
        occluders=int(rng.integers(4)),
        motion_blur=float(rng.choice([0.0, 0.3, 0.7])),
        noise=float(rng.uniform(1, 10)),
        light_change=float(rng.choice([0.0, 0.2])),
    )
