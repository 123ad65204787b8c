"""The configurations of the heads that look at one person: boxes, joints, masks, their pooling."""

from dataclasses import dataclass
from typing import Literal

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.skeletons import skeleton

from ..box_coding import BoxConvention, Weights
from ..config_bounds import (
    DEEPEST,
    LARGEST,
    LONGEST,
    MOST_SAMPLES,
    MOST_TUBES,
    WIDEST,
)
from ..tube_nms import Suppress
from .bodies import TimePadding

PERSON = 1
"""The class of people; 0 is the background. Networks that were trained on more have the others
behind, and nobody asks for these."""


@dataclass(frozen=True, kw_only=True)
class PoolConfig:
    """How features are pooled under a box."""

    size: int
    """Bins per side."""

    operator: Literal["align", "pool"] = "align"
    """What a bin is: the mean of points between cells (RoIAlign), or the largest of whole cells
    (RoIPool), to whose borders a box is rounded."""

    samples: int = 2
    """Sampling points per bin and side; 0: as many as the bin has cells. Unused by RoIPool."""

    aligned: bool = False
    """Whether the middle of a cell lies at half a pixel (Detectron2) or at a whole one (the
    others, which so read half a cell too far to the bottom right; their weights expect it)."""

    levels: int = 1
    """From how many pyramid levels boxes are pooled, the finest ones."""

    level_rule: Literal["torchvision", "detectron"] = "torchvision"
    """Where the small number is added that keeps the level's rounding stable; Detectron also adds a
    pixel to widths and heights."""

    def __post_init__(self) -> None:
        check_numbers(self, "size", low=1, high=128)
        check_numbers(self, "samples", low=0, high=MOST_SAMPLES)
        check_numbers(self, "levels", low=1, high=DEEPEST)


@dataclass(frozen=True, kw_only=True)
class BoxHeadConfig:
    """The box head and the choice of detections."""

    pool: PoolConfig
    """How features are pooled under a proposal."""

    hidden: int | None = 1024
    """Width of the two fully connected layers; None: ResNet's last stage instead of them."""

    rank: int | None = None
    """Rank of each of these layers, which is then two smaller ones, where that makes it smaller;
    None: whole. Unused without ``hidden``."""

    time: int = 1
    """Time kernel of ResNet's last stage, an odd number of frames; unused with ``hidden``."""

    classes: int = 2
    """Background, person, and any others, which take from the probability of both."""

    presence: bool = False
    """Whether presence is predicted per frame; if not, everybody counts as present."""

    weights: Weights = (10.0, 10.0, 5.0, 5.0)
    """Factors of the box coding."""

    min_score: float = 0.05
    """Detections with a lower score, in [0, 1], are dropped."""

    nms: float = 0.5
    """A detection overlapping a better one by more than this, in [0, 1], is dropped."""

    max_people: int = 100
    """How many detections of a clip are kept at most, the best ones."""

    min_size: float = 1e-2
    """Detections with a box narrower or lower than this, pixels, are dropped."""

    convention: BoxConvention = "continuous"
    """Pixel arithmetic."""

    nms_suppresses: Suppress = "above"
    """What happens to an overlap of exactly ``nms``."""

    order: Literal["score", "proposal"] = "score"
    """Whether detections are ordered by falling score or like their proposals."""

    def __post_init__(self) -> None:
        check_numbers(self, "min_score", "nms", low=0, high=1)
        check_numbers(self, "max_people", low=1, high=MOST_TUBES)
        check_numbers(self, "hidden", "rank", low=1, high=WIDEST)
        check_numbers(self, "classes", low=2, high=WIDEST)
        check_numbers(self, "weights", low=1e-3, high=1e3)
        check_numbers(self, "min_size", low=0, high=LONGEST)


