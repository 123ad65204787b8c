"""The crop network in the form that its graph has: channels stay in their slots.

It computes what :class:`..high_resolution.HighResolutionNetwork` computes, up to rounding, with
kernels that :func:`.channel_slots.arrange_channels` has reordered; no channel is copied to another
place. What coarser branches give to a finer one is added on the way up, level by level. Made to be
traced (:mod:`.graph_export`), not to be trained.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..high_resolution import HighResolutionNetwork, grow
from ..time_conv import TimeConv
from .channel_slots import arrange_channels


class SlottedNetwork(HighResolutionNetwork):
    """Crops to heatmaps, of a trained network."""

    def __init__(self, network: HighResolutionNetwork) -> None:
        """Reorder a network's tensors; it stays as it is."""
        added = None if network.added is None else network.added.out.weight.shape[0]
        super().__init__(joints=network.out.weight.shape[0], added=added or 0)
        tensors = {name: one.numpy() for name, one in network.state_dict().items()}
        self.stem_halves = nn.ModuleList(TimeConv(3, 1, 3, stride=2) for _ in range(2))
        weights, kept = arrange_channels(tensors)
        for name, array in weights.items():
            owner, _, kind = name.rpartition(".")
            layer: Any = self.get_submodule(owner)
            setattr(layer, kind, nn.Parameter(torch.from_numpy(array), requires_grad=False))
            if owner.endswith("depthwise"):
                layer.groups = len(array)
        for name, array in kept.items():
            block = self.get_submodule(name.removesuffix(".kept"))
            block.register_buffer("kept", torch.from_numpy(array), persistent=False)
        half = len(tensors["stem.expand.weight"]) // 2
        self._stem_order = [place for one in range(half) for place in (one, half + one)]

    def features(self, crops: Tensor) -> list[Tensor]:
        """As of the network; the stem's channels in their order, those of later maps in slots."""
        short, main = (functional.relu(half(crops)) for half in self.stem_halves)
        main = self.stem.main(functional.relu(self.stem.expand(main)))
        stem = torch.cat([self.stem.short(short), main], dim=1)
        maps = [self.enter[0](stem), self.enter[1](stem)]
        for index, stage in enumerate(self.stages):
            if index:
                maps = [*maps, self.enter[index + 1](maps[-1])]
            for unit in stage.children():
                maps = _exchanged(unit, maps)
        merged = [self.merge[0](maps[-1])]
        for merge, finer in zip(self.merge[1:], reversed(maps[:-1]), strict=True):
            merged.append(merge(finer + grow(merged[-1], finer)))
        return [stem[:, self._stem_order], *merged]


def _exchanged(unit: Any, maps: Sequence[Tensor]) -> list[Tensor]:
    """An exchange unit: (N, S, h, w) of every branch to the same shapes."""
    own = []
    for branch, each in zip(unit.branches, maps, strict=True):
        for block in branch:
            each = _shuffled(block, each)
        own.append(each)
    sums: list[Tensor] = []
    for i, total in enumerate(own):
        coarser = None
        for j in reversed(range(i + 1, len(own))):
            narrow = unit.up[f"{j}_{i}"](own[j])
            coarser = _double(narrow if coarser is None else narrow + coarser)
        if coarser is not None:
            total = total + coarser
        for j in range(i):
            total = unit.down[f"{j}_{i}"](own[j] if j else sums[0]) + total
        sums.append(total)
    return [functional.relu(total) for total in sums]


def _shuffled(block: Any, maps: Tensor) -> Tensor:
    """What is kept passes a kernel of 0 and 1; the rest leaves its slots empty."""
    kept = functional.conv2d(maps, block.kept, groups=len(block.kept))
    rest = block.rest.pointwise(block.rest.depthwise(functional.relu(block.reduce(maps))))
    return functional.relu(rest + kept)


def _double(maps: Tensor) -> Tensor:
    """Every cell repeated 2 x 2."""
    return functional.interpolate(maps, scale_factor=2, mode="nearest")
