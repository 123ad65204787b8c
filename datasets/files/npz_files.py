"""Reads NumPy's arrays (``.npy``) and archives of them (``.npz``) within bounds, without pickles.

Not here: what the arrays mean.
"""

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from posetube.errors import FormatError
from posetube.file_reading import check_size, sound

MAX_BYTES = 512 * 2**20
"""Larger arrays are refused."""


def read_npz(path: Path, *names: str) -> dict[str, npt.NDArray[Any]]:
    """Some of an archive's arrays.

    Raises:
        InputError: If the file cannot be opened.
        FormatError: If it is damaged, too large, lacks an array, or one holds Python objects.
    """
    check_size(path)
    with sound(path, "NumPy archive"), zipfile.ZipFile(path) as archive:
        return {name: _array(archive, name, path=path) for name in names}


def read_npy(path: Path) -> npt.NDArray[Any]:
    """The array of a ``.npy``.

    Raises:
        InputError: If the file cannot be opened.
        FormatError: If it is damaged or too large, or holds Python objects.
    """
    check_size(path)
    with sound(path, "NumPy array"), path.open("rb") as file:
        return _content(file, where=str(path))


def _array(archive: zipfile.ZipFile, name: str, *, path: Path) -> npt.NDArray[Any]:
    known = {Path(member).stem: member for member in archive.namelist()}
    if name not in known:
        raise FormatError(f"{path}: no array {name!r}; it has {', '.join(sorted(known)[:20])}")
    with archive.open(known[name]) as file:
        return _content(file, where=f"{path}: {name}")


def _content(file: IO[bytes], *, where: str) -> npt.NDArray[Any]:
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, by_columns, kind = read_header(file)
    size = math.prod(shape) * kind.itemsize
    if kind.hasobject or size > MAX_BYTES or kind.names:
        raise FormatError(f"{where}: refused: {shape} of {kind}")
    content = file.read(size)
    if len(content) != size:
        raise FormatError(f"{where}: {len(content)} bytes of {size}; is it cut short?")
    return np.frombuffer(content, kind).reshape(shape, order="F" if by_columns else "C")
