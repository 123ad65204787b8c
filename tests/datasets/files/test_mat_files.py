"""MATLAB files: as scipy reads them, and refused where they are damaged or too large."""

import struct
import zlib
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.files import mat_files
from posetube.datasets.files.mat_files import read_mat
from posetube.errors import FormatError, InputError

KINDS = [np.float64, np.float32, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32,
         np.int64, np.uint64]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mat")


@settings(max_examples=60)
@given(
    array=st.sampled_from(KINDS).flatmap(
        lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=2, max_dims=4, max_side=4))
    ),
    compressed=st.booleans(),
)
def test_numbers_keep_type_shape_and_value(
    folder: Path, array: np.ndarray[Any, Any], compressed: bool
) -> None:
    path = folder / "numbers.mat"
    scipy.io.savemat(path, {"a": array}, do_compression=compressed)

    found = read_mat(path)["a"]

    if array.size == 1:
        np.testing.assert_array_equal(found, array.ravel()[0])
    else:
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_structs_cells_and_texts_nest(folder: Path) -> None:
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = "two words", np.zeros((0, 0))
    inner = np.empty((1, 2), [("x", object), ("c", object)])
    inner[0, 0] = (1.5, cell)
    inner[0, 1] = (np.arange(3.0)[None], "")
    path = folder / "nested.mat"
    scipy.io.savemat(path, {"s": inner})

    found = read_mat(path)["s"]

    assert found.shape == (1, 2)
    assert found[0, 0]["x"] == 1.5
    assert found[0, 0]["c"][0, 0] == "two words"
    assert found[0, 0]["c"][0, 1].size == 0
    np.testing.assert_array_equal(found[0, 1]["x"], [[0, 1, 2]])


def test_rows_of_letters_are_lines(folder: Path) -> None:
    scipy.io.savemat(folder / "letters.mat", {"t": np.array(["abc", "def"])})

    assert read_mat(folder / "letters.mat")["t"] == "abc\ndef"


def test_real_files_read_as_scipy_reads_them(samples: Path) -> None:
    for name in ("penn_action/labels/1154.mat", "lsp_extended/joints_im00001-00200.mat"):
        theirs = scipy.io.loadmat(samples / name)
        ours = read_mat(samples / name)

        assert ours.keys() == {key for key in theirs if not key.startswith("__")}
        for key, value in ours.items():
            expected = theirs[key]
            expected = expected[0] if isinstance(value, str) else expected
            np.testing.assert_array_equal(np.squeeze(value), np.squeeze(expected))


def nested(depth: int) -> np.ndarray[Any, Any]:
    cell = np.empty((1, 1), object)
    cell[0, 0] = 1.0 if depth == 0 else nested(depth - 1)
    return cell


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": np.ones((2, 2)) * 1j}, "complex numbers"),
        ({"a": scipy.sparse.csc_matrix(np.eye(3))}, "matrix class 5 is not supported"),
        ({"a": nested(40)}, "nested deeper than 32"),
    ],
)
def test_what_no_data_set_has_is_refused(
    folder: Path, content: dict[str, object], message: str
) -> None:
    scipy.io.savemat(folder / "odd.mat", content)

    with pytest.raises(FormatError, match=message):
        read_mat(folder / "odd.mat")


def test_a_file_that_unpacks_without_end_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mat_files, "MAX_CONTENT_BYTES", 2**20)
    scipy.io.savemat(folder / "bomb.mat", {"a": np.zeros((2**10, 2**9))}, do_compression=True)

    with pytest.raises(FormatError, match="more than 1 MiB of content"):
        read_mat(folder / "bomb.mat")


def header() -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def cell_of(count: int) -> bytes:
    """A cell array that announces entries without having any."""
    flags, dims = struct.pack("<II", 1, 0), struct.pack("<ii", 1, count)
    return element(14, element(6, flags) + element(5, dims) + element(1, b"a"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a MATLAB file of level 5"),
        (
            b"\x89HDF\r\n\x1a\n" + bytes(200),
            "MATLAB 7.3 .HDF5.; save it again in MATLAB with '-v7'",
        ),
        (header() + element(15, b"nonsense"), "not a sound MATLAB file"),
        (header() + element(15, zlib.compress(b"12345678")), "not a sound MATLAB file"),
        (header() + element(9, bytes(8)), "expected a variable, got element type 9"),
        (header() + struct.pack("<II", 14, 10**9), "an element of 1000000000 bytes where 0"),
        (header() + cell_of(2**30), "1073741824 nested elements in 0 bytes"),
    ],
)
def test_damage_is_said_in_one_line(folder: Path, content: bytes, message: str) -> None:
    path = folder / "damaged.mat"
    path.write_bytes(content)

    with pytest.raises(FormatError, match=message) as caught:
        read_mat(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(InputError, match="none.mat: no such file"):
        read_mat(folder / "none.mat")


def test_a_large_file_is_not_even_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat_files, "MAX_FILE_BYTES", 2**20)
    (folder / "large.mat").write_bytes(bytes(2**20 + 1))

    with pytest.raises(FormatError, match="larger than 1 MiB"):
        read_mat(folder / "large.mat")
