"""Writes MATLAB's level 5 files (``-v7``) as MATLAB does: the originals' classes, few bytes.

Not SciPy's writer: it stores a number in the type of its class, while MATLAB, and so the published
data sets, keep whole numbers of class double in fewer bytes. Numbers of real kinds and texts only.
Not here: reading (:mod:`posetube.datasets.files.mat_files`).

Source: The MathWorks, "MAT-File Format", the level 5 chapter.
"""

import struct
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .mat_files import CHAR, CLASSES, COMPRESSED, MATRIX, STORED

INT8, INT32, UINT32, UTF16 = 1, 5, 6, 17
DOUBLE, LOGICAL = 6, 0x200
HEADER = b"MATLAB 5.0 MAT-file, written by posetube"

MatValue = npt.NDArray[Any] | str
"""What a variable may be."""


def write_mat(
    path: Path | str, variables: Mapping[str, MatValue], *, as_double: Collection[str] = ()
) -> None:
    """Write variables.

    Args:
        path: The file.
        variables: Texts, and arrays of at least two axes; arrays of bool become logical.
        as_double: Names of arrays of whole numbers whose class is double.

    Raises:
        TypeError: If MATLAB has no class for an array.
    """
    parts = [HEADER.ljust(116) + bytes(8) + struct.pack("<H", 0x0100) + b"IM"]
    for name, value in variables.items():
        if isinstance(value, str):
            element = _text(name, value)
        else:
            element = _array(name, value, as_double=name in as_double)
        content = zlib.compress(element)
        parts.append(struct.pack("<II", COMPRESSED, len(content)) + content)
    Path(path).write_bytes(b"".join(parts))


def _array(name: str, value: npt.NDArray[Any], *, as_double: bool) -> bytes:
    kind = "u1" if value.dtype == np.bool_ else value.dtype.str[1:]
    if kind not in STORED.values():
        raise TypeError(f"{name}: no class of MATLAB for {value.dtype}")
    stored = next(number for number, known in STORED.items() if known == kind)
    flags = next(number for number, known in CLASSES.items() if known == kind)
    if value.dtype == np.bool_:
        flags |= LOGICAL
    return _matrix(name, DOUBLE if as_double else flags, value.shape, stored, value)


def _text(name: str, text: str) -> bytes:
    letters = np.frombuffer(text.encode("utf-16-le"), "<u2")
    shape = (1, len(letters)) if len(letters) else (0, 0)
    return _matrix(name, CHAR, shape, UTF16, letters)


def _matrix(
    name: str, flags: int, shape: tuple[int, ...], kind: int, data: npt.NDArray[Any]
) -> bytes:
    content = b"".join([
        _element(UINT32, struct.pack("<II", flags, 0)),
        _element(INT32, np.array(shape, "<i4").tobytes()),
        _element(INT8, name.encode("ascii")),
        _element(kind, data.astype(data.dtype.newbyteorder("<")).tobytes(order="F")),
    ])  # fmt: skip
    return _element(MATRIX, content)


def _element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)
