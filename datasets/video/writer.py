"""Writes pictures as a video that every browser plays: H.264 in MP4, with the given times."""

import errno
import math
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.frame import VideoFrame

from posetube.atomic_files import flush, unfinished
from posetube.errors import InputError, MediaError, PoseTubeError, ResourceError
from posetube.shortage import RESERVE, require_memory, shortage_of
from posetube.structures import ByteArray

TICKS = 90_000
"""Time stamps per second."""

RATES = (0.01, 1000.0)
"""Rates that encoder and players take as a hint; a file may state others, as high-speed video."""


class VideoWriter:
    """Writes an MP4 file under a temporary name; it gets its name only when it is complete.

    >>> with VideoWriter("out.mp4", size=(480, 640)) as writer:                  # doctest: +SKIP
    ...     writer.write(image, time=0.04)

    Times may be uneven and may start at any time from 0 on. If the first time is negative, all
    times are shifted so that it is 0, because players drop earlier frames. A time that is not after
    the previous one is moved to 1/90000 s after it. Pictures with an odd side get their last row or
    column doubled, because 4:2:0 colour needs even sides. If the block ends with an error or
    without a picture, no file is left behind.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: tuple[int, int],
        rate: float | None = None,
        quality: int = 21,
        preset: str = "veryfast",
    ) -> None:
        """Open the temporary file.

        Args:
            path: The file to write; replaced if it exists.
            size: H, W of the pictures.
            rate: Frames per second, above 0, as a hint for the encoder; the times decide.
            quality: x264's constant rate factor, 0 (lossless) to 51; lower is better and larger.
            preset: x264's preset: slower ones make smaller files.

        Raises:
            InputError: If a number is out of its range, or the folder does not exist.
            MediaError: If the installed FFmpeg cannot encode H.264.
        """
        _check_numbers(size, quality, rate)
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise InputError(
                f"{path}: cannot be written: the folder {self.path.parent} does not exist"
            )
        self.size = size
        self._last: int | None = None
        self._shift = 0.0
        self._temporary = unfinished(self.path)
        self._open(rate)
        self._stream.height, self._stream.width = (side + side % 2 for side in size)
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, TICKS)
        self._stream.options = {"crf": str(quality), "preset": preset}

    def _open(self, rate: float | None) -> None:
        try:
            self._container = av.open(
                str(self._temporary), "w", format="mp4", options={"movflags": "+faststart"}
            )
        except (av.error.FFmpegError, OSError) as error:
            raise _write_error(self.path, error) from None
        try:
            self._stream = self._container.add_stream(
                "libx264", rate=Fraction(float(np.clip(rate or 30, *RATES))).limit_denominator(1001)
            )
        except (UnknownCodecError, ValueError):
            self._drop()
            raise MediaError(f"{self.path}: this FFmpeg has no H.264 encoder (libx264)") from None

    def write(self, image: ByteArray, time: float) -> None:
        """Add a picture.

        Args:
            image: (H, W, 3) RGB, of the writer's size.
            time: When it is shown, seconds.

        Raises:
            InputError: If the picture has another size or type, or the time is not finite.
            ResourceError: If the disk is full.
        """
        if image.shape != (*self.size, 3) or image.dtype != np.uint8:
            raise InputError(
                f"VideoWriter.write: expected uint8 {(*self.size, 3)}, "
                f"got {image.dtype} {image.shape}"
            )
        if not np.isfinite(time):
            raise InputError(f"VideoWriter.write: time must be finite, got {time}")
        if self._last is None:
            self._shift = max(0.0, -time)
        stamp = round((time + self._shift) * TICKS)
        if self._last is not None:
            # A file takes no two pictures of one time, and none that goes back.
            stamp = max(stamp, self._last + 1)
        self._last = stamp
        # Colours are stored at half the resolution, so that sides must be even.
        odd = [(0, side % 2) for side in self.size]
        even = np.pad(image, (*odd, (0, 0)), mode="edge") if any(map(sum, odd)) else image
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        frame.pts, frame.time_base = stamp, Fraction(1, TICKS)
        self._encode(frame)

    def close(self) -> None:
        """Finish the file and give it its name; without a picture no file is written."""
        if self._last is None:
            self._drop()
            return
        self._encode(None)
        try:
            self._container.close()
            flush(self._temporary)
            self._temporary.replace(self.path)
        except (av.error.FFmpegError, OSError) as error:
            self._drop()
            raise _write_error(self.path, error) from None

    def _encode(self, frame: VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            self._drop()
            raise _write_error(self.path, error) from None

    def _drop(self) -> None:
        """Delete the temporary file."""
        with suppress(av.error.FFmpegError, OSError, ValueError):
            self._container.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self.close()
        else:
            self._drop()


def _check_numbers(size: tuple[int, int], quality: int, rate: float | None) -> None:
    if min(size) < 1:
        raise InputError(f"VideoWriter: size must be 1 x 1 or more, got {size}")
    if not 0 <= quality <= 51:
        raise InputError(f"VideoWriter: quality must be in [0, 51], got {quality}")
    if rate is not None and not 0 < rate < math.inf:
        raise InputError(f"VideoWriter: rate must be above 0 frames/s, got {rate}")


def _write_error(path: Path, error: Exception) -> PoseTubeError:
    """The error to raise if FFmpeg or the file system could not write."""
    if (shortage := shortage_of(error)) is not None:
        return ResourceError(f"{path}: cannot be written: {shortage}")
    text = f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}"
    if getattr(error, "errno", None) == errno.EIO:
        return ResourceError(text)
    require_memory(RESERVE)  # x264 does not say that it got none
    return InputError(text)
