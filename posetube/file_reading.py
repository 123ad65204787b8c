"""Opens files that somebody else wrote, one line for what cannot be opened; checksums of files."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISFIFO

from posetube.errors import FormatError, InputError, MissingFileError
from posetube.shortage import raise_shortage


def check_size(path: Path, *, most: int | None = None) -> None:
    """Refuse what is no file, and what is larger than any file of its kind.

    Args:
        path: The file, for a library to read.
        most: Its largest size, bytes.

    Raises:
        MissingFileError: If it is not there, or is a folder.
        FormatError: If it is larger.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    if most is not None and path.stat().st_size > most:
        raise FormatError(f"{path}: larger than {most >> 20} MiB, refused")


def sha256_of(path: Path) -> str:
    """SHA-256 of all of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def sound(where: object, kind: str) -> Iterator[None]:
    """Let the block read by a library, which a damaged file makes fail in any way.

    Raises:
        FormatError: Instead of whatever the library raises; says what is no ``kind``.
    """
    try:
        yield
    except FormatError:
        raise
    except Exception as error:
        raise FormatError(f"{where}: not a sound {kind}: {type(error).__name__}") from None


@contextmanager
def reading(path: Path, *, most: int) -> Iterator[None]:
    """Let the block read a file, if it is not too large.

    Args:
        path: The file.
        most: Its largest size, bytes: what holds more is no such file, and would fill the memory.

    Raises:
        FormatError: If it is larger.
        MissingFileError: If it is not there.
        InputError: If it is a pipe, or cannot be opened.
        ResourceError: If memory or disk ran out.
    """
    try:
        status = path.stat()
        if S_ISFIFO(status.st_mode):  # opening one waits until somebody writes to it
            raise InputError(f"{path}: a pipe; name a file")
        if status.st_size > most:
            raise FormatError(f"{path}: larger than {most >> 20} MiB, refused")
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"{path}: no such file") from None
    except OSError as error:
        raise_shortage(error)
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
