"""Cross-stage partial layers: half of the channels goes through blocks, the other half around them.

Sources: Wang et al., "CSPNet", CVPR Workshops 2020; the block of two separable convolutions, the
second 5 x 5, and the channel attention are those of Lyu et al., "RTMDet", 2022. Batch
normalisation is folded into weights and biases; SiLU follows every convolution, depthwise included.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configs.bodies import TimePadding
from .time_conv import Separable, TimeConv

POOL, POOLED = 5, 3
"""Side of the window of spatial pyramid pooling, cells, and how often it is applied. The published
network takes maxima over 5, 9 and 13 cells; those of maxima over 5 are the same and cost less."""


class CSPBlock(nn.Module):
    """A 3 x 3 and a 5 x 5 separable convolution; on request their input is added."""

    def __init__(
        self, channels: int, *, residual: bool, time: int = 1, time_padding: TimePadding = "zero"
    ) -> None:
        """``time`` is the time kernel of the second convolution, an odd number of frames."""
        super().__init__()
        self.first = separable(channels, channels)
        self.second = separable(channels, channels, 5, time=time, time_padding=time_padding)
        self.residual = residual

    def forward(self, maps: Tensor, length: int) -> Tensor:
        """(B * T, C, H, W) to the same shape."""
        out: Tensor = self.second(self.first(maps), length)
        return maps + out if self.residual else out


class CSPLayer(nn.Module):
    """Two halves of the channels, one of them through blocks, joined and mixed."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        blocks: int = 1,
        residual: bool = False,
        attention: bool = False,
        time: int = 1,
        time_padding: TimePadding = "zero",
    ) -> None:
        """``attention`` weighs whole channels before they are mixed."""
        super().__init__()
        half = outputs // 2
        self.short = TimeConv(inputs, half)
        self.main = TimeConv(inputs, half)
        self.blocks = nn.ModuleList(
            CSPBlock(half, residual=residual, time=time, time_padding=time_padding)
            for _ in range(blocks)
        )
        self.attention = TimeConv(outputs, outputs) if attention else None
        self.out = TimeConv(outputs, outputs)

    def forward(self, maps: Tensor, length: int, *, coarse: Tensor | None = None) -> Tensor:
        """Mix maps.

        Args:
            maps: (B * T, I, H, W), or the second half of the channels.
            length: T.
            coarse: (B * T, I / 2, H / 2, W / 2) the first half, every cell of which stands for
                2 x 2.

        Returns:
            (B * T, O, H, W).
        """
        around, through = (
            functional.silu(_read(conv, maps, coarse)) for conv in (self.short, self.main)
        )
        for block in self.blocks:
            through = block(through, length)
        # In the order of the published weights: first the half that went through the blocks.
        joined = torch.cat([through, around], dim=1)
        if self.attention is not None:
            joined = joined * functional.hardsigmoid(self.attention(joined.mean((2, 3), True)))
        return functional.silu(self.out(joined))


class SpatialPyramidPooling(nn.Module):
    """Each cell beside the maxima of its surroundings at three sizes.

    Source: He et al., "Spatial Pyramid Pooling", ECCV 2014, with windows of stride 1 as in YOLO.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = TimeConv(channels, channels // 2)
        self.out = TimeConv((POOLED + 1) * channels // 2, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(B * T, C, H, W) to the same shape."""
        reduced = functional.silu(self.reduce(maps))
        pooled = [reduced]
        for _ in range(POOLED):
            pooled.append(functional.max_pool2d(pooled[-1], POOL, stride=1, padding=POOL // 2))
        return functional.silu(self.out(torch.cat(pooled, dim=1)))


def _read(conv: TimeConv, maps: Tensor, coarse: Tensor | None) -> Tensor:
    """A convolution of single cells, of maps whose first half of channels may be coarser."""
    if coarse is None:
        read: Tensor = conv(maps)
        return read
    first, second = conv.weight.chunk(2, dim=1)
    # equal cells have equal sums, so each is computed once
    return functional.conv2d(maps, second, conv.bias) + _double(functional.conv2d(coarse, first))


def _double(maps: Tensor) -> Tensor:
    """Every cell repeated 2 x 2."""
    return functional.interpolate(maps, scale_factor=2, mode="nearest")


def separable(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    time: int = 1,
    time_padding: TimePadding = "zero",
) -> Separable:
    """A separable convolution as these layers have it: SiLU after both of its parts."""
    return Separable(
        inputs,
        outputs,
        kernel,
        stride=stride,
        between=functional.silu,
        after=functional.silu,
        time=time,
        time_padding=time_padding,
    )
