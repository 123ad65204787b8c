"""Which points lie strictly inside a polygon, and how much of a polygon a box covers.

Source: shapely's ``contains``, which poseval asks, leaves points on the border out; the inside of a
polygon that crosses itself is by the even-odd rule, as in the fixtures computed with poseval.
"""

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def inside(points: npt.NDArray[np.floating], polygon: Doubles) -> npt.NDArray[np.bool_]:
    """Which points lie strictly inside.

    Args:
        points: (..., 2) x y; NaN is outside.
        polygon: (P, 2) corners, in order, not closed.

    Returns:
        (...) True inside, False outside and on the border.

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
    crosses = ((y1 > y) != (y2 > y)) & ((turn > 0) == (y2 > y1))
    return np.asarray((crosses.sum(axis=-1) % 2 == 1) & ~on_border)
