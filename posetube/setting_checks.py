"""Checks the settings of a configuration, each mistake in the same words.

A configuration calls these when it is made, so that a wrong number is refused where it was written
and not somewhere inside a long job.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import fields
from numbers import Integral, Real
from typing import Any, get_args

from posetube.errors import InputError

OPTIONAL = re.compile(r"\bNone\b|\bOptional\b")
"""Whether a type, as it is printed, has None."""

WHOLE = re.compile(r"\bint\b(?!.*\bfloat\b)")
"""Whether the numbers of a type, as it is printed, are whole."""


def check_numbers(
    config: Any,
    *names: str,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
) -> None:
    """Refuse settings that are no numbers, not finite, or out of a range; each number of a tuple.

    None passes where the field's type has it; where that is ``int``, numbers must be whole.

    Args:
        config: The configuration, a dataclass.
        names: Its fields.
        low: The least number that is allowed.
        above: The number above which all are allowed, in place of ``low``.
        high: The largest number that is allowed.
        below: The number below which all are allowed, in place of ``high``.

    Raises:
        InputError: Names the class and the field, what is allowed and what came.
    """
    bottom, top = above if low is None else low, below if high is None else high
    types = {field.name: str(field.type) for field in fields(config)}
    for name in names:
        value = getattr(config, name)
        if value is None and OPTIONAL.search(types[name]):
            continue
        numbers = list(_flat(value))
        if not all(isinstance(number, Real) for number in numbers):
            _refuse(config, name, "a number", value)
        fits = all(
            math.isfinite(number)
            and (bottom is None or number > bottom or number == low)
            and (top is None or number < top or number == high)
            for number in numbers
        )
        if not fits or not numbers:
            _refuse(config, name, _range(bottom, top, low=low, high=high), value)
        if WHOLE.search(types[name]) and not all(isinstance(n, Integral) for n in numbers):
            _refuse(config, name, "a whole number", value)


def check_choice(config: object, name: str, choices: Any) -> None:
    """Refuse a setting that is none of the words of a ``Literal``.

    Raises:
        InputError: Names the class and the field, what is allowed and what came.
    """
    words = get_args(choices)
    if getattr(config, name) not in words:
        _refuse(config, name, f"one of {', '.join(words)}", getattr(config, name))


def _flat(value: Any) -> Iterator[Any]:
    for part in value if isinstance(value, tuple) else ():
        yield from _flat(part)
    if not isinstance(value, tuple):
        yield value


def _range(
    bottom: float | None, top: float | None, *, low: float | None, high: float | None
) -> str:
    if top is not None:
        return f"in {'(' if low is None else '['}{bottom:g}, {top:g}{')' if high is None else ']'}"
    if bottom is not None:
        return f"{bottom:g} or more" if low is not None else f"above {bottom:g}"
    return "finite"


def _refuse(config: object, name: str, wanted: str, value: object) -> None:
    shown = value if isinstance(value, int | float) else repr(value)
    raise InputError(f"{type(config).__name__}.{name} must be {wanted}, got {shown}")
