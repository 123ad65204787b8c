"""Reads JSON that somebody else wrote, each failure in one line that names the file; writes JSON.

Accepts what other programs write beside plain JSON: a byte order mark, UTF-16 with one (Windows),
and whole numbers with a point (``4.0``, pandas). NaN is refused by its name: JSON has none.

Not here: what the JSON means; that is each format's reader.
"""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from posetube.errors import FormatError
from posetube.file_names import readable
from posetube.file_reading import reading

from .text_encoding import as_utf8

T = TypeVar("T")

Identity = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
"""A whole number that every JSON program reads as it was written."""

NOT_JSON = re.compile(rb"[-+]?(?:nan|inf(?:inity)?)\b|None\b|True\b|False\b", re.IGNORECASE)
"""What Python writes where JSON has null, true and false, and where it has nothing."""

MAX_BYTES = 4 << 30
"""Larger files are refused: no annotation file is, and they would fill the memory."""


def read_bytes(path: Path) -> bytes:
    """The whole file.

    Raises:
        MissingFileError: If there is no such file.
        InputError: If it cannot be opened.
        FormatError: If it is empty or larger than :data:`MAX_BYTES`.
    """
    with reading(path, most=MAX_BYTES):
        content = as_utf8(path.read_bytes(), where=path)
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
        return parse(content, kind)
    except msgspec.ValidationError as error:
        raise FormatError(f"{path}: {plain(error)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not valid JSON: {_why(bytes(content), error)}") from None
    except RecursionError:
        raise FormatError(f"{path}: nested too deeply to be annotations") from None


def parse(content: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Parse JSON into a type, errors as msgspec raises them; ``4.0`` is a whole number too."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
        # Takes texts for numbers as well, so only where 4.0 stood for 4.
        return msgspec.json.decode(content, type=kind, strict=False)


def _why(content: bytes, error: Exception) -> str:
    """What is wrong with JSON, and what to do; msgspec names the byte where it stopped."""
    place = re.search(r"byte (\d+)", str(error))
    if place is None:
        return f"{error}; is the file cut short?"
    stop = int(place[1])
    word = NOT_JSON.search(content, max(stop - 5, 0), stop + 12)
    if word is None:
        return str(error)
    return f"{word[0].decode()} at byte {word.start()}; write null for what is not known"


def encode(value: object) -> bytes:
    """A record as JSON; names of files that are not UTF-8 as :func:`readable` shows them."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_readable_texts(msgspec.to_builtins(value)))


def encode_indented(value: object) -> bytes:
    """:func:`encode`, for people to read."""
    return msgspec.json.format(encode(value), indent=2) + b"\n"


def _readable_texts(value: Any) -> Any:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, dict):
        return {readable(str(key)): _readable_texts(part) for key, part in value.items()}
    return [_readable_texts(part) for part in value] if isinstance(value, list | tuple) else value


def plain(error: BaseException) -> str:
    """A decoding error's message with the place in plain words: ``at images[3].id``."""
    text = str(error) or type(error).__name__
    return text.replace(" - at `$.", ", at `").replace(" - at `$", ", at `").replace("`", "")
