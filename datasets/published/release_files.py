"""Finds the files of a release: annotations, folders and numbered pictures."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from posetube.errors import FormatError
from posetube.structures import FrameTable

from ..annotated_video import MAX_FRAMES
from ..files.opened_file import OpenedFile


def find_file(root: Path, candidates: Iterable[str], *, dataset: str) -> Path:
    """The first file that exists of several places where releases keep it.

    Raises:
        FormatError: If there is none; lists the places.
    """
    places = list(candidates)
    for place in places:
        found = sorted(path for path in root.glob(place) if path.is_file())
        if found:
            return found[0]
    raise FormatError(f"{root}: no annotations of {dataset}; looked for {', '.join(places)}")


def folder_if_there(*folders: Path) -> Path | None:
    """The first folder that exists, None where none does."""
    return next((folder for folder in folders if folder.is_dir()), None)


def numbered_frames(
    count: int, *, folder: str, digits: int, suffix: str, first: int = 1
) -> FrameTable:
    """Frames whose pictures are numbered without gaps.

    Args:
        count: How many.
        folder: Where the pictures lie, relative to the data set's folder.
        digits: Length of the number, filled with zeros.
        suffix: Such as ``.jpg``.
        first: Number of the first one.

    Raises:
        FormatError: If there are more than :data:`MAX_FRAMES`.
    """
    if not 0 <= count <= MAX_FRAMES:
        raise FormatError(f"{folder}: {count} frames; at most {MAX_FRAMES} are read")
    ids = np.arange(first, first + count)
    return FrameTable(
        times=np.full(count, np.nan),
        names=tuple(f"{folder}/{number:0{digits}d}{suffix}" for number in ids),
        ids=ids,
    )


def holds(*patterns: str) -> Callable[[Path], bool]:
    """What recognises a folder by files that only one data set has.

    Args:
        patterns: Places relative to the folder, as :meth:`pathlib.Path.glob` takes them.
    """

    def recognise(root: Path) -> bool:
        return any(True for pattern in patterns for _ in root.glob(pattern))

    return recognise


def first_file(root: Path, patterns: Iterable[str]) -> OpenedFile | None:
    """The first file of the first pattern that matches; None where none does."""
    for pattern in patterns:
        paths = sorted(path for path in root.glob(pattern) if path.is_file())
        if paths:
            return OpenedFile(paths[0])
    return None
