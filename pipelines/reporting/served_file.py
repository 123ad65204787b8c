"""Sends a file, or the part of it that a browser asks for, as it does to seek in a video."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 16
"""Bytes that are in memory at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePart:
    """A part of a file."""

    first: int
    stop: int
    size: int
    """Bytes of the whole file."""

    whole: bool
    """Whether no part was asked for."""

    @property
    def content_range(self) -> str:
        """As the header of the answer says it."""
        return f"bytes {self.first}-{self.stop - 1}/{self.size}"

    def read(self, path: Path) -> Iterator[bytes]:
        """The bytes, in chunks."""
        left = self.stop - self.first
        with path.open("rb") as file:
            file.seek(self.first)
            while left > 0 and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk


def asked_part(header: str | None, size: int) -> FilePart | None:
    """The part of a file that a request asks for; None if there is none such.

    Args:
        header: ``Range`` of the request; of several ranges, and of what is no range, all is sent.
        size: Bytes of the file.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").strip())
    if match is None or match[0] == "bytes=-":
        return FilePart(first=0, stop=size, size=size, whole=True)
    if not match[1]:
        first, stop = max(0, size - int(match[2])), size
    else:
        first, stop = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
    return FilePart(first=first, stop=stop, size=size, whole=False) if first < stop else None
