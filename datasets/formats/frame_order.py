"""Which frame of a video each picture is, told by the numbers in the pictures' names or ids.

Lists of results name a picture for each person, in any order, and no picture without people. So
pictures are sorted by their numbers, and numbers that are left out are frames without people.

Files that list their frames (COCO's ``images``, PoseTrack's) are sorted by :func:`sorted_places`
and get no others.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from math import gcd
from pathlib import Path
from statistics import median

import numpy as np

from posetube.errors import FormatError
from posetube.structures import FrameTable

from ..annotated_video import MAX_FRAMES
from ..picture_names import fewest_digits, numbered_names, one_series
from .annotation_rows import LARGEST_ID

Name = str | int
"""A picture's file name, or its id."""

VIDEO_FRAME = re.compile(r"(0|[1-9]\d{0,8})\.jpg", re.ASCII)
"""What AlphaPose calls a frame of a video file, counted from 0."""

_ENDING = re.compile(r"\.\w+\Z")

SPARSE = 50
"""Where fewer than one number in so many is a picture, the numbers are no frames of one video."""


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
    parts = numbered_names(unique)
    alike = [part for part in parts if part is not None]
    of_video = bool(unique) and all(VIDEO_FRAME.fullmatch(str(name)) for name in unique)
    if not one_series(parts):
        return _listed(unique)
    timed, numbers = alike[0].is_time, [part.number for part in alike]
    if max(map(abs, numbers)) > LARGEST_ID and not timed:
        return _listed(unique)
    # Frames of a video file are called by their index: nobody may be in the first ones.
    first = 0 if of_video else min(numbers)
    # Where every third frame was looked at, the two between are no frames without people.
    step = 1 if of_video else gcd(*(number - first for number in numbers)) or 1
    count = (max(numbers) - first) // step + 1
    # These are the ids of pictures, not a count: nothing lies between them.
    if not of_video and count > SPARSE * len(unique):
        return _listed(unique)
    # Times at no fixed distance do not tell where others would lie.
    if timed and step < median(b - a for a, b in pairwise([first, *sorted(numbers)])):
        return _listed(unique)
    if count > MAX_FRAMES:
        raise FormatError(f"{path}: {count} frames; at most {MAX_FRAMES} are read")
    width, by_id = fewest_digits(alike), isinstance(unique[0], int)
    every = range(first, first + count * step, step)
    frames = FrameTable(
        times=np.full(count, np.nan),
        names=() if of_video else tuple(alike[0].renamed(n, width=width) for n in every),
        ids=np.array(every, np.int64) if by_id else None,
    )
    places = [(number - first) // step for number in numbers]
    return dict(zip(unique, places, strict=True)), frames


def sorted_places(
    names: Sequence[str], *, frame_ids: Sequence[int | None] = (), ids: Sequence[int] = ()
) -> list[int]:
    """Places of the pictures in the order of their frames, folder by folder.

    Args:
        names: The pictures of a list.
        frame_ids: Numbers of the frames, where the list has any; they come before the names.
        ids: Where names have no numbers, or differ in more, these decide; without them pictures
            stay as they are.

    Returns:
        The places. Folders keep the order in which they first come.
    """
    folders: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        folders.setdefault(name.rpartition("/")[0], []).append(place)
    found: list[int] = []
    for places in folders.values():
        numbers = _numbers(
            [names[place] for place in places],
            [frame_ids[place] for place in places] if frame_ids else [],
            [ids[place] for place in places] if ids else [0] * len(places),
        )
        found += [place for _, place in sorted(zip(numbers, places, strict=True))]
    return found


def _numbers(
    names: Sequence[str], frame_ids: Sequence[int | None], ids: Sequence[int]
) -> Sequence[int]:
    """By what the pictures of one folder are sorted."""
    known = [number for number in frame_ids if number is not None]
    if len(set(known)) == len(names):
        return known
    parts = numbered_names(names)
    return [part.number for part in parts if part] if one_series(parts) else ids


def mixed_videos(names: Sequence[str]) -> tuple[str, str] | None:
    """How the names of two videos' pictures differ, where those of both are in one list.

    Names of one series differ in nothing but their number and the file's ending. Two series of
    which one goes on before the other is over are two videos; where one follows the other, the
    recording may have got a new name.

    Returns:
        What the names of each begin with, or end with where they begin alike; None where no two
        series lie among each other. One picture is no series: data sets call pictures so.
    """
    series: dict[tuple[str, str], set[int]] = {}
    for part in filter(None, numbered_names(list(dict.fromkeys(names)))):
        series.setdefault((part.before, _ENDING.sub("", part.after)), set()).add(part.number)
    spans = sorted((min(n), max(n), around) for around, n in series.items() if len(n) > 1)
    for (_, end, around), (start, _, next_around) in pairwise(spans):
        if start < end:
            befores, afters = zip(around, next_around, strict=True)
            return afters if befores[0] == befores[1] else befores
    return None


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
