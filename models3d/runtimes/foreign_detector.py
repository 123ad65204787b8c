"""Other people's detectors: which outputs are understood, and what they say of a picture.

The person is class 0, as in COCO. Suppression is that of our own network. Not here: opening the
file (:mod:`.foreign_graph`).

Sources: RTMDet (Lyu et al., 2022) as mmdetection and mmdeploy export it, YOLOX (Ge et al., 2021) as
its authors and mmdeploy do; what they expect of a picture is in their configurations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from posetube.errors import InputError
from posetube.network import DetectorFamily
from posetube.structures import ByteArray, FloatArray

from ..arrays import sigmoid
from ..box_coding import clip_boxes
from ..configs.proposal_heads import DenseProposalConfig
from ..preprocess import Geometry, PreprocessConfig, fitted_bytes
from ..tube_choice import choose_tubes
from .foreign_graph import ForeignGraph, open_foreign

SIZE = (640, 640)
"""Of the picture, where a file leaves it open."""

INPUTS: dict[DetectorFamily, PreprocessConfig] = {
    "rtmdet": PreprocessConfig(
        short_side=None,
        long_side=SIZE[0],
        mean=(103.53, 116.28, 123.675),
        std=(57.375, 57.12, 58.395),
        channels="bgr",
        resize="area",
        pad_pixel=114,
    ),
    "yolox": PreprocessConfig(
        short_side=None,
        long_side=SIZE[0],
        mean=(0, 0, 0),
        std=(1, 1, 1),
        channels="bgr",
        resize="bytes",
        pad_pixel=114,
    ),
}
"""What each family makes of a picture; the file says how large it gets."""

MARKS = {"rtmdet": (b"rtmdet", b"rtm_cls"), "yolox": (b"yolox", b"multi_level_conv_cls")}
"""Words of each family, in names of files and in names of layers."""

STRIDES = (8, 16, 32)
"""Pixels per cell of YOLOX's levels."""

LARGEST_LOG = 10.0
"""Larger logarithms of a size are nonsense, and would overflow."""

FILTER = DenseProposalConfig(min_score=0.1)
"""Boxes less sure than this help linking little, and each costs a run of the pose network."""

KNOWN = (
    "boxes with scores (1, N, 5), alone or with classes (1, N); RTMDet's scores (1, C, h, w) and "
    "distances (1, 4, h, w) of each level; YOLOX's (1, cells, 5 + C)"
)


class Candidates(NamedTuple):
    """N boxes, before suppression."""

    boxes: FloatArray
    """(N, 4) x1 y1 x2 y2, pixels of the graph's picture."""

    scores: FloatArray
    """(N,) in [0, 1]."""


Outputs = Sequence[FloatArray]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignDetector:
    """Finds the boxes of people."""

    graph: ForeignGraph
    family: DetectorFamily
    read: Callable[[Outputs], Candidates] = field(repr=False)
    """What the outputs say."""

    layout: str
    """How the outputs are read, in words."""

    def find(self, image: ByteArray) -> Candidates:
        """The people of an (H, W, 3) RGB picture: boxes in its pixels, by falling score."""
        inputs, geometry = INPUTS[self.family], _geometry(image.shape[:2], self.graph.size)
        fitted = fitted_bytes(image, geometry, inputs)[..., ::-1]
        found = self.read(self.graph.run(fitted, mean=inputs.mean, std=inputs.std))
        usable = np.isfinite(found.boxes).all(1) & (found.scores > FILTER.min_score)
        if not usable.any():
            return Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
        # the choice is made by logits, which an exact 0 or 1 does not have
        sure = found.scores[usable].clip(1e-6, 1 - 1e-6)
        logits = np.log(sure / (1 - sure))
        chosen = choose_tubes(logits[None], found.boxes[usable][None, :, None], config=FILTER)
        taken = chosen.taken[0]
        boxes = geometry.to_picture(chosen.tubes[0, :, 0][taken])
        inside = clip_boxes(boxes, height=image.shape[0], width=image.shape[1])
        real = (inside[:, 2:] > inside[:, :2]).all(1)  # others lie in the grey beside the picture
        return Candidates(boxes[real], chosen.scores[0][taken][real])


def open_detector(path: Path, *, family: DetectorFamily | None = None) -> ForeignDetector:
    """Open a detector.

    Args:
        path: The ONNX file.
        family: Whose conventions it follows; None: told by its outputs, or by the names in it.

    Raises:
        WeightsError: If the file cannot be opened or run, or gives something else.
        InputError: If nothing tells the family.
    """
    graph = open_foreign(path, size=SIZE)
    outputs = graph.blank()
    shapes = [out.shape for out in outputs]
    corners, strides = _grid(graph.size)
    read: Callable[[Outputs], Candidates]
    if _paired(outputs, graph.size):
        family, layout, read = family or "rtmdet", "levels", partial(_levels, size=graph.size)
    elif len(shapes) == 1 and shapes[0][:2] == (1, len(corners)) and shapes[0][2:] > (5,):
        family, layout, read = family or "yolox", "cells", _decoded_cells
        # exports with the decoding inside give places in the picture, others offsets in cells
        if np.abs(outputs[0][..., :2]).max() < graph.size[1] / 4:
            layout, read = "raw cells", partial(_raw_cells, corners=corners, strides=strides)
    elif (
        shapes
        and (*shapes[0][:1], *shapes[0][2:]) == (1, 5)
        and shapes[1:] in ([], [shapes[0][:2]])
    ):
        family, layout, read = family or _named_family(path), "boxes", _suppressed
    else:
        graph.unknown(outputs, known=KNOWN)
    return ForeignDetector(graph=graph, family=family, read=read, layout=f"{family} {layout}")


