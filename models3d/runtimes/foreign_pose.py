"""Other people's pose networks: which outputs are understood, and the joints that they say.

A network looks at a crop around one person's box. Not here: opening the file
(:mod:`.foreign_graph`).

Sources: crops, colours and places are those of mmpose's configurations for RTMPose (Jiang et al.,
2023) and for heatmaps; SimCC is Li et al., "SimCC", ECCV 2022.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np

from posetube.errors import WeightsError
from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, FloatArray

from ..configs.people_heads import CropKeypointHeadConfig
from ..crop_geometry import CELL, crop_boxes, map_regions
from ..joint_peaks import LEAST, decode_parabola
from .foreign_graph import ForeignGraph, open_foreign

SIZE = (256, 192)
"""(H, W) of the crop, where a file leaves it open."""

SHARPNESS = 10.0
"""A SimCC score times this is a logarithm of probability: so RTMPose is trained."""

KNOWN = (
    "SimCC scores of columns (1, K, r W) and of rows (1, K, r H), r a whole number; heatmaps "
    "(1, K, H / 4, W / 4)"
)


class ReadJoints(NamedTuple):
    """The joints of N people."""

    positions: FloatArray
    """(N, K, 2) x y, pixels of the displayed frame."""

    scores: FloatArray
    """(N, K) in [0, 1]; what they are worth depends on the network."""


class JointMaps(NamedTuple):
    """Heatmaps of N people."""

    logits: FloatArray
    """(N, K, h, w) logarithms, each up to a constant of its map."""

    regions: FloatArray
    """(N, 4) x1 y1 x2 y2 that they cover, pixels of the displayed frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignPose:
    """Finds the joints of people whose boxes are known."""

    graph: ForeignGraph
    skeleton: Skeleton
    layout: Literal["simcc", "heatmaps"]

    @property
    def crop(self) -> CropKeypointHeadConfig:
        """How a box becomes a crop, and what its pixels are normalised by."""
        return CropKeypointHeadConfig(skeleton=self.skeleton.name, size=self.graph.size)

    def look(self, image: ByteArray, boxes: FloatArray) -> list[list[FloatArray]]:
        """What the graph says of people in (N, 4) boxes of an (H, W, 3) RGB picture, pixels."""
        head = self.crop
        # one crop after the other: not every file takes several at a time
        return [
            self.graph.run(_cut(image, box, head.size), mean=head.mean, std=head.std)
            for box in crop_boxes(boxes, head)
        ]

    def joints(self, seen: list[list[FloatArray]], boxes: FloatArray) -> ReadJoints:
        """The joints of the N people that :meth:`look` saw."""
        joints = len(self.skeleton)
        positions = np.zeros((len(boxes), joints, 2), np.float32)
        scores = np.zeros((len(boxes), joints), np.float32)
        crops = crop_boxes(boxes, self.crop)
        regions = map_regions(crops, self.crop)
        for person, outputs in enumerate(seen):
            if self.layout == "heatmaps":
                found = decode_parabola(_logarithms(outputs[0]), regions[person, None])
                positions[person], scores[person] = found.positions[0], found.scores[0]
                continue
            columns, rows = outputs[0][0], outputs[1][0]
            # places are told in steps of 1 / r pixels of the crop, from its first pixel on
            place = np.stack([columns.argmax(1), rows.argmax(1)], 1)
            steps = np.array([columns.shape[1], rows.shape[1]])
            start, end = np.split(crops[person], 2)
            positions[person] = start + place / steps * (end - start)
            scores[person] = np.minimum(columns.max(1), rows.max(1)).clip(0, 1)
        return ReadJoints(positions, scores)

    def maps(self, seen: list[list[FloatArray]], boxes: FloatArray) -> JointMaps:
        """Their heatmaps; of SimCC, those of which it is the margins."""
        height, width = (side // CELL for side in self.graph.size)
        logits = np.zeros((len(boxes), len(self.skeleton), height, width), np.float32)
        for person, outputs in enumerate(seen):
            if self.layout == "heatmaps":
                logits[person] = _logarithms(outputs[0])[0]
                continue
            columns, rows = (
                out[0].reshape(out.shape[1], cells, -1).max(2) * SHARPNESS
                for out, cells in zip(outputs, (width, height), strict=True)
            )
            logits[person] = rows[:, :, None] + columns[:, None, :]
        crops = crop_boxes(boxes, self.crop)
        if self.layout == "simcc":  # a cell holds the steps of so many whole pixels
            return JointMaps(logits, crops)
        return JointMaps(logits, map_regions(crops, self.crop))


def open_pose(path: Path, *, skeletons: Mapping[int, Skeleton]) -> ForeignPose:
    """Open a pose network.

    Args:
        path: The ONNX file.
        skeletons: The joint sets that it may find, by their number of joints.

    Raises:
        WeightsError: If the file cannot be opened or run, gives something else, or finds joints of
            no such number.
    """
    graph = open_foreign(path, size=SIZE)
    outputs = graph.blank()
    shapes, (height, width) = [out.shape for out in outputs], graph.size
    layout: Literal["simcc", "heatmaps"]
    if len(shapes) == 1 and shapes[0][:1] + shapes[0][2:] == (1, height // CELL, width // CELL):
        layout = "heatmaps"
    elif len(shapes) == 2 and _are_margins(*shapes, size=graph.size):
        layout = "simcc"
    else:
        graph.unknown(outputs, known=KNOWN)
    joints = shapes[0][1]
    if joints not in skeletons:
        known = ", ".join(f"{count} ({named.name})" for count, named in skeletons.items())
        raise WeightsError(
            f"{path}: it finds {joints} joints, expected {known}; name another joint set with "
            "skeleton="
        )
    return ForeignPose(graph=graph, skeleton=skeletons[joints], layout=layout)


def _are_margins(columns: tuple[int, ...], rows: tuple[int, ...], *, size: tuple[int, int]) -> bool:
    if len(columns) != 3 or len(rows) != 3 or columns[:2] != rows[:2] or columns[0] != 1:
        return False
    steps = columns[2] // size[1]
    return steps > 0 and (rows[2], columns[2]) == (steps * size[0], steps * size[1])


def _cut(image: ByteArray, box: FloatArray, size: tuple[int, int]) -> ByteArray:
    """The (H, W, 3) crop of a box; pixel 0 lies on the box's corner, black beyond the picture."""
    (height, width), (x1, y1, x2, y2) = size, box.tolist()
    to_picture = np.array([[(x2 - x1) / width, 0, x1], [0, (y2 - y1) / height, y1]])
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, to_picture, (width, height), flags=way), np.uint8)


def _logarithms(maps: FloatArray) -> FloatArray:
    """The logarithm of a Gaussian is a parabola, which is what the peak is sought by."""
    return np.asarray(np.log(maps.clip(LEAST)), np.float32)
