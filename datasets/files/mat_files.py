"""Reads MATLAB's level 5 files (``-v6``, ``-v7``) within bounds: trusts no number of the file.

Numbers become arrays in MATLAB's shape, a 1 x 1 number a plain one; text a string; a cell array an
object array; a struct array an object array of dicts. Nothing is squeezed, so that a list with one
entry stays a list.

Why not scipy: an annotation file is somebody else's, and scipy's reader allocates what the file
announces, follows it to any depth and fails in many ways. Not here: what a value must be
(:mod:`posetube.datasets.files.checked_values`); files of level 7.3 (HDF5) and 4, sparse and complex
numbers, MATLAB objects, none of which the data sets use.

Source: The MathWorks, "MAT-File Format", the level 5 chapter.
"""

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.errors import FormatError
from posetube.file_reading import reading

MAX_FILE_BYTES = 256 * 2**20
"""Larger files are refused; the largest of the supported data sets has 100 MB."""

MAX_CONTENT_BYTES = 384 * 2**20
"""More content than this, unpacked, is refused."""

MAX_DEPTH = 32
"""Structs and cells nested deeper than this are refused."""

MATRIX, COMPRESSED = 14, 15
CELL, STRUCT, CHAR = 1, 2, 4
STORED = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
CLASSES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
TEXT = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}

Shape = tuple[int, ...]


def read_mat(path: Path | str) -> dict[str, Any]:
    """Read every variable of a file.

    Returns:
        Value by name, as the module describes.

    Raises:
        FormatError: If the file is not of level 5, is damaged, or exceeds a bound.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    with reading(path, most=MAX_FILE_BYTES):
        data = path.read_bytes()
    order = _byte_order(data, path=path)
    try:
        return _Reader(order).variables(data)
    except (_Damaged, struct.error, zlib.error, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not a sound MATLAB file: {error}") from None


def _byte_order(data: bytes, *, path: Path) -> str:
    if data[:4] == b"\x89HDF" or data[:10] == b"MATLAB 7.3":
        raise FormatError(f"{path}: MATLAB 7.3 (HDF5); save it again in MATLAB with '-v7'")
    marks = {b"IM": "<", b"MI": ">"}
    if len(data) < 128 or data[126:128] not in marks:
        raise FormatError(f"{path}: not a MATLAB file of level 5 ('-v6', '-v7')")
    return marks[data[126:128]]


class _Damaged(Exception):
    """What is wrong with the file, without its name."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One element: what it holds, and where the next one starts."""

    kind: int
    data: memoryview
    end: int


