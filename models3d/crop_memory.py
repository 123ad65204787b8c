"""Remembers the crops of a frame, so that overlapping clips look at each crop once.

Clips overlap: a person in T frames of one is in T - 1 of the next. Each frame is cropped once, at
the box that the first clip says; later clips, whose boxes lie a little beside it, take that crop.
"""

import torch
from torch import Tensor
from torchvision import ops

SAME = 0.8
"""A box that overlaps one whose crop is known by at least this takes that crop."""


class CropMemory:
    """The crops of one frame, and what the network said of each."""

    def __init__(self) -> None:
        self._boxes: list[Tensor] = []
        self._said: list[tuple[Tensor, ...]] = []

    def nearest(self, boxes: Tensor) -> Tensor:
        """Each of (R, 4) boxes, or in its place the one that it is the same as."""
        if not self._boxes or not len(boxes):
            return boxes
        known = torch.stack(self._boxes)
        best = ops.box_iou(boxes, known).max(dim=1)
        return torch.where(best.values[:, None] >= SAME, known[best.indices], boxes)

    def recall(self, box: Tensor) -> tuple[Tensor, ...] | None:
        """What the network said of the crop of a (4,) box; None if it has not seen that."""
        for known, said in zip(self._boxes, self._said, strict=True):
            if torch.equal(known, box):
                return said
        return None

    def remember(self, box: Tensor, said: tuple[Tensor, ...]) -> None:
        """Keep what the network said of the crop of a (4,) box."""
        self._boxes.append(box)
        self._said.append(said)
