"""Checks the ignore regions of PoseTrack's files and turns them into polygons."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import Polygon

from ..files.checked_values import MAX_PIXEL

RegionColumn = list[list[float] | float] | None
"""x or y of the corners of each region, or of the only one; None as an empty list."""


def is_flat(xs: RegionColumn, ys: RegionColumn) -> bool:
    """Whether a single region is not wrapped in a list, which PoseTrack21 has and poseval refuses.

    Args:
        xs: x of the corners of each region, or of the only one.
        ys: Likewise, y.
    """
    return any(isinstance(value, float) for column in (xs, ys) for value in column or ())


def region_polygons(xs: RegionColumn, ys: RegionColumn, *, where: str) -> tuple[Polygon, ...]:
    """The ignore regions of a frame, also where a single one is not wrapped in a list.

    Args:
        xs: x of the corners of each region, or of the only one.
        ys: Likewise, y.
        where: File and frame, for errors.

    Raises:
        FormatError: See :func:`polygons`.
    """
    columns: list[list[Any]] = [xs or [], ys or []]
    if is_flat(xs, ys):
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
