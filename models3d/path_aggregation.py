"""The path aggregation neck: from coarse to fine and back, three levels of one width.

Source: Liu et al., "Path Aggregation Network", CVPR 2018, of cross-stage partial layers as in Lyu
et al., "RTMDet", 2022.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configs.necks import PathAggregationConfig
from .csp import CSPLayer, separable
from .time_conv import TimeConv


class PathAggregationNeck(nn.Module):
    """Three levels, strides 8, 16 and 32, from the body's last three stages."""

    strides = (8, 16, 32)
    """Pixels per cell of each level."""

    def __init__(
        self, config: PathAggregationConfig, *, channels: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__()
        fine, middle, coarse = channels[-3:]
        self.channels, self.time = config.channels, config.time
        self.reduce = nn.ModuleList([TimeConv(coarse, middle), TimeConv(middle, fine)])
        self.top_down = nn.ModuleList([CSPLayer(2 * middle, middle), CSPLayer(2 * fine, fine)])
        self.down = nn.ModuleList(separable(c, c, stride=2) for c in (fine, middle))
        self.bottom_up = nn.ModuleList(CSPLayer(2 * c, 2 * c) for c in (fine, middle))
        self.out = nn.ModuleList(
            separable(c, config.channels, time=config.time, time_padding=config.time_padding)
            for c in (fine, middle, coarse)
        )

    def merge(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The part that looks at single frames: down from the coarsest stage and up again."""
        fine, middle, coarse = maps[-3:]
        top = functional.silu(self.reduce[0](coarse))
        inner = self.top_down[0](middle, 1, coarse=top)
        inner = functional.silu(self.reduce[1](inner))
        third = self.top_down[1](fine, 1, coarse=inner)
        fourth = self.bottom_up[0](torch.cat([self.down[0](third), inner], dim=1), 1)
        fifth = self.bottom_up[1](torch.cat([self.down[1](fourth), top], dim=1), 1)
        return [third, fourth, fifth]

    def smooth(self, maps: list[Tensor], length: int) -> list[Tensor]:
        """The part that may mix frames: each level's output convolution."""
        return [out(level, length) for out, level in zip(self.out, maps, strict=True)]
