"""Converts decoded frames to RGB pictures as they are displayed: upright, in their own memory."""

from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from posetube.shortage import RESERVE, require_memory
from posetube.structures import ByteArray

from .buffer_pool import BufferPool


class RgbConverter:
    """Converts frames to RGB, and turns and mirrors them as the container says.

    Colours are interpolated as in the ``ffmpeg`` command.
    """

    def __init__(self, *, kept: int) -> None:
        """Reuse the memory of up to ``kept`` pictures."""
        self._buffers = BufferPool(kept)
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: npt.NDArray[np.int32] | None = None

    def convert(self, frame: VideoFrame) -> ByteArray | None:
        """The (H, W, 3) RGB picture in its own memory; None if FFmpeg cannot convert it."""
        source = _progressive(frame) if frame.interlaced_frame else frame
        try:
            # One thread: more would compete with those that decode.
            rgb = self._reformatter.reformat(
                source, format="rgb24", interpolation="BICUBIC", threads=1
            )
        except (av.error.FFmpegError, ValueError, MemoryError):
            require_memory(RESERVE)  # a damaged frame can ask for more than there is, too
            return None
        image = rgb.to_ndarray().astype(np.uint8, copy=False)
        matrix = self._display_matrix(frame)
        return self._buffers.copy(image if matrix is None else _turned(image, matrix))

    def _display_matrix(self, frame: VideoFrame) -> npt.NDArray[np.int32] | None:
        """The display matrix; read only when the rotation changes.

        Reading a frame's side data makes a reference cycle, which keeps the frame in memory until
        Python's garbage collector runs.
        """
        if frame.rotation != self._rotation:
            matrix: Any = frame.side_data.get("DISPLAYMATRIX")
            self._matrix = None if matrix is None else np.frombuffer(bytes(matrix), np.int32)
            self._rotation = frame.rotation
        return self._matrix


def _progressive(frame: VideoFrame) -> VideoFrame:
    """The frame without its interlaced flag: newer FFmpeg would convert the two fields apart."""
    if frame.format.name != "yuv420p" or frame.height % 2 or frame.width % 2:
        return frame
    progressive = VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
    progressive.colorspace, progressive.color_range = frame.colorspace, frame.color_range
    return progressive


def _turned(image: ByteArray, matrix: npt.NDArray[np.int32]) -> ByteArray:
    """Apply a display matrix, rounded to quarter turns: x' = a x + c y, y' = b x + d y."""
    a, b, _, c, d = (int(v) for v in matrix[:5])
    # The larger entries tell whether the axes are exchanged, their signs which ones are mirrored.
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, along_x, along_y = image.transpose(1, 0, 2), c, b
    else:
        along_x, along_y = a, d
    return image[:: -1 if along_y < 0 else 1, :: -1 if along_x < 0 else 1]
