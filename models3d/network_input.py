"""The network's input as a tensor: pictures resized, normalised and padded."""

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posetube.structures import ByteArray, FloatArray

from .preprocess import (
    BYTES,
    Geometry,
    PreprocessConfig,
    check_images,
    fitted_copies,
    geometries_of,
    geometry_of,
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
    if config.resize in BYTES:
        return prepare_scales(images, config)[0]
    check_images(images)
    geometry, ordered = (
        geometry_of((images.shape[1], images.shape[2]), config),
        _ordered(images, config),
    )
    if config.resize == "floats":
        factor = geometry.scale[0]
        pixels = _stack([_resize_floats(image, factor, config) for image in ordered])
    else:
        whole, size = normalise(_stack(list(ordered)), config), geometry.resized
        pixels = functional.interpolate(whole, size=size, mode="bilinear", align_corners=False)
    return _pad(pixels, geometry), geometry


def prepare_scales(
    images: ByteArray, config: PreprocessConfig, further: tuple[int, ...] = ()
) -> list[tuple[Tensor, Geometry]]:
    """:func:`prepare`, and the same pictures in further inputs with these longer sides.

    Only where bytes are resized.
    """
    check_images(images)
    geometries = geometries_of((images.shape[1], images.shape[2]), config, further)
    copies = zip(
        *(fitted_copies(image, geometries, config) for image in _ordered(images, config)),
        strict=True,
    )
    return [
        (_pad(normalise(_stack(list(copy)), config), geometry), geometry)
        for copy, geometry in zip(copies, geometries, strict=True)
    ]


def _ordered(images: ByteArray, config: PreprocessConfig) -> ByteArray:
    return images[..., ::-1] if config.channels == "bgr" else images


def _pad(pixels: Tensor, geometry: Geometry) -> Tensor:
    """Fill up with zeros at the right and at the bottom; channels last in memory."""
    height, width = pixels.shape[2:]
    padded = torch.zeros(
        (*pixels.shape[:2], *geometry.padded), dtype=pixels.dtype, device=pixels.device
    ).contiguous(memory_format=torch.channels_last)
    padded[:, :, :height, :width] = pixels
    return padded


def _resize_floats(image: ByteArray, factor: float, config: PreprocessConfig) -> FloatArray:
    """Subtract the mean, then resize by a factor; the pixel grid follows the factor exactly."""
    centred = image.astype(np.float32) - np.array(config.mean, np.float32)
    resized = cv2.resize(centred, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized / np.array(config.std, np.float32))


def _stack(images: list[ByteArray] | list[FloatArray]) -> Tensor:
    """B pictures (H, W, 3) to (B, 3, H, W) float32."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()


def normalise(pixels: Tensor, config: PreprocessConfig) -> Tensor:
    """(..., C, H, W) pixels of 0 to 255, as the network expects them."""
    mean, std = (pixels.new_tensor(values)[:, None, None] for values in (config.mean, config.std))
    return (pixels - mean) / std
