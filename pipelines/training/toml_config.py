"""Reads a TOML file as a tree of configuration dataclasses.

Every mistake is one line that names the file, the table and the key; an unknown key names the
nearest known one, or what a key of an earlier version has become. Not here: what the settings mean
(the dataclasses say it).
"""

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from posetube.errors import FormatError, InputError
from posetube.file_reading import reading

Config = TypeVar("Config")

MAX_BYTES = 2**20
"""Larger files are refused."""

AT = re.compile(r"^(.+) - at `\$\.(.*)`$")
"""How the parser says where a value of the wrong type stands."""


def read_config(path: Path, kind: type[Config]) -> Config:
    """Read a TOML file into a dataclass whose fields may be dataclasses.

    Args:
        path: The file.
        kind: The dataclass; what the file leaves out takes its default. A dataclass may say in
            ``RENAMED`` what its keys of earlier versions have become.

    Raises:
        MissingFileError: If there is no such file.
        InputError: If a value is out of its range, or the file cannot be opened.
        FormatError: If it is no TOML, or a key is unknown, missing or of the wrong type.
    """
    try:
        with reading(path, most=MAX_BYTES):
            table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not TOML: {error}") from None
    for problem in _problems(table, kind):
        raise FormatError(f"{path}: {problem}")
    try:
        return msgspec.convert(table, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InputError):
            raise InputError(f"{path}: {error.__cause__}") from None
        raise FormatError(f"{path}: {AT.sub(_in_table, str(error))}") from None


def _in_table(message: re.Match[str]) -> str:
    """``batch in [pictures]`` for ``$.pictures.batch``, as other messages have it."""
    *tables, key = message[2].removesuffix("[...]").removesuffix(".").split(".")
    table = f"[{'.'.join(tables)}]" if tables else "the file"
    return f"{key} in {table}: {message[1][0].lower()}{message[1][1:]}"


def _path(kind: type, value: Any) -> Any:
    """The one type of field that msgspec does not know."""
    if kind is not Path:
        raise NotImplementedError(f"no setting is of type {kind}")
    if not isinstance(value, str):
        raise TypeError("expected `str`, a path")
    return Path(value)


def _problems(table: dict[str, Any], kind: type, name: str = "") -> Iterator[str]:
    """What is wrong with the keys of a table, and with words that must be one of several."""
    place = f"[{name}]" if name else "the file"
    hints = get_type_hints(kind)
    known = [field.name for field in fields(kind)]
    for key, value in table.items():
        if key not in known:
            yield f"unknown key {key!r} in {place}; {_hint(key, known, kind)}"
            continue
        for part in _alternatives(hints[key]):
            words = get_args(part) if get_origin(part) is Literal else ()
            if isinstance(value, str) and words and value not in words:
                choices = ", ".join(filter(None, words))
                yield f"{key} in {place} must be one of {choices}, got {value!r}"
            if isinstance(value, dict) and isinstance(part, type) and is_dataclass(part):
                yield from _problems(value, part, f"{name}.{key}" if name else key)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a field may have: of ``Settings | None``, or of a table or a word."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _hint(key: str, known: list[str], kind: type) -> str:
    """What to write instead of an unknown key."""
    renamed: dict[str, str] = getattr(kind, "RENAMED", {})
    nearest = difflib.get_close_matches(key, known, n=1)
    if key in renamed:
        return f"it has become {renamed[key]}"
    return f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(known)}"
