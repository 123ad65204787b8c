"""Reads the text of motion capture files as numbered lines of words and numbers, within bounds."""

from pathlib import Path

import numpy as np

from posetube.errors import FormatError
from posetube.shortage import raise_shortage
from posetube.structures import DoubleArray

MAX_BYTES = 64 * 2**20
"""Larger files are refused."""

Line = tuple[int, list[str]]
"""Number of a line, from 1, and its words."""


def numbered_lines(path: Path) -> list[Line]:
    """All lines of a text file but comments and blank lines.

    Raises:
        FormatError: If the file cannot be opened or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FormatError(f"{path}: larger than the limit of {MAX_BYTES} bytes")
        text = path.read_text("ascii", errors="replace")
    except OSError as error:
        raise_shortage(error)
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
    numbered = enumerate(text.splitlines(), start=1)
    return [(n, line.split()) for n, line in numbered if line.split() and line.lstrip()[0] != "#"]


def parse_numbers(words: list[str], count: int, place: str) -> DoubleArray:
    """Exactly ``count`` finite numbers from as many words.

    Raises:
        FormatError: If the words are something else; ``place`` starts the message.
    """
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        values = np.zeros(0)
    if len(values) != count or not np.isfinite(values).all():
        shown = " ".join(words)
        raise FormatError(f"{place}: expected {count} finite numbers, got {shown[:200]!r}")
    return values
