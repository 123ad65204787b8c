"""Checks values as they are taken out of others' files: kind, shape, bounds.

Every function takes ``where``, the start of the message, which names the file and the place in it.
"""

import math
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import DoubleArray

MAX_PIXEL = 1e6
"""A position or size beyond this many pixels is refused: no picture has as many."""

Shape = tuple[int, ...]


def entries(value: Any, *, where: str) -> list[Any]:
    """The entries of a struct or cell array, column by column; none of an empty array.

    Raises:
        FormatError: If it is something else; ``where`` starts the message.
    """
    if isinstance(value, list):
        return value
    if isinstance(value, np.ndarray) and (value.dtype == object or value.size == 0):
        return list(value.ravel(order="F"))
    raise FormatError(f"{where}: expected a list of entries, got {_describe(value)}")


def structs(value: Any, *fields: str, where: str) -> list[dict[str, Any]]:
    """The entries of a struct array, each with at least the given fields.

    Raises:
        FormatError: If it is something else, or a field is missing.
    """
    found = entries(value, where=where)
    for i, entry in enumerate(found):
        missing = set(fields) - set(entry) if isinstance(entry, dict) else set(fields)
        if not isinstance(entry, dict) or missing:
            raise FormatError(f"{where}, entry {i + 1}: no field {', '.join(sorted(missing))}")
    return found


def variable(content: dict[str, Any], name: str, *, where: str) -> Any:
    """One variable or field.

    Raises:
        FormatError: If there is none of this name; lists those that exist.
    """
    if name not in content:
        known = ", ".join(sorted(content)) or "nothing"
        raise FormatError(f"{where}: no variable {name!r}; the file has {known}")
    return content[name]


def numbers(
    value: Any, *, shape: Shape, where: str, limit: float = MAX_PIXEL, finite: bool = True
) -> DoubleArray:
    """Numbers as float64 in the expected shape; -1 stands for any length.

    Raises:
        FormatError: If the shape differs, or a number is not finite or beyond ``limit``.
    """
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind not in "iufb":
        raise FormatError(f"{where}: expected numbers, got {_describe(value)}")
    array = array.reshape(1, 1) if array.ndim == 0 and len(shape) == 2 else array
    if array.ndim < len(shape):  # MATLAB drops trailing axes of length 1
        array = array.reshape(array.shape + (1,) * (len(shape) - array.ndim))
    fits = array.ndim == len(shape) and all(
        expected in (-1, got) for expected, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        expected = " x ".join("N" if n == -1 else str(n) for n in shape)
        raise FormatError(f"{where}: expected {expected} numbers, got {_describe(value)}")
    found = array.astype(np.float64)
    known = found if finite else found[~np.isnan(found)]
    if not (np.abs(known) <= limit).all():
        raise FormatError(f"{where}: a number is not finite, or beyond {limit:g}")
    return found


def number(value: Any, *, where: str, low: float = -MAX_PIXEL, high: float = MAX_PIXEL) -> float:
    """One number in [low, high].

    Raises:
        FormatError: If it is none, or outside.
    """
    found = float(numbers(value, shape=(1, 1), where=where, limit=math.inf)[0, 0])
    if not low <= found <= high:
        raise FormatError(f"{where}: expected a number in [{low:g}, {high:g}], got {found:g}")
    return found


def text(value: Any, *, where: str) -> str:
    """A text; the empty array that MATLAB writes for no text is the empty one.

    Raises:
        FormatError: If it is none.
    """
    if isinstance(value, np.ndarray) and value.size == 0:
        return ""
    if not isinstance(value, str):
        raise FormatError(f"{where}: expected a text, got {_describe(value)}")
    return value


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        kind = "entries" if value.dtype == object else "numbers"
        return f"{' x '.join(map(str, value.shape))} {kind}"
    return repr(value)[:60]


def relative_path(name: str, *, where: str) -> str:
    """A file name of an annotation, which must stay under the data set's folder.

    Returns:
        The name with forward slashes.

    Raises:
        FormatError: If it is absolute, climbs with ``..``, or is no name at all.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    bad = not parts or len(name) > 1024 or parts[0][0] == "/" or ".." in parts or ":" in parts[0]
    if bad or not name.isprintable():
        raise FormatError(f"{where}: not a file under the data set's folder: {name[:80]!r}")
    return "/".join(parts)
