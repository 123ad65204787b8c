"""The heatmap network of Flowing ConvNets with its spatial fusion, as a keypoint head.

::

    crop ─ conv1, conv2, conv3 ─┬─ conv4 ... conv7 ─┬─ conv8: first maps
                                └───────────────────┴─ fusion: maps

The fusion layers see conv3's and conv7's maps together and, with kernels of 7 and 13 cells, a good
part of the person: they learn which joints go together. Every frame is drawn alone. What flows are
the heatmaps, afterwards: the refiner ``flow``, with equal weights or trained ones
(:mod:`.refiners.learned_pool`).

Source: Pfister, Charles and Zisserman, "Flowing ConvNets for Human Pose Estimation in Videos", ICCV
2015; layer sizes are those of their program. It trains the first maps as well, at a third of the
weight; here training sees the fused maps alone.
"""

import torch
from torch import Tensor, nn

from .configs.recurrent_heads import FlowingConvNetHeadConfig
from .recurrent_crop_head import RecurrentCropHead, convolutions


class FlowingConvNetHead(RecurrentCropHead):
    """Eight convolutions, and five that fuse what two of them see."""

    def __init__(self, config: FlowingConvNetHeadConfig, *, channels: int = 0) -> None:
        """It looks at pictures, so the levels' channels do not matter."""
        super().__init__()
        self.config: FlowingConvNetHeadConfig = config
        wide = config.channels
        self.early = nn.Sequential(
            *convolutions(3, (5, wide)),
            nn.MaxPool2d(2),
            *convolutions(wide, (5, wide)),
            nn.MaxPool2d(2),
            *convolutions(wide, (5, wide)),
        )
        self.late = convolutions(wide, (9, 2 * wide), (9, 4 * wide), (1, 2 * wide), (1, 2 * wide))
        self.first = nn.Conv2d(2 * wide, config.joints, 1)
        self.fusion = convolutions(
            3 * wide, (7, wide // 2), (13, wide // 2), (13, wide), (1, 2 * wide)
        )
        self.fusion.append(nn.Conv2d(2 * wide, config.joints, 1))

    def draw(self, crops: Tensor) -> Tensor:
        """(R, T, 3, side, side) crops to (R, T, K, side / 4, side / 4), each frame alone."""
        drawn: Tensor = torch.unflatten(self.single(crops.flatten(0, 1)), 0, crops.shape[:2])
        return drawn

    def single(self, crops: Tensor) -> Tensor:
        """(M, 3, side, side) crops to (M, K, side / 4, side / 4) maps."""
        early = self.early(crops)
        late = self.late(early)
        maps: Tensor = (
            self.fusion(torch.cat([early, late], 1)) if self.config.fusion else self.first(late)
        )
        return maps