class _Reader:
    """Walks a file and counts what it unpacks."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.left = MAX_CONTENT_BYTES
        self.two_words = struct.Struct(f"{order}II").unpack_from

    def variables(self, data: bytes) -> dict[str, Any]:
        """Every variable of the file."""
        view, place, found = memoryview(data), 128, {}
        while place + 8 <= len(view):
            part = self.part(view, place)
            kind, content = part.kind, part.data
            if kind == COMPRESSED:
                inner = self.part(memoryview(self.unpacked(content)), 0)
                kind, content = inner.kind, inner.data
            if kind != MATRIX:
                raise _Damaged(f"byte {place}: expected a variable, got element type {kind}")
            name, value = self.matrix(content, depth=0)
            found[name] = value
            place = part.end
        return found

    def spend(self, size: int) -> None:
        """Count memory that is about to be used."""
        self.left -= size
        if self.left < 0:
            raise _Damaged(f"more than {MAX_CONTENT_BYTES >> 20} MiB of content")

    def unpacked(self, data: memoryview) -> bytes:
        stream = zlib.decompressobj()
        content = stream.decompress(data, self.left + 1)
        self.spend(len(content))
        return content

    def part(self, view: memoryview, place: int) -> _Part:
        """The element that starts at a byte."""
        first, size = self.two_words(view, place)
        if first >> 16:  # up to four bytes, stored within the tag
            kind, size, start = first & 0xFFFF, first >> 16, place + 4
            end = place + 8
            if size > 4:
                raise _Damaged(f"a small element of {size} bytes")
        else:
            kind, start = first, place + 8
            end = start + size
            if kind != COMPRESSED:
                end += -size % 8
        if start + size > len(view):
            raise _Damaged(f"an element of {size} bytes where {len(view) - start} are left")
        return _Part(kind, view[start : start + size], end)

    def matrix(self, view: memoryview, *, depth: int) -> tuple[str, Any]:
        """Name and value of a matrix element."""
        if not len(view):
            return "", np.zeros((0, 0))
        if depth > MAX_DEPTH:
            raise _Damaged(f"nested deeper than {MAX_DEPTH}")
        flags = self.part(view, 0)
        shape = self.part(view, flags.end)
        name = self.part(view, shape.end)
        word = int(self.integers(flags, "u4")[0]) if len(flags.data) >= 4 else 0
        if word & 0x0800:
            raise _Damaged("complex numbers")
        dims = tuple(self.integers(shape, "i4").tolist())
        if not 2 <= len(dims) <= 8 or min(dims) < 0:
            raise _Damaged(f"a matrix of shape {dims[:9]}")
        content = view[name.end :]
        return bytes(name.data).decode("latin-1"), self.value(word & 0xFF, dims, content, depth)

    def value(self, kind: int, dims: Shape, view: memoryview, depth: int) -> Any:
        if kind in CLASSES:
            return self.numeric(CLASSES[kind], dims, view)
        if kind == CHAR:
            return self.text(dims, view)
        if kind == CELL:
            return self.cells(dims, view, depth=depth)
        if kind == STRUCT:
            return self.structs(dims, view, depth=depth)
        raise _Damaged(f"matrix class {kind} is not supported")

    def integers(self, part: _Part, kind: str) -> npt.NDArray[Any]:
        if len(part.data) % 4:
            raise _Damaged(f"{len(part.data)} bytes of integers")
        return np.frombuffer(part.data, f"{self.order}{kind}")

    def numeric(self, kind: str, dims: Shape, view: memoryview) -> Any:
        part = self.part(view, 0)
        if part.kind not in STORED:
            raise _Damaged(f"numbers stored as element type {part.kind}")
        stored = np.dtype(f"{self.order}{STORED[part.kind]}")
        count = math.prod(dims)
        if count * stored.itemsize != len(part.data):
            raise _Damaged(f"{len(part.data)} bytes for {dims} numbers of {stored.itemsize} bytes")
        self.spend(count * np.dtype(kind).itemsize + 64)
        values = np.frombuffer(part.data, stored)
        if count == 1:
            return values.astype(kind)[0].item()
        with np.errstate(invalid="ignore"):
            return values.astype(kind).reshape(dims, order="F")

    def text(self, dims: Shape, view: memoryview) -> str:
        if not len(view):
            return ""
        part = self.part(view, 0)
        if part.kind not in TEXT:
            raise _Damaged(f"text stored as element type {part.kind}")
        self.spend(4 * len(part.data) + 64)
        suffix = "" if part.kind in (1, 2, 16) else "-le" if self.order == "<" else "-be"
        letters = bytes(part.data).decode(TEXT[part.kind] + suffix)
        rows = dims[0]
        if rows <= 1 or math.prod(dims) != len(letters):
            return letters
        return "\n".join(letters[row::rows] for row in range(rows))

    def cells(self, dims: Shape, view: memoryview, *, depth: int) -> npt.NDArray[Any]:
        count = self.room_for(math.prod(dims), view)
        found, place = np.empty(count, object), 0
        for i in range(count):
            part = self.nested(view, place)
            found[i] = self.matrix(part.data, depth=depth + 1)[1]
            place = part.end
        return found.reshape(dims, order="F")

    def structs(self, dims: Shape, view: memoryview, *, depth: int) -> npt.NDArray[Any]:
        length = self.part(view, 0)
        names = self.part(view, length.end)
        width = int(self.integers(length, "i4")[0]) if len(length.data) == 4 else 0
        if not 1 <= width <= 64:
            raise _Damaged(f"field names of {width} letters")
        raw = bytes(names.data)
        fields = [raw[i : i + width].split(b"\0")[0].decode("latin-1")
                  for i in range(0, len(raw), width)]  # fmt: skip
        count = self.room_for(math.prod(dims) * max(len(fields), 1), view) // max(len(fields), 1)
        found, place = np.empty(count, object), names.end
        for i in range(count):
            found[i] = {}
            for field in fields:
                part = self.nested(view, place)
                found[i][field] = self.matrix(part.data, depth=depth + 1)[1]
                place = part.end
        return found.reshape(dims, order="F")

    def nested(self, view: memoryview, place: int) -> _Part:
        part = self.part(view, place)
        if part.kind != MATRIX:
            raise _Damaged(f"expected a nested matrix, got element type {part.kind}")
        return part

    def room_for(self, count: int, view: memoryview) -> int:
        """Refuse more nested elements than there are bytes for; each has a tag of 8."""
        if count * 8 > len(view):
            raise _Damaged(f"{count} nested elements in {len(view)} bytes")
        self.spend(count * 128)
        return count
