"""Reads times as people write them: ``12.5``, ``12.5s``, ``800ms``, ``2min``, ``00:01:02.5``."""

import re

from posetube.errors import InputError

UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0}
"""Seconds in each unit."""

WITH_UNIT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|min|h|)")
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d*)?)")


def parse_seconds(text: str) -> float:
    """Read a time or a duration.

    Args:
        text: A number with or without a unit (s, ms, min, h; seconds where there is none), or
            hours, minutes and seconds with colons; the hours may be left out.

    Raises:
        InputError: If it is none of these.

    Examples:
        >>> parse_seconds("800ms"), parse_seconds("01:02.5"), parse_seconds("1:00:00")
        (0.8, 62.5, 3600.0)
    """
    text = text.strip()
    if number := WITH_UNIT.fullmatch(text):
        return float(number[1]) * UNITS[number[2]]
    if clock := CLOCK.fullmatch(text):
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    raise InputError(f"expected a time such as 12.5s or 00:01:02, got {text!r}")
