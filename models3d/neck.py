"""From a ResNet's stages to the levels in which people are found: one level (C4), or a pyramid.

A neck has two steps because the network is cut between them: ``merge`` looks at single frames and
runs once per frame, ``smooth`` may mix frames and runs once per clip.

Sources: C4 is Ren et al., "Faster R-CNN", NeurIPS 2015, on He et al.'s conv4; the pyramid is
Lin et al., "Feature Pyramid Networks", CVPR 2017, its convolved coarser levels those of RetinaNet
(Lin et al., ICCV 2017). A pyramid with time kernels is ours: the
published code stops before it. The embedded model's neck: :mod:`.path_aggregation`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configs.necks import C4Config, FPNConfig
from .time_conv import TimeConv


class C4Neck(nn.Module):
    """Passes on the body's last map."""

    time = 1

    def __init__(
        self, config: C4Config, *, channels: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__()
        self.channels = channels[-1]
        self.strides = (strides[-1],)

    def merge(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The last of the body's maps."""
        return [maps[-1]]

    def smooth(self, maps: list[Tensor], length: int) -> list[Tensor]:
        """The same map."""
        return maps


class FPNNeck(nn.Module):
    """A level per stage, its map plus the enlarged maps of coarser stages; and coarser levels.

    Over res2 to res5 these are five levels of strides 4 to 64.
    """

    def __init__(
        self, config: FPNConfig, *, channels: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__()
        self.stages = config.stages
        self.lateral = nn.ModuleList(
            TimeConv(inputs, config.channels) for inputs in channels[-self.stages :]
        )
        self.output = nn.ModuleList(
            TimeConv(
                config.channels,
                config.channels,
                3,
                time=config.time,
                time_padding=config.time_padding,
            )
            for _ in self.lateral
        )
        self.channels, self.time = config.channels, config.time
        count = 2 if config.further == "convolutions" else 0
        self.further = nn.ModuleList(
            TimeConv(config.channels, config.channels, 3, stride=2) for _ in range(count)
        )
        coarser = [strides[-1] * 2 ** (step + 1) for step in range(max(count, 1))]
        self.strides = (*strides[-self.stages :], *coarser)
        """Pixels per cell of each level."""

    def merge(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Frame by frame: laterals, summed from the coarsest level down."""
        laterals = [conv(m) for conv, m in zip(self.lateral, maps[-self.stages :], strict=True)]
        # coarse levels see more of the surroundings, fine ones see where things are
        sums = [laterals.pop()]
        for lateral in reversed(laterals):
            sums.insert(0, _add_enlarged(lateral, sums[0]))
        return sums

    def smooth(self, maps: list[Tensor], length: int) -> list[Tensor]:
        """Over time: each level's output, and the coarser levels."""
        levels = [conv(m, length) for conv, m in zip(self.output, maps, strict=True)]
        if not self.further:
            return [*levels, levels[-1][:, :, ::2, ::2]]
        for step, conv in enumerate(self.further):
            levels.append(conv(levels[-1] if step == 0 else levels[-1].relu()))
        return levels


def _add_enlarged(fine: Tensor, coarse: Tensor) -> Tensor:
    """Add each cell of a coarser map to the cells of the finer one that it covers, in place."""
    height, width = coarse.shape[2:]
    if fine.shape[2:] == (2 * height, 2 * width):
        # without an enlarged copy, which is as large as the finest level
        split = torch.unflatten(torch.unflatten(fine, 3, (width, 2)), 2, (height, 2))
        split += coarse[:, :, :, None, :, None]
        return fine
    return fine.add_(functional.interpolate(coarse, size=fine.shape[2:], mode="nearest"))
