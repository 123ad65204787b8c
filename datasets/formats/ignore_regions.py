"""Checks the ignore regions of PoseTrack's files and turns them into polygons."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import Polygon

from ..files.checked_values import MAX_PIXEL


def region_polygons(
    xs: list[list[float] | float],
    ys: list[list[float] | float],
    *,
    flat: bool = True,
    where: str,
) -> tuple[Polygon, ...]:
    """The ignore regions of a frame, also where a single one is not wrapped in a list.

    Args:
        xs: x of the corners of each region, or of the only one.
        ys: Likewise, y.
        flat: Accept the latter.
        where: File and frame, for errors.

    Raises:
        FormatError: See :func:`polygons`.
    """
    columns: list[list[Any]] = [xs, ys]
    if any(isinstance(value, float) for column in columns for value in column):
        if not flat:
            raise FormatError(f"{where}: expected a list of polygons, got a list of numbers")
        columns = [[column] for column in columns]
    return polygons(*columns, where=where)


def polygons(
    xs: Sequence[Sequence[float]], ys: Sequence[Sequence[float]], *, where: str
) -> tuple[Polygon, ...]:
    """Corners of each region, as arrays; regions without corners are left out.

    Raises:
        FormatError: If a polygon has one or two corners, or as many x as y are not given.
    """
    if [len(x) for x in xs] != [len(y) for y in ys]:
        raise FormatError(f"{where}: the polygons have not as many x as y")
    few = [len(x) for x in xs if 0 < len(x) < 3]
    if few:
        raise FormatError(f"{where}: a polygon needs 3 corners or more, got {few[0]}")
    if any(abs(value) > MAX_PIXEL for column in (*xs, *ys) for value in column):
        raise FormatError(f"{where}: a number is beyond {MAX_PIXEL:g}")
    return tuple(np.column_stack([x, y]).astype(float) for x, y in zip(xs, ys, strict=True) if x)
