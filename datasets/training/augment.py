"""Varies labelled clips at random: one change for all frames, so that motion stays motion.

A picture is a clip of one frame. One affine map per frame takes a clip to the canvas, so that it is
resampled once. Chance comes from the generator that is passed. Not here: the changes themselves
(:mod:`posetube.datasets.training.augment_places`,
:mod:`posetube.datasets.training.augment_pixels`).
"""

from collections.abc import Callable

import numpy as np

from .augment_config import AugmentConfig
from .augment_pixels import blur, occlude, recolour
from .augment_places import (
    Matrix,
    Point,
    cut,
    flip,
    middle,
    mosaic,
    placement,
    quarters,
    reverse,
    warp,
)
from .labelled_clip import LabelledClip


def augment_clip(
    draw: Callable[[], LabelledClip],
    *,
    size: tuple[int, int],
    config: AugmentConfig,
    rng: np.random.Generator,
) -> LabelledClip:
    """Make one canvas to train on; the same generator state gives the same one.

    Args:
        draw: Gives the next clip; called once, or four times for a mosaic.
        size: (H, W) of the canvas, pixels.
        config: How far to go.
        rng: Source of everything random.
    """
    if rng.random() < config.mosaic_share:
        split = (float(rng.uniform(0.35, 0.65)), float(rng.uniform(0.35, 0.65)))
        inner = [(y2 - y1, x2 - x1) for y1, y2, x1, x2 in quarters(size, split)]
        parts = [place_clip(draw(), size=part, config=config, rng=rng) for part in inner]
        clip = mosaic(parts, size=size, split=split)
    else:
        clip = place_clip(draw(), size=size, config=config, rng=rng)
    if rng.random() < config.occlusion_share:
        clip = occlude(clip, rng=rng)
    clip = recolour(clip, config=config, rng=rng)
    if rng.random() < config.blur_share:
        clip = blur(clip, sigma=float(rng.uniform(0.4, 1.5)))
    return clip


def place_clip(
    clip: LabelledClip,
    *,
    size: tuple[int, int],
    config: AugmentConfig,
    rng: np.random.Generator,
) -> LabelledClip:
    """Reverse, flip, turn, scale and move a clip onto a canvas of ``size`` (H, W).

    What leaves the canvas is cut. Where hardly anything of a person is left in a frame, the rest
    becomes a region to ignore; people who are left in no frame are dropped.
    """
    if rng.random() < config.reverse_share:
        clip = reverse(clip)
    if rng.random() < config.flip_share:
        clip = flip(clip)
    moved = warp(clip, _random_maps(clip, size, config, rng), size=size)
    moved = cut(moved, least_visible=config.least_visible, least_side=config.least_side)
    return moved.people(moved.present.any(axis=1))


def _random_maps(
    clip: LabelledClip, size: tuple[int, int], config: AugmentConfig, rng: np.random.Generator
) -> Matrix:
    """(T, 3, 3) one placement, which slides evenly where the config allows it."""
    canvas = np.array([size[1], size[0]])
    fit = min(size[0] / clip.size[0], size[1] / clip.size[1])
    # Uniform in the logarithm: half as large is as likely as twice as large.
    factor = fit * float(np.exp(rng.uniform(*np.log(config.scale))))
    turned = rng.random() < config.rotate_share
    degrees = float(rng.uniform(-1, 1) * config.rotate_degrees) if turned else 0.0
    if clip.present.any() and rng.random() < config.aim_share:
        # People in the middle of the canvas, not at its border, where much of them is cut off.
        source = _centre_of_somebody(clip, rng)
        target = canvas * rng.uniform(0.25, 0.75, 2)
    else:
        source = middle(clip.size)
        slack = np.abs(canvas - factor * np.array([clip.size[1], clip.size[0]])) / 2
        target = middle(size) + rng.uniform(-1, 1, 2) * slack
    matrix = placement(factor=factor, degrees=degrees, source=source, target=target)
    maps = np.repeat(matrix[None], len(clip), axis=0)
    slide = rng.uniform(-1, 1, 2) * config.drift * canvas
    maps[:, :2, 2] += np.linspace(-0.5, 0.5, len(clip))[:, None] * slide
    return maps


def _centre_of_somebody(clip: LabelledClip, rng: np.random.Generator) -> Point:
    """The centre of one person's boxes, averaged over the frames that have one."""
    person = rng.choice(np.flatnonzero(clip.present.any(axis=1)))
    x1, y1, x2, y2 = np.nanmean(clip.boxes[person], axis=0)
    return np.array([x1 + x2, y1 + y2]) / 2
