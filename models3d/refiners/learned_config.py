"""The learned refiners of heatmaps, as configurations; their weights files carry them."""

from dataclasses import dataclass

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.skeletons import skeleton

MOST_FRAMES, WIDEST, LARGEST_KERNEL = 64, 1024, 31


@dataclass(frozen=True, kw_only=True)
class WeightedPoolConfig:
    """A weighted mean of the maps around a frame, a weight per joint and frame.

    Source: Pfister et al., "Flowing ConvNets", ICCV 2015.
    """

    skeleton: str
    """The joints, K."""

    past: int = 1
    """How many frames before count."""

    future: int = 1
    """How many frames after count."""

    def __post_init__(self) -> None:
        check_numbers(self, "past", "future", low=0, high=MOST_FRAMES)
        skeleton(self.skeleton)


@dataclass(frozen=True, kw_only=True)
class ConvLSTMConfig:
    """A convolutional LSTM that remembers a person's maps, and a readout that corrects them.

    Source: Luo et al., "LSTM Pose Machines", CVPR 2018; Artacho and Savakis, "UniPose", CVPR 2020.
    """

    skeleton: str
    """The joints, K."""

    hidden: int
    """Channels of the memory."""

    kernels: tuple[int, ...]
    """Odd sizes of the readout's convolutions."""

    channels: int = 128
    """Of the readout's convolutions."""

    centre: bool = False
    """Whether a map that marks the middle of the box is among the inputs."""

    feedback: bool = True
    """Whether the refined maps of the frame before are among the inputs."""

    shared: bool = False
    """Whether every joint has a memory of its own, all with the same weights; it sees the joint's
    map and that of its other side. Such weights learn from all joints alike, in a fraction of the
    steps, and nothing of how bodies look; all directions are alike to them."""

    stride: int = 1
    """How many cells of the maps, across and down, are one of the memory."""

    def __post_init__(self) -> None:
        check_numbers(self, "hidden", "channels", low=1, high=WIDEST)
        check_numbers(self, "stride", low=1, high=LARGEST_KERNEL)
        check_numbers(self, "kernels", low=1, high=LARGEST_KERNEL)
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise InputError(f"ConvLSTMConfig.kernels must be odd, got {self.kernels}")
        skeleton(self.skeleton)


@dataclass(frozen=True, kw_only=True)
class MapWarperConfig:
    """Maps of neighbouring frames, bent into place by deformable convolutions.

    Source: in the manner of Bertasius et al., "PoseWarper", NeurIPS 2019, and Liu et al., "DCPose",
    CVPR 2021.
    """

    skeleton: str
    """The joints, K."""

    past: int = 1
    """How many frames before count."""

    future: int = 1
    """How many frames after count."""

    channels: int = 32
    """Of the convolutions that see how the maps differ."""

    blocks: int = 2
    """How many residual blocks of two such convolutions there are."""

    dilations: tuple[int, ...] = (3, 9)
    """Distances of the taps, cells, of the deformable convolutions whose results are averaged."""

    def __post_init__(self) -> None:
        check_numbers(self, "past", "future", low=0, high=MOST_FRAMES)
        check_numbers(self, "channels", low=1, high=WIDEST)
        check_numbers(self, "blocks", low=0, high=MOST_FRAMES)
        check_numbers(self, "dilations", low=1, high=LARGEST_KERNEL)
        skeleton(self.skeleton)


@dataclass(frozen=True, kw_only=True)
class BothWaysConfig:
    """A memory that goes ahead in time, and one that goes back over what the first one made.

    Source: Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997; one after the
    other here, so that the way ahead is a causal refiner of its own.
    """

    ahead: ConvLSTMConfig
    """The first."""

    back: ConvLSTMConfig
    """The second, of the same joints."""

    def __post_init__(self) -> None:
        same = [(way.skeleton, way.stride) for way in (self.ahead, self.back)]
        if same[0] != same[1]:
            raise InputError(
                f"BothWaysConfig: both ways need the same joints and stride, got {same}"
            )

    @property
    def skeleton(self) -> str:
        """The joints, K."""
        return self.ahead.skeleton

    @property
    def stride(self) -> int:
        """How many cells of the maps, across and down, are one of the first memory."""
        return self.ahead.stride


LearnedConfig = WeightedPoolConfig | ConvLSTMConfig | MapWarperConfig | BothWaysConfig


def unipose_lstm(joints: str) -> ConvLSTMConfig:
    """UniPose-LSTM as its paper's figure has it: small, the maps of the frame before fed back."""
    return ConvLSTMConfig(skeleton=joints, hidden=len(skeleton(joints)), kernels=(3, 3, 3, 1))


def lstm_pose_machine(joints: str) -> ConvLSTMConfig:
    """The recurrent part of LSTM Pose Machines: a wide memory, a readout that sees far.

    Other than there, the heatmap of the frame itself is an input in place of image features.
    """
    return ConvLSTMConfig(skeleton=joints, hidden=48, kernels=(11, 11, 11, 1), centre=True)


def small_lstm(joints: str) -> ConvLSTMConfig:
    """A memory of half the maps' resolution, which a CPU runs in a few milliseconds."""
    return ConvLSTMConfig(
        skeleton=joints, hidden=8, kernels=(3, 3), channels=16, shared=True, stride=2
    )


def both_ways(joints: str) -> BothWaysConfig:
    """Two small memories, one for each direction of time."""
    return BothWaysConfig(ahead=small_lstm(joints), back=small_lstm(joints))
