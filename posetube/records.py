"""Takes rows of records whose arrays share their first axis, joins such records, checks shapes.

A record is a frozen dataclass of arrays. Fields that are None stay None. Not here: the records
themselves (:mod:`posetube.structures`, and each folder's own).
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from posetube.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)
else:
    Record = TypeVar("Record")


def check_shapes(record: object, **expected: tuple[int, ...]) -> None:
    """Compare the shapes of a record's arrays with what they must be; None is skipped.

    Raises:
        InputError: If a shape differs; names the class, the field and both shapes.
    """
    for name, shape in expected.items():
        array = getattr(record, name)
        if array is not None and array.shape != shape:
            kind = type(record).__name__
            raise InputError(f"{kind}.{name}: expected shape {shape}, got {array.shape}")


def take_rows(record: Record, rows: Any, *, columns: Iterable[str] | None = None) -> Record:
    """The same record with some of its rows.

    Args:
        record: Any record.
        rows: What NumPy indexes by: a boolean mask, indices or a slice.
        columns: The fields that have an entry per row; None: all fields.
    """
    # Linking does this often; dataclasses.replace takes twice as long.
    kind = type(record)
    if columns is None:
        return kind(**take_columns(record, rows, _names(kind)))
    whole = {name: getattr(record, name) for name in _names(kind)}
    return kind(**whole | take_columns(record, rows, columns))


def take_columns(record: object, rows: Any, columns: Iterable[str]) -> dict[str, Any]:
    """Some columns of a record, by name, with some of their rows; None stays None."""
    whole = {name: getattr(record, name) for name in columns}
    return {name: None if column is None else column[rows] for name, column in whole.items()}


def join_records(records: Sequence[Record], *, columns: Iterable[str] | None = None) -> Record:
    """The rows of several records of one class, one record after the other.

    Args:
        records: At least one; the fields that are not columns come from the first.
        columns: The fields that have an entry per row; None: all fields. A column that is None in
            any of the records is None in the result.
    """
    names = columns if columns is not None else _names(type(records[0]))
    return replace(records[0], **join_columns(records, names))


def join_columns(records: Sequence[object], columns: Iterable[str]) -> dict[str, Any]:
    """Some columns of several records, by name, one record after the other.

    Args:
        records: At least one.
        columns: Fields of theirs. One that is None in any of the records is None in the result.
    """
    joined: dict[str, Any] = {}
    for name in columns:
        arrays = [getattr(record, name) for record in records]
        known = all(array is not None for array in arrays)
        joined[name] = np.concatenate(arrays) if known else None
    return joined


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields of a class of records."""
    return tuple(field.name for field in fields(kind))
