"""Takes checked numbers out of the columns of a pyarrow table."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import DoubleArray, IntArray

from ..files.checked_values import MAX_PIXEL
from .annotation_rows import LARGEST_ID

NO_ID = -(LARGEST_ID + 1)
"""In the place of a number that is no id."""


def integers(table: Any, name: str, path: Path) -> IntArray:
    """(N,) whole numbers; pandas writes them as 4.0.

    Raises:
        FormatError: If a line has none, or another number.
    """
    column = table.column(name)
    if column.null_count:
        raise FormatError(f"{path}: {name}: {column.null_count} lines have none")
    values = np.asarray(column.to_numpy(), np.float64)
    if not (np.trunc(values) == values).all():
        wrong = values[np.trunc(values) != values][0]
        raise FormatError(f"{path}: {name}: expected whole numbers, got {wrong:g}")
    # Numbers beyond any id stay wrong, and no longer overflow.
    return np.clip(values, -LARGEST_ID, LARGEST_ID).astype(np.int64)


def identities(table: Any, path: Path) -> tuple[IntArray, dict[int, str]]:
    """Id of each line, and the names of people who have names for ids.

    Names count from 1, or from behind the largest number where some have numbers.

    Raises:
        FormatError: If a line has none, or a number is no id.
    """
    encoded = table.column("track_id").combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    each = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)
    empty = [place for place, name in enumerate(names) if name.lower() in ("", "nan")]
    lines = int(np.isin(each, empty).sum())
    if lines:
        raise FormatError(f"{path}: track_id: {lines} lines have none")
    numbers = {place: _number(name) for place, name in enumerate(names)}
    wrong = [names[place] for place, number in numbers.items() if number == NO_ID]
    if wrong:
        raise FormatError(f"{path}: track_id: expected whole numbers or names, got {wrong[0]}")
    free = max((number for number in numbers.values() if number is not None), default=0)
    people = {}
    for place, number in numbers.items():
        if number is None:
            free += 1
            numbers[place], people[free] = free, names[place]
    ids = np.array([*numbers.values()], np.int64)
    return ids[each] if len(each) else each, people


def _number(text: str) -> int | None:
    """The id that a text is, :data:`NO_ID` if it is another number, None if it is a name."""
    try:
        value = float(text)
    except ValueError:
        return None
    whole = value == math.trunc(value) if math.isfinite(value) else False
    return int(value) if whole and abs(value) <= LARGEST_ID else NO_ID


def floats(table: Any, name: str, path: Path) -> DoubleArray:
    """(N,) numbers, NaN where there are none, or no such column.

    Raises:
        FormatError: If one is infinite or too large.
    """
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    values = np.array(table.column(name).to_numpy(), np.float64)
    if not (np.abs(values[~np.isnan(values)]) <= MAX_PIXEL).all():
        raise FormatError(f"{path}: {name}: a number is not finite, or beyond {MAX_PIXEL:g}")
    return values
