"""Reads arrays of an HDF5 file within bounds; needs the optional library h5py.

Not here: what the arrays mean.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.errors import FormatError
from posetube.file_reading import check_size, sound
from posetube.optional_library import optional_library

MAX_BYTES = 256 * 2**20
"""Larger files, and larger arrays, are refused."""

Arrays = dict[str, npt.NDArray[Any]]


def read_hdf5(path: Path, *names: str) -> Arrays:
    """Some of a file's top-level arrays.

    Args:
        path: A file.
        names: The arrays that are wanted, all of plain numbers or texts of fixed length.

    Raises:
        MissingExtraError: If h5py is not installed.
        InputError: If the file cannot be opened.
        FormatError: If it is damaged, too large, or lacks an array.
    """
    h5py = optional_library("h5py", purpose=f"{path}: an HDF5 file")
    check_size(path, most=MAX_BYTES)
    with sound(path, "HDF5 file"), h5py.File(path, "r") as file:
        return {name: _array(file, name, path=path) for name in names}


def _array(file: Any, name: str, *, path: Path) -> npt.NDArray[Any]:
    if name not in file or not hasattr(file[name], "shape"):
        raise FormatError(f"{path}: no array {name!r}; it has {', '.join(sorted(file)[:20])}")
    array = file[name]
    if array.dtype.kind not in "iufbS" or not array.shape or array.nbytes > MAX_BYTES:
        raise FormatError(f"{path}: {name}: expected a list, got {array.dtype} of {array.shape}")
    return np.asarray(array[()])
