"""Varies what a labelled clip looks like: colours, sharpness, things that hide people.

The change is the same, or moves evenly, in all frames of a clip. Joints become hidden and masks
smaller behind such things; positions do not change. Not here: flips, scales, time
(:mod:`posetube.datasets.training.augment_places`).
"""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.structures import BoolArray, ByteArray, JointState

from .augment_config import AugmentConfig
from .labelled_clip import LabelledClip

Coordinates = npt.NDArray[np.floating]

_GREY = np.array([0.299, 0.587, 0.114], np.float32)


def recolour(
    clip: LabelledClip, *, config: AugmentConfig, rng: np.random.Generator
) -> LabelledClip:
    """Change brightness, contrast, saturation and the gain of each channel, alike in all frames."""
    level, contrast, saturation = rng.uniform(-1, 1, 3)
    gains = 1 + config.channel_gain * rng.uniform(-1, 1, 3)
    keep = 0.0 if rng.random() < config.grey_share else 1 + config.saturation * saturation
    slope = 1 + config.contrast * contrast
    # All of it is linear in a pixel's channels: one matrix and one offset do it together.
    mix = (keep * np.eye(3) + (1 - keep) * _GREY) * slope * gains[:, None]
    offset = 128 * (1 - slope) * gains + 255 * config.brightness * level
    recipe = np.column_stack([mix, offset])
    images = [np.asarray(cv2.transform(image, recipe), np.uint8) for image in clip.images]
    return replace(clip, images=np.stack(images))


def blur(clip: LabelledClip, *, sigma: float) -> LabelledClip:
    """Make all frames less sharp; ``sigma`` in pixels.

    Raises:
        InputError: If ``sigma`` is not above 0.
    """
    if not sigma > 0:
        raise InputError(f"blur: sigma must be above 0 pixels, got {sigma}")
    images = [np.asarray(cv2.GaussianBlur(image, (0, 0), sigma)) for image in clip.images]
    return replace(clip, images=np.stack(images))


def occlude(clip: LabelledClip, *, rng: np.random.Generator) -> LabelledClip:
    """Move a textured rectangle or ellipse evenly through the picture.

    Joints behind it become occluded, pixels behind it leave the masks; boxes stay, since the
    person is still there.
    """
    height, width = clip.size
    half = rng.uniform(0.05, 0.2, 2) * min(height, width)
    start, end = rng.uniform(0, 1, (2, 2)) * [width, height]
    round_shape = bool(rng.random() < 0.5)
    paint = _paint(rng, height, width)
    images = clip.images.copy()
    states = clip.joint_states.copy()
    masks = None if clip.masks is None else clip.masks.copy()
    places = start + np.linspace(0, 1, len(clip))[:, None] * (end - start)
    x, y = np.arange(width) + 0.5, (np.arange(height) + 0.5)[:, None]
    for frame, (middle_x, middle_y) in enumerate(places):
        hidden = _covers((x - middle_x) / half[0], (y - middle_y) / half[1], round_shape)
        images[frame][hidden] = paint[hidden]
        if masks is not None:
            masks[:, frame] &= ~hidden
        offset = (clip.keypoints[:, frame] - [middle_x, middle_y]) / half
        behind = _covers(offset[..., 0], offset[..., 1], round_shape)
        seen = states[:, frame] == JointState.VISIBLE
        states[:, frame][behind & seen] = JointState.OCCLUDED
    return replace(clip, images=images, joint_states=states, masks=masks)


def _covers(x: Coordinates, y: Coordinates, round_shape: bool) -> BoolArray:
    """Whether points, in half-sizes from the middle, lie inside; NaN does not."""
    if round_shape:
        return np.asarray(np.hypot(x, y) < 1)
    return np.asarray(np.maximum(np.abs(x), np.abs(y)) < 1)


def _paint(rng: np.random.Generator, height: int, width: int) -> ByteArray:
    """(H, W, 3) blobs of two colours."""
    blobs = rng.random((max(height // 16, 2), max(width // 16, 2)), dtype=np.float32)
    share = np.asarray(cv2.resize(blobs, (width, height), interpolation=cv2.INTER_LINEAR))
    first, second = rng.uniform(0, 255, (2, 3))
    return np.asarray(first + share[..., None] * (second - first), np.uint8)
