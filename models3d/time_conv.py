"""Convolution over space and, with a time kernel above 1, over the frames of a clip.

Every feature map in this folder is (B * T, C, H, W): the T frames of B clips, one clip after the
other. A layer that looks at single frames need not know where a clip ends; a layer that mixes
frames takes T as an argument. So one tensor layout and the fast 2D kernels serve both.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.errors import InputError

from .configs.bodies import TimePadding

Activation = Callable[[Tensor], Tensor]
"""A function of every number on its own."""


class TimeConv(nn.Module):
    """A 2D convolution whose kernel may also reach into neighbouring frames.

    The weight is (O, I, k, k), or (O, I, time, k, k) if ``time`` is above 1. A kernel of several
    frames is applied as that many 2D kernels, whose outputs are shifted in time and added. The
    result is that of a 3D convolution, at the speed of 2D kernels.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        *,
        time: int = 1,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        bias: bool = True,
        time_padding: TimePadding = "zero",
    ) -> None:
        """Draw the weights by He et al.'s rule for rectifiers; ``padding`` None keeps the size."""
        super().__init__()
        if time < 1 or time % 2 == 0:
            raise InputError(f"time kernels must be odd numbers of frames from 1, got {time}")
        frames = () if time == 1 else (time,)
        self.weight = nn.Parameter(torch.empty(outputs, inputs // groups, *frames, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.time, self.stride, self.groups = time, stride, groups
        self.padding = kernel // 2 if padding is None else padding
        self.time_padding = time_padding
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, maps: Tensor, length: int = 1) -> Tensor:
        """Convolve (B * length, I, H, W) to (B * length, O, H', W')."""
        return sum_over_time(self.responses(maps), length=length, padding=self.time_padding)

    def responses(self, maps: Tensor) -> list[Tensor]:
        """What each step of the time kernel says of every frame; the middle one has the bias.

        Step s says it to the frame that lies ``time // 2 - s`` frames later.
        """
        middle = self.time // 2
        kernels = (self.weight,) if self.time == 1 else self.weight.unbind(2)
        return [
            self._plane(maps, kernel, self.bias if step == middle else None)
            for step, kernel in enumerate(kernels)
        ]

    def _plane(self, maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.conv2d(maps, weight, bias, self.stride, self.padding, 1, self.groups)


class Separable(nn.Module):
    """A depthwise convolution, then a pointwise one, each with its activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        between: Activation | None = None,
        after: Activation | None = None,
        time: int = 1,
        time_padding: TimePadding = "zero",
    ) -> None:
        """``between`` follows the depthwise convolution, ``after`` the pointwise one."""
        super().__init__()
        self.depthwise = TimeConv(
            inputs,
            inputs,
            kernel,
            stride=stride,
            groups=inputs,
            time=time,
            time_padding=time_padding,
        )
        self.pointwise = TimeConv(inputs, outputs)
        self.between, self.after = between, after

    def forward(self, maps: Tensor, length: int = 1) -> Tensor:
        """(B * T, I, H, W) to (B * T, O, H / stride, W / stride)."""
        hidden: Tensor = self.depthwise(maps, length)
        if self.between is not None:
            hidden = self.between(hidden)
        out: Tensor = self.pointwise(hidden)
        return out if self.after is None else self.after(out)


def sum_over_time(responses: list[Tensor], *, length: int, padding: TimePadding) -> Tensor:
    """Add the responses of a time kernel's steps, each to the frame that it belongs to.

    Args:
        responses: One (B * T, C, H, W) per step: its 2D kernel applied to every frame.
        length: T.
        padding: What lies beyond the clip's ends.
    """
    if len(responses) == 1:
        return responses[0]
    clips = [torch.unflatten(response, 0, (-1, length)) for response in responses]
    middle = len(clips) // 2
    # adding in place keeps the channels last in memory; shifted copies would not
    total = clips[middle].clone()
    for step, clip in enumerate(clips):
        if step != middle:
            _add_moved(total, clip, step - middle, padding)
    return total.flatten(0, 1)


def _add_moved(total: Tensor, clip: Tensor, offset: int, padding: TimePadding) -> None:
    """Add frame t + ``offset`` of ``clip`` to frame t of ``total``, both (B, T, C, H, W)."""
    length = clip.shape[1]
    first, last = max(-offset, 0), length - max(offset, 0)
    if first < last:
        total[:, first:last] += clip[:, first + offset : last + offset]
    if padding == "replicate" and offset < 0:
        total[:, :first] += clip[:, :1]
    elif padding == "replicate":
        total[:, max(last, 0) :] += clip[:, -1:]


def to_channels_last(network: nn.Module) -> None:
    """Reorder kernels in memory, in place, to channels last, which fast 2D convolutions need.

    Otherwise depthwise convolutions on a CPU are several times slower.
    """
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        elif parameter.ndim == 5:
            slices = parameter.data.permute(2, 0, 3, 4, 1).contiguous()
            parameter.data = slices.permute(1, 4, 0, 2, 3)
