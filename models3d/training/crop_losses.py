"""What each mistake of the crop keypoint head costs: every cell of every joint's map.

The head sees the people's own boxes, moved and scaled a little at random, as a detector's are.

Source: maps of a Gaussian with squared errors are those of Tompson et al., NeurIPS 2014, and of the
network whose weights the embedded model started from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from posetube.errors import InputError

from ..features import ClipFeatures
from .loss_shares import LossShare, loss_share
from .losses import hardest_joints
from .sampling import Draw
from .targets import TubeTruth, fill_absent

STEPS = 1000
"""Random shifts and scales are multiples of one of this many parts of their range."""


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """What the crop keypoint head is shown."""

    shift: float = 0.05
    """How far a box is moved at most, as a share of its width and height, 0 or more."""

    scale: float = 0.1
    """By what share a box grows or shrinks at most, in [0, 1)."""

    spread: float = 2.0
    """Standard deviation of a joint's Gaussian, heatmap cells, above 0."""

    def __post_init__(self) -> None:
        if self.shift < 0 or not 0 <= self.scale < 1 or self.spread <= 0:
            raise InputError(
                "CropConfig needs shift of 0 or more, scale in [0, 1) and spread above 0, "
                f"got {self.shift}, {self.scale} and {self.spread}"
            )


@runtime_checkable
class CropHead(Protocol):
    """A keypoint head that draws heights of Gaussians from the picture."""

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Any:
        """What it looks at in every clip's (R, T, 4) tubes."""

    def regions(self, tubes: Tensor) -> Tensor:
        """The boxes that the heatmaps of (..., 4) boxes cover."""

    def heatmaps(self, pooled: Any, length: int) -> Tensor:
        """(R * T, K, h, w) heatmaps, about 1 at a clear peak."""


def crop_loss(
    head: CropHead,
    features: ClipFeatures,
    truth: Sequence[TubeTruth],
    *,
    most: int,
    config: CropConfig,
    draws: Sequence[Draw],
    hardest: int | None = None,
) -> LossShare:
    """Squared error of each known joint's map, summed over its cells, averaged by weight.

    Args:
        head: Its weights get the gradients.
        features: The clips, with their pictures.
        truth: The people of each clip.
        most: People of a clip that are looked at, at most.
        config: How boxes are varied, how wide the Gaussians are.
        draws: Source of chance of each clip.
        hardest: So many joints of a person and frame count; None: all.
    """
    tubes, people = [], []
    for clip, draw in zip(truth, draws, strict=True):
        seen = torch.nonzero((clip.known_joints > 0).flatten(1).any(dim=1))[:, 0]
        chosen = seen[draw.distinct(len(seen), min(len(seen), most)).to(seen.device)]
        tubes.append(_varied(clip, chosen, config=config, draw=draw))
        people.append((clip, chosen))
    maps = head.heatmaps(head.pool(features, tubes), features.length)
    keypoints = torch.cat([clip.keypoints[chosen] for clip, chosen in people]).flatten(0, 1)
    weights = torch.cat([clip.known_joints[chosen] for clip, chosen in people]).flatten(0, 1)
    regions = head.regions(torch.cat(tubes)).flatten(0, 1)
    target, weights = gaussian_maps(
        keypoints, weights, regions, shape=(maps.shape[2], maps.shape[3]), spread=config.spread
    )
    cost = (maps.float() - target).square().sum(dim=(2, 3))
    weights = hardest_joints(cost, weights, count=hardest)
    return loss_share((cost * weights).sum(), weights.sum())


def gaussian_maps(
    keypoints: Tensor,
    weights: Tensor,
    regions: Tensor,
    *,
    shape: tuple[int, int],
    spread: float,
) -> tuple[Tensor, Tensor]:
    """Maps with a Gaussian of height 1 at each joint.

    Args:
        keypoints: (R, K, 2) x y, the pixels of ``regions``; any value if the weight is 0.
        weights: (R, K).
        regions: (R, 4) the boxes that the maps cover.
        shape: (h, w) of a map, cells.
        spread: Standard deviation, cells.

    Returns:
        (R, K, h, w), and the weights, 0 where a joint lies outside its map.
    """
    height, width = shape
    size = (regions[:, 2:] - regions[:, :2]).clamp(min=1e-3)[:, None]
    cells = torch.tensor([width, height], device=regions.device)
    # an unknown joint may be NaN, which a weight of 0 would not take out of the sum
    keypoints = torch.where(weights[..., None] > 0, keypoints, 0)
    place = (keypoints - regions[:, None, :2]) / size * cells
    inside = ((place >= 0) & (place <= cells)).all(dim=-1)
    x = torch.arange(width, device=regions.device) + 0.5
    y = torch.arange(height, device=regions.device) + 0.5
    across = (-(x - place[..., :1]).square() / (2 * spread**2)).exp()
    down = (-(y - place[..., 1:]).square() / (2 * spread**2)).exp()
    return down[..., :, None] * across[..., None, :], weights * inside


def _varied(truth: TubeTruth, chosen: Tensor, *, config: CropConfig, draw: Draw) -> Tensor:
    """(R, T, 4) the chosen people's tubes, each moved and scaled at random."""
    tubes = fill_absent(truth.boxes[chosen], truth.present[chosen])
    size = tubes[..., 2:] - tubes[..., :2]
    shift = size * config.shift * _uniform(draw, (len(chosen), 1, 2)).to(tubes)
    grow = size * config.scale * _uniform(draw, (len(chosen), 1, 1)).to(tubes) / 2
    return torch.cat([tubes[..., :2] + shift - grow, tubes[..., 2:] + shift + grow], dim=-1)


def _uniform(draw: Draw, shape: tuple[int, ...]) -> Tensor:
    """Random numbers in [-1, 1]."""
    count = int(torch.Size(shape).numel())
    return (draw.repeated(2 * STEPS + 1, count).float() / STEPS - 1).view(shape)
