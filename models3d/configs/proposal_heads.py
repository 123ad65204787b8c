"""The configurations of proposal heads, which say where somebody may be."""

from dataclasses import dataclass
from typing import Literal

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

from ..box_coding import BoxConvention
from ..config_bounds import (
    DEEPEST,
    LARGEST,
    LONGEST,
    MOST_TUBES,
)
from ..tube_nms import Suppress
from .bodies import TimePadding


@dataclass(frozen=True, kw_only=True)
class AnchorConfig:
    """Which anchors stand at every cell of each pyramid level."""

    sizes: tuple[tuple[float, ...], ...]
    """Per level, the square roots of the anchors' areas, pixels of the network's input."""

    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width."""

    layout: Literal["torchvision", "detectron", "detectron2"] = "torchvision"
    """``torchvision``: centred on 0, corners rounded, all sizes of the first ratio first.
    ``detectron``: centred on the cell's last pixel and inclusive, in the same order.
    ``detectron2``: centred on 0, not rounded, all ratios of the first size first."""

    def __post_init__(self) -> None:
        check_numbers(self, "sizes", low=1 / LARGEST, high=LARGEST)
        check_numbers(self, "ratios", low=1e-3, high=1e3)
        if len({len(level) for level in self.sizes}) > 1:
            raise InputError(
                f"AnchorConfig.sizes must have the same number on every level, got {self.sizes}"
            )

    @property
    def per_cell(self) -> int:
        """A: how many anchors stand at each cell."""
        return len(self.sizes[0]) * len(self.ratios)


@dataclass(frozen=True, kw_only=True)
class ProposalConfig:
    """The proposal network and its filter."""

    anchors: AnchorConfig
    """The anchors of every cell."""

    time: int = 1
    """Time kernel of the 3 x 3 convolution before the two outputs, an odd number of frames."""

    output_time: int = 1
    """Time kernel of the two outputs, an odd number of frames. If it is the network's first, what
    comes before is computed once per frame, not once per clip."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    before_nms: int = 1000
    """How many of each level's tubes enter non-maximum suppression, the best ones."""

    after_nms: int = 1000
    """How many tubes of all levels are proposed, the best ones."""

    nms: float = 0.7
    """A tube overlapping a better one of its level by more than this, in [0, 1], is dropped."""

    min_size: float = 1e-3
    """Tubes with a box narrower or lower than this, pixels, are dropped."""

    clip_to: Literal["picture", "padded"] = "picture"
    """Whether boxes are clipped to the picture or to its padding."""

    convention: BoxConvention = "continuous"
    """Pixel arithmetic."""

    nms_suppresses: Suppress = "above"
    """What happens to an overlap of exactly ``nms``."""

    def __post_init__(self) -> None:
        check_numbers(self, "nms", low=0, high=1)
        check_numbers(self, "before_nms", "after_nms", low=1, high=MOST_TUBES)
        check_numbers(self, "min_size", low=0, high=LONGEST)


@dataclass(frozen=True, kw_only=True)
class RetinaHeadConfig(ProposalConfig):
    """RetinaNet's head: its tubes are the people, of a network without a box head."""

    depth: int = 4
    """Convolutions of each of its two towers."""

    min_score: float = 0.05
    """Tubes that are no surer than this, in [0, 1], are dropped."""

    nms: float = 0.5
    """A tube overlapping a better one of any level by more than this, in [0, 1], is dropped."""

    after_nms: int = 300
    """How many tubes are kept, the best ones."""

    min_size: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "depth", low=0, high=DEEPEST)
        check_numbers(self, "min_score", low=0, high=1)
        if max(self.time, self.output_time) > 1:
            raise InputError(
                "RetinaHeadConfig: towers have no time kernels, got time "
                f"{self.time} and output_time {self.output_time}"
            )


@dataclass(frozen=True, kw_only=True)
class FurtherScalesConfig:
    """Further sizes at which a picture is looked at, and when (:mod:`..detection_scales`)."""

    long_sides: tuple[int, ...] = (320,)
    """Lengths to which the picture's longer side is brought, pixels, small pictures too."""

    sure: float = 0.5
    """These sizes are left out where the first shows somebody at least this sure, in [0, 1] ..."""

    large: float = 0.0
    """... and nobody so sure whose box is longer than this share of the picture's longer side; 0:
    they are never left out."""

    def __post_init__(self) -> None:
        check_numbers(self, "long_sides", low=1, high=LONGEST)
        check_numbers(self, "sure", "large", low=0, high=1)


@dataclass(frozen=True, kw_only=True)
class DenseProposalConfig:
    """The dense proposals and their filter."""

    time: int = 1
    """Time kernel of the first convolution of each branch, an odd number of frames."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    min_score: float = 0.05
    """Tubes less sure than this, in [0, 1], are dropped."""

    before_nms: int = 1000
    """Best tubes that enter non-maximum suppression."""

    after_nms: int = 100
    """Best tubes that leave it."""

    nms: float = 0.6
    """A tube overlapping a better one by more than this, in [0, 1], is dropped."""

    further: FurtherScalesConfig | None = None
    """Sizes at which people are looked for beside that of the network's input; None: at none."""

    def __post_init__(self) -> None:
        check_numbers(self, "min_score", "nms", low=0, high=1)
        check_numbers(self, "before_nms", "after_nms", low=1, high=MOST_TUBES)
