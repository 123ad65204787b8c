"""Keypoint heads that look at square crops of a person, one frame of the clip after the other.

What such a head draws in a frame may depend on the frames of the clip up to it. Not here: the
networks (:mod:`.pose_machine`, :mod:`.unipose`, and :mod:`.flowing_convnet`, which remembers
nothing).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .arrays import Array, library_of
from .configs.recurrent_heads import RecurrentHeadConfig
from .crop_sampling import cut_crops
from .features import ClipFeatures
from .joint_peaks import LEAST
from .roi_align import tube_rois

GREY, RANGE = 128.0, 256.0
"""Pixels of 0 to 255 become (pixel - 128) / 256, as in both papers' programs."""


class RecurrentCropHead(nn.Module, ABC):
    """Square crops of the displayed frames, and a network that goes along them."""

    wants_pictures = True
    """See :class:`posetube.models3d.keypoint_head.KeypointHead`."""

    remembers = False
    """See :class:`posetube.models3d.keypoint_head.KeypointHead`."""

    config: RecurrentHeadConfig

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Tensor:
        """(R * T, 3, side, side) crops for every clip's (R, T, 4) tubes, normalised."""
        assert features.pictures is not None, "frames were encoded without their pictures"
        images, geometry = features.pictures
        rois = tube_rois([geometry.to_picture(self.regions(tube)) for tube in tubes])
        pixels = cut_crops(images, rois, (self.config.side, self.config.side))
        return (pixels - GREY) / RANGE

    def regions(self, tubes: Tensor) -> Tensor:
        """The squares that crops and heatmaps of (..., 4) boxes cover, in the same pixels."""
        squares: Tensor = squares_around(tubes, margin=self.config.margin)
        return squares

    def forward(self, pooled: Tensor, length: int) -> Tensor:
        """R * T crops to the logarithms of (R * T, K, h, w) heatmaps."""
        return self.heatmaps(pooled, length).clamp(min=LEAST).log()

    def heatmaps(self, pooled: Tensor, length: int) -> Tensor:
        """R * T crops to (R * T, K, h, w) heatmaps, about 1 at a clear peak."""
        drawn = self.draw(torch.unflatten(pooled, 0, (-1, length)))
        return drawn[:, :, : self.config.joints].flatten(0, 1)

    @abstractmethod
    def draw(self, crops: Tensor) -> Tensor:
        """(R, T, 3, side, side) crops to (R, T, K or more, h, w); the background is behind them."""


def squares_around(boxes: Array, *, margin: float) -> Array:
    """(..., 4) squares around the middles of boxes, ``margin`` times their longer sides."""
    xp = library_of(boxes)
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    size = boxes[..., 2:] - boxes[..., :2]
    reach = xp.maximum(size[..., :1], size[..., 1:]) * margin / 2
    return xp.concatenate([middle - reach, middle + reach], -1)


def convolutions(inputs: int, *layers: tuple[int, int]) -> nn.Sequential:
    """Convolutions that keep the size, given as (kernel, channels), each with its ReLU."""
    made = nn.Sequential()
    for kernel, channels in layers:
        made.append(nn.Conv2d(inputs, channels, kernel, padding=kernel // 2))
        made.append(nn.ReLU())
        inputs = channels
    return made


def over_frames(parts: Sequence[Tensor]) -> Tensor:
    """(R, ...) tensors of T frames as (R, T, ...)."""
    return torch.stack(list(parts), 1)
