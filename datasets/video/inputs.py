"""Finds the videos that the user's arguments name, and gives each a unique name.

An argument is a file, a folder of numbered pictures (one video), a folder of videos or of single
pictures (several), a glob, ``camera:N``, or an address that FFmpeg reads.
"""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from posetube.errors import InputError, MediaError
from posetube.shortage import raise_shortage

from .container import check_file, is_camera, is_url, without_password
from .frame_folder import is_numbered, pictures_in
from .picture import SUFFIXES

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".gif", ".apng", ".y4m",
    ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".flv", ".wmv", ".asf", ".ogv", ".ivf",
    ".h264", ".264", ".h265", ".hevc", ".mxf", ".nut", ".dv", ".rm", ".rmvb", ".mjpeg", ".avif",
)  # fmt: skip
"""Suffixes by which videos are found in a folder; a file given by name may have any suffix."""

Kind = Literal["video", "frames", "picture", "camera", "url"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One video to read."""

    name: str
    """Unique among the inputs, and safe as the name of a folder."""

    source: str
    """What :func:`..open_video` takes: a path, ``camera:N`` or an address."""

    kind: Kind
    """File, folder of numbered pictures, single picture, camera, or address."""


def find_inputs(patterns: Sequence[str], *, as_one: bool = False) -> list[Input]:
    """The videos that arguments name, in the order of the arguments, each once.

    A name is the file's without its suffix. Names that would be equal keep the suffix
    (``walk.mp4`` becomes ``walk-mp4``), then also get the folder (``day1-walk-mp4``), and names
    that are still equal get a number (``-2``, ``-3`` ...).

    Args:
        patterns: The arguments.
        as_one: Whether a folder of pictures is one video, whatever their names.

    Raises:
        InputError: If there are no arguments.
        MediaError: If an argument matches nothing, a folder holds nothing to read, or a file is
            empty, a pipe or a device.
    """
    if not patterns:
        raise InputError("no input given; give a video, a folder, a glob, camera:0 or an address")
    found = [one for pattern in patterns for one in _expand(pattern, as_one)]
    unique: dict[str, Input] = {}
    for one in found:
        unique.setdefault(_identity(one), one)
    return with_distinct_names(list(unique.values()))


def _identity(one: Input) -> str:
    if one.kind in ("camera", "url"):
        return one.source
    # links to a file are names of their own, but a link to its folder adds nothing
    folder, name = os.path.split(os.path.abspath(one.source))
    return os.path.join(os.path.realpath(folder), name)


def _expand(pattern: str, as_one: bool) -> Iterator[Input]:
    if not pattern:  # as a path it would be the current folder
        raise InputError("an empty name was given; give a video, a folder, a glob or an address")
    if is_camera(pattern):
        if not pattern.removeprefix("camera:").strip():
            raise InputError(f"{pattern}: expected a camera such as camera:0, got no number")
        yield Input(name="", source=pattern, kind="camera")
        return
    if is_url(pattern):
        yield from _address(pattern)
        return
    # The name of a file may hold brackets, so it is looked up before it is taken for a glob.
    if _exists(Path(pattern)):
        yield from _path(Path(pattern), as_one)
        return
    matches = sorted(_matches(pattern)) if glob.has_magic(pattern) else []
    if not matches:
        what = "matches no file" if glob.has_magic(pattern) else "no such file or folder"
        raise MediaError(f"{pattern}: {what}")
    readable = [Path(match) for match in matches if _readable(Path(match))]
    if not readable:
        raise MediaError(f"{pattern}: none of the {len(matches)} matches is a video or a picture")
    for path in readable:
        yield from _path(path, as_one)


def _exists(path: Path) -> bool:
    """Whether there is such a file or folder; refuses a file that cannot be read."""
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        raise_shortage(error)
        raise MediaError(f"{str(path)!r}: cannot be opened: {error}") from None
    if exists and not is_folder:
        check_file(path)
    return exists


def _matches(pattern: str) -> set[str]:
    """What a pattern matches; ``**`` is folders at any depth, links to folders aside.

    The library's own ``**`` follows such links, which may lead in circles.
    """
    split = re.fullmatch(r"((?:.*?/)?)\*\*(?:/(.*))?", pattern, re.DOTALL)
    if split is None:
        return set(glob.glob(pattern))
    found = set[str]()
    for start in glob.glob(split[1]) if split[1] else ["."]:
        for folder, below, _ in os.walk(start):
            below[:] = [name for name in below if not name.startswith(".")]
            inside = os.path.join(glob.escape(folder), split[2] or "*")
            found |= _matches(inside if split[1] else inside.removeprefix("./"))
    return found


def _address(url: str) -> Iterator[Input]:
    if url.lower().startswith("file://"):
        raise InputError(f"{url}: give files as paths, without file://")
    yield Input(name="", source=url, kind="url")


def _path(path: Path, as_one: bool) -> Iterator[Input]:
    if not path.is_dir():
        kind: Kind = "picture" if path.suffix.lower() in SUFFIXES else "video"
        yield Input(name="", source=str(path), kind=kind)
        return
    videos = sorted(p for p in path.iterdir() if _is_video(p))
    pictures = pictures_in(path)
    # A folder of videos may hold a few pictures, such as thumbnails, and is still one of videos.
    if len(pictures) > len(videos) and (as_one or is_numbered(path)):
        yield Input(name="", source=str(path), kind="frames")
        return
    if not videos and not pictures:
        raise MediaError(f"{path}: no videos and no pictures in this folder")
    for file in videos or pictures:
        yield from _path(file, as_one)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file() and path.name[0] != "."


def _readable(path: Path) -> bool:
    """Whether a match of a glob is a video, a picture, or a folder of them."""
    if path.is_dir():
        return bool(pictures_in(path)) or any(_is_video(p) for p in path.iterdir())
    return _is_video(path) or (path.suffix.lower() in SUFFIXES and path.is_file())


def with_distinct_names(inputs: Sequence[Input], *, taken: Iterable[str] = ()) -> list[Input]:
    """Give each input the shortest name that distinguishes it from the others.

    Args:
        inputs: The inputs, in order.
        taken: Names that none may have, in lower case.
    """
    forms = [_names(one) for one in inputs]
    names = [form[0] for form in forms]
    for level in (1, 2):
        lower = Counter(name.lower() for name in names)
        names = [
            form[level] if lower[name.lower()] > 1 else name
            for form, name in zip(forms, names, strict=True)
        ]
    # Names become folders, and some file systems do not distinguish upper and lower case.
    given = set(taken)
    result = []
    for one, name in zip(inputs, names, strict=True):
        unique, count = name, 1
        while unique.lower() in given:
            count += 1
            unique = f"{name}-{count}"
        given.add(unique.lower())
        result.append(replace(one, name=unique))
    return result


def _names(one: Input) -> tuple[str, str, str]:
    """Possible names of an input, from short to long."""
    if one.kind == "camera":
        return (safe_name(one.source),) * 3
    if one.kind == "url":
        text = without_password(one.source).partition("?")[0].partition("://")[2].rstrip("/")
        return safe_name(Path(text).stem), safe_name(text), safe_name(text)
    path = Path(os.path.abspath(one.source))
    whole = path.name.replace(".", "-")
    short = path.name if one.kind == "frames" else path.stem
    return safe_name(short), safe_name(whole), safe_name(f"{path.parent.name}-{whole}")


def safe_name(name: str) -> str:
    """The name with characters replaced that are unsafe in the name of a folder anywhere."""
    return re.sub(r"[^\w.+@=() -]+", "-", name).strip(". -") or "video"
