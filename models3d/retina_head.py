"""RetinaNet's head: people straight from anchors, in one stage, without a box head behind.

Two towers of convolutions, one for scores, one for boxes, which all levels share. What remains
after suppression over all levels are the people. It is the proposal head with other outputs and
another choice, so that anchors, tubes and losses are the same (with ``losses.focal`` in training).

Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .configs.proposal_heads import RetinaHeadConfig
from .proposals import ProposalHead, ProposalMaps, candidates
from .slots import take_slots
from .time_conv import TimeConv
from .tube_choice import Proposals
from .tube_nms import tube_nms

RARE = 0.01
"""Score that a new network gives every anchor; else background, of which there is so much, would
decide the first steps."""


class Tower(nn.ModuleList):
    """Convolutions with rectifiers, then one that makes the output."""

    def __init__(self, channels: int, outputs: int, *, depth: int, start: float = 0.0) -> None:
        """``start`` is the output that a new network begins with."""
        widths = [*[channels] * depth, outputs]
        layers = [TimeConv(channels, width, 3) for width in widths]
        for layer in layers:
            nn.init.normal_(layer.weight, std=0.01)
        assert layers[-1].bias is not None
        nn.init.constant_(layers[-1].bias, start)
        super().__init__(layers)

    def forward(self, level: Tensor) -> Tensor:
        """(B, C, h, w) to (B, O, h, w)."""
        *hidden, _ = self
        for layer in hidden:
            level = layer(level).relu_()
        return self.last_layers(level)

    def last_layers(self, hidden: Tensor) -> Tensor:
        """(B, C, h, w) hidden map to (B, O, h, w)."""
        out: Tensor = self[-1](hidden)
        return out


class RetinaHead(ProposalHead):
    """Scores and regressions per anchor by a tower each, and the choice of people."""

    def __init__(self, config: RetinaHeadConfig, *, channels: int, strides: Sequence[int]) -> None:
        super().__init__(config, channels=channels, strides=strides)
        del self.conv, self.objectness, self.deltas
        count = config.anchors.per_cell
        rare = -math.log((1 - RARE) / RARE)
        self.scores = Tower(channels, count, depth=config.depth, start=rare)
        self.boxes = Tower(channels, 4 * count, depth=config.depth)

    def responses(self, levels: Sequence[Tensor], length: int = 1) -> list[Tensor]:
        """Per level (B * T, C, h, w) to (B * T, 5 A, h, w): objectness, then regressions."""
        return [torch.cat([self.scores(level), self.boxes(level)], dim=1) for level in levels]

    def choose(
        self, maps: ProposalMaps, *, size: tuple[int, int], padded: tuple[int, int]
    ) -> Proposals:
        """The best tubes of all levels, one of many similar ones; they carry no gradient."""
        config = self.config
        assert isinstance(config, RetinaHeadConfig)
        levels = candidates(maps, size=size, padded=padded, config=config)
        tubes, scores = (torch.cat(column, dim=1) for column in zip(*levels, strict=True))
        order = scores.argsort(dim=1, descending=True, stable=True)
        tubes, scores = take_slots(tubes, order), take_slots(scores, order)
        scores = torch.where(scores > config.min_score, scores, -torch.inf)
        kept = tube_nms(
            tubes,
            scores,
            threshold=config.nms,
            convention=config.convention,
            suppress=config.nms_suppresses,
        )
        scores = torch.where(kept, scores, -torch.inf)
        best = scores.argsort(dim=1, descending=True, stable=True)[:, : config.after_nms]
        return Proposals.of(take_slots(tubes, best), take_slots(scores, best))
