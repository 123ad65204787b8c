"""What a command's options are called, and which of them are times.

The options of a command come from its signature and from the dataclasses in it. This module looks
them up, so that a duration is read only where seconds are meant, and so that an error about a
dataclass's field names the option that the user typed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from cyclopts import App, Argument, Token, convert
from cyclopts.help import DefaultFormatter, HelpPanel
from rich.console import Console, ConsoleOptions

from posetube.quantities import Seconds

from .durations import parse_seconds

SECONDS = get_args(Seconds)[1]
"""The marker of a field in seconds."""

FIELD = re.compile(r"\b([A-Z]\w*)\.([a-z]\w*)")
"""How an error names a field: ``LinkConfig.max_cost``."""

ARGUMENT = re.compile(r'\b([a-z][a-z_]*)=(?:"(\w+)"|(?=[ ,;.]|$))')
"""How an error names an argument: ``on_existing="resume"``, or ``video=`` without a value."""

WITH_FRACTION = re.compile(r"[-+]?\d*\.\d*[1-9]\d*")
"""A number that is not whole."""


class TimesInHelp(DefaultFormatter):
    """Shows help as usual, but says which options are times."""

    def __init__(self, options: "CommandOptions") -> None:
        super().__init__()
        self._options = options

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Show one panel."""
        entries = [
            entry.copy(metavar="TIME")
            if hasattr(entry, "metavar") and self._options.is_time(entry.names)
            else entry
            for entry in panel.entries
        ]
        super().__call__(console, options, panel.copy(entries=entries))


class CommandOptions:
    """The options of the command that is called; knows nothing until :meth:`look_up`.

    They are listed when they are first asked for: for a command with many that takes as long as
    to read its line, and few lines hold a time or a mistake.
    """

    def __init__(self) -> None:
        self._command: App | None = None

    def look_up(self, app: App, words: Sequence[str]) -> str:
        """Find the options of the command that the words call; return the words that call it."""
        asking = {*app.help_flags, *app.version_flags}
        names, apps, _ = app.parse_commands([word for word in words if word not in asking])
        called = " ".join(["posetube", *names])
        if apps[-1].default_command is None:
            return called
        self._command = apps[-1]
        return called

    @cached_property
    def _arguments(self) -> Sequence[Argument]:
        return () if self._command is None else self._command.assemble_argument_collection()

    @cached_property
    def _times(self) -> set[str]:
        return {name for one in self._arguments if _is_time(one) for name in one.names}

    @cached_property
    def _names(self) -> dict[str, str]:
        return dict(_fields(self._arguments))

    @cached_property
    def _options(self) -> set[str]:
        return {name for one in self._arguments for name in one.names}

    def is_time(self, names: Iterable[str]) -> bool:
        """Whether one of these is an option in seconds."""
        return not self._times.isdisjoint(names)

    def convert(self, kind: Any, tokens: Sequence[Token]) -> Any:
        """Convert the words of one option.

        Raises:
            ValueError: If the words are not what the option wants.
        """
        if not tokens[0].value and Path in (kind, *get_args(kind)):  # would be the current folder
            raise ValueError("expected the name of a file or a folder, got an empty one")
        number = float in (kind, *get_args(kind))
        if not (number and self.is_time([tokens[0].keyword or ""])):
            if kind is int and WITH_FRACTION.fullmatch(tokens[0].value):  # would be rounded
                raise ValueError(f"expected a whole number, got {tokens[0].value}")
            return convert(kind, tokens)
        try:
            return float(tokens[0].value)
        except ValueError:
            return parse_seconds(tokens[0].value)

    def as_typed(self, message: str) -> str:
        """An error's message with options in the place of fields: ``--link.max-cost``."""
        return as_options(FIELD.sub(self._option, message), self._options)

    def _option(self, field: re.Match[str]) -> str:
        """The option of a field; an option of its own may have the field's name, too."""
        option = f"--{field[2].replace('_', '-')}"
        own = option if field[1].endswith("Config") and option in self._options else field[0]
        return self._names.get(field[0], own)


def as_options(message: str, options: Collection[str]) -> str:
    """An error's message with options in the place of arguments: ``--on-existing resume``.

    Args:
        message: Names arguments as Python has them.
        options: The command's; arguments that are none of them stay.
    """

    def typed(argument: re.Match[str]) -> str:
        option = f"--{argument[1].replace('_', '-')}"
        return " ".join(filter(None, (option, argument[2]))) if option in options else argument[0]

    return ARGUMENT.sub(typed, message)


def _is_time(argument: Any) -> bool:
    return SECONDS in _markers(argument.field_info.annotation)


def _markers(annotation: Any) -> Iterator[Any]:
    """Everything that ``Annotated`` says anywhere in a type."""
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        if hasattr(inner, "__metadata__"):
            yield from _markers(inner)


def _fields(arguments: Iterable[Argument]) -> Iterator[tuple[str, str]]:
    """Class and field of each option that comes from a dataclass, and the option's name."""
    for argument in arguments:
        for kind in (argument.hint, *get_args(argument.hint)):
            for child in argument.children if isinstance(kind, type) else ():
                yield f"{kind.__name__}.{child.keys[-1]}", child.names[0]
