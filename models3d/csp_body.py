"""The CSP body: a small stem, then four stages of cross-stage partial layers.

Source: CSPNeXt of Lyu et al., "RTMDet", 2022, at the width and depth of its smallest network.
"""

from torch import Tensor, nn
from torch.nn import functional

from .configs.bodies import CSPBodyConfig
from .csp import CSPLayer, SpatialPyramidPooling, separable
from .time_conv import TimeConv

STEM_CHANNELS = (8, 8, 16)
"""Of the three convolutions before the first stage; the first one has stride 2."""


class CSPStem(nn.Sequential):
    """Three 3 x 3 convolutions: pixels to 16 channels at stride 2."""

    def __init__(self) -> None:
        pairs = zip((3, *STEM_CHANNELS), STEM_CHANNELS, strict=False)
        super().__init__(
            *(
                TimeConv(inputs, outputs, 3, stride=2 if index == 0 else 1)
                for index, (inputs, outputs) in enumerate(pairs)
            )
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """(B * T, 3, H, W) to (B * T, 16, H / 2, W / 2)."""
        for conv in self:
            pixels = functional.silu(conv(pixels))
        return pixels


class CSPStage(nn.Module):
    """Half the height and width, then a cross-stage partial layer."""

    def __init__(self, config: CSPBodyConfig, index: int) -> None:
        super().__init__()
        first, last = index == 0, index == len(config.channels) - 1
        inputs = STEM_CHANNELS[-1] if first else config.channels[index - 1]
        outputs = config.channels[index]
        self.stem = CSPStem() if first else None
        self.down = separable(inputs, outputs, stride=2)
        self.pool = SpatialPyramidPooling(outputs) if last else None
        self.mix = CSPLayer(
            outputs,
            outputs,
            blocks=config.blocks[index],
            # The published network has no residual in its last stage.
            residual=not last,
            attention=True,
            time=config.times[index],
            time_padding=config.time_padding,
        )

    def forward(self, maps: Tensor, length: int) -> Tensor:
        """(B * T, I, H, W), pixels for the first stage, to (B * T, O, H / 2, W / 2)."""
        if self.stem is not None:
            maps = self.stem(maps)
        maps = self.down(maps)
        if self.pool is not None:
            maps = self.pool(maps)
        out: Tensor = self.mix(maps, length)
        return out


class CSPBody(nn.Module):
    """The stages, to be applied one after the other."""

    strides = (4, 8, 16, 32)
    """Pixels per cell of each stage's output."""

    def __init__(self, config: CSPBodyConfig) -> None:
        super().__init__()
        self.channels, self.times = config.channels, config.times
        self.stages = nn.ModuleList(CSPStage(config, i) for i in range(len(config.channels)))
        for stage in self.stages[: config.frozen_stages]:
            stage.requires_grad_(False)
