"""How a picture becomes a network's input, where it lies in it, and its bytes at the right size.

Weights expect the resizing that they were trained with, so those of three programs are kept. Not
here: the tensor (:mod:`.network_input`). Importing this file does not import torch.

Source: torchvision, Detectron and Detectron2; see the presets.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeVar

import cv2
import numpy as np

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.structures import ByteArray, FloatArray

from .arrays import Array
from .config_bounds import LARGEST, LONGEST
from .slots import constants

Input = TypeVar("Input")

BYTES = ("bytes", "area")
"""The ways of resizing before normalisation."""


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """How a displayed frame becomes the network's input."""

    short_side: int | None
    """Length to which the shorter side is brought, pixels; None: only the longer side counts ..."""

    long_side: int
    """... unless the longer side would then exceed this, pixels."""

    max_enlargement: float | None = None
    """Pictures are enlarged by no more than this factor; None: as much as the sides ask for."""

    mean: tuple[float, float, float]
    """What is subtracted from each channel, in the order of ``channels``, 0 to 255."""

    std: tuple[float, float, float]
    """What each channel is divided by afterwards."""

    channels: Literal["rgb", "bgr"] = "rgb"
    """The order in which the network expects the channels."""

    resize: Literal["bytes", "area", "floats", "torch"] = "bytes"
    """``bytes``: OpenCV, before normalisation. ``area``: the same, with the mean of the pixels that
    fall together where it shrinks (RTMDet). ``floats``: OpenCV, after the mean is subtracted
    (Detectron). ``torch``: after normalisation, sizes rounded down (torchvision)."""

    pad_multiple: int = 32
    """Height and width are padded to multiples of this, at the bottom and on the right, pixels."""

    pad_pixel: float | None = None
    """Grey that is padded with before normalisation, a whole number in [0, 255], where bytes are
    resized; None: zeros after it."""

    def __post_init__(self) -> None:
        check_numbers(self, "short_side", "long_side", low=1, high=LONGEST)
        check_numbers(self, "pad_multiple", low=1, high=1024)
        check_numbers(self, "max_enlargement", low=1e-3, high=1e3)
        check_numbers(self, "pad_pixel", low=0, high=255)
        check_numbers(self, "mean", low=-LARGEST, high=LARGEST)
        check_numbers(self, "std", low=1 / LARGEST, high=LARGEST)
        grey = self.pad_pixel
        if grey is not None and (self.resize not in BYTES or grey not in range(256)):
            raise InputError(
                "PreprocessConfig.pad_pixel must be a whole number in [0, 255], and go with resize "
                f"{' or '.join(BYTES)}, got {grey} with {self.resize}"
            )


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where a displayed frame lies in the network's input."""

    picture: tuple[int, int]
    """(H, W) of the displayed frame, pixels."""

    resized: tuple[int, int]
    """(h, w) of the frame within the network's input, pixels."""

    padded: tuple[int, int]
    """(h, w) of the network's input, pixels."""

    scale: tuple[float, float]
    """Pixels of the network's input per pixel of the displayed frame, down and across."""

    def to_picture(self, boxes: Array) -> Array:
        """(..., 4) boxes or (..., 2) points of the network's input to the displayed frame."""
        return boxes / self._factors(boxes)

    def to_network(self, boxes: Array) -> Array:
        """(..., 4) boxes or (..., 2) points of the displayed frame to the network's input."""
        return boxes * self._factors(boxes)

    def _factors(self, boxes: Array) -> Array:
        return constants((self.scale[1], self.scale[0]) * (boxes.shape[-1] // 2), boxes)


def geometry_of(picture: tuple[int, int], config: PreprocessConfig) -> Geometry:
    """Where a frame of (H, W) pixels lies in the network's input."""
    height, width = picture
    scale = config.short_side / min(picture) if config.short_side is not None else math.inf
    if config.resize == "floats":
        # Detectron compares the rounded longer side, so that half a pixel too much is kept
        if round(scale * max(picture)) > config.long_side:
            scale = config.long_side / max(picture)
    else:
        scale = min(scale, config.long_side / max(picture))
    # In small, blurred pictures people are lost where they are enlarged much.
    if config.max_enlargement is not None:
        scale = min(scale, config.max_enlargement)
    whole = int if config.resize == "torch" else round
    resized = (max(1, whole(height * scale)), max(1, whole(width * scale)))
    # Resizing to whole pixels changes the two sides by slightly different factors; boxes follow
    # them. Detectron's boxes follow the one factor it asked for.
    exact = (resized[0] / height, resized[1] / width)
    down, across = (-(-side // config.pad_multiple) * config.pad_multiple for side in resized)
    return Geometry(
        picture=picture,
        resized=resized,
        padded=(down, across),
        scale=(scale, scale) if config.resize == "floats" else exact,
    )


@lru_cache(maxsize=16)
def geometries_of(
    picture: tuple[int, int], config: PreprocessConfig, further: tuple[int, ...] = ()
) -> tuple[Geometry, ...]:
    """Where a frame of (H, W) pixels lies in the network's input, and in further ones.

    Args:
        picture: (H, W).
        config: Of the first input.
        further: Longer side of each further one, pixels, however much that enlarges the frame.
    """
    sides = (
        replace(config, short_side=None, long_side=side, max_enlargement=None) for side in further
    )
    return tuple(geometry_of(picture, one) for one in (config, *sides))


def check_images(images: ByteArray) -> None:
    """Refuse what are no pictures.

    Raises:
        InputError: If the images are not (B, H, W, 3) bytes, at least one pixel large.
    """
    if images.ndim != 4 or images.shape[3] != 3 or min(images.shape[1:3]) < 1:
        raise InputError(f"images: expected (B, H, W, 3) with H, W above 0, got {images.shape}")
    if images.dtype != np.uint8:
        raise InputError(f"images: expected RGB bytes (uint8), got {images.dtype}")


def fitted_bytes(image: ByteArray, geometry: Geometry, config: PreprocessConfig) -> ByteArray:
    """An (H, W, 3) picture as it lies in the network's input, padded where that is with grey."""
    return next(fitted_copies(image, [geometry], config))


def fitted_copies(
    image: ByteArray, geometries: Sequence[Geometry], config: PreprocessConfig
) -> Iterator[ByteArray]:
    """:func:`fitted_bytes` for inputs of several sizes, each made when it is asked for."""
    return _copies(image, geometries, config, _padded)


def normalised_copies(
    image: ByteArray, geometries: Sequence[Geometry], config: PreprocessConfig
) -> Iterator[FloatArray]:
    """The network's inputs of several sizes, (1, 3, h, w), each made when it is asked for.

    :func:`.network_input.prepare_scales` without torch: the same up to rounding.

    Args:
        image: (H, W, 3) RGB.
        geometries: Of each input.
        config: Its channels are RGB, and it pads with grey.
    """
    return _copies(image, geometries, config, _normalised)


def _copies(
    image: ByteArray,
    geometries: Sequence[Geometry],
    config: PreprocessConfig,
    place: Callable[[ByteArray, Geometry, PreprocessConfig], Input],
) -> Iterator[Input]:
    """A picture resized to several sizes, each copy placed in its input.

    A large picture is shrunk once: the mean of equally large means is the mean, so a copy of which
    the first is a whole multiple is made from that. Other copies would lose sharpness so.
    """
    first: ByteArray | None = None
    for geometry in geometries:
        height, width = geometry.resized
        source = image
        if first is not None and not (first.shape[0] % height or first.shape[1] % width):
            source = first
        shrinks = height < source.shape[0]
        average = config.resize == "area" and shrinks
        # Linear shrinking leaves pixels out, which changes what the detector was trained on a lot.
        way = cv2.INTER_AREA if average else cv2.INTER_LINEAR
        resized = source
        if source.shape[:2] != (height, width):
            resized = np.asarray(cv2.resize(source, (width, height), interpolation=way))
        yield place(resized, geometry, config)
        if first is None and average:
            first = resized


def _padded(resized: ByteArray, geometry: Geometry, config: PreprocessConfig) -> ByteArray:
    if config.pad_pixel is None:
        return resized
    height, width = resized.shape[:2]
    padded = np.empty((*geometry.padded, 3), np.uint8)
    padded[:height, :width] = resized
    padded[height:], padded[:, width:] = config.pad_pixel, config.pad_pixel
    return padded


def _normalised(resized: ByteArray, geometry: Geometry, config: PreprocessConfig) -> FloatArray:
    assert config.pad_pixel is not None
    height, width = resized.shape[:2]
    planes = np.empty((1, 3, *geometry.padded), np.float32)
    channels = zip(planes[0], cv2.split(resized), config.mean, config.std, strict=True)
    for plane, channel, mean, std in channels:
        inside = plane[:height, :width]
        # multiplied, moved and converted in one go: several times faster than in steps
        cv2.addWeighted(channel, 1 / std, channel, 0, -mean / std, dst=inside, dtype=cv2.CV_32F)
        plane[height:] = plane[:, width:] = (config.pad_pixel - mean) / std
    return planes
