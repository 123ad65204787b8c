"""Brings people's masks from the cells of their boxes into the picture.

NumPy, on the host. A mask is enlarged to its box's size; around it, it runs out to 0.

Source: torchvision's Mask R-CNN and Detectron's, whose pixels these are: boxes are widened by a
cell all around and cut to whole pixels, masks interpolated bilinearly.
"""

from collections.abc import Iterator

import numpy as np

from posetube.masks import encode_mask
from posetube.structures import BytesArray, FloatArray

INSIDE = 0.5
"""A pixel that is at least so likely belongs to the person."""


def paste_masks(
    masks: FloatArray, boxes: FloatArray, *, size: tuple[int, int]
) -> Iterator[FloatArray]:
    """Each person's mask in the picture, one after the other.

    Args:
        masks: (N, m, m) probabilities; row and column i cover [i, i + 1) / m of the box.
        boxes: (N, 4) pixels.
        size: (H, W) of the picture.

    Yields:
        (H, W) probabilities, 0 outside the box.
    """
    cells = masks.shape[-1]
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    half = half * np.float32((cells + 2) / cells)
    lows, highs = ((middle + sign * half).astype(np.int64).tolist() for sign in (-1, 1))
    for mask, (left, top), (right, bottom) in zip(padded, lows, highs, strict=True):
        picture = np.zeros(size, np.float32)
        rows, down = _weights(top, bottom, cells=cells + 2, pixels=size[0])
        columns, across = _weights(left, right, cells=cells + 2, pixels=size[1])
        picture[rows, columns] = down @ mask @ across.T
        yield picture


def _weights(first: int, last: int, *, cells: int, pixels: int) -> tuple[slice, FloatArray]:
    """Which of the picture's pixels a row of cells covers, and each cell's share in each of them.

    Args:
        first: First pixel of the row.
        last: Last pixel.
        cells: Number of cells.
        pixels: Of the picture.
    """
    inside = slice(min(max(first, 0), pixels), min(max(last + 1, 0), pixels))
    place = np.arange(inside.start, inside.stop) - first + 0.5
    place = (place * cells / max(last - first + 1, 1) - 0.5).clip(0, cells - 1)
    share = (1 - np.abs(place[:, None] - np.arange(cells))).clip(0)
    return inside, share.astype(np.float32)


def packed_masks(masks: FloatArray, boxes: FloatArray, *, size: tuple[int, int]) -> BytesArray:
    """(N,) what is kept of masks, see :mod:`posetube.masks`; arguments as above."""
    packed: BytesArray = np.empty(len(masks), object)
    for row, picture in enumerate(paste_masks(masks, boxes, size=size)):
        packed[row] = encode_mask(picture >= INSIDE)
    return packed
