"""Finds the files of a release: annotations, folders and numbered pictures."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from posetube.errors import FormatError
from posetube.structures import FrameTable

from ..annotated_video import MAX_FRAMES
from ..files.opened_file import OpenedFile


def find_file(root: Path, candidates: Sequence[str], *, dataset: str) -> Path:
    """The first file that exists of several places where releases keep it.

    Raises:
        FormatError: If there is none; lists the places.
    """
    found = first_path(root, candidates)
    if found is None:
        listed = ", ".join(candidates)
        raise FormatError(f"{root}: no annotations of {dataset}; looked for {listed}")
    return found


def root_of(root: Path, names: Iterable[str]) -> Path | None:
    """The folder that pictures' names start from, None where it holds none of them."""
    return root if any((root / name).is_file() for name in names) else None


def numbered_frames(
    count: int, before: str, *, digits: int, suffix: str, first: int = 1
) -> FrameTable:
    """Frames whose pictures are numbered without gaps.

    Args:
        count: How many.
        before: What the numbers follow, such as ``frames/0001/``, in the data set's folder.
        digits: Length of the number, filled with zeros.
        suffix: Such as ``.jpg``.
        first: Number of the first one.

    Raises:
        FormatError: If there are more than :data:`MAX_FRAMES`.
    """
    if not 0 <= count <= MAX_FRAMES:
        raise FormatError(f"{before}: {count} frames; at most {MAX_FRAMES} are read")
    ids = np.arange(first, first + count)
    return FrameTable(
        times=np.full(count, np.nan),
        names=tuple(f"{before}{number:0{digits}d}{suffix}" for number in ids),
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
    """As :func:`first_path`, to look into."""
    path = first_path(root, patterns)
    return None if path is None else OpenedFile(path)


def first_path(root: Path, patterns: Iterable[str]) -> Path | None:
    """The first file of the first pattern that matches; None where none does."""
    paths = (path for pattern in patterns for path in sorted(root.glob(pattern)))
    return next((path for path in paths if path.is_file()), None)
