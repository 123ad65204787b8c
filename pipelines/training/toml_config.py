"""A TOML file as a tree of configuration dataclasses.

Every mistake is one line that names the file, the table and the key; an unknown key names the
nearest known one. Not here: what the settings mean (the dataclasses say it).
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from posetube.errors import FormatError, InputError

Config = TypeVar("Config")


def read_config(path: Path, kind: type[Config]) -> Config:
    """Read a TOML file into a dataclass whose fields may be dataclasses.

    Args:
        path: The file.
        kind: The dataclass; what the file leaves out takes its default.

    Raises:
        InputError: If there is no such file, or a value is out of its range.
        FormatError: If it is no TOML, or a key is unknown, missing or of the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected a TOML file of settings") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: not TOML: {error}") from None
    for where, key, known in _unknown(table, kind, ()):
        nearest = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known are {', '.join(known)}"
        place = f"[{'.'.join(where)}]" if where else "the file"
        raise FormatError(f"{path}: unknown key {key!r} in {place}; {hint}")
    try:
        return msgspec.convert(table, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InputError):
            raise InputError(f"{path}: {error.__cause__}") from None
        raise FormatError(f"{path}: {error}") from None


def _path(kind: type, value: Any) -> Any:
    """The one type of field that msgspec does not know."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"no setting is of type {kind}")


def _unknown(
    table: dict[str, Any], kind: type, where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, list[str]]]:
    """Every key that no field is called: its table, itself, the fields there are."""
    hints = get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    for key, value in table.items():
        if key not in known:
            yield where, key, known
        elif isinstance(value, dict):
            # A table that may be left out has the type ``Settings | None``.
            for part in get_args(hints[key]) or (hints[key],):
                if dataclasses.is_dataclass(part) and isinstance(part, type):
                    yield from _unknown(value, part, (*where, key))
