"""Says how far a training clip may be from the original."""

import math
from dataclasses import dataclass
from typing import ClassVar

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How clips are varied; shares are probabilities in [0, 1]. The defaults suit pictures."""

    RENAMED: ClassVar[dict[str, str]] = {
        "colour": "brightness, contrast, saturation and channel_gain",
        "strides": "stride in [clips.frames]",
    }
    """What keys of earlier versions have become."""

    flip_share: float = 0.5
    """How often left and right are exchanged."""

    scale: Range = (0.6, 1.9)
    """Smallest and largest enlargement, relative to the clip fitting the canvas exactly."""

    aim_share: float = 0.6
    """How often the canvas is laid over one of the people, not anywhere."""

    rotate_share: float = 0.4
    """How often the clip is turned."""

    rotate_degrees: float = 12.0
    """Largest turn, either way."""

    drift: float = 0.0
    """How far the picture slides during the clip, at most, as a share of the canvas."""

    reverse_share: float = 0.0
    """How often the clip runs backwards."""

    mosaic_share: float = 0.35
    """How often four clips share the canvas."""

    occlusion_share: float = 0.0
    """How often something moves through the picture and hides what is behind it."""

    brightness: float = 0.15
    """Largest change, as a fraction of white, either way."""

    contrast: float = 0.25
    """Largest relative change, either way."""

    saturation: float = 0.4
    """Largest relative change, either way."""

    channel_gain: float = 0.08
    """Largest relative change of each of red, green, blue, either way."""

    grey_share: float = 0.08
    """How often the colours are taken away."""

    blur_share: float = 0.12
    """How often the clip is blurred."""

    least_visible: float = 0.3
    """People of whose box less than this lies inside the canvas are ignored, in [0, 1]."""

    least_side: float = 8.0
    """People with a shorter box side are ignored, pixels."""

    def __post_init__(self) -> None:
        shares = ("flip", "aim", "rotate", "reverse", "mosaic", "occlusion", "grey", "blur")
        check_numbers(self, "least_visible", *(f"{s}_share" for s in shares), low=0, high=1)
        least = ("rotate_degrees", "drift", "brightness", "contrast", "saturation", "channel_gain")
        check_numbers(self, *least, "least_side", low=0)
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            raise InputError(
                f"{type(self).__name__}.scale must rise from above 0, got {self.scale}"
            )


@dataclass(frozen=True, kw_only=True)
class VideoAugmentConfig(AugmentConfig):
    """The same with defaults that suit clips of a video: closer to the original, varied in time."""

    size: tuple[int, int] = (320, 448)
    """(H, W) of the canvas, pixels."""

    scale: Range = (0.7, 1.6)
    aim_share: float = 0.0
    reverse_share: float = 0.2
    mosaic_share: float = 0.0
    occlusion_share: float = 0.2
    least_visible: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_numbers(self, "size", above=0)
