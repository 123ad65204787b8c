"""Tests which points lie strictly inside a polygon, and computes how much a box and it overlap.

Source: poseval uses shapely's ``contains``, for which points on the border are outside. The inside
of a polygon that crosses itself follows the even-odd rule, as in poseval's results.
"""

import numpy as np
import numpy.typing as npt

from posetube.structures import BoolArray, DoubleArray


def inside(points: npt.NDArray[np.floating], polygon: DoubleArray) -> BoolArray:
    """Test which points lie strictly inside a polygon.

    Args:
        points: (..., 2) x y; NaN is outside.
        polygon: (P, 2) corners, in order, not closed.

    Returns:
        (...) True inside; False outside and on the border.

    Examples:
        >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
        >>> inside(np.array([[1.0, 1], [4, 2], [5, 5]]), square)
        array([ True, False, False])
    """
    x, y = points[..., None, 0], points[..., None, 1]  # against every edge, (..., P)
    (x1, y1), (x2, y2) = polygon.T, np.roll(polygon, -1, axis=0).T
    turn = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)  # 0 where the point is in line with the edge
    beside = (np.minimum(x1, x2) <= x) & (x <= np.maximum(x1, x2))
    beside &= (np.minimum(y1, y2) <= y) & (y <= np.maximum(y1, y2))
    on_border = ((turn == 0) & beside).any(axis=-1)
    crosses = ((y1 > y) != (y2 > y)) & np.where(y2 > y1, turn > 0, turn < 0)
    return np.asarray((crosses.sum(axis=-1) % 2 == 1) & ~on_border)


def overlap(box: DoubleArray, polygon: DoubleArray) -> float:
    """Intersection over union of a box and a polygon that does not cross itself.

    Args:
        box: (4,) x1 y1 x2 y2.
        polygon: (P, 2) corners, in order, not closed.

    Examples:
        >>> overlap(np.array([0.0, 0, 2, 2]), np.array([[0.0, 0], [4, 0], [4, 2], [0, 2]]))
        0.5
    """
    shared = polygon_area(_clipped(polygon, box))
    union = max(box[2] - box[0], 0) * max(box[3] - box[1], 0) + polygon_area(polygon) - shared
    return float(shared / union) if union > 0 else 0.0


def polygon_area(polygon: DoubleArray) -> float:
    """Area of a polygon that does not cross itself, (P, 2) corners in order."""
    x, y = polygon.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _clipped(polygon: DoubleArray, box: DoubleArray) -> DoubleArray:
    """The part of a polygon inside a box (Sutherland and Hodgman 1974), side by side."""
    for axis, limit, sign in ((0, box[0], 1), (1, box[1], 1), (0, box[2], -1), (1, box[3], -1)):
        within = sign * (polygon[:, axis] - limit)  # not negative inside
        corners: list[DoubleArray] = []
        for here, there, a, b in zip(
            polygon, np.roll(polygon, -1, axis=0), within, np.roll(within, -1), strict=True
        ):
            if a >= 0:
                corners.append(here)
            if (a > 0 > b) or (a < 0 < b):
                corners.append(here + (there - here) * (a / (a - b)))
        polygon = np.array(corners).reshape(-1, 2)
    return polygon
