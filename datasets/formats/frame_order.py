"""Which frame of a video each picture is, told by the numbers in the pictures' names or ids.

Lists of results name a picture for each person, in any order, and no picture without people. So
pictures are sorted by their numbers, and numbers that are left out are frames without people.

Files that list their frames (COCO's ``images``) are sorted by :func:`sorted_places` and get no
others. Not here: PoseTrack's files, whose list is the order.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path, PurePosixPath

import numpy as np

from posetube.errors import FormatError
from posetube.structures import FrameTable

from ..annotated_video import MAX_FRAMES
from .annotation_rows import LARGEST_ID

Name = str | int
"""A picture's file name, or its id."""

VIDEO_FRAME = re.compile(r"(0|[1-9]\d{0,8})\.jpg", re.ASCII)
"""What AlphaPose calls a frame of a video file, counted from 0."""

LAST_NUMBER = re.compile(r"(.*?)([0-9]{1,15})([^0-9/]*)", re.DOTALL)

SPARSE = 50
"""Where fewer than one number in so many is a picture, the numbers are no frames of one video."""


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A name around its last number."""

    before: str
    digits: str
    after: str

    @property
    def number(self) -> int:
        return int(self.digits)


def frames_of_results(
    pictures: Sequence[Name], *, path: Path
) -> tuple[dict[Name, int], FrameTable]:
    """Frame of each picture, and all frames, those that nobody names among them.

    Args:
        pictures: A name or id for each person, in any order.
        path: For messages.

    Returns:
        Index of each picture's frame, and the frames. Frame 0 is the picture of the lowest number,
        and numbers are counted by their common step (every third frame was looked at); names such
        as ``12.jpg`` are of frame 12. Pictures whose names differ in more than a number, or whose
        numbers lie far apart, are sorted and have no frames between them.

    Raises:
        FormatError: If there are more than :data:`MAX_FRAMES` frames.
    """
    unique = list(dict.fromkeys(pictures))
    parts = [_numbered(name) for name in unique]
    alike = [part for part in parts if part is not None]
    of_video = bool(unique) and all(VIDEO_FRAME.fullmatch(str(name)) for name in unique)
    if not unique or len(alike) < len(unique) or not _one_video(alike):
        return _listed(unique)
    numbers = [part.number for part in alike]
    if max(map(abs, numbers)) > LARGEST_ID:
        return _listed(unique)
    # Frames of a video file are called by their index: nobody may be in the first ones.
    first = 0 if of_video else min(numbers)
    # Where every third frame was looked at, the two between are no frames without people.
    step = 1 if of_video else gcd(*(number - first for number in numbers)) or 1
    count = (max(numbers) - first) // step + 1
    # These are the ids of pictures, not a count: nothing lies between them.
    if not of_video and count > SPARSE * len(unique):
        return _listed(unique)
    if count > MAX_FRAMES:
        raise FormatError(f"{path}: {count} frames; at most {MAX_FRAMES} are read")
    width, by_id = _width(alike), isinstance(unique[0], int)
    every = range(first, first + count * step, step)
    frames = FrameTable(
        times=np.full(count, np.nan),
        names=() if of_video else tuple(_name(alike[0], number, width) for number in every),
        ids=np.array(every, np.int64) if by_id else None,
    )
    places = [(number - first) // step for number in numbers]
    return dict(zip(unique, places, strict=True)), frames


def sorted_places(names: Sequence[str]) -> list[int]:
    """Places of the pictures in the order of their numbers, folder by folder.

    Folders keep the order in which they first come; so does a folder in which a name has no number
    or differs in more than its number.
    """
    folders: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        folders.setdefault(str(PurePosixPath(name).parent), []).append(place)
    found: list[int] = []
    for places in folders.values():
        parts = [part for place in places if (part := _numbered(names[place])) is not None]
        if len(parts) == len(places) and _one_video(parts):
            places = [places[i] for i in np.argsort([p.number for p in parts], kind="stable")]
        found += places
    return found


def mixed_videos(names: Sequence[str]) -> tuple[str, str] | None:
    """What pictures of two videos begin with, where two beginnings have the same numbers.

    One number that two have in common may be chance: pictures of a data set are called so.
    """
    first: dict[tuple[int, str], str] = {}
    common = Counter[tuple[str, str]]()
    for name in dict.fromkeys(names):
        part = _numbered(name)
        if part is None:
            continue
        other = first.setdefault((part.number, part.after), part.before)
        if other != part.before:
            common[other, part.before] += 1
            if common[other, part.before] > 1:
                return other, part.before
    return None


def _numbered(name: Name) -> _Numbered | None:
    if isinstance(name, int):
        return _Numbered("", str(name), "")
    ending = PurePosixPath(name).suffix
    match = LAST_NUMBER.fullmatch(name.removesuffix(ending))
    return None if match is None else _Numbered(match[1], match[2], match[3] + ending)


def _width(parts: Sequence[_Numbered]) -> int:
    """The fewest digits of a number, to which shorter ones are filled with zeros."""
    return min(len(part.digits) for part in parts)


def _name(part: _Numbered, number: int, width: int) -> str:
    return f"{part.before}{number:0{width}d}{part.after}"


def _one_video(parts: Sequence[_Numbered]) -> bool:
    """Whether names differ in nothing but their numbers, all written in one way."""
    width, first = _width(parts), parts[0]
    return all(
        _name(first, part.number, width) == f"{part.before}{part.digits}{part.after}"
        for part in parts
    )


def _listed(pictures: Sequence[Name]) -> tuple[dict[Name, int], FrameTable]:
    """The pictures in the order of their names, and nothing between them."""
    names = sorted(pictures, key=_natural)
    exact = [name for name in names if isinstance(name, int) and abs(name) <= LARGEST_ID]
    frames = FrameTable(
        times=np.full(len(names), np.nan),
        names=tuple(map(str, names)),
        ids=np.array(exact, np.int64) if names and len(exact) == len(names) else None,
    )
    return {name: place for place, name in enumerate(names)}, frames


def _natural(name: Name) -> tuple[tuple[str, int], ...]:
    """Sorts ``a2`` before ``a10``."""
    pieces = re.findall(r"([^0-9]*)([0-9]{0,15})", str(name))
    return tuple((text, int(number or -1)) for text, number in pieces)
