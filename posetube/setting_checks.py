"""Checks the settings of a configuration, each mistake in the same words.

A configuration calls these when it is made, so that a wrong number is refused where it was written
and not somewhere inside a long job.
"""

import math
from numbers import Real
from typing import Any, get_args

from posetube.errors import InputError


def check_numbers(
    config: object,
    *names: str,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    or_none: bool = False,
) -> None:
    """Refuse settings that are no numbers, not finite, or out of a range; each number of a tuple.

    Args:
        config: The configuration.
        names: Its fields.
        low: The least number that is allowed.
        above: The number above which all are allowed, in place of ``low``.
        high: The largest number that is allowed.
        below: The number below which all are allowed, in place of ``high``.
        or_none: Whether None is allowed too.

    Raises:
        InputError: Names the class and the field, what is allowed and what came.
    """
    bottom, top = above if low is None else low, below if high is None else high
    for name in names:
        value = getattr(config, name)
        if value is None and or_none:
            continue
        for number in value if isinstance(value, tuple) else (value,):
            if not isinstance(number, Real):
                _refuse(config, name, "a number", value)
            fits = math.isfinite(number)
            fits = fits and (bottom is None or number > bottom or number == low)
            if not (fits and (top is None or number < top or number == high)):
                _refuse(config, name, _range(bottom, top, low=low, high=high), value)


def check_choice(config: object, name: str, choices: Any) -> None:
    """Refuse a setting that is none of the words of a ``Literal``.

    Raises:
        InputError: Names the class and the field, what is allowed and what came.
    """
    words = get_args(choices)
    if getattr(config, name) not in words:
        _refuse(config, name, f"one of {', '.join(words)}", getattr(config, name))


def _range(
    bottom: float | None, top: float | None, *, low: float | None, high: float | None
) -> str:
    if top is not None:
        return f"in {'(' if low is None else '['}{bottom}, {top}{')' if high is None else ']'}"
    if bottom is not None:
        return f"{bottom} or more" if low is not None else f"above {bottom}"
    return "finite"


def _refuse(config: object, name: str, wanted: str, value: object) -> None:
    shown = value if isinstance(value, int | float) else repr(value)
    raise InputError(f"{type(config).__name__}.{name} must be {wanted}, got {shown}")
