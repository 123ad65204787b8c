"""Reads tables of text with pyarrow, and takes checked numbers out of their columns."""

import math
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import DoubleArray, IntArray

from ..files.checked_values import MAX_PIXEL
from ..files.text_tables import read_text_table
from .annotation_rows import LARGEST_ID

MAX_BYTES = 512 * 2**20
"""Larger texts are refused."""

NO_ID = -(LARGEST_ID + 1)
"""In the place of a number that is no id."""


def read_cells(path: Path, types: Mapping[str, str], *, what: str) -> tuple[Any, str]:
    """A text as a pyarrow table, and what separates its cells.

    Args:
        path: The file.
        types: pyarrow's names of the types of some columns; those of others follow from the cells.
        what: Of what it should be a table, for the message.

    Raises:
        FormatError: If it is none, or too large.
        InputError: If it cannot be opened.
    """
    import pyarrow as pa
    import pyarrow.csv as pc

    text = read_text_table(path, most=MAX_BYTES)
    known = {name: pa.type_for_alias(kind) for name, kind in types.items()}
    try:
        table = pc.read_csv(
            BytesIO(text.content),
            parse_options=pc.ParseOptions(delimiter=text.delimiter),
            convert_options=pc.ConvertOptions(column_types=known, strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FormatError(
            f"{path}: not a table of {what}: {' '.join(str(error).split())}"
        ) from None
    return table, text.delimiter


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
