"""Reads and writes corrections as people type them: ``split 3 @12.4s``.

One table says how each is spelled; the command's help and messages show its examples.
"""

import re

from posetube.errors import InputError

from ...tracker.edits import Edit, Verb
from ..durations import parse_seconds

SPELLING: dict[Verb, tuple[str, str]] = {
    "merge": ("merge 3 5", "track 5 becomes part of track 3"),
    "split": ("split 3 @12.4s", "a new track from then on"),
    "swap": ("swap 2 4 @7.0s", "the two change places from then on"),
    "delete": ("delete 7 [@2s..5s]", "the track, or this stretch of it"),
    "rename": ("rename 3 anna", "what exports and drawings call it"),
    "keep": ("keep 1,2", "deletes all other tracks"),
    "assign": ("assign 3 8 @2s..5s", "this stretch of track 3 belongs to track 8"),
    "move": ("move 3 left_wrist @12.4s 310,220", "where a joint is in the frame shown then"),
}
"""How each correction is typed, and what it does."""

_ONE, _TWO = r"(?P<tracks>\d{1,9})", r"(?P<tracks>\d{1,9} \d{1,9})"
_SINCE, _STRETCH = r"@(?P<start>\S+)", r"@(?P<start>\S+?)\.\.@?(?P<stop>\S+)"
_PLACE = r"(?P<x>-?\d+(?:\.\d*)?),(?P<y>-?\d+(?:\.\d*)?)"

_FORMS: dict[Verb, str] = {
    "merge": _TWO,
    "split": rf"{_ONE} {_SINCE}",
    "swap": rf"{_TWO} {_SINCE}",
    "delete": rf"{_ONE}(?: {_STRETCH})?",
    "rename": rf"{_ONE} (?P<name>\S.*)",
    "keep": r"(?P<tracks>\d{1,9}(?:[, ]\d{1,9})*)",
    "assign": rf"{_TWO} {_STRETCH}",
    "move": rf"{_ONE} (?P<joint>\w+) {_SINCE} {_PLACE}",
}


def parse_edit(text: str) -> Edit:
    """Read a correction.

    Raises:
        InputError: If it is none; shows how it is spelled.
    """
    word, _, rest = " ".join(text.split()).partition(" ")
    verb = next((name for name in _FORMS if name == word), None)
    if verb is None:
        raise InputError(f"there is no correction {word!r}; there are {', '.join(_FORMS)}")
    match = re.fullmatch(_FORMS[verb], rest.replace(", ", ","))
    if match is None:
        raise InputError(f"expected for example `{SPELLING[verb][0]}`, got {text!r}")
    found = match.groupdict()
    start, stop = _time(found.get("start")), _time(found.get("stop"))
    if start is not None and stop is not None and stop < start:
        raise InputError(f"a stretch must not end before it starts, got {text!r}")
    return Edit(
        verb=verb,
        tracks=tuple(dict.fromkeys(map(int, re.split("[, ]", found["tracks"])))),
        start=start,
        stop=stop,
        name=found.get("name") or "",
        joint=found.get("joint") or "",
        place=(float(found["x"]), float(found["y"])) if "x" in found else None,
    )


def _time(text: str | None) -> float | None:
    return None if text is None else parse_seconds(text)


def spelled(edit: Edit) -> str:
    """A correction as it is typed."""
    tracks = ("," if edit.verb == "keep" else " ").join(map(str, edit.tracks))
    start = "" if edit.start is None else f"@{_seconds(edit.start)}"
    stretch = start if edit.stop is None else f"{start}..{_seconds(edit.stop)}"
    place = "" if edit.place is None else f"{edit.place[0]:g},{edit.place[1]:g}"
    return " ".join(filter(None, (edit.verb, tracks, edit.name or edit.joint, stretch, place)))


def _seconds(time: float) -> str:
    return f"{round(time, 6):.6f}".rstrip("0").rstrip(".") + "s"
