"""The embedded model's body: MobileNetV2 in five stages, without normalisation layers.

Source: Sandler et al., "MobileNetV2", CVPR 2018. Two habits come from the network whose weights it
started from (MoveNet Lightning, TensorFlow): batch normalisation is folded into weights and biases,
and convolutions of stride 2 pad nothing before and one pixel after.

Not here: what becomes of the stages' outputs (:mod:`posetube.models3d.joint_neck`).
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from .time_conv import TimeConv, TimePadding

STEM_CHANNELS = 32
BLOCKS = (
    (1, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 32, 1),
    (6, 64, 2), (6, 64, 1), (6, 64, 1), (6, 64, 1), (6, 96, 1), (6, 96, 1), (6, 96, 1),
    (6, 160, 2), (6, 160, 1), (6, 160, 1), (6, 320, 1),
)  # fmt: skip
"""Expansion, output channels and stride of each inverted residual (the paper's table 2)."""

STAGE_ENDS = (3, 6, 10, 13, 17)
"""Blocks are cut into stages before these; their outputs have strides 4, 8, 16, 16 and 32."""


@dataclass(frozen=True, kw_only=True)
class MobileBodyConfig:
    """The embedded model's body."""

    stage_times: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1)
    """Time kernel of the depthwise convolutions of each stage, odd numbers of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    frozen_stages: int = 0
    """How many of the five stages are not trained; the stem belongs to the first."""

    def build(self) -> "MobileBody":
        """Make the body."""
        return MobileBody(self)


class InvertedResidual(nn.Module):
    """Widen, look around channel by channel, narrow; add the input where the shapes agree."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        expansion: int,
        stride: int,
        time: int,
        time_padding: TimePadding,
    ) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = TimeConv(inputs, hidden) if expansion > 1 else None
        self.depthwise = TimeConv(
            hidden,
            hidden,
            3,
            stride=stride,
            padding=_padding(stride),
            groups=hidden,
            time=time,
            time_padding=time_padding,
        )
        self.project = TimeConv(hidden, outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor, length: int) -> Tensor:
        """(B * T, I, H, W) to (B * T, O, H / stride, W / stride)."""
        hidden = maps
        if self.expand is not None:
            hidden = functional.relu6(self.expand(hidden), inplace=True)
        hidden = _pad_after(hidden, self.depthwise.stride)
        hidden = functional.relu6(self.depthwise(hidden, length), inplace=True)
        projected: Tensor = self.project(hidden)
        return maps + projected if self.residual else projected


class MobileStem(nn.Module):
    """The first convolution: pixels to 32 channels at stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = TimeConv(3, STEM_CHANNELS, 3, stride=2, padding=_padding(2))

    def forward(self, pixels: Tensor, length: int) -> Tensor:
        """(B * T, 3, H, W) to (B * T, 32, H / 2, W / 2)."""
        return functional.relu6(self.conv(_pad_after(pixels, 2)), inplace=True)


class MobileStage(nn.Module):
    """Some blocks in a row."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, maps: Tensor, length: int) -> Tensor:
        """Each block in turn."""
        for block in self.blocks:
            maps = block(maps, length)
        return maps


class MobileBody(nn.Module):
    """MobileNetV2 without its classifier; :attr:`stages` are applied one after the other."""

    channels = (24, 32, 64, 96, 320)
    """Of each stage's output."""

    strides = (4, 8, 16, 16, 32)
    """Pixels per cell of each stage's output."""

    def __init__(self, config: MobileBodyConfig) -> None:
        super().__init__()
        self.times = config.stage_times
        inputs, blocks = STEM_CHANNELS, list[nn.Module]()
        self.stages = nn.ModuleList()
        for index, (expansion, outputs, stride) in enumerate(BLOCKS, start=1):
            time = config.stage_times[len(self.stages)]
            block = InvertedResidual(
                inputs,
                outputs,
                expansion=expansion,
                stride=stride,
                time=time,
                time_padding=config.time_padding,
            )
            blocks.append(block)
            inputs = outputs
            if index in STAGE_ENDS:
                stem = [] if self.stages else [MobileStem()]
                self.stages.append(MobileStage([*stem, *blocks]))
                blocks = []
        for stage in self.stages[: config.frozen_stages]:
            stage.requires_grad_(False)


def _padding(stride: int) -> int:
    """Symmetric at stride 1; at stride 2 :func:`_pad_after` has done it."""
    return 1 if stride == 1 else 0


def _pad_after(maps: Tensor, stride: int) -> Tensor:
    """One row and one column of zeros below and to the right, where the stride is 2."""
    return functional.pad(maps, (0, 1, 0, 1)) if stride == 2 else maps
