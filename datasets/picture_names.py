"""Numbers the frames of a video by the names of their pictures: by a time, or by a last number.

``walk_0012.jpg`` is number 12 of the series ``walk_`` and ``.jpg``. A name that gives a time, such
as ``door_2024-05-06_12-00-10.jpg``, is numbered by all of it, so that the series goes on where a
minute or a day is over. Names are looked at together, because one alone may be read both ways:

- Digits behind the seconds are a fraction of a second, unless frames would follow each other faster
  than pictures are taken. ``2024-05-06_12-00-10_001.jpg``, ``..._002.jpg`` and on are the frames of
  a video that is called by its beginning.
- Six digits behind a date are a time, unless one of them is none, or all lie in the first hour of
  the day. ``20240506_000061.jpg`` is a frame, too.

Not here: what is made of the numbers (:mod:`.formats.frame_order`, :mod:`.video.frame_folder`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import PurePosixPath
from statistics import median
from typing import Any, Literal

import numpy as np

from posetube.structures import DoubleArray

SECOND = 1_000_000_000
"""Nanoseconds; times are numbers of them."""

DAY = 86_400 * SECOND

FASTEST = 5_000_000
"""Nanoseconds between pictures; what follows faster, in the middle, is counted frames."""

Style = Literal["count", "date", "epoch", "clock"]
"""How a number is written: digits; date and time; time since 1970; a time of day."""

_LAST_NUMBER = re.compile(r"(.*?)([0-9]{1,18})([^0-9/]*)", re.DOTALL)

_DATE = r"(?P<year>(?:19|20)\d\d)(?P<ds>[-_.:]?)(?P<month>\d\d)(?P=ds)(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d)(?:h|(?P<ts>[-_.:]{}))(?P<minute>\d\d)(?:m|(?P=ts))(?P<second>\d\d)s?"
_FRACTION = r"(?:[-_.,:]?(?P<fraction>\d{3}|\d{6}|\d{9}))"


def _around(number: str, *, before: str = r"\D") -> re.Pattern[str]:
    """A name with such a number; what ends before it."""
    form = rf"(?P<before>(?:.*?{before})?)(?P<text>{number})(?P<after>[^0-9/]*)"
    return re.compile(form, re.ASCII | re.DOTALL)


_TIMES: dict[Style, re.Pattern[str]] = {
    "date": _around(rf"{_DATE}(?:[-_.:, T]{{0,3}}| at ){_CLOCK.format('?')}{_FRACTION}?"),
    "epoch": _around(r"(?P<epoch>1\d{9})[-_.]?(?P<fraction>\d{3}|\d{6}|\d{9})"),
    "clock": _around(rf"{_CLOCK.format('')}{_FRACTION}?", before="[^0-9A-Za-z]"),
}
"""How names give times; a time of day alone has separators."""


@dataclass(frozen=True, slots=True)
class NumberedName:
    """A name around its number."""

    before: str
    text: str
    """The number, as it is written."""

    after: str
    number: int
    """What it says; of a time nanoseconds."""

    style: Style = "count"

    @property
    def is_time(self) -> bool:
        """Whether the number is one of nanoseconds."""
        return self.style != "count"

    def renamed(self, number: int, *, width: int) -> str:
        """The name with another number; a count of fewer digits is filled with zeros."""
        if not self.is_time:
            return f"{self.before}{number:0{width}d}{self.after}"
        digits = iter(_digits(number, self.style))
        text = re.sub(r"\d", lambda _: next(digits), self.text, flags=re.ASCII)
        return f"{self.before}{text}{self.after}"


@dataclass(frozen=True, slots=True)
class _Time:
    """A name read as a time, possible or not."""

    name: NumberedName
    possible: bool
    has_fraction: bool
    in_first_hour: bool
    """Without separators, and in the first hour of the day."""


def numbered_names(names: Sequence[str | int]) -> list[NumberedName | None]:
    """The number of each picture, None where its name has none.

    Args:
        names: All that may belong to one video; an id is a number without a name.
    """
    read = [_as_time(name) if isinstance(name, str) else None for name in names]
    series: dict[str, list[_Time]] = {}
    for one in filter(None, read):
        series.setdefault(one.name.before, []).append(one)
    timed = {before for before, times in series.items() if _are_times(times)}
    return [
        one.name if one is not None and one.name.before in timed else _by_last_number(name)
        for one, name in zip(read, names, strict=True)
    ]


def one_series(parts: Sequence[NumberedName | None]) -> bool:
    """Whether names differ in nothing but their numbers, all written in one way."""
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return False
    width = fewest_digits(known)
    return all(
        part.is_time == known[0].is_time
        and known[0].renamed(part.number, width=width) == f"{part.before}{part.text}{part.after}"
        for part in known
    )


def fewest_digits(parts: Sequence[NumberedName]) -> int:
    """The fewest digits of a number, to which shorter ones are filled with zeros."""
    return min(len(part.text) for part in parts)


def times_of(names: Sequence[str]) -> DoubleArray | None:
    """(F,) seconds since the first frame by the frames' names; None where they give no times."""
    parts = numbered_names(names)
    numbers = [part.number for part in parts if part is not None and part.is_time]
    if not one_series(parts) or len(numbers) < 2:
        return None
    later = all(one < other for one, other in pairwise(numbers))
    return np.array([(n - numbers[0]) / SECOND for n in numbers]) if later else None


