"""Turns DeepLabCut's tables in HDF5, as pandas writes them, into the lines of its CSV.

Both of pandas' layouts: a table (``table`` with ``values_block_0``, its columns named by pickles,
of which nothing but texts and numbers is read) and a fixed one (``block0_values``, its columns
named by levels and their codes). A file is read in a process of its own, because the HDF5 library
below can run on for ever on a damaged one. To read many files, keep the process: :func:`reader`.

Not here: what the lines mean (:mod:`posetube.datasets.formats.deeplabcut`); other HDF5, as SLEAP
writes it.

Source: files that pandas 3.1 writes, and what DeepLabCut publishes with its examples.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.file_reading import check_size
from posetube.optional_library import optional_library
from posetube.restricted_pickle import plain_content

from ..files.reader_process import ReaderProcess

MARK = b"pandas_type"
"""An attribute of every table that pandas writes."""

MAX_BYTES = 256 * 2**20
"""Larger files, and larger tables, are refused."""

SECONDS = 30.0
"""A file that takes longer is refused; an hour of video takes a second."""

Lines = list[list[str]]


def reader() -> ReaderProcess:
    """A process that reads such files, to be closed by who asked for it."""
    return ReaderProcess(__name__, write_csv.__name__, preload=["h5py"])


def csv_lines(path: Path, process: ReaderProcess | None = None) -> Lines:
    """The lines of the CSV that DeepLabCut would write of the same table, as cells.

    Args:
        path: A ``.h5`` file.
        process: From :func:`reader`, for many files; by default one is started for this file.

    Raises:
        FormatError: If the file is damaged, too large, or holds no such table.
        MissingFileError: If there is no such file.
        MissingExtraError: If h5py is not installed.
    """
    optional_library("h5py", purpose=f"{path}: an HDF5 file")
    check_size(path, most=MAX_BYTES)
    if process is None:
        with reader() as own:
            return csv_lines(path, own)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "table.csv"
        process.run(path, copy, seconds=SECONDS)
        with copy.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file))


def write_csv(path: Path, copy: Path) -> None:
    """Read a file here and now, whatever it does, and write its table as CSV."""
    h5py = optional_library("h5py", purpose=f"{path}: an HDF5 file")
    with h5py.File(path, "r") as file:
        groups = [group for group in file.values() if MARK.decode() in group.attrs]
        if len(groups) != 1:
            raise FormatError(f"{path}: expected one table of pandas, got {len(groups)}")
        content = _table if "table" in groups[0] else _fixed
        heads, columns, leads, cells = content(groups[0], path)
    texts = all(isinstance(part, str) for part in chain(*columns))
    if not texts or {len(column) for column in columns} != {len(heads)}:
        raise FormatError(f"{path}: expected a text for each column and header {heads}")
    if cells.shape != (len(leads), len(columns)) or cells.dtype.kind not in "iuf":
        raise FormatError(f"{path}: {cells.shape} cells for {len(leads)} x {len(columns)}")
    with copy.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(_lines(heads, columns, leads, cells))


def _lines(
    heads: Sequence[str], columns: Sequence[Sequence[str]], leads: Sequence[list[str]], cells: Any
) -> Iterator[list[object]]:
    blank = [""] * (len(leads[0]) - 1 if leads else 0)
    for head, names in zip(heads, zip(*columns, strict=True), strict=True):
        yield [head, *blank, *names]
    for lead, row in zip(leads, cells.astype(np.float64), strict=True):
        yield [*lead, *("" if np.isnan(cell) else cell for cell in row.tolist())]


Content = tuple[list[str], list[tuple[str, ...]], list[list[str]], Any]
"""Names of the header lines, name of each column on each, cells before each line, cells."""


def _table(group: Any, path: Path) -> Content:
    def attribute(name: str) -> Any:
        if name not in group.attrs:
            raise FormatError(f"{path}: the table does not tell its {name}")
        return plain_content(bytes(group.attrs[name]), where=f"{path}: {name}")

    (axis, columns), *others = attribute("non_index_axes")
    heads = list(attribute("info")[axis]["names"])
    fields = group["table"].dtype.names
    if others or fields != ("index", "values_block_0"):
        raise FormatError(f"{path}: expected a table of one block of numbers, got {fields}")
    rows = _array(group["table"], path)
    return heads, columns, [[text] for text in _texts(rows["index"])], rows["values_block_0"]


def _fixed(group: Any, path: Path) -> Content:
    heads, columns = _axis(group, "block0_items", path)
    leads = _axis(group, "axis1", path)[1]
    return heads, columns, [list(lead) for lead in leads], _array(group["block0_values"], path)


def _axis(group: Any, name: str, path: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    """Names of an axis' levels, and what each place on it is called on every level."""
    if name in group:
        return [""], [(text,) for text in _texts(_array(group[name], path))]
    count = int(group.attrs[f"{name}_nlevels"])
    levels = [group[f"{name}_level{i}"] for i in range(count)]
    codes = [_array(group[f"{name}_label{i}"], path) for i in range(count)]
    if any(code.min(initial=0) < 0 for code in codes):
        raise FormatError(f"{path}: {name}: a place without a name")
    named = [np.array(_texts(_array(level, path)))[code] for level, code in zip(levels, codes,
             strict=True)]  # fmt: skip
    heads = _texts([level.attrs["name"] for level in levels])
    return heads, list(zip(*(texts.tolist() for texts in named), strict=True))


def _array(dataset: Any, path: Path) -> Any:
    if dataset.size * dataset.dtype.itemsize > MAX_BYTES:
        raise FormatError(f"{path}: {dataset.name}: larger than {MAX_BYTES >> 20} MiB, refused")
    return dataset[()]


def _texts(values: Any) -> list[str]:
    return [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values]
