"""From pictures to the network's input (resize, normalise, pad), and boxes back to the picture.

Weights expect the resizing that they were trained with, so those of three programs are kept.

Source: torchvision, Detectron and Detectron2; see the presets.
"""

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posetube.errors import InputError
from posetube.structures import ByteArray, FloatArray

from .config_bounds import LARGEST, LONGEST, check_bounds
from .slots import constants


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
    """Grey that is padded with before normalisation, 0 to 255; None: zeros after it."""

    def __post_init__(self) -> None:
        check_bounds(self, "short_side", "long_side", least=1, most=LONGEST)
        check_bounds(self, "pad_multiple", least=1, most=1024)
        check_bounds(self, "max_enlargement", least=1e-3, most=1e3)
        check_bounds(self, "pad_pixel", least=0, most=255)
        check_bounds(self, "mean", least=-LARGEST, most=LARGEST)
        check_bounds(self, "std", least=1 / LARGEST, most=LARGEST)


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

    def to_picture(self, boxes: Tensor) -> Tensor:
        """(..., 4) boxes or (..., 2) points of the network's input to the displayed frame."""
        return boxes / self._factors(boxes)

    def to_network(self, boxes: Tensor) -> Tensor:
        """(..., 4) boxes or (..., 2) points of the displayed frame to the network's input."""
        return boxes * self._factors(boxes)

    def _factors(self, boxes: Tensor) -> Tensor:
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


def prepare(images: ByteArray, config: PreprocessConfig) -> tuple[Tensor, Geometry]:
    """Make the network's input.

    Args:
        images: (B, H, W, 3) RGB uint8, at least one pixel large.
        config: Size, normalisation and padding.

    Returns:
        (B, 3, h, w) float32 in channels-last order, and where the frames lie in it.

    Raises:
        InputError: If the pictures are not of that shape and type.
    """
    if images.ndim != 4 or images.shape[3] != 3 or min(images.shape[1:3]) < 1:
        raise InputError(f"images: expected (B, H, W, 3) with H, W above 0, got {images.shape}")
    if images.dtype != np.uint8:
        raise InputError(f"images: expected RGB bytes (uint8), got {images.dtype}")
    geometry = geometry_of((images.shape[1], images.shape[2]), config)
    ordered = images[..., ::-1] if config.channels == "bgr" else images
    if config.resize in ("bytes", "area"):
        pixels = _normalise(_stack([_resize(image, geometry, config) for image in ordered]), config)
    elif config.resize == "floats":
        factor = geometry.scale[0]
        pixels = _stack([_resize_floats(image, factor, config) for image in ordered])
    else:
        pixels = _resize_torch(_normalise(_stack(list(ordered)), config), geometry)
    return _pad(pixels, geometry, config), geometry


def _pad(pixels: Tensor, geometry: Geometry, config: PreprocessConfig) -> Tensor:
    """Fill up to the network's input at the right and at the bottom; channels last in memory."""
    height, width = geometry.resized
    padded = torch.zeros(
        (*pixels.shape[:2], *geometry.padded), dtype=pixels.dtype, device=pixels.device
    ).contiguous(memory_format=torch.channels_last)
    if config.pad_pixel is not None:
        padded += _normalise(padded.new_full((1, len(config.mean), 1, 1), config.pad_pixel), config)
    padded[:, :, :height, :width] = pixels
    return padded


def _resize(image: ByteArray, geometry: Geometry, config: PreprocessConfig) -> ByteArray:
    height, width = geometry.resized
    shrinks = height < geometry.picture[0]
    average = config.resize == "area" and shrinks
    way = cv2.INTER_AREA if average else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=way))


def _resize_floats(image: ByteArray, factor: float, config: PreprocessConfig) -> FloatArray:
    """Subtract the mean, then resize by a factor; the pixel grid follows the factor exactly."""
    centred = image.astype(np.float32) - np.array(config.mean, np.float32)
    resized = cv2.resize(centred, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized / np.array(config.std, np.float32))


def _resize_torch(pixels: Tensor, geometry: Geometry) -> Tensor:
    return functional.interpolate(
        pixels, size=geometry.resized, mode="bilinear", align_corners=False
    )


def _stack(images: list[ByteArray] | list[FloatArray]) -> Tensor:
    """B pictures (H, W, 3) to (B, 3, H, W) float32."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()


def _normalise(pixels: Tensor, config: PreprocessConfig) -> Tensor:
    mean, std = (pixels.new_tensor(values)[:, None, None] for values in (config.mean, config.std))
    return (pixels - mean) / std
