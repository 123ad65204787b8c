"""Where a person's crop and its heatmaps lie, given the person's box; arrays or tensors."""

import numpy as np

from posetube.structures import FloatArray

from .arrays import Array, library_of
from .configs.people_heads import CropKeypointHeadConfig
from .slots import constants

CELL = 4
"""Pixels of the crop per cell of a heatmap; cell f stands at pixel 4 f."""


MIRROR_SHIFT = 1.5
"""How far a mean of plain and mirrored maps lies to the right of the plain map, crop pixels."""


def crop_boxes(boxes: Array, config: CropKeypointHeadConfig) -> Array:
    """(..., 4) boxes, enlarged and brought to the crop's shape around the same middle."""
    xp, (height, width) = library_of(boxes), config.size
    corner, opposite = boxes[..., :2], boxes[..., 2:]
    middle, size = (corner + opposite) / 2, (opposite - corner) * config.margin
    down = xp.maximum(size[..., 1], size[..., 0] * height / width)
    reach = xp.stack([down * width / height, down], -1) / 2
    return xp.concatenate([middle - reach, middle + reach], -1)


def map_regions(crops: Array, config: CropKeypointHeadConfig) -> Array:
    """The boxes that the heatmaps of (..., 4) crops cover, in the same pixels.

    Cell f of a map stands at crop pixel 4 f, so the map begins half a cell before the crop.
    """
    (height, width), size = config.size, crops[..., 2:] - crops[..., :2]
    half = CELL / 2
    across = half - MIRROR_SHIFT if config.mirror else half
    shift = size * constants([across / width, half / height], size)
    return crops - library_of(crops).concatenate([shift, shift], -1)


def crop_window(crop: FloatArray, picture: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of a picture that a crop is sampled from, at least one pixel.

    Args:
        crop: (4,) x1 y1 x2 y2, pixels of the picture.
        picture: (H, W) of the picture.

    Returns:
        Its first column and row, and those behind its last.
    """
    height, width = picture
    left, top = np.floor(crop[:2] - 1).clip(0, (width - 1, height - 1)).tolist()
    right, bottom = np.ceil(crop[2:] + 1).clip((left + 1, top + 1), (width, height)).tolist()
    return int(left), int(top), int(right), int(bottom)
