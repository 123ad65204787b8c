"""Dense proposals: a person's score and box from every cell of every level, without anchors.

Each level has a head of its own. The score of a tube is the mean over its frames; a box is told by
the distances of its sides from its cell's upper left corner.

Sources: Tian et al., "FCOS", ICCV 2019; the heads are those of Lyu et al., "RTMDet", 2022, whose
boxes start from the corner of a cell, not from its middle.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .configs.proposal_heads import DenseProposalConfig
from .csp import separable
from .detection_scales import ScaledTubes, choose_over_scales
from .features import ClipFeatures
from .preprocess import Geometry
from .time_conv import TimeConv
from .tube_choice import Proposals

DEPTH = 2
"""Separable convolutions before each output."""

RARE = -4.6
"""Score logit that a new network starts from: one cell in a hundred holds a person."""

FIRST_SIDE = 2.0
"""Distance of a box's sides, in cells, that a new network starts from. Training weighs boxes by
their overlap with people, so boxes without any would learn nothing."""


class CellPredictions(NamedTuple):
    """What the N cells of B clips say."""

    logits: Tensor
    """(B, N) one per tube; by level, row, column."""

    tubes: Tensor
    """(B, N, T, 4) pixels of the network's input."""

    points: Tensor
    """(N, 2) x y of the cells' upper left corners, pixels of the network's input."""

    strides: Tensor
    """(N,) pixels per cell."""


class CellBranch(nn.ModuleList):
    """Separable convolutions, then one that makes the output."""

    def __init__(
        self, channels: int, outputs: int, config: DenseProposalConfig, *, start: float = 0.0
    ) -> None:
        """``start`` is the output that a new network begins with."""
        hidden = [
            separable(
                channels,
                channels,
                time=config.time if index == 0 else 1,
                time_padding=config.time_padding,
            )
            for index in range(DEPTH)
        ]
        out = TimeConv(channels, outputs)
        assert out.bias is not None
        nn.init.constant_(out.bias, start)
        super().__init__([*hidden, out])

    def forward(self, level: Tensor, length: int) -> Tensor:
        """(B * T, C, h, w) to (B * T, O, h, w)."""
        for layer in self:
            level = layer(level, length)
        return level


class LevelHead(nn.Module):
    """The score and the four sides of every cell of one level."""

    def __init__(self, channels: int, config: DenseProposalConfig) -> None:
        super().__init__()
        self.score = CellBranch(channels, 1, config, start=RARE)
        self.sides = CellBranch(channels, 4, config, start=FIRST_SIDE)

    def forward(self, level: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """(B * T, C, h, w) to (B * T, 1, h, w) logits and (B * T, 4, h, w) sides, in cells."""
        return self.score(level, length), self.sides(level, length)


class DenseProposalHead(nn.Module):
    """A head per level, and the choice of the best tubes."""

    def __init__(
        self, config: DenseProposalConfig, *, channels: int, strides: Sequence[int]
    ) -> None:
        super().__init__()
        self.config = config
        self.strides = tuple(strides)
        self.levels = nn.ModuleList(LevelHead(channels, config) for _ in self.strides)

    def find_tubes(
        self,
        features: ClipFeatures,
        geometry: Geometry,
        further: Iterable[tuple[ClipFeatures, Geometry]] = (),
    ) -> Proposals:
        """Where people may be in B clips, at the first size of the input and at further ones."""
        scales = (self._scaled(*one) for one in chain([(features, geometry)], further))
        return choose_over_scales(scales, config=self.config)

    def _scaled(self, features: ClipFeatures, geometry: Geometry) -> ScaledTubes:
        found = self(features.levels, features.length)
        return ScaledTubes(found.logits, found.tubes, geometry)

    def forward(self, levels: Sequence[Tensor], length: int) -> CellPredictions:
        """Per level (B * T, C, h, w) to what every cell says."""
        logits, tubes, points = [], [], []
        for head, stride, level in zip(self.levels, self.strides, levels, strict=True):
            score, sides = head(level, length)
            logits.append(torch.unflatten(score.flatten(1), 0, (-1, length)).mean(dim=1))
            points.append(cell_points(sides, stride))
            boxes = cell_boxes(sides * stride, points[-1])
            tubes.append(torch.unflatten(boxes, 0, (-1, length)).transpose(1, 2))
        return CellPredictions(
            logits=torch.cat(logits, dim=1),
            tubes=torch.cat(tubes, dim=1),
            points=torch.cat(points),
            strides=torch.cat(
                [p.new_full((len(p),), s) for p, s in zip(points, self.strides, strict=True)]
            ),
        )


def cell_points(level: Tensor, stride: int) -> Tensor:
    """(h * w, 2) x y of the upper left corners of a (B, C, h, w) level's cells, pixels."""
    height, width = level.shape[2:]
    y = torch.arange(height, device=level.device, dtype=level.dtype) * stride
    x = torch.arange(width, device=level.device, dtype=level.dtype) * stride
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1).flatten(
        0, 1
    )


def cell_boxes(sides: Tensor, points: Tensor) -> Tensor:
    """The boxes of a level's cells.

    Args:
        sides: (B, 4, h, w) how far left, top, right and bottom lie from the cell's upper left
            corner, pixels; they may be negative.
        points: (h * w, 2) these corners, pixels.

    Returns:
        (B, h * w, 4) x1 y1 x2 y2, pixels.
    """
    distance = sides.flatten(2).transpose(1, 2)
    return torch.cat([points - distance[..., :2], points + distance[..., 2:]], dim=-1)
