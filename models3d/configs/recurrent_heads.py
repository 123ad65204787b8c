"""The configurations of keypoint heads that look at crops of a person one frame after the other."""

from dataclasses import dataclass

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.skeletons import skeleton

STRIDE = 8
"""Pixels of the crop per cell of a recurrent head's heatmap."""


@dataclass(frozen=True, kw_only=True)
class PoseMachineHeadConfig:
    """The complete network of LSTM Pose Machines.

    Source: Luo et al., "LSTM Pose Machines", CVPR 2018, and their program.
    """

    skeleton: str
    """Name of the joint set that the K joints follow."""

    side: int = 368
    """Of the square crop, pixels, a multiple of 8."""

    margin: float = 1.5
    """The crop's side as a multiple of the box's longer side."""

    channels: int = 128
    """Of the wide convolutions, a multiple of 4; others have a quarter, or four times as many."""

    def __post_init__(self) -> None:
        _check(self, self.side)
        check_numbers(self, "channels", low=4, high=1024)

    @property
    def joints(self) -> int:
        """K."""
        return len(skeleton(self.skeleton))


@dataclass(frozen=True, kw_only=True)
class UniPoseHeadConfig:
    """UniPose with its LSTM: a dilated ResNet, a waterfall of dilated convolutions, a decoder.

    Source: Artacho and Savakis, "UniPose", CVPR 2020; the LSTM as its figure has it, in which the
    maps of the frame before are fed back.
    """

    skeleton: str
    """Name of the joint set that the K joints follow."""

    side: int = 368
    """Of the square crop, pixels, a multiple of 8."""

    margin: float = 1.5
    """The crop's side as a multiple of the box's longer side."""

    blocks: tuple[int, int, int, int] = (3, 4, 23, 3)
    """Of the ResNet's stages."""

    channels: int = 256
    """Of the waterfall and the decoder."""

    readout: int = 128
    """Channels of the convolutions behind the LSTM."""

    feedback: bool = True
    """Whether the final maps of the frame before are fed back."""

    def __post_init__(self) -> None:
        _check(self, self.side)
        check_numbers(self, "blocks", low=1, high=64)
        check_numbers(self, "channels", "readout", low=1, high=1024)

    @property
    def joints(self) -> int:
        """K."""
        return len(skeleton(self.skeleton))


@dataclass(frozen=True, kw_only=True)
class FlowingConvNetHeadConfig:
    """The heatmap network of Flowing ConvNets, which draws every frame alone.

    Source: Pfister, Charles and Zisserman, "Flowing ConvNets", ICCV 2015, and their program.
    """

    skeleton: str
    """Name of the joint set that the K joints follow."""

    side: int = 256
    """Of the square crop, pixels, a multiple of 8; maps have a quarter of it."""

    margin: float = 1.5
    """The crop's side as a multiple of the box's longer side."""

    channels: int = 128
    """Of the first convolutions, a multiple of 2; others have half, two or four times as many."""

    fusion: bool = True
    """Whether the spatial fusion layers draw the maps; else the convolutions before them do."""

    def __post_init__(self) -> None:
        _check(self, self.side)
        check_numbers(self, "channels", low=2, high=1024)

    @property
    def joints(self) -> int:
        """K."""
        return len(skeleton(self.skeleton))


RecurrentHeadConfig = PoseMachineHeadConfig | UniPoseHeadConfig | FlowingConvNetHeadConfig


def _check(config: RecurrentHeadConfig, side: int) -> None:
    check_numbers(config, "side", low=32, high=2048)
    check_numbers(config, "margin", low=0.1, high=10)
    if side % STRIDE:
        raise InputError(
            f"{type(config).__name__}.side must be a multiple of {STRIDE} pixels, got {side}"
        )
