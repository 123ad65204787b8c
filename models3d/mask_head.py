"""The mask head: for every box of a tube, how likely each of its cells is to belong to the person.

Convolutions on squares pooled from the levels, a deconvolution, and a map of logits per class.
Classes do not compete for a cell: the box head has said already what is in the box, and the map of
that class, here the person's, is read by itself. The frames of a clip share all weights. Not here:
bringing a mask into the picture (:mod:`.mask_pasting`).

Source: He et al., "Mask R-CNN", ICCV 2017.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .configs.people_heads import PERSON, MaskHeadConfig
from .features import ClipFeatures
from .roi_align import pool_tubes
from .time_conv import TimeConv


class MaskHead(nn.Module):
    """Convolutions over the pooled squares, their doubling, and a map per class."""

    def __init__(self, config: MaskHeadConfig, *, channels: int) -> None:
        super().__init__()
        self.config = config
        widths = [channels] + [config.channels] * config.depth
        self.convs = nn.ModuleList(TimeConv(i, o, 3) for i, o in pairwise(widths))
        self.up = nn.ConvTranspose2d(widths[-1], config.channels, 2, stride=2)
        self.logits = TimeConv(config.channels, config.classes)
        nn.init.kaiming_normal_(self.up.weight, nonlinearity="relu")
        assert self.up.bias is not None
        nn.init.zeros_(self.up.bias)

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Tensor:
        """Features of every clip's (R, T, 4) tubes, (sum of R * T, D, P, P), from the levels."""
        pool = self.config.pool
        return pool_tubes(features.levels, tubes, strides=features.strides, config=pool)

    def forward(self, pooled: Tensor) -> Tensor:
        """(R * T, D, P, P) pooled squares to (R * T, C, m, m) logits of C classes."""
        for conv in self.convs:
            pooled = conv(pooled).relu_()
        out: Tensor = self.logits(self.up(pooled).relu_())
        return out

    def draw_people(self, features: ClipFeatures, tubes: Tensor) -> Tensor:
        """(B, N, T, 4) boxes, pixels of the network's input, to (B, N, T, m, m) probabilities."""
        logits = self(self.pool(features, tubes.unbind()))[:, PERSON]
        return torch.unflatten(logits.float().sigmoid(), 0, tubes.shape[:3])
