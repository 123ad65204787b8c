"""ResNet bodies, with or without time kernels, in five stages: the stem, then res2 to res5.

Normalisation is a fixed scale and shift per channel, folded from batch normalisation and never
trained: a batch of a few clips has no useful statistics.

Sources: He et al., "Deep Residual Learning", CVPR 2016. Time kernels are where Detect-and-Track has
them: in both 3 x 3 convolutions of a basic block, in the one of a bottleneck.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configs.bodies import BLOCKS, ResNetConfig
from .deformable import DeformableConv
from .time_conv import TimeConv

WIDTHS = (64, 128, 256, 512)
"""Channels of the 3 x 3 convolutions of res2 to res5."""

BOTTLENECK = 4
"""How many times wider a bottleneck block's output is; from depth 50."""

BRANCH_SCALE = 0.25
"""Scale of a new network's residual branches. Without normalisation their sum would otherwise grow
with depth."""


class Affine(nn.Module):
    """A fixed scale and shift per channel."""

    def __init__(self, channels: int, *, scale: float = 1.0) -> None:
        super().__init__()
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", torch.full((channels,), scale))
        self.register_buffer("shift", torch.zeros(channels))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        # under autocast maps are of half precision, which float32 factors would undo
        scale, shift = (b.to(maps.dtype)[:, None, None] for b in (self.scale, self.shift))
        return torch.addcmul(shift, maps, scale)


@torch.no_grad()
def folded(conv: nn.Module, norm: nn.Module) -> nn.Module:
    """Let a convolution do the work of the norm after it; computed in float64.

    Returns:
        What now takes the norm's place.
    """
    if isinstance(conv, TimeConv) and isinstance(norm, Affine):
        scale, shift = norm.scale.double(), norm.shift.double()
        axes = [1] * (conv.weight.ndim - 1)
        conv.weight.copy_(conv.weight.double() * scale.view(-1, *axes))
        if conv.bias is not None:
            shift = shift + conv.bias.double() * scale
        conv.bias = nn.Parameter(shift.to(conv.weight.dtype), conv.weight.requires_grad)
    return nn.Identity()


class Block(nn.Module):
    """A residual block: two 3 x 3 convolutions, or a 3 x 3 one between two 1 x 1."""

    def __init__(
        self,
        inputs: int,
        width: int,
        *,
        bottleneck: bool,
        stride: int,
        time: int,
        deformable: bool,
        config: ResNetConfig,
    ) -> None:
        super().__init__()
        outputs = width * (BOTTLENECK if bottleneck else 1)
        # two places for the same stride: weights only fit the one that they were trained with
        first = stride if config.stride_in_1x1 or not bottleneck else 1
        shapes = (
            [(inputs, width, 1, first), (width, width, 3, stride // first), (width, outputs, 1, 1)]
            if bottleneck
            else [(inputs, width, 3, stride), (width, width, 3, 1)]
        )
        self.convs = nn.ModuleList(
            DeformableConv(i, o, kernel, stride=step, bias=False)
            if deformable and kernel > 1
            else TimeConv(
                i,
                o,
                kernel,
                stride=step,
                bias=False,
                time=time if kernel > 1 else 1,
                time_padding=config.time_padding,
            )
            for i, o, kernel, step in shapes
        )
        scales = [1.0] * (len(shapes) - 1) + [BRANCH_SCALE]
        self.norms = nn.ModuleList(
            Affine(shape[1], scale=scale) for shape, scale in zip(shapes, scales, strict=True)
        )
        self.shortcut: nn.Module | None = None
        # a block that changes the size changes the width as well, so the width tells
        if inputs != outputs:
            self.shortcut = TimeConv(inputs, outputs, stride=stride, bias=False)
            self.shortcut_norm: nn.Module = Affine(outputs)

    def forward(self, maps: Tensor, length: int) -> Tensor:
        """(B * T, I, H, W) to (B * T, O, H / stride, W / stride)."""
        branch = maps
        last = len(self.convs) - 1
        for index, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            branch = norm(conv(branch, length))
            if index < last:
                branch = branch.relu_()
        straight = maps if self.shortcut is None else self.shortcut_norm(self.shortcut(maps))
        # in place, because fresh memory costs more time than the sum
        return branch.add_(straight).relu_()

    def fold(self) -> None:
        """Make the norms part of the convolutions, for inference."""
        self.norms = nn.ModuleList(map(folded, self.convs, self.norms))
        if self.shortcut is not None:
            self.shortcut_norm = folded(self.shortcut, self.shortcut_norm)


class Stem(nn.Module):
    """A 7 x 7 convolution of stride 2, then a maximum of stride 2."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.conv = TimeConv(
            3,
            WIDTHS[0],
            7,
            stride=2,
            bias=False,
            time=config.times[0],
            time_padding=config.time_padding,
        )
        self.norm: nn.Module = Affine(WIDTHS[0])

    def forward(self, pixels: Tensor, length: int) -> Tensor:
        """(B * T, 3, H, W) to (B * T, 64, H / 4, W / 4)."""
        maps = self.norm(self.conv(pixels, length)).relu_()
        return functional.max_pool2d(maps, 3, stride=2, padding=1)

    def fold(self) -> None:
        """Make the norm part of the convolution, for inference."""
        self.norm = folded(self.conv, self.norm)


class ResNetStage(nn.Module):
    """One of res2 to res5: a row of blocks, the first of which changes size and width."""

    def __init__(self, config: ResNetConfig, index: int, *, time: int, stride: int) -> None:
        """``index`` counts from 0, res2."""
        super().__init__()
        bottleneck = config.depth >= 50
        inputs, width = _inputs_of(config, index), WIDTHS[index]
        widths = [inputs] + [channels_of(config, index)] * (BLOCKS[config.depth][index] - 1)
        self.blocks = nn.ModuleList(
            Block(
                inputs,
                width,
                bottleneck=bottleneck,
                stride=stride if place == 0 else 1,
                time=time,
                deformable=config.stages - config.deformable_stages <= index < config.stages,
                config=config,
            )
            for place, inputs in enumerate(widths)
        )

    def forward(self, maps: Tensor, length: int) -> Tensor:
        """Each block in turn."""
        for block in self.blocks:
            maps = block(maps, length)
        return maps


class ResNet(nn.Module):
    """Stem and stages; :attr:`stages` are applied one after the other."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.stages = nn.ModuleList([Stem(config)])
        for index in range(config.stages):
            time = config.times[index + 1]
            self.stages.append(ResNetStage(config, index, time=time, stride=1 if index == 0 else 2))
        self.channels = (WIDTHS[0], *(channels_of(config, i) for i in range(config.stages)))
        self.strides = (4, 4, 8, 16, 32)[: config.stages + 1]
        self.times = config.times[: config.stages + 1]
        for stage in self.stages[: config.frozen_stages]:
            stage.requires_grad_(False)


def channels_of(config: ResNetConfig, index: int) -> int:
    """Channels of a stage's output; ``index`` counts from 0, res2."""
    return WIDTHS[index] * (BOTTLENECK if config.depth >= 50 else 1)


def _inputs_of(config: ResNetConfig, index: int) -> int:
    return WIDTHS[0] if index == 0 else channels_of(config, index - 1)
