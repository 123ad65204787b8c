"""The configurations of bodies, which make maps of features at several strides."""

from dataclasses import dataclass
from typing import Literal

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

from ..config_bounds import (
    DEEPEST,
    WIDEST,
)

TimePadding = Literal["zero", "replicate"]
"""What lies beyond a clip's first and last frame: zeros, or that frame again."""


BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks of res2 to res5, by depth."""


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """A ResNet body."""

    depth: Literal[18, 34, 50, 101] = 50
    """Number of layers, as in its name."""

    stages: int = 4
    """How many of res2 to res5 the body has: 4, or 3 if res5 belongs to the box head (C4)."""

    times: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1)
    """Time kernels of the stem and of res2 to res5, odd numbers of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    stride_in_1x1: bool = False
    """Whether a bottleneck's stride is in its first 1 x 1 convolution (the original weights and
    Detectron's) or in its 3 x 3 convolution (torchvision's)."""

    frozen_stages: int = 0
    """How many stages are not trained; the stem is the first."""

    deformable_stages: int = 0
    """In how many of the last stages the 3 x 3 convolutions choose where they look; these have no
    time kernel."""

    def __post_init__(self) -> None:
        if self.depth not in BLOCKS:
            raise InputError(f"ResNetConfig.depth must be one of {list(BLOCKS)}, got {self.depth}")
        check_numbers(self, "deformable_stages", low=0, high=self.stages)
        last = self.times[1 : self.stages + 1][self.stages - self.deformable_stages :]
        if any(time > 1 for time in last):
            raise InputError(
                f"ResNetConfig: its last {self.deformable_stages} stages are deformable and must "
                f"have no time kernel, got times {self.times}"
            )
        check_numbers(self, "stages", low=3, high=4)
        check_numbers(self, "frozen_stages", low=0, high=self.stages + 1)


@dataclass(frozen=True, kw_only=True)
class CSPBodyConfig:
    """The CSP body."""

    channels: tuple[int, int, int, int] = (32, 64, 128, 256)
    """Of each stage's output."""

    blocks: tuple[int, int, int, int] = (1, 2, 2, 1)
    """Blocks in each stage's layer."""

    times: tuple[int, int, int, int] = (1, 1, 1, 1)
    """Time kernel of each stage's blocks, odd numbers of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    frozen_stages: int = 0
    """How many of the four stages are not trained; the stem belongs to the first."""

    def __post_init__(self) -> None:
        check_numbers(self, "channels", low=2, high=WIDEST)
        check_numbers(self, "blocks", low=0, high=DEEPEST)
        check_numbers(self, "frozen_stages", low=0, high=len(self.channels))