def _named_family(path: Path) -> DetectorFamily:
    """Boxes after suppression look alike; layers keep the names that their makers gave them.

    Raises:
        InputError: If no name tells, or names of both are there.
    """
    text = path.name.lower().encode() + path.read_bytes()
    rtmdet, yolox = (any(mark in text for mark in MARKS[name]) for name in ("rtmdet", "yolox"))
    if rtmdet == yolox:
        raise InputError(
            f"{path}: these boxes may be RTMDet's or YOLOX's, which want different pixels; say "
            'which, detector_family="rtmdet" or detector_family="yolox"'
        )
    return "rtmdet" if rtmdet else "yolox"


def _geometry(picture: Sequence[int], size: tuple[int, int]) -> Geometry:
    """Where a picture lies in the graph's: as large as fits, in the upper left corner."""
    height, width = picture
    scale = min(size[0] / height, size[1] / width)
    resized = (max(1, round(height * scale)), max(1, round(width * scale)))
    exact = (resized[0] / height, resized[1] / width)
    return Geometry(picture=(height, width), resized=resized, padded=size, scale=exact)


def _suppressed(outputs: Outputs) -> Candidates:
    """(1, N, 5) boxes and scores, and (1, N) classes where there are several."""
    rows = outputs[0][0]
    people = rows[outputs[1][0] == 0] if len(outputs) == 2 else rows
    return Candidates(people[:, :4], people[:, 4])


def _paired(outputs: Outputs, size: tuple[int, int]) -> list[tuple[FloatArray, FloatArray]]:
    """Scores (1, C, h, w) and distances (1, 4, h, w) of each level; empty if that is not so."""
    levels: dict[tuple[int, ...], list[FloatArray]] = {}
    for out in outputs:
        levels.setdefault(out.shape[2:] if out.ndim == 4 else (), []).append(out)
    fits = all(
        len(level) == len(pair) == 2
        and min(level) > 0
        and (pair[0].shape[0], *pair[1].shape[:2]) == (1, 1, 4)
        and size == (level[0] * (size[0] // level[0]), level[1] * (size[0] // level[0]))
        for level, pair in levels.items()
    )
    return [(pair[0], pair[1]) for pair in levels.values()] if fits else []


def _levels(outputs: Outputs, *, size: tuple[int, int]) -> Candidates:
    """Logits, and how far a box's sides lie from its cell's upper left corner, in pixels."""
    boxes, scores = [], []
    for logits, sides in _paired(outputs, size):
        corners = _corners(logits.shape[2:], size[0] // logits.shape[2])
        distance = sides[0].reshape(4, -1).T
        boxes.append(np.concatenate([corners - distance[:, :2], corners + distance[:, 2:]], 1))
        scores.append(sigmoid(logits[0, 0].reshape(-1)))
    return Candidates(np.concatenate(boxes), np.concatenate(scores))


def _raw_cells(outputs: Outputs, *, corners: FloatArray, strides: FloatArray) -> Candidates:
    """Middles as offsets in cells, sizes as logarithms of cells."""
    rows = outputs[0][0].copy()
    rows[:, :2] = rows[:, :2] * strides + corners
    rows[:, 2:4] = np.exp(rows[:, 2:4].clip(max=LARGEST_LOG)) * strides
    return _decoded_cells([rows[None]])


def _decoded_cells(outputs: Outputs) -> Candidates:
    """Middle and size in pixels, how likely anything is there, then how likely each class is."""
    rows = outputs[0][0]
    reach = rows[:, 2:4] / 2
    boxes = np.concatenate([rows[:, :2] - reach, rows[:, :2] + reach], 1)
    return Candidates(boxes, rows[:, 4] * rows[:, 5])


def _grid(size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Of all cells of YOLOX's levels: (N, 2) upper left corners and (N, 1) strides, pixels."""
    levels = [_corners((size[0] // stride, size[1] // stride), stride) for stride in STRIDES]
    strides = np.repeat(STRIDES, [len(level) for level in levels])
    return np.concatenate(levels), strides[:, None].astype(np.float32)


def _corners(cells: Sequence[int], stride: int) -> FloatArray:
    """(h * w, 2) x y of the upper left corners of (h, w) cells, pixels."""
    row, column = np.indices((cells[0], cells[1]), np.float32).reshape(2, -1) * stride
    return np.stack([column, row], 1)
