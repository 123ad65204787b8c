"""Files of others: too large, absent, or in trouble of the system's own, in one line each."""

import errno
import os
from pathlib import Path

import pytest

from posetube.errors import FormatError, InputError, MissingFileError, ResourceError
from posetube.file_reading import reading


def test_a_file_within_its_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"12")
    with reading(path, most=2):
        assert path.read_bytes() == b"12"
    with pytest.raises(FormatError, match="a: larger than 0 MiB, refused"), reading(path, most=1):
        pytest.fail("nothing of it is read")


def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(MissingFileError, match="none: no such file"),
        reading(tmp_path / "none", most=1),
    ):
        pass
    with pytest.raises(InputError, match="permission denied"), reading(tmp_path, most=1 << 30):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    with pytest.raises(InputError, match="a: a pipe; name a file"), reading(tmp_path / "a", most=1):
        pytest.fail("opening it would wait")


def test_a_shortage_is_no_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ResourceError), reading(tmp_path, most=1 << 30):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")
