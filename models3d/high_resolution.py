"""The high-resolution network: a crop of one person to one heatmap per joint.

Branches at strides 4, 8, 16 and 32 run side by side and exchange what they know after every unit,
so that the finest one never loses its resolution. At the end the coarse branches are merged into
it, step by step.

Sources: Wang et al., "HRNet", PAMI 2020; Yu et al., "Lite-HRNet", CVPR 2021, with shuffle blocks as
in PP-TinyPose (PaddleDetection), whose weights it takes. From that program come two habits, part of
the trained network: the finest branch counts twice where the branches are summed for it, and what
goes down from it starts from that sum. Batch normalisation is folded into weights and biases.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configs.bodies import TimePadding
from .time_conv import Separable, TimeConv

STEM_CHANNELS = 32
BRANCH_CHANNELS = (40, 80, 160, 320)
"""Of the branches at strides 4, 8, 16 and 32."""

ADDED_CHANNELS = 16
"""Of the readout for joints that were added later."""

STAGE_UNITS = (2, 4, 2)
"""Exchange units while there are 2, 3 and 4 branches."""


class ShuffleBlock(nn.Module):
    """Half of the channels through three convolutions, then both halves interleaved.

    Source: Ma et al., "ShuffleNet V2", ECCV 2018.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = self.width = channels // 2
        self.reduce = TimeConv(half, half)
        self.rest = _separable(half, half)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        kept, changed = torch.split(maps, self.width, dim=1)
        return interleave(kept, self.rest(functional.relu(self.reduce(changed))))


class CropStem(nn.Module):
    """Pixels to 32 channels at stride 4."""

    def __init__(self) -> None:
        super().__init__()
        half = STEM_CHANNELS // 2
        self.first = TimeConv(3, STEM_CHANNELS, 3, stride=2)
        self.short = _separable(half, half, stride=2)
        self.expand = TimeConv(half, STEM_CHANNELS)
        self.main = _separable(STEM_CHANNELS, half, stride=2)

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, 32, H / 4, W / 4)."""
        short, main = torch.split(functional.relu(self.first(pixels)), STEM_CHANNELS // 2, dim=1)
        return interleave(self.short(short), self.main(functional.relu(self.expand(main))))


class ExchangeUnit(nn.Module):
    """Two shuffle blocks in every branch, then every branch takes from all others."""

    def __init__(self, branches: int) -> None:
        super().__init__()
        widths = BRANCH_CHANNELS[:branches]
        self.branches = nn.ModuleList(
            nn.Sequential(ShuffleBlock(width), ShuffleBlock(width)) for width in widths
        )
        pairs = [(j, i) for i in range(branches) for j in range(branches)]
        self.up = nn.ModuleDict(
            {f"{j}_{i}": TimeConv(widths[j], widths[i]) for j, i in pairs if j > i}
        )
        self.down = nn.ModuleDict(
            {f"{j}_{i}": _descent(widths[j], widths[i], steps=i - j) for j, i in pairs if j < i}
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Per branch (N, C, h, w) to the same shapes."""
        own = [branch(each) for branch, each in zip(self.branches, maps, strict=True)]
        # The published network counts its finest branch twice here, and was trained so.
        finest = 2 * own[0] + sum(self._up(own, j, 0) for j in range(1, len(own)))
        # The original sums in place, so what goes down from the finest branch is its sum.
        descending = [finest, *own[1:]]
        sums = [finest]
        for i in range(1, len(own)):
            total = own[i]
            for j in range(len(own)):
                if j < i:
                    # The original adds what comes from the finest branch twice; the weights are
                    # doubled instead.
                    total = total + self.down[f"{j}_{i}"](descending[j])
                elif j > i:
                    total = total + self._up(own, j, i)
            sums.append(total)
        return [functional.relu(total) for total in sums]

    def _up(self, own: Sequence[Tensor], source: int, target: int) -> Tensor:
        """What a coarser branch gives to a finer one: fewer channels, every cell repeated."""
        narrow = self.up[f"{source}_{target}"](own[source])
        return functional.interpolate(narrow, scale_factor=2 ** (source - target), mode="nearest")


class ExchangeStage(nn.ModuleList):
    """Exchange units in a row."""

    def __init__(self, branches: int, units: int) -> None:
        super().__init__(ExchangeUnit(branches) for _ in range(units))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Per branch (N, C, h, w) to the same shapes."""
        for unit in self:
            maps = unit(maps)
        return maps


class AddedReadout(nn.Module):
    """Heatmaps of joints that a trained network lacks, from the last two of its merged maps.

    The finest map was trained for the network's own joints; the one before it still knows more, so
    it gives the surroundings.
    """

    def __init__(self, joints: int, *, time: int, time_padding: TimePadding) -> None:
        super().__init__()
        width = BRANCH_CHANNELS[0]
        self.coarse = Separable(width, ADDED_CHANNELS, 5, after=functional.relu)
        self.fine = TimeConv(width, ADDED_CHANNELS)
        self.mix = Separable(ADDED_CHANNELS, ADDED_CHANNELS, 5, after=functional.relu)
        self.out = TimeConv(ADDED_CHANNELS, joints, time=time, time_padding=time_padding)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Maps from :meth:`HighResolutionNetwork.features` to (N, joints, H / 4, W / 4)."""
        heatmaps: Tensor = self.out(self.mixed(features))
        return heatmaps

    def mixed(self, features: Sequence[Tensor]) -> Tensor:
        """(N, ADDED_CHANNELS, H / 4, W / 4) what the last convolution reads."""
        coarse = functional.interpolate(self.coarse(features[-2]), scale_factor=2, mode="nearest")
        mixed: Tensor = self.mix(functional.relu(self.fine(features[-1]) + coarse))
        return mixed


