"""Convolutions by Winograd's method that can be trained, in float32 on a processor.

The picture is cut into tiles of 4 x 4 outputs, as in :mod:`..winograd`, which says how the method
works; here all tiles of a few pictures are worked on together, and both gradients take as few
multiplications as the outputs. Results are those of an ordinary convolution but for rounding.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; the
gradients are the transposed steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ..arrays import on_host
from ..time_conv import TimeConv
from ..winograd import SIDE, STEP, TILES, exchange_convs, transforms
from .optimization import TrainingPrecision

POINTS = SIDE * SIDE
"""Products per tile and pair of channels."""

LEAST_CHANNELS, LEAST_TILES = 128, 160
"""With fewer, an ordinary convolution is faster: kernels are brought to all points in each step."""


def learn_by_winograd(network: nn.Module, *, precision: TrainingPrecision) -> None:
    """Let the wide convolutions of a network be computed by Winograd's method, in place.

    The network keeps its parameters and their names, so it can be trained, saved and loaded. Where
    nothing would be gained it stays as it is: devices' libraries choose such methods themselves,
    and half precision is faster, and too coarse for it.

    Args:
        network: The network to train.
        precision: Number type of its convolutions.
    """
    if precision == "float32" and on_host(next(network.parameters())):
        exchange_convs(network, LearningConv, least=LEAST_CHANNELS)


class LearningConv(TimeConv):
    """A 3 x 3 :class:`TimeConv` with the parameters of another one, in fewer multiplications."""

    def __init__(self, conv: TimeConv) -> None:
        """Share the parameters of a convolution that suits (:func:`..winograd.suits`)."""
        nn.Module.__init__(self)
        self.weight, self.bias = conv.weight, conv.bias
        self.time, self.stride, self.groups = conv.time, conv.stride, conv.groups
        self.padding, self.time_padding = conv.padding, conv.time_padding

    def _plane(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if len(maps) * _tiles(maps.shape[2]) * _tiles(maps.shape[3]) < LEAST_TILES:
            return super()._plane(maps, weight, bias)
        out: Tensor = _Convolution.apply(maps, weight)
        return out if bias is None else out + bias[:, None, None]


class _Convolution(torch.autograd.Function):
    """(N, I, H, W) maps with (O, I, 3, 3) kernels, zeros around the maps, to (N, O, H, W)."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor) -> Tensor:
        count, _, height, width = maps.shape
        kernels, padded = _grown(weight), _padded(maps)
        # four times the weights' memory; to bring them to the points again would take longer
        ctx.save_for_backward(maps, kernels)
        _, _, leave = _matrices()
        out = maps.new_empty(count, len(weight), height, width)
        out = out.contiguous(memory_format=torch.channels_last)
        for block in _blocks(count, height, width):
            products = torch.bmm(block.seen(padded), kernels)
            block.put(leave @ products.flatten(1), out.permute(0, 2, 3, 1))
        return out

    # what the points made of the weight has no gradient of its own: a second one would lack it
    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        maps, kernels = ctx.saved_tensors
        to_maps, to_weight = ctx.needs_input_grad
        count, channels, height, width = maps.shape
        enter, grow, leave = _matrices()
        down, across = _tiles(height), _tiles(width)
        pads = (0, 0, 0, STEP * across - width, 0, STEP * down - height)
        outputs = functional.pad(gradient.permute(0, 2, 3, 1), pads)
        padded = _padded(maps)
        moved = torch.zeros_like(padded)
        grown: Tensor | None = None
        for block in _blocks(count, height, width):
            products = (leave.T @ block.taken(outputs)).view(POINTS, -1, kernels.shape[2])
            if to_weight:
                seen = block.seen(padded).transpose(1, 2)
                # the first one saves a memory of zeros
                grown = seen @ products if grown is None else grown.baddbmm_(seen, products)
            if to_maps:
                inputs = torch.bmm(products, kernels.transpose(1, 2))
                block.add(enter.T @ inputs.flatten(1), moved)
        inner = moved[:, 1 : height + 1, 1 : width + 1].permute(0, 3, 1, 2)
        if grown is None:
            return inner, None
        shrunk = (grow.T @ grown.flatten(1)).view(3, 3, channels, -1).permute(3, 2, 0, 1)
        return inner if to_maps else None, shrunk


