"""Reads a list of videos: a CSV file with a line per video, its stretch, and its result's name.

The first line names the columns: ``video`` (a path that starts from the list's folder, or an
address), and any of ``start``, ``end`` (times, as on the command line) and ``name``.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from posetube.errors import FormatError, InputError, MediaError
from posetube.file_names import SUMMARY, readable
from posetube.file_reading import reading

from ...datasets.video import VideoConfig
from ...datasets.video.container import is_camera, is_url
from ...datasets.video.inputs import Input, find_inputs, safe_name, with_distinct_names
from ..durations import parse_seconds
from .batch import InputOutcome, failed_outcome

COLUMNS = ("video", "start", "end", "name")

LARGEST = 1 << 30
"""Bytes of the largest list that is read; a million lines have a tenth of that."""

LONGEST = 200
"""Bytes of the longest name of a run; disks allow 255, and some files beside it are longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedVideo:
    """One line of a list."""

    item: Input
    config: VideoConfig
    """Which frames are looked at, with the line's own stretch."""


def read_video_list(
    path: Path, config: VideoConfig
) -> tuple[list[ListedVideo], list[InputOutcome]]:
    """The videos of a list, and an outcome for each line whose video is not there.

    Names that the list does not give are those of the files, as everywhere.

    Args:
        path: The list.
        config: Which frames of videos are looked at where a line does not say.

    Raises:
        InputError: If there is no such file, or it cannot be read.
        FormatError: If it is no such list; names the line.
    """
    listed, refused, given = [], [], []
    taken: dict[str, str] = {}
    for where, row in _rows(path):
        try:
            name = _name(row, taken)
            own = _with_stretch(config, row)
            item = _item(row, where, folder=path.parent, as_one=config.as_one)
        except MediaError as error:
            refused.append(failed_outcome(error, name=row["video"]))
            continue
        except InputError as error:
            raise FormatError(f"{where}: {error}") from None
        listed.append(ListedVideo(item=item, config=own))
        given.append(name)
    if not listed and not refused:
        raise FormatError(f"{readable(path)}: it names no video")
    names = _names(given, [video.item for video in listed])
    return [
        replace(video, item=replace(video.item, name=name))
        for video, name in zip(listed, names, strict=True)
    ], refused


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each line with its place, by column."""
    with reading(path, most=LARGEST):
        content = path.read_bytes()
    lines = csv.reader(_text(content, path).splitlines(), strict=True)
    try:
        yield from _read_rows(lines, readable(path))
    except csv.Error as error:
        where = f"{readable(path)}: line {lines.line_num}"
        raise FormatError(f"{where}: no list of videos ({error})") from None


def _read_rows(lines: Any, path: str) -> Iterator[tuple[str, dict[str, str]]]:
    columns = [word.strip().lower() for word in next(lines, [])]
    unknown = [word for word in columns if word not in COLUMNS]
    if unknown or "video" not in columns or len({*columns}) < len(columns):
        raise FormatError(
            f"{path}: line 1: expected the columns video and any of start, end, name, "
            f"got {', '.join(columns) or 'nothing'}"
        )
    for values in lines:
        where = f"{path}: line {lines.line_num}"
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(columns):
            raise FormatError(f"{where}: expected {len(columns)} values, got {len(values)}")
        yield where, dict(zip(columns, values, strict=True))


def _text(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormatError(f"{readable(path)}: not UTF-8, so no list of videos") from None


def _with_stretch(config: VideoConfig, row: dict[str, str]) -> VideoConfig:
    texts = {word: row.get(word, "").strip() for word in ("start", "end")}
    told = {word: parse_seconds(text) for word, text in texts.items() if text}
    return replace(config, start=told.get("start", config.start), end=told.get("end", config.end))


def _item(row: dict[str, str], where: str, *, folder: Path, as_one: bool) -> Input:
    source = row["video"].strip()
    if source and not (is_url(source) or is_camera(source)):
        source = str(folder / source)
    found = find_inputs([source], as_one=as_one)
    if len(found) > 1:
        raise FormatError(f"{where}: {source} is {len(found)} videos; give each a line")
    return found[0]


def _name(row: dict[str, str], taken: dict[str, str]) -> str:
    """The name that a line gives; noted among those that are taken, by their small letters."""
    name = row.get("name", "").strip()
    if not name:
        return ""
    if name != safe_name(name):
        raise InputError(
            f"{name!r} cannot be the name of a folder everywhere; {safe_name(name)!r} could"
        )
    if len(name.encode()) > LONGEST:
        raise InputError(f"a name may have {LONGEST} bytes, got {len(name.encode())}")
    if name.lower() == SUMMARY:
        raise InputError(f"{name!r} is the file beside the runs; give another name")
    if name.lower() in taken:
        raise InputError(f"a line before has the name {taken[name.lower()]!r}, too")
    taken[name.lower()] = name
    return name


def _names(given: Sequence[str], items: Sequence[Input]) -> list[str]:
    """A name for each video: its own, or that of its file, with a number where that is taken."""
    own = Counter(name.lower() for name in given if name)
    unnamed = (item for item, name in zip(items, given, strict=True) if not name)
    others = iter(with_distinct_names(list(unnamed), taken=own))
    return [name or next(others).name for name in given]
