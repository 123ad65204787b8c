"""Reads numbered pictures or the pages of a TIFF file as one video, or a picture as one frame.

The last number in a file's name is its place: ``000005.jpg``, ``frame_12.png``, ``0007_crop.jpg``.
If all numbers have a common step (97, 99, 101 ...), that step is one frame. A number missing in
between is a frame of state ``missing``. Numbered pictures have no times: frame i is at i / 25
seconds, by convention. Names such as ``2024-05-06_12-00-10.250.jpg`` are times, and nothing is
missing between them. Pages of another size than the first are left out: they are thumbnails.

An album (``VideoConfig.as_one``) is all pictures of a folder, whatever their names: each is a frame
and padded with black to the largest of them, so that places in it stay what they are.
"""

import math
import re
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from posetube.errors import MediaError
from posetube.structures import ByteArray, Frame

from ..picture_names import SECOND, numbered_names
from .config import VideoConfig
from .frame_warnings import FrameWarnings
from .opened_video import Video
from .picture import SUFFIXES, page_places, read_picture, scaled

RATE = 25.0
"""Frames per second of pictures, by convention."""

SPARSEST = 4
"""Frames per picture, plus a hundred, above which numbers are mere names, like COCO's."""

APART = 10.0
"""Seconds between the photographs of an album: longer than anybody is waited for."""

