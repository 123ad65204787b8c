"""3 x 3 convolutions of stride 1 with a quarter of the multiplications, for inference.

The picture is cut into tiles of 4 x 4 outputs. Each is seen as a product of polynomials, which
are multiplied point by point: 36 products per tile and pair of channels instead of 144. Points of
similar size keep the sums as exact as those of an ordinary convolution, to a factor of two.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016 (F(4 x 4,
3 x 3)); the points are ours.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .time_conv import TimeConv, sum_over_time

STEP = 4
"""Outputs of a tile, per side."""

SIDE = STEP + 2
"""Inputs of a tile, per side, and the number of points."""

POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
"""Where the polynomials are evaluated, beside infinity. Of seven sets that were tried (with 0, 1, 2
and 1/2, as usual, among them) the one with the smallest largest error."""

TILES = 256
"""Tiles that are worked on together: what they need then stays in the processor's cache."""


def transforms() -> tuple[Tensor, Tensor, Tensor]:
    """The matrices of inputs (6, 6), kernel (6, 3) and outputs (4, 6), float64.

    With these, ``outputs @ ((kernel @ g) * (inputs @ d))`` is the correlation of 6 numbers with 3.
    """
    points = np.array(POINTS)
    others = [points[points != point] for point in points]
    divisors = np.array([np.prod(point - rest) for point, rest in zip(points, others, strict=True)])
    inputs, kernel, outputs = np.zeros((SIDE, SIDE)), np.zeros((SIDE, 3)), np.zeros((STEP, SIDE))
    for row, rest in enumerate(others):
        inputs[row, :-1] = np.poly(rest)[::-1]
    inputs[-1] = np.poly(points)[::-1]
    kernel[:-1] = points[:, None] ** np.arange(3) / divisors[:, None]
    outputs[:, :-1] = points ** np.arange(STEP)[:, None]
    kernel[-1, -1] = outputs[-1, -1] = 1  # the point at infinity
    return torch.from_numpy(inputs), torch.from_numpy(kernel), torch.from_numpy(outputs)


def transformed(kernels: Tensor) -> Tensor:
    """(O, I, 3, 3) kernels as :func:`convolve` wants them: (36, I, O), as float32."""
    matrix = transforms()[1].to(kernels.device)
    grown = torch.einsum("ai,bj,ocij->abco", matrix, matrix, kernels.double())
    return grown.flatten(0, 1).float().contiguous()