@dataclass(frozen=True, kw_only=True)
class KeypointHeadConfig:
    """The keypoint head."""

    pool: PoolConfig
    """How features are pooled under a box."""

    joints: int = 17
    """K."""

    channels: int = 512
    """Of each convolution."""

    depth: int = 8
    """Number of 3 x 3 convolutions."""

    time: int = 1
    """Their time kernel, an odd number of frames."""

    time_depth: int | None = None
    """How many of them, the last ones, have the time kernel; None: all."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    enlarge: Literal["bilinear", "deconvolution"] = "bilinear"
    """How the deconvolution's output is doubled: interpolated, or by a fixed deconvolution that
    takes the outside for zeros (Detectron)."""

    expansion: float | None = None
    """Factor by which a box is enlarged for a second square of features, beside the box's own: it
    shows where in a person, and among whom, a joint lies. None: only the box's own."""

    deformable: bool = False
    """Whether the convolutions choose where they look; goes without a time kernel."""

    offsets: bool = False
    """Whether each joint's map is moved by two maps of offsets, which are learned with it."""

    def __post_init__(self) -> None:
        if self.deformable and self.time > 1:
            raise InputError(
                f"KeypointHeadConfig: deformable convolutions have no time kernel, got {self.time}"
            )
        check_numbers(self, "joints", "channels", low=1, high=WIDEST)
        check_numbers(self, "depth", low=1, high=DEEPEST)
        check_numbers(self, "expansion", low=0.1, high=10)
        check_numbers(self, "time_depth", low=0, high=self.depth)

    @property
    def heatmap_size(self) -> int:
        """S: cells per side of a heatmap."""
        return 4 * self.pool.size


@dataclass(frozen=True, kw_only=True)
class MaskHeadConfig:
    """The mask head."""

    pool: PoolConfig
    """How features are pooled under a box."""

    classes: int = 2
    """Background, person, and any others: each has a mask of its own, which competes with none."""

    channels: int = 256
    """Of each convolution."""

    depth: int = 4
    """Number of 3 x 3 convolutions."""

    def __post_init__(self) -> None:
        check_numbers(self, "classes", low=2, high=WIDEST)
        check_numbers(self, "channels", low=1, high=WIDEST)
        check_numbers(self, "depth", low=0, high=DEEPEST)

    @property
    def mask_size(self) -> int:
        """m: cells per side of a mask."""
        return 2 * self.pool.size


@dataclass(frozen=True, kw_only=True)
class CropKeypointHeadConfig:
    """The crop keypoint head."""

    skeleton: str
    """Name of the joint set that the K joints follow; it says which joints a mirror swaps."""

    added: int = 0
    """How many of these joints, from the end, were added to a trained network: a readout of their
    own draws them, which leaves everything else as it was."""

    size: tuple[int, int] = (256, 192)
    """(H, W) of a crop, pixels, multiples of 32."""

    margin: float = 1.25
    """Factor by which a box is enlarged before it is brought to the crop's shape."""

    samples: int = 1
    """Points of the picture, per side, whose mean is a pixel of the crop; 0: as many as a pixel of
    the crop covers."""

    time: int = 1
    """Time kernel of the last convolution, an odd number of frames; maps of other frames are moved
    to the frame's own box first."""

    time_padding: TimePadding = "zero"
    """What lies beyond a clip's ends."""

    mirror: bool = False
    """Whether the mirrored crop's maps are averaged in; this doubles the head's time."""

    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    """Subtracted from red, green and blue, 0 to 255."""

    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    """Red, green and blue are divided by this afterwards."""

    def __post_init__(self) -> None:
        if min(self.size) < 32 or any(side % 32 for side in self.size):
            raise InputError(
                f"CropKeypointHeadConfig.size must be multiples of 32 pixels, got {self.size}"
            )
        check_numbers(self, "size", low=32, high=2048)
        check_numbers(self, "added", low=0, high=self.joints - 1)
        check_numbers(self, "margin", low=0.1, high=10)
        check_numbers(self, "samples", low=0, high=MOST_SAMPLES)
        check_numbers(self, "mean", low=-LARGEST, high=LARGEST)
        check_numbers(self, "std", low=1 / LARGEST, high=LARGEST)

    @property
    def joints(self) -> int:
        """K."""
        return len(skeleton(self.skeleton))
