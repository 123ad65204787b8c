"""The configurations of necks, which turn a body's stages into the levels that heads look at."""

from dataclasses import dataclass
from typing import Literal

from posetube.setting_checks import check_numbers

from ..config_bounds import (
    WIDEST,
)
from .bodies import TimePadding


@dataclass(frozen=True, kw_only=True)
class C4Config:
    """The body's last map (res4, stride 16) as the only level."""


@dataclass(frozen=True, kw_only=True)
class FPNConfig:
    """A feature pyramid over res2 to res5, or over the last of these."""

    stages: int = 4
    """Of how many of the body's stages, the last ones, levels are made; 3: res3 to res5."""

    further: Literal["pool", "convolutions"] = "pool"
    """Coarser levels behind them. ``pool``: one, every second cell of the last; ``convolutions``:
    two, each a convolution of the level before (RetinaNet)."""

    channels: int = 256
    """Of each level."""

    time: int = 1
    """Time kernel of the levels' output convolutions, an odd number of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    def __post_init__(self) -> None:
        check_numbers(self, "channels", low=1, high=WIDEST)
        check_numbers(self, "stages", low=1, high=4)


@dataclass(frozen=True, kw_only=True)
class PathAggregationConfig:
    """The path aggregation neck."""

    channels: int = 64
    """Of each level."""

    time: int = 1
    """Time kernel of the levels' output convolutions, an odd number of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    def __post_init__(self) -> None:
        check_numbers(self, "channels", low=1, high=WIDEST)
