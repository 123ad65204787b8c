"""Reading JSON that somebody else wrote: every failure is one line that names the file.

Not here: what the JSON means; that is each format's reader.
"""

from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from posetube.errors import FormatError, InputError

T = TypeVar("T")

Identity = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
"""A whole number that every JSON program reads as it was written."""

MAX_BYTES = 4 << 30
"""Larger files are refused: no annotation file is, and they would fill the memory."""


def read_bytes(path: Path) -> bytes:
    """The whole file.

    Raises:
        InputError: If there is no such file, or it cannot be opened.
        FormatError: If it is empty or larger than :data:`MAX_BYTES`.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FormatError(f"{path}: {size} bytes; files over {MAX_BYTES} bytes are not read")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if not content.strip():
        raise FormatError(f"{path}: the file is empty")
    return content


def decode(content: bytes | msgspec.Raw, kind: type[T], *, path: Path) -> T:
    """Parse JSON into a type.

    Raises:
        FormatError: If it is not JSON (NaN and numbers too large to store count as such), is nested
            too deeply, or does not have the type's form; says where.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise FormatError(f"{path}: {plain(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not valid JSON: {error}; is the file cut short?") from None
    except RecursionError:
        raise FormatError(f"{path}: nested too deeply to be annotations") from None


def plain(error: BaseException) -> str:
    """A decoding error's message with the place in plain words: ``at images[3].id``."""
    text = str(error) or type(error).__name__
    return text.replace(" - at `$.", ", at `").replace(" - at `$", ", at `").replace("`", "")
