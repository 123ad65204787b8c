"""Shows pictures in memory as a video: arrays with their times, from any program or camera."""

from collections.abc import Generator, Iterable, Iterator, Sized
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Any

import numpy as np

from posetube.errors import InputError, MediaError
from posetube.structures import ByteArray, Frame

from .config import VideoConfig
from .opened_video import Video

Pictures = Iterable[ByteArray] | Iterable[tuple[ByteArray, float]] | Iterable[Frame]
"""(H, W, 3) RGB images, or such images each with its time in seconds, or frames."""


def open_pictures(
    pictures: Pictures,
    *,
    times: Iterable[float] | None = None,
    config: VideoConfig | None = None,
) -> Video:
    """Show pictures in memory as a video. It can be read once.

    The first picture is taken here; the others are taken one by one, as they are read.

    Args:
        pictures: Images (H, W, 3), RGB, uint8, all of one size, with ``times``; or pairs
            (image, time); or :class:`~posetube.structures.Frame`, as :func:`..open_video` yields.
        times: Presentation time of each picture, seconds, rising; only for bare images.
        config: Which frames to read; None: all.

    Raises:
        InputError: If there is no picture, or the first is none; reading raises it for the others.
    """
    config = replace(config or VideoConfig(), ahead=0)  # a caller's iterator stays in its thread
    return MemoryVideo(pictures, times=times, config=config)


class MemoryVideo(Video):
    """Pictures in memory."""

    live = True

    def __init__(
        self, pictures: Pictures, *, times: Iterable[float] | None, config: VideoConfig
    ) -> None:
        super().__init__(name="frames", source="frames in memory", config=config)
        self.expected = len(pictures) if isinstance(pictures, Sized) else None
        found = _numbered(pictures, times)
        before: list[Frame] = []
        for frame in found:
            before.append(frame)
            if frame.image is not None:
                self.size = _size(frame)
                break
        else:
            raise InputError("frames in memory: there is no picture")
        self.begin = before[0].time
        self._frames: Iterator[Frame] | None = chain(before, found)

    def _read(self, first: int) -> Generator[Frame, None, None]:
        if self._frames is None:
            raise MediaError("frames in memory can be read once")
        frames, self._frames = self._frames, None
        for frame in _checked(frames, self.size):
            self.last, elapsed = frame.time, frame.time - self.begin
            if self.config.over(elapsed):
                return
            wanted = frame.index >= first and frame.index % self.config.every == 0
            if wanted and self.config.reached(elapsed):
                # a copy: cameras' libraries write the next picture over this one
                image = None if frame.image is None else frame.image.copy()
                yield replace(frame, image=image)

    def close(self) -> None:
        """End all reading, and let go of the pictures."""
        super().close()
        self._frames = None


def _numbered(pictures: Pictures, times: Iterable[float] | None) -> Iterator[Frame]:
    missing = object()
    pairs: Iterable[Any] = pictures
    if times is not None:
        pairs = zip_longest(pictures, times, fillvalue=missing)
    for index, item in enumerate(pairs):
        if isinstance(item, Frame):
            yield item
        elif times is None and not (isinstance(item, (tuple, list)) and len(item) == 2):
            raise InputError(
                f"frame {index}: expected a pair (image, time), got {type(item).__name__}; "
                "give the times of bare images as times="
            )
        elif item[0] is missing or item[1] is missing:
            raise InputError(f"frame {index}: expected as many times as images")
        else:
            yield Frame(index=index, time=float(item[1]), image=np.asarray(item[0]))


def _checked(frames: Iterable[Frame], size: tuple[int, int]) -> Iterator[Frame]:
    index, time = -1, -np.inf
    for frame in frames:
        if frame.image is not None and _size(frame) != size:
            raise InputError(
                f"frame {frame.index}: expected {size[1]} x {size[0]} pixels as the first "
                f"picture has, got {frame.image.shape[1]} x {frame.image.shape[0]}"
            )
        if frame.index <= index or not time < frame.time < np.inf:
            raise InputError(
                f"frame {frame.index} at {frame.time} s: expected index and time to rise, "
                f"the frame before is {index} at {time} s"
            )
        index, time = frame.index, frame.time
        yield frame


def _size(frame: Frame) -> tuple[int, int]:
    """(H, W) of an image of the right kind."""
    image = frame.image
    assert image is not None
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"frame {frame.index}: expected an image (H, W, 3), RGB, uint8, "
            f"got {image.shape} of {image.dtype}"
        )
    return image.shape[0], image.shape[1]
