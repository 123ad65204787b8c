"""Decoded pictures as they are displayed: RGB, upright, in memory of their own.

Not here: decoding (:mod:`.packets`), the memory (:mod:`.buffers`).
"""

from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from posetube.structures import ByteArray

from .buffers import Buffers


class Screen:
    """Decoded pictures as they are displayed: RGB, turned and mirrored as the container says.

    Colours are interpolated as the ``ffmpeg`` command does it.
    """

    def __init__(self, *, kept: int) -> None:
        """Keep memory for so many pictures, to be used again."""
        self._buffers = Buffers(kept)
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None
        self._matrix: npt.NDArray[np.int32] | None = None

    def show(self, frame: VideoFrame) -> ByteArray | None:
        """The (H, W, 3) RGB picture, in memory of its own; None where FFmpeg cannot convert it."""
        source = _woven(frame) if frame.interlaced_frame else frame
        try:
            rgb = self._reformatter.reformat(
                source, format="rgb24", interpolation="BICUBIC", threads=1
            )  # more would take turns with those that decode
        except (av.error.FFmpegError, ValueError, MemoryError):
            return None
        image = rgb.to_ndarray().astype(np.uint8, copy=False)
        matrix = self._display_matrix(frame)
        return self._buffers.copy(image if matrix is None else _turned(image, matrix))

    def _display_matrix(self, frame: VideoFrame) -> npt.NDArray[np.int32] | None:
        """How the frame is turned, read where its rotation is new.

        A frame whose side data has been asked for holds itself, and with it its picture, until
        Python looks for such cycles.
        """
        if frame.rotation != self._rotation:
            matrix: Any = frame.side_data.get("DISPLAYMATRIX")
            self._matrix = None if matrix is None else np.frombuffer(bytes(matrix), np.int32)
            self._rotation = frame.rotation
        return self._matrix


def _woven(frame: VideoFrame) -> VideoFrame:
    """The frame without its mark as interlaced: newer FFmpeg would convert its fields apart."""
    if frame.format.name != "yuv420p" or frame.height % 2 or frame.width % 2:
        return frame
    woven = VideoFrame.from_ndarray(frame.to_ndarray(), format="yuv420p")
    woven.colorspace, woven.color_range = frame.colorspace, frame.color_range
    return woven


def _turned(image: ByteArray, matrix: npt.NDArray[np.int32]) -> ByteArray:
    """Apply a display matrix, rounded to quarter turns: x' = a x + c y, y' = b x + d y."""
    a, b, _, c, d = (int(v) for v in matrix[:5])
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, along_x, along_y = image.transpose(1, 0, 2), c, b
    else:
        along_x, along_y = a, d
    return image[:: -1 if along_y < 0 else 1, :: -1 if along_x < 0 else 1]
