"""Writes files and folders whole or not at all: aside first, flushed, then renamed.

Whoever kills the process, pulls the plug or fills the disk leaves the old file, or none, and at
most an unfinished one beside it whose name begins with :data:`UNFINISHED`.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from posetube.errors import InputError, MissingFileError, PoseTubeError
from posetube.shortage import raise_shortage

UNFINISHED = ".posetube-unfinished-"
"""Start of the name of a file or folder that is still being written; no user's file has it."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to; when the block ends well, the file takes its real name.

    The name aside ends as the real one does, because some writers go by the ending.

    Args:
        path: The file's real name; its folder is made where it is absent.

    Raises:
        InputError: If the path is a folder or a device, or no file can be made there.
        ResourceError: If the disk is full, or too many files are open.
    """
    _check_file(path)
    aside = unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.touch()  # what cannot be made is found out here, and not by each writer in its way
        mode = aside.stat().st_mode
    except OSError as error:
        raise_shortage(error)
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with _named_as_asked(aside, path):
            yield aside
            if aside.stat().st_mode != mode:  # some writers keep others from reading
                with suppress(OSError):
                    aside.chmod(mode)
            flush(aside)
            aside.replace(path)
            flush(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def check_target(path: Path) -> None:
    """Refuse a file that a user cannot mean, before the work whose result it shall hold.

    Raises:
        InputError: If the path is a folder or a device.
        MissingFileError: If there is no folder for it.
    """
    _check_file(path)
    check_folder_of(path)


def check_folder_of(path: Path) -> None:
    """Refuse a name whose folder is not there; a misspelt one must not be made.

    Raises:
        MissingFileError: If so.
    """
    if not path.absolute().parent.exists():
        raise MissingFileError(f"{path.parent}: no such folder; make it first")


def check_other_file(path: Path, source: Any) -> None:
    """Refuse to write over the file that is read.

    Raises:
        InputError: If ``source`` is the path of the same file, by whatever name.
    """
    known = isinstance(source, str | Path) and path.is_file() and Path(source).exists()
    if known and path.samefile(source):
        raise InputError(f"{path}: is the file that is read; name another one to write")


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file to write")
    if path.exists() and not path.is_file():  # /dev/null would become a file, for everybody
        raise InputError(f"{path}: is a device or a pipe; name a file to write")


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill; when the block ends well, it takes its real name.

    Args:
        path: The folder's real name.

    Raises:
        InputError: If there is something of this name, an empty folder aside.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: it is there already; name a folder that is new or empty")
    real = path.resolve()
    aside = unfinished(real)
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with _named_as_asked(aside, path):
            aside.mkdir(parents=True)
            yield aside
            if real.is_dir():  # somebody may stand in it
                for part in aside.iterdir():
                    part.replace(real / part.name)
            else:
                aside.replace(real)
            flush(real.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _named_as_asked(aside: Path, path: Path) -> Iterator[None]:
    """Make errors name what the user typed: the name aside means nothing to anybody."""
    try:
        yield
    except (PoseTubeError, OSError) as error:
        names = str(aside), str(path)
        error.args = tuple(a.replace(*names) if isinstance(a, str) else a for a in error.args)
        if isinstance(error, OSError) and isinstance(error.filename, str | Path):
            error.filename = str(error.filename).replace(*names)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    with replacing(path) as aside:
        aside.write_bytes(content)


def unfinished(path: Path) -> Path:
    """The name that a file or folder has while it is being written."""
    return path.with_name(f"{UNFINISHED}{path.name}")


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders, and flushes names by itself
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove the files that a killed process was still writing in a folder."""
    for path in folder.glob(f"{UNFINISHED}*"):
        if path.is_file():
            path.unlink()
