"""Opens an ONNX file that somebody else made, and sees what it takes and what it gives.

Not here: what its numbers mean (:mod:`.foreign_detector`, :mod:`.foreign_pose`). Importing this
file does not import ONNX Runtime.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from posetube.errors import WeightsError
from posetube.shortage import raise_shortage
from posetube.structures import ByteArray, FloatArray

from .graph_files import session_options

LARGEST_SIDE = 4096
"""Pixels; a file that asks for more is damaged."""

Colours = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignGraph:
    """A graph that takes one picture. Several threads may run it at a time."""

    path: Path
    """The file."""

    session: Any = field(repr=False)
    """Of ONNX Runtime."""

    size: tuple[int, int]
    """(H, W) of its picture, pixels."""

    def run(self, picture: ByteArray, *, mean: Colours, std: Colours) -> list[FloatArray]:
        """What it gives for an (H, W, 3) picture, in the graph's own order of channels.

        Args:
            picture: As large as the graph wants it.
            mean: Subtracted from each channel, 0 to 255.
            std: Each channel is divided by this afterwards.
        """
        pixels = (picture - np.array(mean, np.float32)) / np.array(std, np.float32)
        name = self.session.get_inputs()[0].name
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        return [np.asarray(out, np.float32) for out in self.session.run(None, {name: planes})]

    def blank(self) -> list[FloatArray]:
        """What it gives for a black picture; this shows shapes that the file leaves open.

        Raises:
            WeightsError: If it cannot be run.
        """
        black = np.zeros((*self.size, 3), np.uint8)
        try:
            return self.run(black, mean=(0, 0, 0), std=(1, 1, 1))
        except Exception as error:
            raise_shortage(error)
            height, width = self.size
            raise WeightsError(
                f"{self.path}: fails on a picture of {width} x {height} ({_first_line(error)})"
            ) from error

    def unknown(self, outputs: list[FloatArray], *, known: str) -> NoReturn:
        """Refuse a graph whose outputs nobody can read.

        Raises:
            WeightsError: Always; lists what there is and what would be understood.
        """
        names = [out.name for out in self.session.get_outputs()]
        shapes = [f"{name} {out.shape}" for name, out in zip(names, outputs, strict=True)]
        height, width = self.size
        raise WeightsError(
            f"{self.path}: for a picture of {width} x {height} it gives {', '.join(shapes)}; "
            f"understood are {known}"
        )


def open_foreign(path: Path, *, size: tuple[int, int]) -> ForeignGraph:
    """Open a file.

    Args:
        path: The ONNX file.
        size: (H, W) to use where the file takes pictures of any size.

    Raises:
        WeightsError: If there is no such file, ONNX Runtime cannot open it, or it takes anything
            else than one picture (1, 3, H, W) of float32.
    """
    import onnxruntime

    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    try:
        session = onnxruntime.InferenceSession(
            path, session_options(), providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise_shortage(error)
        raise WeightsError(
            f"{path}: not an ONNX graph, damaged, or of a kind that ONNX Runtime "
            f"{onnxruntime.__version__} does not know ({_first_line(error)})"
        ) from error
    return ForeignGraph(path=path, session=session, size=_size(path, session, size))


def _size(path: Path, session: Any, size: tuple[int, int]) -> tuple[int, int]:
    """(H, W) of the one picture that the graph takes; dimensions left open are no numbers."""
    inputs = session.get_inputs()
    shape = inputs[0].shape if len(inputs) == 1 else []
    wanted = [1, 3, *size]
    if len(shape) == 4 and inputs[0].type == "tensor(float)":
        taken = [d if isinstance(d, int) else w for d, w in zip(shape, wanted, strict=True)]
        if taken[:2] == wanted[:2] and all(
            0 < s <= LARGEST_SIDE and s % 32 == 0 for s in taken[2:]
        ):
            return taken[2], taken[3]
    described = ", ".join(f"{one.name} {one.shape} {one.type}" for one in inputs)
    raise WeightsError(
        f"{path}: it takes {described or 'nothing'}; understood is one picture (1, 3, H, W) of "
        f"float32, H and W multiples of 32 up to {LARGEST_SIDE}"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
