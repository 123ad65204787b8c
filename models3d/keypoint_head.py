"""The keypoint head: a heatmap of logits per joint for every box of a tube.

Two kinds: the paper's stack of convolutions with a deconvolution, and the embedded model's, which
starts from the joint map of the whole picture and learns a correction.

Source: He et al., "Mask R-CNN", ICCV 2017; Girdhar et al., "Detect-and-Track", CVPR 2018.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.errors import InputError

from .features import ClipFeatures
from .roi_align import PoolConfig, pool_tubes
from .slots import constants
from .time_conv import TimeConv, TimePadding


@dataclass(frozen=True, kw_only=True)
class KeypointHeadConfig:
    """The keypoint head."""

    pool: PoolConfig
    """How features are pooled under a box."""

    joints: int = 17
    """K."""

    channels: int = 512
    """Of each convolution."""

    depth: int = 8
    """Number of 3 x 3 convolutions."""

    time: int = 1
    """Their time kernel, an odd number of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    prior: bool = False
    """Whether the head starts from the neck's joint map (features, then K logits). It then pools
    that map instead of the levels."""

    enlarge: Literal["bilinear", "deconvolution", "none"] = "bilinear"
    """How the deconvolution's output is doubled: by interpolation, by a fixed deconvolution that
    reads zeros outside the map (Detectron), or not at all."""

    def __post_init__(self) -> None:
        for name in ("joints", "channels", "depth"):
            if getattr(self, name) < 1:
                value = getattr(self, name)
                raise InputError(f"KeypointHeadConfig.{name} must be above 0, got {value}")

    @property
    def heatmap_size(self) -> int:
        """S: cells per side of a heatmap."""
        return self.pool.size * (2 if self.enlarge == "none" else 4)

    def build(self, *, channels: int) -> "KeypointHead":
        """Make the head for levels of so many channels."""
        return KeypointHead(self, inputs=channels)


class KeypointHead(nn.Module):
    """Convolutions over the pooled squares, a deconvolution to K maps, and their doubling."""

    wants_pictures = False
    """Whether :meth:`pool` reads the displayed frames; :class:`FrameFeatures` then keep them."""

    def __init__(self, config: KeypointHeadConfig, *, inputs: int) -> None:
        super().__init__()
        self.config = config
        widths = [inputs] + [config.channels] * config.depth
        self.convs = nn.ModuleList(
            TimeConv(i, o, 3, time=config.time, time_padding=config.time_padding)
            for i, o in pairwise(widths)
        )
        self.up = nn.ConvTranspose2d(config.channels, config.joints, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(self.up.weight, nonlinearity="relu")
        assert self.up.bias is not None
        nn.init.zeros_(self.up.bias)
        self.prior = nn.Parameter(torch.ones(())) if config.prior else None

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Tensor:
        """Features of every clip's (R, T, 4) tubes, (sum of R * T, C, P, P).

        A head that starts from the joint map pools that; others pool the levels.
        """
        levels = features.levels
        if self.prior is not None:
            assert features.joint_map is not None, "a head with a prior needs a neck's joint map"
            levels = [features.joint_map]
        return pool_tubes(levels, tubes, strides=features.strides, config=self.config.pool)

    def regions(self, tubes: Tensor) -> Tensor:
        """The boxes that the heatmaps of (..., 4) boxes cover, in the same pixels: here, these.

        Cell i of S covers [i, i + 1) / S of its region's width or height.
        """
        return tubes

    def forward(self, pooled: Tensor, length: int) -> Tensor:
        """(R * T, C, P, P) pooled squares to (R * T, K, S, S) logits."""
        if self.prior is None:
            return _enlarge(self.low_resolution(pooled, length), self.config.enlarge)
        features, logits = torch.split(
            pooled, [pooled.shape[1] - self.config.joints, self.config.joints], dim=1
        )
        # the joint map holds its features before their activation
        correction = self.low_resolution(functional.relu(features), length)
        correction = _enlarge(correction, self.config.enlarge)
        start = functional.interpolate(logits, size=correction.shape[-2:], mode="bilinear")
        return correction + self.prior * start

    def low_resolution(self, features: Tensor, length: int) -> Tensor:
        """(R * T, C, P, P) features to (R * T, K, 2 P, 2 P) logits, before they are doubled."""
        for conv in self.convs:
            features = functional.relu(conv(features, length))
        out: Tensor = self.up(features)
        return out


def _enlarge(logits: Tensor, how: str) -> Tensor:
    if how == "bilinear":
        return functional.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
    if how == "deconvolution":
        return _bilinear_deconvolution(logits)
    return logits


def _bilinear_deconvolution(logits: Tensor) -> Tensor:
    """Detectron's fixed doubling: bilinear inside the map, weaker in its outermost ring.

    The zeros outside take part in the sums there. Published weights are used to the weak ring.
    """
    taps = constants([0.25, 0.75, 0.75, 0.25], logits)
    kernel = torch.outer(taps, taps).expand(logits.shape[1], 1, 4, 4)
    return functional.conv_transpose2d(logits, kernel, stride=2, padding=1, groups=logits.shape[1])
