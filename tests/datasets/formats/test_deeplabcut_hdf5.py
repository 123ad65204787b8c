"""DeepLabCut's tables in HDF5: both layouts of pandas, and files that are something else."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import deeplabcut
from posetube.datasets.formats.deeplabcut_hdf5 import csv_lines, write_csv
from posetube.datasets.formats.format_table import recognise
from posetube.errors import FormatError, InputError

h5py = pytest.importorskip("h5py")

HEADS = ("scorer", "individuals", "bodyparts", "coords")
COLUMNS = [("me", who, part, axis) for who in ("a", "b") for part in ("snout", "tail")
           for axis in "xy"]  # fmt: skip
CELLS = np.arange(24.0).reshape(3, 8)


def as_table(path: Path, *, columns: Any = COLUMNS, cells: Any = CELLS, index: Any = None) -> Path:
    """As pandas writes with ``format="table"``."""
    index = np.arange(len(cells)) if index is None else np.array(index)
    kind = [("index", index.dtype), ("values_block_0", cells.dtype, cells.shape[1:])]
    rows = np.zeros(len(cells), np.dtype(kind))
    rows["index"], rows["values_block_0"] = index, cells
    axes, info = [(1, columns)], {1: {"names": list(HEADS), "type": "MultiIndex"}, "index": {}}
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group["table"] = rows
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        for name, value in (("non_index_axes", axes), ("info", info)):
            group.attrs[name] = np.bytes_(pickle.dumps(value, protocol=0))
    return path


def as_fixed(path: Path, index: Sequence[tuple[str, ...]]) -> Path:
    """As pandas writes otherwise; ``index`` has a name on each level for every row."""
    with h5py.File(path, "w") as file:
        group = file.create_group("keypoints")
        group.attrs["pandas_type"] = np.bytes_(b"frame")
        for axis, places, heads in (("block0_items", COLUMNS, HEADS), ("axis1", index, "NNN")):
            group.attrs[f"{axis}_nlevels"] = len(places[0])
            for level, names in enumerate(zip(*places, strict=True)):
                known = sorted(set(names))
                group[f"{axis}_level{level}"] = np.array(known, "S")
                group[f"{axis}_level{level}"].attrs["name"] = np.bytes_(heads[level].encode())
                group[f"{axis}_label{level}"] = np.array([known.index(n) for n in names], np.int8)
        group["block0_values"] = CELLS
    return path


def in_process(path: Path) -> list[str]:
    write_csv(path, path.with_suffix(".csv"))
    return path.with_suffix(".csv").read_text().splitlines()


def test_a_table_becomes_the_lines_of_its_csv(tmp_path: Path) -> None:
    cells = CELLS.copy()
    cells[1, 2] = np.nan
    lines = in_process(as_table(tmp_path / "a.h5", cells=cells, index=[b"v/1.png", b"2", b"3"]))

    assert lines[0] == "scorer" + ",me" * 8
    assert lines[1] == "individuals,a,a,a,a,b,b,b,b"
    assert lines[3] == "coords" + ",x,y" * 4
    assert lines[4] == "v/1.png,0.0,1.0,2.0,3.0,4.0,5.0,6.0,7.0"
    assert lines[5] == "2,8.0,9.0,,11.0,12.0,13.0,14.0,15.0"


def test_a_fixed_table_becomes_the_same_lines(tmp_path: Path) -> None:
    index = [("labeled-data", "v", f"{i}.png") for i in (2, 0, 1)]
    lines = in_process(as_fixed(tmp_path / "a.h5", index))

    assert lines[2] == "bodyparts,,,snout,snout,tail,tail,snout,snout,tail,tail"
    assert lines[4] == "labeled-data,v,2.png,0.0,1.0,2.0,3.0,4.0,5.0,6.0,7.0"


def test_a_table_is_read_like_its_csv(tmp_path: Path) -> None:
    path = as_table(tmp_path / "clip.h5", index=[4, 5, 7])

    found = deeplabcut.read(path)

    assert recognise(path).name == "deeplabcut"
    assert (found.source, len(found.frames), len(found)) == ("clip", 8, 2)
    assert found.frame.tolist() == [4, 4, 5, 5, 7, 7]
    np.testing.assert_array_equal(found.keypoints[1], [[4, 5], [6, 7]])


def test_the_published_table_equals_its_csv(samples: Path) -> None:
    folder = samples / "output_formats" / "deeplabcut"
    ours, theirs = (deeplabcut.read(folder / f"CollectedData_Pranav.{end}") for end in
                    ("h5", "csv"))  # fmt: skip

    assert ours.skeleton.joints == theirs.skeleton.joints == ("snout", "leftear", "rightear",
                                                              "tailbase")  # fmt: skip
    assert ours.frames.names == theirs.frames.names
    np.testing.assert_array_equal(ours.frame, theirs.frame)
    np.testing.assert_array_equal(ours.keypoints, theirs.keypoints)


class Order:
    """Unpickling this calls print."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("run",)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([Order()] * 8, "non_index_axes: refused: it asks for .*print; only data is read"),
        (COLUMNS[:7], r"\(3, 8\) cells for 3 x 7"),
        ([column[:3] for column in COLUMNS], "expected a text for each column and header"),
        ([(1, "a", "snout", "x")] * 8, "expected a text for each column and header"),
    ],
)
def test_columns_that_are_something_else_are_refused(
    tmp_path: Path, columns: Any, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        in_process(as_table(tmp_path / "a.h5", columns=columns))


def test_hdf5_without_a_table_of_pandas_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"] = CELLS

    with pytest.raises(FormatError, match="expected one table of pandas, got 0"):
        in_process(tmp_path / "a.h5")


def test_a_table_that_lost_its_columns_names_is_refused(tmp_path: Path) -> None:
    with h5py.File(as_table(tmp_path / "a.h5"), "a") as file:
        del file["df_with_missing"].attrs["info"]

    with pytest.raises(FormatError, match="the table does not tell its info"):
        in_process(tmp_path / "a.h5")


def test_a_code_without_a_name_is_refused(tmp_path: Path) -> None:
    with h5py.File(as_fixed(tmp_path / "a.h5", [("1",), ("2",), ("3",)]), "a") as file:
        file["keypoints/axis1_label0"][0] = -1

    with pytest.raises(FormatError, match="axis1: a place without a name"):
        in_process(tmp_path / "a.h5")


def test_a_damaged_table_is_refused_and_a_missing_one_named(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n pandas_type" + bytes(1000))

    with pytest.raises(FormatError, match=r"a\.h5: not a sound file: OSError"):
        deeplabcut.read(tmp_path / "a.h5")
    with pytest.raises(InputError, match="no such file"):
        csv_lines(tmp_path / "none.h5")
