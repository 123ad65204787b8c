"""Legacy pickles: data comes out, nothing else gets in."""

import os
import pathlib
import pickle
import resource
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube import restricted_pickle
from posetube.errors import FormatError, InputError
from posetube.restricted_pickle import load_plain


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pickles")


def write(path: Path, value: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


ARRAYS = st.sampled_from(["<f8", "<f4", ">f8", "<i8", "u1", "b1", "S3", "<U4"]).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
)


@settings(max_examples=80)
@given(array=ARRAYS, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_arrays_of_every_protocol_come_back(
    folder: Path, array: np.ndarray[Any, Any], protocol: int
) -> None:
    found = load_plain(write(folder / "a.pkl", {"a": [array]}, protocol))

    np.testing.assert_array_equal(found["a"][0], array)
    assert found["a"][0].flags.writeable


def test_columns_first_arrays_and_arrays_of_arrays_come_back(folder: Path) -> None:
    ragged = np.empty(2, object)
    ragged[0], ragged[1] = np.arange(3), np.arange(2.0)
    content = {"f": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "o": ragged,
               "s": np.float64(1.5)}  # fmt: skip

    found = load_plain(write(folder / "b.pkl", content))

    np.testing.assert_array_equal(found["f"], content["f"])
    np.testing.assert_array_equal(found["o"][0], [0, 1, 2])
    assert found["s"] == 1.5


def test_real_pickles_are_read(samples: Path) -> None:
    poses = load_plain(samples / "jhmdb" / "DDNet_GT_test_1.pkl")

    assert len(poses["pose"]) == len(poses["label"]) == 176
    assert {pose.shape[1:] for pose in poses["pose"]} == {(15, 2)}
    cameras = load_plain(samples / "mmpose_tests_data" / "h36m" / "cameras.pkl")
    assert cameras["S1", "54138969"]["R"].shape == (3, 3)


class Command:
    """Runs a command when it is unpickled by the ordinary way."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Command(), r"it asks for posix.system; only data is read"),
        (pathlib.PurePosixPath("/"), r"it asks for pathlib.PurePosixPath"),
        (np.dtype([("a", "f8")]), r"it holds a Type; only data is read"),
        ({1, 2}, r"it asks for \w+.set"),
    ],
)
def test_what_is_not_data_is_refused(folder: Path, value: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        load_plain(write(folder / "c.pkl", [value]))


def test_deep_nesting_is_refused(folder: Path) -> None:
    value: list[Any] = []
    for _ in range(100):
        value = [value]

    with pytest.raises(FormatError, match="nested deeper than 64"):
        load_plain(write(folder / "d.pkl", value))


def test_shared_parts_do_not_multiply(folder: Path) -> None:
    value: list[Any] = [1]
    for _ in range(60):
        value = [value, value]  # 2 ** 60 leaves, were each to be copied

    found = load_plain(write(folder / "e.pkl", value))

    assert found[0] is found[1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        b"\x80\x02r\xff\xff\xff\x7f.",  # LONG_BINPUT: C code would reserve 16 GB for it
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",  # a frame of 8 EiB
        b"\x80\x02B\xff\xff\xff\xff.",  # a text of 4 GiB
    ],
)
def test_damaged_files_are_refused(folder: Path, content: bytes) -> None:
    (folder / "f.pkl").write_bytes(content)

    with pytest.raises(FormatError, match="not a sound pickle"):
        load_plain(folder / "f.pkl")


def test_an_array_larger_than_its_bytes_is_refused(folder: Path) -> None:
    raw = pickle.dumps(np.zeros(3), protocol=2).replace(b"K\x03\x85", b"J\xff\xff\xff\x7f\x85")
    (folder / "g.pkl").write_bytes(raw)

    with pytest.raises(FormatError, match="not a sound pickle: ValueError"):
        load_plain(folder / "g.pkl")


def test_bytes_are_not_made_before_they_are_there(folder: Path) -> None:
    """Twelve bytes that ask for 16 GiB."""
    (folder / "i.pkl").write_bytes(b"\x80\x05\x96" + (2**34).to_bytes(8, "little") + b".")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(FormatError, match="not a sound pickle: EOFError"):
        load_plain(folder / "i.pkl")

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_large_and_missing_files_are_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder / "h.pkl", list(range(1000)))

    with pytest.raises(FormatError, match="larger than 0 MiB, refused"):
        load_plain(path, max_bytes=10)
    with pytest.raises(InputError, match="none.pkl: no such file"):
        load_plain(folder / "none.pkl")
    assert restricted_pickle.MAX_BYTES == 512 * 2**20
