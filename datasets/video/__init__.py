"""Reads videos frame by frame: pictures, indices, true times, and state.

>>> with open_video("clip.mp4") as video:                                    # doctest: +SKIP
...     for frame in video:
...         print(frame.index, frame.time, frame.state)

Memory does not depend on the length. Damage affects only the frames that cannot be decoded, and
these keep their indices (:mod:`.frame_order`). Formats, protocols and sizes are limited
(:mod:`.container`). Pixels are never stretched: if they are not square, coordinates are in stored
pixels, and ``pixel_aspect`` tells their shape. A frame whose size differs from the first one's is
scaled to it. Interlaced frames are given as stored.

:mod:`.inputs` finds the videos that arguments name; :mod:`.writer` writes a video.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol, Self

from posetube.errors import InputError, MediaError
from posetube.shortage import raise_shortage
from posetube.structures import Frame, summaries

from .config import VideoConfig
from .container import ffmpeg_message, is_camera, is_url, without_password
from .frame_folder import PictureSource
from .picture import is_picture
from .picture_sequence import sequence_format
from .prefetch import prefetch_items
from .stream_source import StreamSource

__all__ = ["Video", "VideoConfig", "open_video"]

QUEUE_BYTES = 1 << 27
"""Memory for frames that are decoded ahead, bytes; one frame is allowed even if it is larger."""


class FrameSource(Protocol):
    """Where a :class:`Video` gets its frames from."""

    size: tuple[int, int]
    expected: int | None
    rate: float | None
    live: bool
    pixel_aspect: float
    cut_short: bool
    names: tuple[str, ...]
    begin: float
    last: float | None

    @property
    def warnings(self) -> list[str]:
        """One line for each problem found so far."""

    def read(self, first: int) -> Generator[Frame, None, None]:
        """Frames from index ``first`` on that the configuration asks for."""

    def close(self) -> None:
        """Close files and devices."""


class Video:
    """An open video; iterate over it, repeatedly unless it is ``live``.

    Use it as a context manager: leaving it ends the threads that decode ahead.
    """

    def __init__(self, source: FrameSource, *, name: str, label: str, config: VideoConfig) -> None:
        self.source = label
        """Path or address, without a password."""
        self.name = name
        """The file's name without its suffix."""
        self.config = config
        self._source = source
        self._reading: list[Generator[Frame, None, None]] = []

    @property
    def size(self) -> tuple[int, int]:
        """H, W of every frame, as displayed."""
        return self._source.size

    @property
    def expected(self) -> int | None:
        """Frames in the whole video according to the container; None: unknown."""
        return self._source.expected

    @property
    def rate(self) -> float | None:
        """Frames per second that the container states; not a clock."""
        return self._source.rate

    @property
    def begin(self) -> float:
        """Time of the first frame of the video, seconds."""
        return self._source.begin

    @property
    def last(self) -> float | None:
        """Time of the latest frame that was read or skipped, seconds; None before the first."""
        return self._source.last

    @property
    def frame_names(self) -> tuple[str, ...]:
        """File name of each picture of a folder, empty where it is missing; () elsewhere."""
        return self._source.names

    @property
    def live(self) -> bool:
        """Whether it can be read only once (camera, stream)."""
        return self._source.live

    @property
    def pixel_aspect(self) -> float:
        """Width of a stored pixel over its height, before rotation; 1 for square pixels."""
        return self._source.pixel_aspect

    @property
    def cut_short(self) -> bool:
        """Whether the last reading ended before the end that the container states."""
        return self._source.cut_short

    @property
    def warnings(self) -> list[str]:
        """Problems found so far, one line each: file, frame, time, problem."""
        return self._source.warnings

    def __repr__(self) -> str:
        count = "live" if self.live else f"{self.expected or 'unknown number of'} frames"
        return f"<Video {self.name}: {summaries.frame_size(self.size)}, {count}>"

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """Frames from index ``first`` on, with the indices and times of a full reading.

        Raises:
            InputError: If ``first`` is negative.
            MediaError: If a live source is read again, or the file can no longer be opened.
        """
        if first < 0:
            raise InputError(f"Video.frames: first must be 0 or more, got {first}")
        frames = self._source.read(first)
        if not self.config.ahead:
            return frames
        height, width = self.size
        depth = max(1, min(self.config.ahead, QUEUE_BYTES // (height * width * 3)))
        waiting = prefetch_items(frames, depth=depth)
        self._reading.append(waiting)
        return waiting

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def close(self) -> None:
        """End all reading."""
        for waiting in self._reading:
            waiting.close()
        self._reading.clear()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()


def open_video(source: str | Path, *, config: VideoConfig | None = None) -> Video:
    """Open a video, a folder of numbered pictures, a file of pictures, a camera or an address.

    The first frame is decoded at once, so a video that opens can be read.

    Args:
        source: Path, ``camera:N`` or URL.
        config: Which frames to read, and limits; None: all frames, default limits.

    Raises:
        MediaError: If it cannot be read or is refused; the message says why.
    """
    config = config or VideoConfig()
    text = str(source)
    if is_camera(text) or is_url(text):
        label = without_password(text)
        name = Path(label.partition("?")[0].replace(":", "-")).stem
        return Video(StreamSource(text, config), name=name, label=label, config=config)
    if not text:  # as a path it would be the current folder
        raise MediaError("an empty name was given; name a video")
    path = Path(source)
    folder = _is_folder(path)
    form = sequence_format(path) if not folder and is_picture(path) else None
    opened: FrameSource
    if folder or (is_picture(path) and form is None):
        opened = PictureSource(path, config)
    else:
        opened = StreamSource(text, config, form=form)
    name = path.absolute().name if folder else path.stem
    return Video(opened, name=name, label=text, config=config)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError) as error:
        raise_shortage(error)
        raise MediaError(f"{str(path)!r}: cannot be opened: {ffmpeg_message(error)}") from None
