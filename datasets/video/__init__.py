"""Frames of a video, one after the other: pictures, indices, true times, state.

>>> with open_video("clip.mp4") as video:                                    # doctest: +SKIP
...     for frame in video:
...         print(frame.index, frame.time, frame.state)

Memory does not depend on the length. Damage costs only the frames that cannot be decoded, and
those keep their places (:mod:`.packets`). What may be opened, and how large, is limited
(:mod:`.policy`). Pixels are never stretched: where they are not square, coordinates are in
stored pixels and ``pixel_aspect`` says how wide one is. A frame whose size differs from the
first one's is scaled to it. Interlaced frames are given as stored.

Not here: which arguments mean a video (:mod:`.inputs`), writing one (:mod:`.writer`).
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol, Self

from posetube.errors import InputError, MediaError
from posetube.structures import Frame

from .ahead import ahead
from .config import VideoConfig
from .file import VideoFile
from .frame_folder import PictureSource
from .picture import is_animated, is_picture
from .policy import is_camera, is_url, plain, shown

__all__ = ["Video", "VideoConfig", "open_video"]

QUEUE_BYTES = 1 << 27
"""Memory for frames that wait, in bytes; one frame waits even where it is larger."""


class Source(Protocol):
    """What a kind of video offers to :class:`Video`."""

    size: tuple[int, int]
    expected: int | None
    rate: float | None
    live: bool
    pixel_aspect: float
    cut_short: bool

    @property
    def warnings(self) -> list[str]:
        """One line for each trouble met so far."""

    def read(self, first: int) -> Generator[Frame, None, None]:
        """The wanted frames from index ``first`` on."""

    def close(self) -> None:
        """Let go of files and devices."""


class Video:
    """An open video: iterate over it once, or as often as it is not ``live``.

    Use it as a context manager; leaving it ends the threads that decode ahead.
    """

    def __init__(self, source: Source, *, name: str, label: str, config: VideoConfig) -> None:
        self.source = label
        """Path or address, without password."""
        self.name = name
        """The file's name without its ending."""
        self.config = config
        self._source = source
        self._reading: list[Generator[Frame, None, None]] = []

    @property
    def size(self) -> tuple[int, int]:
        """H, W of every frame, as displayed."""
        return self._source.size

    @property
    def expected(self) -> int | None:
        """Frames the container promises, ``start``, ``end`` and ``every`` aside; None: unknown."""
        return self._source.expected

    @property
    def rate(self) -> float | None:
        """Frames per second that the container states; not a clock."""
        return self._source.rate

    @property
    def live(self) -> bool:
        """Whether it cannot be read twice (camera, stream)."""
        return self._source.live

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel over its height, before the frame is turned; 1 for square ones."""
        return self._source.pixel_aspect

    @property
    def cut_short(self) -> bool:
        """Whether the last reading ended before the container's promise."""
        return self._source.cut_short

    @property
    def warnings(self) -> list[str]:
        """What was found wrong so far: file, frame, time, what."""
        return self._source.warnings

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """Frames from index ``first`` on, with the indices and times of a full reading.

        Raises:
            MediaError: If a live source is read again, or the file can no longer be opened.
        """
        if first < 0:
            raise InputError(f"Video.frames: first must be 0 or more, got {first}")
        frames = self._source.read(first)
        if not self.config.ahead:
            return frames
        height, width = self.size
        depth = max(1, min(self.config.ahead, QUEUE_BYTES // (height * width * 3)))
        waiting = ahead(frames, depth=depth)
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
    """Open a video file, a folder of numbered pictures, a picture, a camera or an address.

    The first frame is decoded here, so that what opens can be read.

    Args:
        source: Path, ``camera:N`` or URL.
        config: Which frames to read, and limits; None: all, default limits.

    Raises:
        MediaError: If it cannot be read or is refused; one line that says why.
    """
    config = config or VideoConfig()
    text = str(source)
    if is_camera(text) or is_url(text):
        name = Path(shown(text).partition("?")[0].replace(":", "-")).stem
        return Video(VideoFile(text, config), name=name, label=shown(text), config=config)
    path = Path(source)
    folder = _is_folder(path)
    pictures = folder or (is_picture(path) and not is_animated(path))
    opened: Source = PictureSource(path, config) if pictures else VideoFile(text, config)
    name = path.absolute().name if folder else path.stem
    return Video(opened, name=name, label=text, config=config)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError) as error:
        raise MediaError(f"{str(path)!r}: cannot be opened: {plain(error)}") from None
