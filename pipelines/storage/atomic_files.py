"""Files and folders that are there whole or not at all: written aside, flushed, then renamed.

Whoever kills the process, pulls the plug or fills the disk leaves the old file, or none, and at
most a ``.tmp`` beside it that the next run removes.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posetube.errors import InputError

ASIDE = ".tmp"
"""Ending of a file that is still being written."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to; when the block ends well, the file takes its real name.

    The name aside keeps the suffix of the real one, which some writers go by.

    Args:
        path: The file's real name; its folder is made where it is absent.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.stem}{ASIDE}{path.suffix}")
    try:
        yield aside
        flush(aside)
        aside.replace(path)
        flush(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file, whole or not at all."""
    with replacing(path) as aside:
        aside.write_bytes(content)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process was still writing in a folder."""
    for path in folder.glob(f"*{ASIDE}.*"):
        path.unlink()


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill; when the block ends well, it takes its real name.

    Args:
        path: The folder's real name.

    Raises:
        InputError: If there is something of this name, an empty folder aside.
    """
    path = path.resolve()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: it is there already; name a folder that is new or empty")
    aside = path.with_name(f"{path.name}{ASIDE}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        if path.is_dir():  # somebody may stand in it
            for part in aside.iterdir():
                part.replace(path / part.name)
        else:
            aside.replace(path)
        flush(path.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
