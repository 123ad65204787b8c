"""The embedded model's neck: a light decoder, whole-picture joint maps, and a feature pyramid.

A joint is where a whole-picture map of that joint peaks. So this neck gives, besides the levels in
which people are found, a joint map at stride 4: features for the keypoint head, and one logit per
joint as its starting point.

Source: the decoder and the two map branches are those of MoveNet (Votel et al., 2021), whose
weights they started from; pyramid levels of separable convolutions are the project's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from posetube.errors import InputError

from .time_conv import Separable, TimeConv, TimePadding


@dataclass(frozen=True, kw_only=True)
class JointNeckConfig:
    """The embedded model's neck."""

    joints: int = 17
    """K."""

    channels: int = 64
    """Of each pyramid level and of the joint features."""

    time: int = 1
    """Time kernel of the levels' output convolutions, an odd number of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    def __post_init__(self) -> None:
        for name in ("joints", "channels"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"JointNeckConfig.{name} must be above 0, got {getattr(self, name)}"
                )

    def build(self, *, channels: Sequence[int], strides: Sequence[int]) -> "JointNeck":
        """Make the neck for a body whose stages have these channels and strides."""
        return JointNeck(self, body_channels=channels)


class Decoder(nn.Module):
    """From stride 32 up to stride 4, a lateral connection at each step."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        fine, middle, coarse, _, top = channels
        self.lateral_2 = TimeConv(fine, fine)
        self.lateral_3 = TimeConv(middle, middle)
        self.lateral_4 = TimeConv(coarse, coarse)
        self.top_expand = TimeConv(top, 4 * top)
        self.top_project = TimeConv(4 * top, coarse)
        self.smooth_4 = Separable(coarse, middle)
        self.smooth_3 = Separable(middle, fine)
        self.smooth_2 = Separable(fine, fine)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The body's five maps to p2, p3, p4, p5; p3 and p4 as they are before their pointwise."""
        b2, b3, m4, _, c5 = maps
        p5 = self.top_project(functional.relu6(self.top_expand(c5)))
        p4 = self.smooth_4.depthwise(_double(p5) + self.lateral_4(m4))
        up = _double(functional.relu(self.smooth_4.pointwise(p4)))
        p3 = self.smooth_3.depthwise(up + self.lateral_3(b3))
        up = _double(functional.relu(self.smooth_3.pointwise(p3)))
        p2 = functional.relu(self.smooth_2(up + self.lateral_2(b2)))
        return p2, p3, p4, p5


class MapBranch(nn.Module):
    """Features at stride 4 that one kind of whole-picture map is read from."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = TimeConv(inputs, inputs, 3, groups=inputs)
        self.hidden = TimeConv(inputs, hidden)

    def forward(self, maps: Tensor) -> Tensor:
        """(B * T, I, H, W) to (B * T, hidden, H, W)."""
        return functional.relu(self.hidden(self.depthwise(maps)))


class JointNeck(nn.Module):
    """Five pyramid levels (strides 4 to 64), then the joint map: features and K logits."""

    strides = (4, 8, 16, 32, 64)
    """Pixels per cell of each level."""

    def __init__(self, config: JointNeckConfig, *, body_channels: Sequence[int]) -> None:
        """``body_channels`` as in :class:`posetube.models3d.mobile_body.MobileBody`."""
        super().__init__()
        fine, middle, coarse, wide, top = body_channels
        hidden = 4 * fine
        self.decoder = Decoder(body_channels)
        self.center = MapBranch(fine, hidden)
        self.joints = MapBranch(fine, hidden)
        self.logits = TimeConv(hidden, config.joints)
        self.reduce = TimeConv(hidden + config.joints + fine, config.channels)
        widths = (fine + 2 * hidden, 2 * middle, coarse + wide, coarse + top)
        self.lateral = nn.ModuleList(TimeConv(width, config.channels) for width in widths)
        self.output = nn.ModuleList(
            Separable(
                config.channels, config.channels, time=config.time, time_padding=config.time_padding
            )
            for _ in widths
        )
        self.time = config.time
        self.channels = config.channels

    def merge(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """What looks at single frames: the body's five maps to four laterals and the joint map."""
        _, b3, _, b4, c5 = maps
        p2, p3, p4, p5 = self.decoder(maps)
        center, joints = self.center(p2), self.joints(p2)
        logits = self.logits(joints)
        features = self.reduce(torch.cat([joints, logits, p2], dim=1))
        parts = ([p2, joints, center], [p3, b3], [p4, b4], [p5, c5])
        laterals = [
            functional.relu(lateral(torch.cat(part, dim=1)))
            for lateral, part in zip(self.lateral, parts, strict=True)
        ]
        return [*laterals, torch.cat([features, logits], dim=1)]

    def smooth(self, maps: Sequence[Tensor], length: int) -> list[Tensor]:
        """What may mix frames: each level's output convolution; every second cell for the fifth."""
        *laterals, joint_map = maps
        levels = [
            output(lateral, length) for output, lateral in zip(self.output, laterals, strict=True)
        ]
        return [*levels, levels[-1][:, :, ::2, ::2], joint_map]


def _double(maps: Tensor) -> Tensor:
    """Twice the height and width, bilinear with half-pixel centres."""
    return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
