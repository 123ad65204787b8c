"""UniPose with its LSTM, as a keypoint head.

Each frame goes through a dilated ResNet, the waterfall (WASP) and the decoder; a ConvLSTM joins its
maps with the final maps of the frame before.

Source: Artacho and Savakis, "UniPose: Unified Human Pose Estimation in Single Images and Videos",
CVPR 2020; sizes are those of their program, the LSTM is that of the paper's figure: in the program
the maps of the frame before are handed over and not used.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck, ResNet

from .configs.recurrent_heads import UniPoseHeadConfig
from .recurrent_crop_head import RecurrentCropHead, convolutions, over_frames
from .refiners.conv_lstm import ConvLSTMCell, Memory

DILATIONS = (18, 12, 6)
"""Of the waterfall's 3 x 3 convolutions, each fed by the one before."""

MULTI_GRID = (2, 4, 8)
"""Dilations of the blocks of the ResNet's last stage; further blocks repeat the last."""

LOW_LEVEL = 48
"""Channels of the early map that the decoder takes in."""


class UniPoseHead(RecurrentCropHead):
    """The network of single frames, and the memory behind it."""

    def __init__(self, config: UniPoseHeadConfig, *, channels: int = 0) -> None:
        """It looks at pictures, so the levels' channels do not matter."""
        super().__init__()
        self.config: UniPoseHeadConfig = config
        maps = config.joints + 1
        self.body = DilatedResNet(config.blocks)
        self.waterfall = Waterfall(DilatedResNet.channels, config.channels)
        self.decoder = Decoder(config.channels, maps)
        self.lstm = ConvLSTMCell(maps * (2 if config.feedback else 1), maps)
        width = config.readout
        self.readout = convolutions(maps, (3, width), (3, width), (3, width), (1, width))
        self.readout.append(nn.Conv2d(width, maps, 1))

    def draw(self, crops: Tensor) -> Tensor:
        """See :meth:`RecurrentCropHead.draw`."""
        maps = torch.unflatten(self.single(crops.flatten(0, 1)), 0, crops.shape[:2])
        before = torch.zeros_like(maps[:, 0])
        memory: Memory | None = None
        drawn = []
        for frame in maps.unbind(1):
            inputs = [frame, before] if self.config.feedback else [frame]
            memory = self.lstm(torch.cat(inputs, 1), memory)
            before = self.readout(memory.hidden)
            drawn.append(before)
        return over_frames(drawn)

    def single(self, crops: Tensor) -> Tensor:
        """(M, 3, side, side) crops to (M, K + 1, side / 8, side / 8) maps, each frame alone."""
        low, high = self.body(crops)
        maps: Tensor = self.decoder(self.waterfall(high), low)
        return maps


class DilatedResNet(nn.Module):
    """A ResNet whose last stage keeps stride 16 and looks far instead."""

    channels = 2048

    def __init__(self, blocks: tuple[int, int, int, int]) -> None:
        super().__init__()
        whole = ResNet(Bottleneck, list(blocks), replace_stride_with_dilation=[False, False, True])
        self.stem = nn.Sequential(whole.conv1, whole.bn1, whole.relu, whole.maxpool)
        self.stages = nn.ModuleList([whole.layer1, whole.layer2, whole.layer3, whole.layer4])
        for place, block in enumerate(whole.layer4):
            dilation = MULTI_GRID[min(place, len(MULTI_GRID) - 1)]
            block.conv2.dilation = block.conv2.padding = (dilation, dilation)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """(M, 3, S, S) to the maps of the first stage, at stride 4, and the last, at stride 16."""
        maps = self.stem(crops)
        found = []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        return found[0], found[-1]


class Waterfall(nn.Module):
    """WASP: convolutions that look further and further, each fed by the one before."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        widths = [channels] * len(DILATIONS)
        self.steps = nn.ModuleList([_normed(inputs, channels, 1)])
        self.steps.extend(
            _normed(width, channels, 3, dilation=d)
            for width, d in zip(widths, DILATIONS, strict=True)
        )
        # every branch passes twice through the same convolution
        self.shared = nn.Conv2d(channels, channels, 1, bias=False)
        self.whole = nn.Conv2d(inputs, channels, 1)
        self.join = nn.Sequential(
            _normed((len(DILATIONS) + 2) * channels, channels, 1), nn.Dropout(0.5)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """(M, I, h, w) to (M, C, h, w)."""
        branches, flowing = [], maps
        for step in self.steps:
            flowing = step(flowing)
            branches.append(self.shared(self.shared(flowing)))
        whole = functional.relu(self.whole(maps.mean((2, 3), keepdim=True)))
        joined: Tensor = self.join(torch.cat([*branches, whole.expand_as(branches[0])], 1))
        return joined


class Decoder(nn.Module):
    """Joins the waterfall's map with an early one, at stride 8."""

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.low = nn.Sequential(
            _normed(4 * 64, LOW_LEVEL, 1), nn.MaxPool2d(3, stride=2, padding=1)
        )
        self.convs = nn.Sequential(
            _normed(channels + LOW_LEVEL, channels, 3),
            nn.Dropout(0.5),
            _normed(channels, channels, 3),
            nn.Dropout(0.1),
            nn.Conv2d(channels, maps, 1),
        )

    def forward(self, high: Tensor, low: Tensor) -> Tensor:
        """Maps at strides 16 and 4 to (M, K + 1, S / 8, S / 8)."""
        early = self.low(low)
        high = functional.interpolate(high, early.shape[2:], mode="bilinear", align_corners=False)
        maps: Tensor = self.convs(torch.cat([high, early], 1))
        return maps


def _normed(inputs: int, channels: int, kernel: int, *, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, normalised over the batch, with its ReLU."""
    return nn.Sequential(
        nn.Conv2d(
            inputs,
            channels,
            kernel,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            bias=False,
        ),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )
