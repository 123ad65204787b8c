"""Boxes as arrays: (..., 4) x1 y1 x2 y2 in pixels, width x2 - x1, no +1.

Not here: the published code's inclusive corners; they live with the presets that need them.
"""

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.floating]


def area(boxes: Boxes) -> Boxes:
    """Area of each box, (...,) square pixels; 0 where a box is turned inside out."""
    size = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return np.asarray(size[..., 0] * size[..., 1])


def intersection(first: Boxes, second: Boxes) -> Boxes:
    """Shared area of every first box with every second one.

    Args:
        first: (N, 4).
        second: (M, 4).

    Returns:
        (N, M) square pixels.
    """
    # Axis by axis: NumPy is several times slower on arrays whose last axis is short.
    width, height = (
        np.minimum(first[:, None, axis + 2], second[None, :, axis + 2])
        - np.maximum(first[:, None, axis], second[None, :, axis])
        for axis in (0, 1)
    )
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def iou(first: Boxes, second: Boxes) -> Boxes:
    """Intersection over union of every first box with every second one.

    Args:
        first: (N, 4).
        second: (M, 4).

    Returns:
        (N, M) in [0, 1]; 0 where both boxes are empty or a coordinate is NaN.

    Examples:
        >>> iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]])).round(3)
        array([[0.333, 0.   ]])
    """
    shared = intersection(first, second)
    union = area(first)[:, None] + area(second)[None] - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0)


def clip(boxes: Boxes, *, height: float, width: float) -> Boxes:
    """Move corners that lie outside a picture onto its border; (..., 4) in, (..., 4) out."""
    limit = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, limit)


def to_xywh(boxes: Boxes) -> Boxes:
    """Corners to left, top, width, height; (..., 4) in, (..., 4) out."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def from_xywh(boxes: Boxes) -> Boxes:
    """Left, top, width, height to corners; (..., 4) in, (..., 4) out."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def or_around(boxes: Boxes, points: npt.NDArray[np.floating], *, scale: float = 1.0) -> Boxes:
    """(N, 4) the boxes, and :func:`around` of the points in the place of those that are NaN."""
    unknown = np.isnan(boxes).any(axis=1, keepdims=True)
    return np.where(unknown, around(points, scale=scale), boxes)


def with_area(boxes: Boxes) -> Boxes:
    """(N, 4) the boxes, NaN in the place of those that are empty or turned inside out.

    Files of joints often have a box of zeros for everybody, which says nothing.
    """
    empty = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1, keepdims=True)
    return np.where(empty, np.asarray(np.nan, boxes.dtype), boxes)


def around(points: npt.NDArray[np.floating], *, scale: float = 1.0) -> Boxes:
    """Smallest box around the points that are not NaN, grown by ``scale`` about its centre.

    Args:
        points: (N, K, 2) x y, pixels.
        scale: Factor on width and height.

    Returns:
        (N, 4), NaN where all points are NaN.
    """
    known = ~np.isnan(points).any(axis=-1, keepdims=True)
    low = np.where(known, points, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, points, -np.inf).max(axis=1, initial=-np.inf)
    with np.errstate(invalid="ignore"):
        centre, half = (low + high) / 2, (high - low) / 2 * scale
    box = np.concatenate([centre - half, centre + half], axis=-1)
    return np.where(known.any(axis=1), box, np.nan)
