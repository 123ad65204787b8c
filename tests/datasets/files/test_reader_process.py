"""A process of its own outlives what a damaged file does to a library, and is started anew."""

import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from posetube.datasets.files.reader_process import ReaderProcess
from posetube.errors import FormatError

BEHAVIOUR = """
import os, time

from posetube.errors import FormatError


def read_into(path, copy):
    print("a word that is no answer")
    word = path.read_text()
    if word == "hang":
        time.sleep(60)
    if word == "crash":
        os._exit(11)
    if word == "bloat":
        bytearray(1 << 31)
    if word == "fail":
        raise ValueError("of\\nno use")
    if word == "known":
        raise FormatError("a place: a reason")
    copy.write_text(word)
"""


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReaderProcess]:
    (tmp_path / "odd_library.py").write_text(BEHAVIOUR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with ReaderProcess("odd_library", "read_into", preload=["json"]) as process:
        yield process


def run(process: ReaderProcess, folder: Path, word: str) -> str:
    path, copy = folder / "file", folder / "copy"
    path.write_text(word)
    process.run(path, copy, seconds=0.5 if word == "hang" else 30)
    return copy.read_text()


def test_many_files_are_read_by_one_process(process: ReaderProcess, tmp_path: Path) -> None:
    assert [run(process, tmp_path, word) for word in ("one", "two")] == ["one", "two"]


def test_a_copy_has_a_process_of_its_own(process: ReaderProcess, tmp_path: Path) -> None:
    assert run(process, tmp_path, "one") == "one"

    copy = pickle.loads(pickle.dumps(process))
    assert run(copy, tmp_path, "two") == "two"
    del copy

    assert run(process, tmp_path, "three") == "three"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("hang", r"file: it has not been read in 0\.5 s; refused"),
        ("crash", "file: the library that reads it crashed; the file is damaged"),
        ("fail", "file: not a sound file: ValueError: of no use"),
        ("known", "^a place: a reason"),
        pytest.param(
            "bloat",
            "file: not a sound file: MemoryError",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="no limit is enforced here"),
        ),
    ],
)
def test_what_it_does_not_survive_is_an_error_and_the_next_file_is_read(
    process: ReaderProcess, tmp_path: Path, word: str, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        run(process, tmp_path, word)

    assert run(process, tmp_path, "one") == "one"


def test_modules_beside_the_data_are_not_imported(
    process: ReaderProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "json.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path / "here")

    assert run(process, tmp_path, "one") == "one"


def test_a_process_that_does_not_start_is_said(tmp_path: Path) -> None:
    process = ReaderProcess("no_such_module", "read_into")

    with pytest.raises(FormatError, match="the process that should read it did not start"):
        run(process, tmp_path, "one")
