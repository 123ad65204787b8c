"""The keypoint head: a heatmap of logits per joint for every box of a tube.

The paper's stack of convolutions with a deconvolution that all frames share, on squares pooled from
the levels. A head that looks at the picture instead: :mod:`.crop_keypoint_head`.

Source: He et al., "Mask R-CNN", ICCV 2017; Girdhar et al., "Detect-and-Track", CVPR 2018. The
second, enlarged region is in the spirit of Degawa's region proposal expansion (2019), of which only
a summary could be had.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configs.people_heads import KeypointHeadConfig
from .deformable import DeformableConv, offset_layer, self_moved
from .features import ClipFeatures
from .roi_align import pool_tubes
from .slots import constants
from .time_conv import TimeConv


class KeypointHead(nn.Module):
    """Convolutions over the pooled squares, a deconvolution to K maps, and their doubling."""

    wants_pictures = False
    """Whether :meth:`pool` reads the displayed frames; :class:`FrameFeatures` then keep them."""

    remembers = False
    """Whether what it looks at in a frame for one clip is kept for the next."""

    def __init__(self, config: KeypointHeadConfig, *, channels: int) -> None:
        super().__init__()
        self.config = config
        squares = 1 if config.expansion is None else 2
        widths = [squares * channels] + [config.channels] * config.depth
        moving = config.depth if config.time_depth is None else config.time_depth
        times = [1] * (config.depth - moving) + [config.time] * moving
        self.convs = nn.ModuleList(
            DeformableConv(i, o, 3)
            if config.deformable
            else TimeConv(i, o, 3, time=time, time_padding=config.time_padding)
            for (i, o), time in zip(pairwise(widths), times, strict=True)
        )
        # Of single frames, as published: the frames of a clip share its weights.
        self.up = nn.ConvTranspose2d(config.channels, config.joints, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(self.up.weight, nonlinearity="relu")
        assert self.up.bias is not None
        nn.init.zeros_(self.up.bias)
        self.offsets = offset_layer(config.channels, config.joints) if config.offsets else None

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Tensor:
        """Features of every clip's (R, T, 4) tubes, (sum of R * T, C, P, P), from the levels.

        With an enlarged box's beside them, 2 C.
        """
        pool, factor = self.config.pool, self.config.expansion
        regions = [tubes] if factor is None else [tubes, [enlarged(t, factor) for t in tubes]]
        squares = [
            pool_tubes(features.levels, boxes, strides=features.strides, config=pool)
            for boxes in regions
        ]
        return torch.cat(squares, dim=1)

    def regions(self, tubes: Tensor) -> Tensor:
        """The boxes that the heatmaps of (..., 4) boxes cover, in the same pixels: here, these.

        Cell i of S covers [i, i + 1) / S of its region's width or height.
        """
        return tubes

    def forward(self, pooled: Tensor, length: int) -> Tensor:
        """(R * T, C, P, P) pooled squares to (R * T, K, S, S) logits."""
        return self.last_layers(self.features(pooled, length))

    def last_layers(self, features: Tensor) -> Tensor:
        """What :meth:`features` returns to (R * T, K, S, S) logits."""
        logits = self._doubled(self.up(features))
        if self.offsets is None:
            return logits
        # the doubled map has cells of half the size
        return self_moved(logits, 2 * self._doubled(self.offsets(features)))

    def features(self, pooled: Tensor, length: int) -> Tensor:
        """(R * T, C, P, P) pooled squares to what the maps are drawn from."""
        for conv in self.convs:
            pooled = conv(pooled, length).relu_()
        return pooled

    def _doubled(self, maps: Tensor) -> Tensor:
        if self.config.enlarge == "deconvolution":
            return _bilinear_deconvolution(maps)
        return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)


def enlarged(boxes: Tensor, factor: float) -> Tensor:
    """(..., 4) boxes that are larger by a factor around the same middle."""
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = factor * (boxes[..., 2:] - boxes[..., :2]) / 2
    return torch.cat([middle - half, middle + half], dim=-1)


def _bilinear_deconvolution(logits: Tensor) -> Tensor:
    """Detectron's fixed doubling: bilinear inside the map, weaker in its outermost ring.

    The zeros outside take part in the sums there. Published weights are used to the weak ring.
    """
    taps = constants([0.25, 0.75, 0.75, 0.25], logits)
    kernel = torch.outer(taps, taps).expand(logits.shape[1], 1, 4, 4)
    return functional.conv_transpose2d(logits, kernel, stride=2, padding=1, groups=logits.shape[1])