def convolve(maps: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
    """Convolve (B, I, H, W) maps, zeros around them, to (B, O, H, W), channels last in memory.

    Args:
        maps: Float32, best with channels last in memory.
        kernels: (36, I, O) from :func:`transformed`.
        bias: (O,).
    """
    count, _, height, width = maps.shape
    down, across = -(-height // STEP), -(-width // STEP)
    out = maps.new_empty(count, STEP * down, STEP * across, len(bias))
    rows = max(1, TILES // across)
    work = _Workspace(maps, kernels, tiles=min(rows, down) * across)
    for picture, target in zip(maps.permute(0, 2, 3, 1), out, strict=True):
        for first in range(0, down, rows):
            some = target[STEP * first : STEP * (first + rows)]
            tiles = some.view(-1, STEP, across, STEP, len(bias)).permute(1, 3, 0, 2, 4)
            tiles.copy_(work.convolved(picture, STEP * first, tiles.shape[2], across))
            some += bias
    return out[:, :height, :width].permute(0, 3, 1, 2)


class _Workspace:
    """Memory that is used again for all rows of tiles, and the matrices."""

    def __init__(self, like: Tensor, kernels: Tensor, *, tiles: int) -> None:
        inputs, _, outputs = transforms()
        self._inputs = inputs.to(like)
        self._outputs = outputs.to(like)
        self._kernels = kernels
        self._halves = like.new_empty(2, SIDE * SIDE * tiles * max(kernels.shape[1:]))

    def convolved(self, picture: Tensor, top: int, down: int, across: int) -> Tensor:
        """``down`` rows of tiles of an (H, W, I) picture, from its row ``top`` on.

        Returns:
            (4, 4, down, across, O), a view of the workspace.
        """
        first, second = self._halves
        _, channels, outputs = self._kernels.shape
        tiles = down * across
        whole = first[: SIDE * SIDE * tiles * channels].view(SIDE, SIDE, down, across, channels)
        whole.copy_(_windows(picture, top, down, across))
        # first along columns, then along rows, back and forth between the halves
        half = second[: whole.numel()].view(SIDE, SIDE, -1)
        torch.mm(self._inputs, whole.view(SIDE, -1), out=half.view(SIDE, -1))
        torch.bmm(self._inputs.expand(SIDE, -1, -1), half, out=whole.view(SIDE, SIDE, -1))
        products = second[: SIDE * SIDE * tiles * outputs].view(SIDE * SIDE, tiles, outputs)
        torch.bmm(whole.view(SIDE * SIDE, tiles, channels), self._kernels, out=products)
        short = first[: STEP * SIDE * tiles * outputs].view(STEP, SIDE, -1)
        torch.mm(self._outputs, products.view(SIDE, -1), out=short.view(STEP, -1))
        done = second[: STEP * STEP * tiles * outputs].view(STEP, STEP, -1)
        torch.bmm(self._outputs.expand(STEP, -1, -1), short, out=done)
        tiled: Tensor = done.view(STEP, STEP, down, across, outputs)
        return tiled


def _windows(picture: Tensor, top: int, down: int, across: int) -> Tensor:
    """The inputs of tiles, (6, 6, down, across, I), overlapping in memory."""
    height, width, channels = picture.shape
    before, after = max(top - 1, 0), min(top + STEP * down + 1, height)
    padding = (1, STEP * across + 1 - width, before - (top - 1), top + STEP * down + 1 - after)
    padded = functional.pad(picture[before:after], (0, 0, *padding))
    line, cell, _ = padded.stride()
    return padded.as_strided(
        (SIDE, SIDE, down, across, channels), (line, cell, STEP * line, STEP * cell, 1)
    )


class WinogradConv(nn.Module):
    """A :class:`TimeConv` that can only be used, not trained."""

    def __init__(self, conv: TimeConv) -> None:
        """Take over the weights of a 3 x 3 convolution (:func:`suits`)."""
        super().__init__()
        with torch.no_grad():
            planes = conv.weight if conv.time > 1 else conv.weight[:, :, None]
            steps = [transformed(plane) for plane in planes.unbind(2)]
            bias = conv.weight.new_zeros(conv.time, len(planes))
            if conv.bias is not None:
                bias[conv.time // 2] = conv.bias
        # not parameters: nothing is to be trained here, or saved
        self.kernels: Tensor
        self.bias: Tensor
        self.register_buffer("kernels", torch.cat(steps, dim=2), persistent=False)
        self.register_buffer("bias", bias.flatten(), persistent=False)
        self.time, self.time_padding = conv.time, conv.time_padding

    def forward(self, maps: Tensor, length: int = 1) -> Tensor:
        """Convolve (B * length, I, H, W) to (B * length, O, H, W)."""
        return sum_over_time(self.responses(maps), length=length, padding=self.time_padding)

    def responses(self, maps: Tensor) -> list[Tensor]:
        """As :meth:`TimeConv.responses`; the inputs are transformed once for all steps."""
        return list(convolve(maps, self.kernels, self.bias).chunk(self.time, dim=1))


def suits(conv: TimeConv, *, least: int = 64) -> bool:
    """Whether the method computes it, and gains: with fewer channels than ``least`` it does not."""
    wide, plain = min(conv.weight.shape[:2]) >= least, conv.weight.shape[-1] == 3
    return wide and plain and (conv.stride, conv.padding, conv.groups) == (1, 1, 1)


def exchange_convs(
    module: nn.Module, into: Callable[[TimeConv], nn.Module], *, least: int = 64
) -> None:
    """Put others in the place of a network's convolutions that suit (:func:`suits`)."""
    for name, child in module.named_children():
        # not one that moves its taps
        if type(child) is TimeConv and suits(child, least=least):
            setattr(module, name, into(child))
        else:
            exchange_convs(child, into, least=least)
