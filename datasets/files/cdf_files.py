"""Reads a variable of a CDF file in a process of its own, by the optional library cdflib.

The records of such a file point at one another; where damage makes them point in a circle, cdflib
follows them for ever.

Not here: what the numbers mean.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.file_reading import check_size
from posetube.optional_library import optional_library

from .reader_process import ReaderProcess

VARIABLE = "Pose"
"""The only variable in these files."""

SECONDS = 10.0
"""A file that takes longer is refused; the published ones take a tenth of a second."""

MAX_BYTES = 256 * 2**20
"""Larger files are refused."""


def reader() -> ReaderProcess:
    """A process that reads CDF files one after the other."""
    return ReaderProcess(__name__, read_into.__name__, preload=["cdflib"])


def read_pose(path: Path, process: ReaderProcess) -> npt.NDArray[Any]:
    """The variable ``Pose``.

    Args:
        path: A ``.cdf`` file.
        process: From :func:`reader`.

    Raises:
        MissingExtraError: If cdflib is not installed.
        MissingFileError: If there is no such file.
        FormatError: If it is damaged, too large, or lacks the variable.
    """
    optional_library("cdflib", purpose=f"{path}: a CDF file of Human3.6M")
    check_size(path, most=MAX_BYTES)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "values.npy"
        process.run(path, copy, seconds=SECONDS)
        return np.asarray(np.load(copy, allow_pickle=False))


def read_into(path: Path, copy: Path) -> None:
    """Read the variable here and now, whatever the file does, and write it as NumPy's ``.npy``."""
    cdflib = optional_library("cdflib", purpose=f"{path}: a CDF file")
    values = np.asarray(cdflib.CDF(str(path)).varget(VARIABLE))
    np.save(copy, values, allow_pickle=False)
