"""Opens a file that several formats may look at: what one of them reads, the next finds.

The bytes are read once. The top level of a JSON is scanned once, which takes a twentieth of the
time that its reader needs; values are built by the reader alone.
"""

from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from .json_files import decode, read_bytes
from .mat_files import read_mat
from .text_encoding import start_as_utf8
from .text_tables import first_cells

T = TypeVar("T")

START = 1 << 20
"""Bytes at the start of a file that tell binary formats apart."""


class OpenedFile:
    """A file, or a folder, and what is known of its content so far."""

    def __init__(self, path: Path | str) -> None:
        """Nothing is read yet."""
        self.path = Path(path)

    @property
    def suffix(self) -> str:
        """Ending of its name in lower case; empty for a folder."""
        return "" if self.path.is_dir() else self.path.suffix.lower()

    @cached_property
    def start(self) -> bytes:
        """The first :data:`START` bytes; of a text in UTF-8, without a byte order mark."""
        with self.path.open("rb") as file:
            return start_as_utf8(file.read(START))

    @property
    def first_cells(self) -> tuple[str, ...]:
        """The cells of a table's first line, however they are separated."""
        return first_cells(self.start)

    @cached_property
    def content(self) -> bytes:
        """The whole file.

        Raises:
            FormatError: If it is empty or too large.
            InputError: If it cannot be opened.
        """
        return read_bytes(self.path)

    def parse(self, kind: type[T]) -> T:
        """The whole file as JSON of this type; see :func:`.json_files.decode`."""
        return decode(self.content, kind, path=self.path)

    @cached_property
    def is_list(self) -> bool:
        """Whether it is JSON that holds a list."""
        return self.content.lstrip()[:1] == b"["

    @cached_property
    def parts(self) -> dict[str, msgspec.Raw]:
        """The values of a JSON object, not parsed yet; none where it holds a list."""
        return {} if self.is_list else self.parse(dict[str, msgspec.Raw])

    def first(self, part: str = "") -> Any:
        """The first entry of a list, which is a part of the object or the whole; None if empty."""
        entries = self._entries(part)
        return decode(entries[0], object, path=self.path) if entries else None

    @cached_property
    def variables(self) -> dict[str, Any]:
        """What a MATLAB file holds, see :func:`.mat_files.read_mat`."""
        return read_mat(self.path)

    def forget(self) -> None:
        """Let the content go; it is read again where somebody asks for it."""
        for name in ("start", "content", "parts", "is_list", "variables", "_listed"):
            self.__dict__.pop(name, None)

    def _entries(self, part: str) -> list[msgspec.Raw]:
        if not part:
            return self._listed
        raw = self.parts.get(part)
        if raw is None or bytes(memoryview(raw)[:1]) != b"[":
            return []
        return decode(raw, list[msgspec.Raw], path=self.path)

    @cached_property
    def _listed(self) -> list[msgspec.Raw]:
        return self.parse(list[msgspec.Raw]) if self.is_list else []

    def first_of(self, part: str) -> dict[str, Any]:
        """Like :meth:`first` where only an object is of use; empty where it is none."""
        found = self.first(part)
        return found if isinstance(found, dict) else {}
