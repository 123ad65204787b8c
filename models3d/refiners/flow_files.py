"""Reads optical flow that another program computed: ``.flo`` and ``.npz`` files of a folder.

From frame 12 to the next processed frame: ``000012.npz`` with the arrays ``forward`` and
``backward``, (h, w, 2) x y in their own pixels, or the two files ``000012.flo`` and
``000012.back.flo``.

Source: the format ``.flo`` is Middlebury's: the number 202021.25, width, height, and rows of x y.
"""

import struct
import zipfile
from pathlib import Path

import numpy as np

from posetube.errors import FormatError
from posetube.structures import FloatArray, Frame

from .flow_step import FlowStep

MAGIC = 202021.25


class FileFlow:
    """The flow of a video in a folder of files."""

    def __init__(self, folder: Path) -> None:
        """The folder.

        Raises:
            FormatError: If there is none.
        """
        if not folder.is_dir():
            raise FormatError(f"{folder}: no such folder of optical flow")
        self._folder = folder

    def between(self, earlier: Frame, later: Frame) -> FlowStep:
        """The flow between two frames that have pictures.

        Raises:
            FormatError: If a file is missing or damaged.
        """
        assert later.image is not None
        size = (later.image.shape[0], later.image.shape[1])
        path = self._folder / f"{earlier.index:06d}.npz"
        if path.is_file():
            both = _arrays(path)
        else:
            names = (f"{earlier.index:06d}.flo", f"{earlier.index:06d}.back.flo")
            both = [read_flo(self._folder / name) for name in names]
        forward, backward = (
            flow * np.array([size[1] / flow.shape[1], size[0] / flow.shape[0]], np.float32)
            for flow in both
        )
        return FlowStep(forward=forward, backward=backward, size=size)


def read_flo(path: Path) -> FloatArray:
    """(h, w, 2) flow, x y in its own pixels.

    Raises:
        FormatError: If the file is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FormatError(f"{path}: no such file, nor one ending in .npz") from None
    magic, width, height = struct.unpack("<fii", content[:12].ljust(12, b"\0"))
    if magic != MAGIC or min(width, height) < 1 or len(content) != 12 + 8 * width * height:
        raise FormatError(f"{path}: not a .flo file, or damaged")
    flow = np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2)
    return flow.astype(np.float32)


def _arrays(path: Path) -> list[FloatArray]:
    try:
        with np.load(path, allow_pickle=False) as content:
            both = [np.asarray(content[name], np.float32) for name in ("forward", "backward")]
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise FormatError(f"{path}: expected arrays forward and backward ({error})") from None
    for flow in both:
        if flow.ndim != 3 or flow.shape[2] != 2:
            raise FormatError(f"{path}: expected arrays (h, w, 2), got {flow.shape}")
    return both
