"""Bends maps of neighbouring frames into place, as their differences say, and corrects by them.

Source: in the manner of PoseWarper (Bertasius et al., NeurIPS 2019) and DCPose (Liu et al., CVPR
2021): differences of heatmaps say where each joint's map of another frame is to be sampled.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.skeletons import skeleton

from ..deformable import moved_taps
from ..joint_peaks import LEAST
from .learned_config import MapWarperConfig

TAPS = 9
"""Of a 3 x 3 kernel."""


class ResidualBlock(nn.Module):
    """Two convolutions beside a way around."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """(M, C, h, w) to the same."""
        out: Tensor = functional.relu(maps + self.second(functional.relu(self.first(maps))))
        return out


class MapWarper(nn.Module):
    """Corrects a frame's evidence by that of the frames around; the identity until trained."""

    def __init__(self, config: MapWarperConfig) -> None:
        super().__init__()
        self.config = config
        self.joints = joints = len(skeleton(config.skeleton))
        self.differences = nn.Sequential(
            nn.Conv2d(joints, config.channels, 3, padding=1),
            nn.ReLU(),
            *(ResidualBlock(config.channels) for _ in range(config.blocks)),
        )
        # every joint's map is bent on its own: two offsets for each of its nine taps
        self.offsets = nn.ModuleList(
            nn.Conv2d(config.channels, 2 * TAPS * joints, 3, padding=d, dilation=d)
            for d in config.dilations
        )
        middle = torch.zeros(len(config.dilations), joints, 1, 3, 3)
        middle[..., 1, 1] = 1
        self.kernels = nn.Parameter(middle)
        frames = 1 + config.past + config.future
        self.correction = nn.Conv2d(joints * frames, joints, 3, padding=1)
        for conv in (*self.offsets, self.correction):
            assert isinstance(conv, nn.Conv2d)
            nn.init.zeros_(conv.weight)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, own: Tensor, others: Tensor) -> Tensor:
        """Correct the maps of one frame of M people.

        Args:
            own: (M, K, h, w) evidence.
            others: (M, S, K, h, w) evidence of the frames before and after, in rising order, each
                in the cells of the frame; where there is none, the frame's own.

        Returns:
            (M, K, h, w) what is to be added to the logarithm of the evidence.
        """
        bent = [self.bent(own, other) for other in others.unbind(1)]
        change: Tensor = self.correction(torch.cat([own, *bent], 1))
        return change

    def bent(self, own: Tensor, other: Tensor) -> Tensor:
        """The (M, K, h, w) maps of another frame, bent towards the frame's own."""
        seen = self.differences(other - own)
        total = torch.zeros_like(other)
        for offsets, kernel, d in zip(
            self.offsets, self.kernels, self.config.dilations, strict=True
        ):
            moves = torch.unflatten(offsets(seen), 1, (len(kernel), -1)).flatten(0, 1)
            taps = moved_taps(
                other.flatten(0, 1)[:, None], moves, kernel=3, padding=d, dilation=d
            ).view(*other.shape[:2], TAPS, *other.shape[2:])
            total = total + (kernel.flatten(1)[:, :, None, None] * taps).sum(2)
        return total / len(self.config.dilations)

    def logits(self, own: Tensor, others: Tensor) -> Tensor:
        """Logarithms of the refined evidence; arguments as for calling it."""
        change: Tensor = self(own, others)
        return own.clamp(min=LEAST).log() + change