class HighResolutionNetwork(nn.Module):
    """Crops to heatmaps."""

    stride = 4
    """Pixels of the crop per cell of a heatmap; cell f stands at pixel 4 f."""

    def __init__(
        self, *, joints: int, added: int = 0, time: int = 1, time_padding: TimePadding = "zero"
    ) -> None:
        """Draw random weights.

        Args:
            joints: Maps that the last convolution draws.
            added: Maps that come after these, from a readout of their own.
            time: Time kernel of the last convolutions, an odd number of frames.
            time_padding: What lies beyond a clip's ends.
        """
        super().__init__()
        self.stem = CropStem()
        inputs = (STEM_CHANNELS, STEM_CHANNELS, *BRANCH_CHANNELS[1:3])
        self.enter = nn.ModuleList(
            _separable(source, width, stride=1 if index == 0 else 2)
            for index, (source, width) in enumerate(zip(inputs, BRANCH_CHANNELS, strict=True))
        )
        self.stages = nn.ModuleList(
            ExchangeStage(branches, units) for branches, units in enumerate(STAGE_UNITS, start=2)
        )
        widths = (*reversed(BRANCH_CHANNELS), BRANCH_CHANNELS[0])
        self.merge = nn.ModuleList(_separable(source, width) for source, width in pairwise(widths))
        self.out = TimeConv(BRANCH_CHANNELS[0], joints, time=time, time_padding=time_padding)
        self.added = AddedReadout(added, time=time, time_padding=time_padding) if added else None

    def forward(self, crops: Tensor) -> Tensor:
        """(N, 3, H, W) crops, H and W multiples of 32, to (N, K, H / 4, W / 4) heatmaps.

        Of single frames; over clips, a head brings the maps of other frames to a frame's own crop
        before it adds them (:mod:`.crop_keypoint_head`).
        """
        return self.drawn(self.features(crops))

    def drawn(self, features: Sequence[Tensor]) -> Tensor:
        """Maps from :meth:`features` of single frames to (N, K, H / 4, W / 4) heatmaps."""
        heatmaps: Tensor = self.out(features[-1])
        return heatmaps if self.added is None else torch.cat([heatmaps, self.added(features)], 1)

    def last_maps(self, features: Sequence[Tensor]) -> Tensor:
        """(N, C, H / 4, W / 4) what the last convolutions read: all that a crop is needed for."""
        if self.added is None:
            return features[-1]
        return torch.cat([features[-1], self.added.mixed(features)], dim=1)

    def responses(self, last_maps: Tensor) -> list[Tensor]:
        """Heatmaps per step of the time kernel, see :meth:`.time_conv.TimeConv.responses`."""
        if self.added is None:
            return self.out.responses(last_maps)
        own, added = torch.split(last_maps, [BRANCH_CHANNELS[0], ADDED_CHANNELS], dim=1)
        pairs = zip(self.out.responses(own), self.added.out.responses(added), strict=True)
        return [torch.cat(pair, dim=1) for pair in pairs]

    def features(self, crops: Tensor) -> list[Tensor]:
        """The stem's map, then what the merging steps give, from stride 32 to stride 4.

        The last one makes the heatmaps.
        """
        stem = self.stem(crops)
        maps = [self.enter[0](stem), self.enter[1](stem)]
        for index, stage in enumerate(self.stages):
            if index:
                maps = [*maps, self.enter[index + 1](maps[-1])]
            maps = stage(maps)
        merged = [self.merge[0](maps[-1])]
        for merge, finer in zip(self.merge[1:], reversed(maps[:-1]), strict=True):
            merged.append(merge(finer + grow(merged[-1], finer)))
        return [stem, *merged]


def interleave(first: Tensor, second: Tensor) -> Tensor:
    """Channels of both in turn: (N, C, H, W) twice to (N, 2 C, H, W)."""
    # Reordering with the channels last keeps that layout; on a CPU the network is a fifth faster.
    pairs = torch.stack([first.permute(0, 2, 3, 1), second.permute(0, 2, 3, 1)], dim=-1)
    return pairs.flatten(3).permute(0, 3, 1, 2)


def _separable(inputs: int, outputs: int, *, stride: int = 1) -> Separable:
    return Separable(inputs, outputs, stride=stride, after=functional.relu)


def _descent(inputs: int, outputs: int, *, steps: int) -> nn.Sequential:
    """From a finer branch to a coarser one; the last step has no activation."""
    before = [_separable(inputs, inputs, stride=2) for _ in range(steps - 1)]
    return nn.Sequential(*before, Separable(inputs, outputs, stride=2))


def grow(maps: Tensor, like: Tensor) -> Tensor:
    """To the height and width of another map, corner cells on corner cells."""
    return functional.interpolate(maps, size=like.shape[-2:], mode="bilinear", align_corners=True)