@dataclass(frozen=True, kw_only=True, slots=True)
class _Block:
    """Some rows of tiles of some pictures."""

    pictures: slice
    first: int
    down: int
    across: int

    def seen(self, padded: Tensor) -> Tensor:
        """(36, tiles, I) what the tiles see, at the points of the polynomials."""
        some = padded[self.pictures, STEP * self.first :]
        whole, line, cell, _ = some.stride()
        windows = some.as_strided(
            (SIDE, SIDE, len(some), self.down, self.across, some.shape[3]),
            (line, cell, whole, STEP * line, STEP * cell, 1),
        )
        enter, _, _ = _matrices()
        return (enter @ windows.reshape(POINTS, -1)).view(POINTS, -1, some.shape[3])

    def put(self, tiles: Tensor, out: Tensor) -> None:
        """Write (16, tiles * O) outputs where they belong in (N, H, W, O)."""
        place = out[self.pictures, STEP * self.first : STEP * (self.first + self.down)]
        shape = (STEP, STEP, len(place), self.down, self.across, out.shape[3])
        whole = tiles.view(shape).permute(2, 3, 0, 4, 1, 5).flatten(3, 4).flatten(1, 2)
        place.copy_(whole[:, : place.shape[1], : place.shape[2]])

    def taken(self, outputs: Tensor) -> Tensor:
        """(16, tiles * O) of (N, H, W, O), H and W whole tiles."""
        place = outputs[self.pictures, STEP * self.first : STEP * (self.first + self.down)]
        rows = torch.unflatten(place, 1, (self.down, STEP))
        tiles = torch.unflatten(rows, 3, (self.across, STEP))
        return tiles.permute(2, 4, 0, 1, 3, 5).reshape(STEP * STEP, -1)

    def add(self, windows: Tensor, moved: Tensor) -> None:
        """Add (36, tiles * I) to what the tiles see of (N, H, W, I), each where it lies."""
        some = torch.unflatten(torch.unflatten(moved[self.pictures], 1, (-1, STEP)), 3, (-1, STEP))
        shape = (SIDE, SIDE, len(some), self.down, self.across, moved.shape[3])
        for row, line in enumerate(windows.view(shape)):
            below, y = divmod(row, STEP)
            rows = slice(self.first + below, self.first + below + self.down)
            for column, cell in enumerate(line):
                right, x = divmod(column, STEP)
                some[:, rows, y, right : right + self.across, x] += cell


def _blocks(count: int, height: int, width: int) -> Iterator[_Block]:
    """All tiles of N pictures, so many at a time that they stay in the processor's cache."""
    down, across = _tiles(height), _tiles(width)
    together, rows = max(1, TILES // (down * across)), min(down, max(1, TILES // across))
    for start in range(0, count, together):
        pictures = slice(start, min(start + together, count))
        for first in range(0, down, rows):
            yield _Block(
                pictures=pictures, first=first, down=min(rows, down - first), across=across
            )


def _tiles(side: int) -> int:
    return -(-side // STEP)


def _padded(maps: Tensor) -> Tensor:
    """(N, I, H, W) to (N, H', W', I), a zero before, H' and W' whole tiles and one more."""
    height, width = (STEP * (_tiles(side) + 1) - side - 1 for side in maps.shape[2:])
    return functional.pad(maps.permute(0, 2, 3, 1), (0, 0, 1, width, 1, height))


def _grown(weight: Tensor) -> Tensor:
    """(O, I, 3, 3) kernels at the points of the polynomials, (36, I, O)."""
    outputs, inputs = weight.shape[:2]
    _, grow, _ = _matrices()
    return (grow @ weight.permute(2, 3, 1, 0).reshape(9, -1)).view(POINTS, inputs, outputs)


@cache
def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """What brings windows (36, 36) and kernels (36, 9) to the points; products back, (16, 36)."""
    enter, grow, leave = (torch.kron(matrix, matrix).float() for matrix in transforms())
    return enter, grow, leave