def _by_last_number(name: str | int) -> NumberedName | None:
    if isinstance(name, int):
        return NumberedName("", str(name), "", name)
    stem, ending = _split(name)
    match = _LAST_NUMBER.fullmatch(stem)
    return match and NumberedName(match[1], match[2], match[3] + ending, int(match[2]))


def _as_time(name: str) -> _Time | None:
    stem, ending = _split(name)
    matches = ((style, form.fullmatch(stem)) for style, form in _TIMES.items())
    found = next(((style, match) for style, match in matches if match), None)
    if found is None:
        return None
    style, part = found[0], found[1].groupdict()
    before, text = part["before"], part["text"]
    # 01-02-03-04 is a row of numbers and no time.
    if style == "clock" and re.search(r"\d[-_.:]$", before) and before[-1] == part["ts"]:
        return None
    number = _nanoseconds(part)
    return _Time(
        NumberedName(before, text, part["after"] + ending, number or 0, style),
        possible=number is not None,
        has_fraction=part["fraction"] is not None,
        in_first_hour=part.get("ts") == "" and part["hour"] == "00",
    )


def _nanoseconds(part: dict[str, Any]) -> int | None:
    fraction = int((part["fraction"] or "").ljust(9, "0"))
    if "epoch" in part:
        return int(part["epoch"]) * SECOND + fraction
    hour, minute, second = (int(part[name]) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        return None
    of_day = (hour * 3600 + minute * 60 + second) * SECOND + fraction
    if "year" not in part:
        return of_day
    try:
        days = date(int(part["year"]), int(part["month"]), int(part["day"])).toordinal()
    except ValueError:
        return None
    return days * DAY + of_day


def _digits(number: int, style: Style) -> str:
    """The digits of a time down to nanoseconds, in the order of names of its style."""
    whole, fraction = divmod(number, SECOND)
    if style == "epoch":
        return f"{whole}{fraction:09d}"
    days, of_day = divmod(number, DAY)
    minutes, second = divmod(of_day // SECOND, 60)
    clock = f"{minutes // 60:02d}{minutes % 60:02d}{second:02d}{fraction:09d}"
    return clock if style == "clock" else f"{date.fromordinal(days):%Y%m%d}{clock}"


def _are_times(times: Sequence[_Time]) -> bool:
    """Whether all names of a series may be times, and would not follow each other too fast."""
    if not all(one.possible for one in times):
        return False
    if all(one.in_first_hour and not one.has_fraction for one in times):
        return False
    numbers = sorted({one.name.number for one in times if one.has_fraction})
    steps = [b - a for a, b in pairwise(numbers) if a // SECOND == b // SECOND]
    return not steps or median(steps) >= FASTEST


def _split(name: str) -> tuple[str, str]:
    """A name and its ending; ``frame.0012`` has none."""
    ending = PurePosixPath(name).suffix
    if ending[1:].isdigit():
        return name, ""
    return name.removesuffix(ending), ending
