import errno
import os
from pathlib import Path

import pytest

from posetube.atomic_files import (
    UNFINISHED,
    remove_leftovers,
    replacing,
    replacing_folder,
    write_bytes,
)
from posetube.errors import InputError


def break_off(path: Path) -> None:
    path.write_text("half")
    raise ValueError("broken")


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"

    with replacing(path) as aside:
        aside.write_text("1")
        assert aside.suffix == ".csv"
        assert not path.exists()

    assert path.read_text() == "1"
    assert [p.name for p in path.parent.iterdir()] == ["table.csv"]


def test_a_writer_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_bytes(path, b"old")

    with pytest.raises(ValueError, match="broken"), replacing(path) as aside:
        break_off(aside)

    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; name a file to write"):
        write_bytes(tmp_path, b"")


@pytest.mark.parametrize("made_before", [False, True])
def test_a_folder_is_there_when_it_is_whole(tmp_path: Path, made_before: bool) -> None:
    path = tmp_path / "set"
    if made_before:
        path.mkdir()

    with replacing_folder(path) as aside:
        (aside / "one.txt").write_text("1")
        assert not (path / "one.txt").exists()

    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    assert (path / "one.txt").read_text() == "1"


def test_a_folder_that_fails_or_is_in_use_stays_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), replacing_folder(tmp_path / "set") as aside:
        break_off(aside / "one.txt")
    assert list(tmp_path.iterdir()) == []

    (tmp_path / "mine.txt").write_text("mine")
    with (
        pytest.raises(InputError, match="it is there already; name a folder that is new or empty"),
        replacing_folder(tmp_path),
    ):
        pass


def test_only_unfinished_files_are_removed(tmp_path: Path) -> None:
    for name in (f"{UNFINISHED}part.parquet", "my.tmp.parquet", "part.parquet"):
        (tmp_path / name).write_text("")
    (tmp_path / f"{UNFINISHED}folder").mkdir()

    remove_leftovers(tmp_path)

    left = {"my.tmp.parquet", "part.parquet", f"{UNFINISHED}folder"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_a_pipe_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: is a device or a pipe; name a file to write"):
        write_bytes(tmp_path / "pipe", b"x")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_folder_that_cannot_be_made_is_named_as_asked(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="set") as error, replacing_folder(tmp_path / "set"):
        pass
    assert UNFINISHED not in str(error.value)


def test_errors_name_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "set"
    with (
        pytest.raises(InputError, match="set/a: broken") as broken,
        replacing_folder(path) as aside,
    ):
        raise InputError(f"{aside}/a: broken")
    with pytest.raises(OSError, match="No space left") as full, replacing(path) as aside:
        raise OSError(errno.ENOSPC, "No space left", str(aside))

    assert full.value.filename == str(path)
    assert not any(UNFINISHED in str(error.value) for error in (broken, full))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_who_may_read_a_file_does_not_depend_on_its_writer(tmp_path: Path) -> None:
    plain, closed = tmp_path / "plain", tmp_path / "closed"
    plain.touch()

    with replacing(closed) as aside:
        aside.unlink()
        os.close(os.open(aside, os.O_CREAT, 0o600))

    assert closed.stat().st_mode == plain.stat().st_mode
