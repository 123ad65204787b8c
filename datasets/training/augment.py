"""Random variations of labelled clips: one change for all frames, so that motion stays motion.

Chance comes from the generator that is passed. Not here: the changes themselves
(:mod:`posetube.datasets.training.augment_places`,
:mod:`posetube.datasets.training.augment_pixels`), single pictures
(:mod:`posetube.datasets.training.picture_augment`).
"""

from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError

from .augment_pixels import blur, occlude, recolour
from .augment_places import (
    Matrix,
    flip,
    placement,
    reverse,
    stride,
    warp,
)
from .labelled_clip import LabelledClip


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentConfig:
    """How far a clip may be from the original; shares are probabilities in [0, 1]."""

    size: tuple[int, int] = (320, 448)
    """(H, W) of the canvas, pixels."""

    flip_share: float = 0.5
    """How often left and right are exchanged."""

    scale: tuple[float, float] = (0.7, 1.6)
    """Smallest and largest enlargement over what just fits the canvas."""

    rotate_share: float = 0.4
    """How often the clip is turned."""

    rotate_degrees: float = 12.0
    """Largest turn to either side."""

    drift: float = 0.0
    """How far the picture slides during the clip, at most, as a share of the canvas."""

    reverse_share: float = 0.2
    """How often the clip runs backwards."""

    strides: tuple[int, ...] = (1,)
    """Temporal strides to choose from; the clip gets shorter by it."""

    colour: float = 0.25
    """How far brightness, contrast and saturation may be from 1."""

    blur_share: float = 0.12
    """How often the clip is blurred."""

    occlusion_share: float = 0.2
    """How often something moves through the picture and hides what is behind it."""

    def __post_init__(self) -> None:
        for name in ("flip", "rotate", "reverse", "blur", "occlusion"):
            value = getattr(self, f"{name}_share")
            if not 0 <= value <= 1:
                raise InputError(f"AugmentConfig.{name}_share must be in [0, 1], got {value}")
        low, high = self.scale
        if not 0 < low <= high:
            raise InputError(f"AugmentConfig.scale must rise from above 0, got {self.scale}")
        if not self.strides or min(self.strides) < 1:
            raise InputError(f"AugmentConfig.strides must be 1 or more, got {self.strides}")
        if not 0 <= self.colour < 1:
            raise InputError(f"AugmentConfig.colour must be in [0, 1), got {self.colour}")
        if min(self.size) < 1:
            raise InputError(f"AugmentConfig.size must be above 0, got {self.size}")


def augment(clip: LabelledClip, *, config: AugmentConfig, rng: np.random.Generator) -> LabelledClip:
    """A random variation of a clip; the same generator state gives the same one."""
    clip = stride(clip, int(rng.choice(config.strides)))
    if rng.random() < config.reverse_share:
        clip = reverse(clip)
    if rng.random() < config.flip_share:
        clip = flip(clip)
    clip = warp(clip, _random_maps(clip, config, rng), size=config.size)
    if rng.random() < config.occlusion_share:
        clip = occlude(clip, rng=rng)
    if config.colour:
        clip = recolour(clip, strength=config.colour, rng=rng)
    if rng.random() < config.blur_share:
        clip = blur(clip, sigma=float(rng.uniform(0.4, 1.6)))
    return clip


def _random_maps(clip: LabelledClip, config: AugmentConfig, rng: np.random.Generator) -> Matrix:
    """(T, 3, 3) one placement, which slides evenly where the config allows it."""
    fit = min(config.size[0] / clip.size[0], config.size[1] / clip.size[1])
    factor = fit * float(np.exp(rng.uniform(*np.log(config.scale))))
    turned = rng.random() < config.rotate_share
    degrees = float(rng.uniform(-1, 1) * config.rotate_degrees) if turned else 0.0
    slack = np.abs(np.array(config.size) - factor * np.array(clip.size)) / 2
    y, x = rng.uniform(-1, 1, 2) * slack
    matrix = placement(
        clip.size, config.size, factor=factor, degrees=degrees, shift=(float(x), float(y))
    )
    maps = np.repeat(matrix[None], len(clip), axis=0)
    slide = rng.uniform(-1, 1, 2) * config.drift * np.array([config.size[1], config.size[0]])
    maps[:, :2, 2] += np.linspace(-0.5, 0.5, len(clip))[:, None] * slide
    return maps
