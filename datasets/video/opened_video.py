"""What every open video offers, wherever its frames come from."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from typing import Self

from posetube.errors import InputError
from posetube.structures import Frame, summaries

from .config import VideoConfig
from .prefetch import prefetch_items

QUEUE_BYTES = 1 << 27
"""Memory for frames that are decoded ahead, bytes; one frame is allowed even if it is larger."""


class Video(ABC):
    """An open video; iterate over it, repeatedly unless it is ``live``.

    Use it as a context manager: leaving it ends the threads that decode ahead.
    """

    size: tuple[int, int]
    """H, W of every frame, as displayed."""

    begin: float = 0.0
    """Time of the first frame of the video, seconds."""

    last: float | None = None
    """Time of the latest frame that was read or skipped, seconds; None before the first."""

    expected: int | None = None
    """Frames in the whole video according to the container; None: unknown."""

    rate: float | None = None
    """Frames per second that the container states; not a clock."""

    live: bool = False
    """Whether it can be read only once (camera, stream)."""

    pixel_aspect: float = 1.0
    """Width of a stored pixel over its height, before rotation; 1 for square pixels."""

    cut_short: bool = False
    """Whether the last reading ended before the end that the container states."""

    frame_names: tuple[str, ...] = ()
    """File name of each picture of a folder, empty where it is missing; () elsewhere."""

    def __init__(self, *, name: str, source: str, config: VideoConfig) -> None:
        self.name = name
        """The file's name without its suffix."""
        self.source = source
        """Path or address, without a password."""
        self.config = config
        self.warnings: list[str] = []
        """Problems found so far, one line each: file, frame, time, problem."""
        self._reading: list[Generator[Frame, None, None]] = []

    @abstractmethod
    def _read(self, first: int) -> Generator[Frame, None, None]:
        """Frames from index ``first`` on that the configuration asks for."""

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
        frames = self._read(first)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()