SLOWEST = 5.0
"""Seconds between pictures that are named by times, above which they are single photographs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameFolder:
    """The pictures of one video, in order."""

    path: Path
    """The folder."""

    pictures: tuple[Path | None, ...]
    """One per frame, None where it is missing."""

    times: tuple[float, ...]
    """When each frame was taken, seconds since the first one."""

    rate: float
    """Frames per second of most frames."""

    ignored: int
    """Number of pictures in the folder that do not belong to the series."""


class PictureVideo(Video):
    """Pictures as a video."""

    def __init__(self, path: Path, config: VideoConfig) -> None:
        name = path.absolute().name if path.is_dir() else path.stem
        super().__init__(name=name, source=str(path), config=config)
        self._warnings = FrameWarnings(path.name)
        self.warnings = self._warnings.lines
        self._pictures: tuple[Path | None, ...]
        if path.is_dir():
            folder = album(path) if config.as_one else read_folder(path)
            self._pictures, self._times = folder.pictures, folder.times
            self.rate = folder.rate
            self._pages: tuple[int | None, ...] = (None,) * len(self._pictures)
            ignored, what = folder.ignored, "pictures outside the numbered series"
        else:
            self._pages, ignored = page_places(path)
            self._pictures, what = (path,) * len(self._pages), "pages of another size"
            self._times = _at_rate(len(self._pages))
            self.rate = RATE if len(self._pages) > 1 else None
        if ignored:
            self._warnings.add(f"{ignored} {what} are left out")
        if path.is_dir() or len(self._pages) == 1:
            self.frame_names = tuple(picture.name if picture else "" for picture in self._pictures)
        self.expected = len(self._pictures)
        self.size = self._first_size(path)

    def _read(self, first: int) -> Generator[Frame, None, None]:
        config = self.config
        for index in range(first, len(self._pictures)):
            time = self.last = self._times[index]
            if config.over(time):
                return
            if index % config.every == 0 and config.reached(time):
                yield self._frame(index, time)

    def _first_size(self, path: Path) -> tuple[int, int]:
        """H, W of the first picture that can be read; of an album, large enough for all."""
        if self.config.as_one and path.is_dir():
            sizes = list(self._sizes())
            if sizes:
                return max(height for height, _ in sizes), max(width for _, width in sizes)
        problem = f"{path}: no picture in it can be read"
        for picture in filter(None, self._pictures):
            try:
                image, _ = read_picture(picture, max_pixels=self.config.max_pixels)
            except MediaError as error:
                if len(self._pictures) == 1:
                    problem = str(error)
                continue
            return image.shape[0], image.shape[1]
        raise MediaError(problem)

    def _sizes(self) -> Iterator[tuple[int, int]]:
        """H, W of every picture that can be read, as it is displayed."""
        for picture in filter(None, self._pictures):
            with suppress(MediaError):
                image, _ = read_picture(picture, max_pixels=self.config.max_pixels)
                yield image.shape[0], image.shape[1]

    def _frame(self, index: int, time: float) -> Frame:
        picture = self._pictures[index]
        if picture is None:
            self._warnings.add_frame(index, time, "missing from the folder")
            return Frame(index=index, time=time, image=None, state="missing")
        try:
            limit, page = self.config.max_pixels, self._pages[index]
            image, state = read_picture(picture, max_pixels=limit, page=page)
        except MediaError as error:
            which = "" if page is None else f" (page {index + 1})"
            self._warnings.add_frame(index, time, f"{error}{which}")
            return Frame(index=index, time=time, image=None, state="corrupt")
        if state == "corrupt":
            self._warnings.add_frame(index, time, f"{picture.name} is damaged")
        if image.shape[:2] != self.size and self.config.as_one:
            image = _padded(image, self.size)
        elif image.shape[:2] != self.size:
            was = f"{image.shape[1]} x {image.shape[0]}"
            self._warnings.add_frame(index, time, f"scaled to the first picture's size from {was}")
            image = scaled(image, self.size)
        return Frame(index=index, time=time, image=image, state=state)


def _padded(image: ByteArray, size: tuple[int, int]) -> ByteArray:
    """A picture with black below it and to its right: places in it stay what they are."""
    missing = [(0, max(0, whole - side)) for whole, side in zip(size, image.shape, strict=False)]
    return np.pad(image, (*missing, (0, 0)))[: size[0], : size[1]]


def album(folder: Path) -> FrameFolder:
    """All pictures of a folder, by name, so far apart in time that nobody is followed.

    Raises:
        MediaError: If there is none.
    """
    pictures = sorted(pictures_in(folder), key=lambda path: natural_key(path.name))
    if not pictures:
        raise MediaError(f"{folder}: no pictures in this folder ({', '.join(SUFFIXES)})")
    times = tuple(APART * index for index in range(len(pictures)))
    return FrameFolder(
        path=folder, pictures=tuple(pictures), times=times, rate=1 / APART, ignored=0
    )


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sorts names as people do: 9.jpg before 10.jpg."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]


def is_numbered(folder: Path) -> bool:
    """Whether a folder holds two or more pictures that are numbered as frames of one video."""
    try:
        return sum(p is not None for p in read_folder(folder).pictures) > 1
    except MediaError:
        return False


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, sorted by name, without hidden files."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )


def read_folder(folder: Path) -> FrameFolder:
    """Find the longest series of numbered pictures in a folder.

    Raises:
        MediaError: If there is none, a number occurs twice, or the numbers are too far apart.
    """
    series = _series(folder)
    if not series:
        raise MediaError(f"{folder}: no numbered pictures in this folder ({', '.join(SUFFIXES)})")
    (*_, timed), chosen = max(series.items(), key=lambda one: len(one[1]))
    by_number: dict[int, Path] = {}
    for number, path in chosen:
        if number in by_number:
            raise MediaError(
                f"{folder}: {by_number[number].name} and {path.name} have the same number"
            )
        by_number[number] = path
    ignored = sum(map(len, series.values())) - len(chosen)
    first, last = min(by_number), max(by_number)
    if timed:
        return _timed_folder(folder, by_number, ignored)
    step = math.gcd(*(n - first for n in by_number)) or 1
    count = (last - first) // step + 1
    if count > SPARSEST * len(chosen) + 100:
        raise MediaError(
            f"{folder}: {len(chosen)} pictures numbered {first} to {last} are too far apart "
            f"for a video; give them one by one, as '{folder}/*{chosen[0][1].suffix}'"
        )
    pictures = tuple(by_number.get(first + step * i) for i in range(count))
    return FrameFolder(
        path=folder, pictures=pictures, times=_at_rate(count), rate=RATE, ignored=ignored
    )


def _timed_folder(folder: Path, by_time: dict[int, Path], ignored: int) -> FrameFolder:
    """The pictures of a folder whose names are times, in nanoseconds."""
    ordered = sorted(by_time)
    apart = median([b - a for a, b in pairwise(ordered)] or [SECOND / RATE]) / SECOND
    if apart > SLOWEST:
        raise MediaError(
            f"{folder}: {len(ordered)} pictures, {apart:.0f} s apart by their names, are too far "
            f"apart for a video; give them one by one, as '{folder}/*{by_time[ordered[0]].suffix}'"
        )
    return FrameFolder(
        path=folder,
        pictures=tuple(by_time[time] for time in ordered),
        times=tuple((time - ordered[0]) / SECOND for time in ordered),
        rate=1 / apart,
        ignored=ignored,
    )


def _at_rate(count: int) -> tuple[float, ...]:
    """Times of frames that have none of their own."""
    return tuple(index / RATE for index in range(count))


def _series(folder: Path) -> dict[tuple[str, str, bool], list[tuple[int, Path]]]:
    """Numbered pictures, grouped by the text around their number and whether it is a time."""
    series = defaultdict(list)
    paths = pictures_in(folder)
    names = numbered_names([path.stem + path.suffix.lower() for path in paths])
    for path, name in zip(paths, names, strict=True):
        if name is not None:
            series[name.before, name.after, name.is_time].append((name.number, path))
    return dict(series)
