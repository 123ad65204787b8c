"""The complete network of LSTM Pose Machines, as a keypoint head.

::

    frame 1 ─ ConvNet1 ─ first maps ┐
    frame t ─ ConvNet2 ─ features ──┼─ ConvLSTM ─ ConvNet3 ─ maps of frame t
    maps of frame t - 1 ────────────┤
    middle of the crop ─────────────┘

Source: Luo et al., "LSTM Pose Machines", CVPR 2018; layer sizes are those of their program. Of a
clip's frames each is drawn with the memory of those before it in the clip; the program itself
carries its memory through whole videos.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .configs.recurrent_heads import PoseMachineHeadConfig
from .recurrent_crop_head import RecurrentCropHead, convolutions, over_frames
from .refiners.conv_lstm import ConvLSTMCell, Memory

CENTRE_WIDTH = 21.0
"""Width of the Gaussian that marks the middle of the crop, pixels."""

SPREAD = 0.01
"""Standard deviation of new weights."""


class PoseMachineHead(RecurrentCropHead):
    """ConvNet1 to 3 and the memory between them."""

    def __init__(self, config: PoseMachineHeadConfig, *, channels: int = 0) -> None:
        """It looks at pictures, so the levels' channels do not matter."""
        super().__init__()
        self.config: PoseMachineHeadConfig = config
        wide, few, maps = config.channels, config.channels // 4, config.joints + 1
        self.first = nn.Sequential(
            _features(wide, few),
            *convolutions(few, (9, 4 * wide)),
            nn.Dropout(0.5),
            *convolutions(4 * wide, (1, 4 * wide)),
            nn.Dropout(0.5),
            nn.Conv2d(4 * wide, maps, 1),
        )
        self.features = _features(wide, few)
        memory = few + maps + 1
        self.lstm = ConvLSTMCell(memory, memory)
        self.readout = convolutions(memory, (11, wide), (11, wide), (11, wide), (1, wide))
        self.readout.append(nn.Conv2d(wide, maps, 1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=SPREAD)
                if module.bias is not None and module is not self.lstm.from_input:
                    nn.init.zeros_(module.bias)

    def draw(self, crops: Tensor) -> Tensor:
        """See :meth:`RecurrentCropHead.draw`."""
        people, length = crops.shape[:2]
        features = torch.unflatten(self.features(crops.flatten(0, 1)), 0, (people, length))
        centre = _centre(crops)
        maps, memory, drawn = self.first(crops[:, 0]), None, []
        for step in range(length):
            maps, memory = self.step(features[:, step], maps, centre, memory)
            drawn.append(maps)
        return over_frames(drawn)

    def step(
        self, features: Tensor, maps: Tensor, centre: Tensor, memory: Memory | None
    ) -> tuple[Tensor, Memory]:
        """One frame: the maps of the frame before, or the first ones, to its own."""
        memory = self.lstm(torch.cat([features, maps, centre], 1), memory)
        return self.readout(memory.hidden), memory


def _features(wide: int, few: int) -> nn.Sequential:
    """Three times a convolution and half the size, then a narrow convolution."""
    made, inputs = nn.Sequential(), 3
    for _ in range(3):
        made.extend(convolutions(inputs, (9, wide)))
        # sides are halved upwards, as the program does: 368, 184, 92, 46
        made.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
        inputs = wide
    made.extend(convolutions(wide, (5, few)))
    return made


def _centre(crops: Tensor) -> Tensor:
    """(R, 1, side / 8, side / 8) a Gaussian in the middle of each crop."""
    side = crops.shape[-1]
    away = torch.arange(side, device=crops.device, dtype=crops.dtype) - (side - 1) / 2
    line = (-0.5 * away**2 / CENTRE_WIDTH**2).exp()
    mark = (line[:, None] * line)[None, None]
    pooled = functional.avg_pool2d(mark, 9, stride=8, ceil_mode=True)
    return pooled.expand(len(crops), -1, -1, -1)
