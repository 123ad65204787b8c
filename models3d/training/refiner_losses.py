"""What each mistake of a refiner of heatmaps costs.

Each joint's refined map is a distribution over the cells, compared with a Gaussian at the true
place by cross-entropy: squared errors alone make refiners worse than a plain mean. They have a
smaller part, for the maps' heights are the joints' scores. Joints outside their map do not count.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..map_moving import move_maps
from ..refiners.both_ways import BothWays, heights_of
from ..refiners.conv_lstm import ConvLSTMRefiner, pooled
from ..refiners.map_warper import MapWarper
from .crop_losses import gaussian_maps
from .loss_shares import LossShare, loss_share


def refined_stretch(
    refiner: Any, evidence: Tensor, regions: Tensor, *, place: int, coarse: bool = False
) -> tuple[Tensor, slice]:
    """What a refiner makes of stretches of maps.

    Args:
        refiner: One that can be trained.
        evidence: (B, T, K, h, w) in [0, 1].
        regions: (B, T, 4) the boxes that the maps cover.
        place: In [0, T); the frame that is refined by those who look at a few frames around it.
        coarse: Whether a memory is given, and gives, maps as coarse as itself.

    Returns:
        (B, S, K, h, w) logarithms of refined evidence, and which of the T frames these are.
    """
    if isinstance(refiner, ConvLSTMRefiner | BothWays):
        if coarse:
            maps = pooled(evidence.flatten(0, 1), refiner.config.stride)
            evidence = maps.reshape(*evidence.shape[:2], *maps.shape[1:])
        return refiner(evidence, regions, coarse=coarse), slice(None)
    past, future = refiner.config.past, refiner.config.future
    place = min(max(place, past), evidence.shape[1] - 1 - future)
    window = range(place - past, place + future + 1)
    maps = _moved(evidence, regions, place, window)
    if isinstance(refiner, MapWarper):
        others = [step for step in range(len(window)) if step != past]
        logits = refiner.logits(maps[:, past], maps[:, others])
    else:
        logits = refiner(maps)
    return logits[:, None], slice(place, place + 1)


def map_loss(
    logits: Tensor, keypoints: Tensor, regions: Tensor, *, spread: float
) -> tuple[LossShare, LossShare]:
    """How far refined maps are from Gaussians at the true places, averaged over known joints.

    Args:
        logits: (M, K, h, w) logarithms.
        keypoints: (M, K, 2) true places, pixels; NaN where nobody knows.
        regions: (M, 4) pixels.
        spread: Width of the Gaussians, cells.

    Returns:
        The cross-entropy over the cells, and the squared error of the heights, summed over them.
    """
    known = keypoints.isfinite().all(-1).float()
    shape = (logits.shape[2], logits.shape[3])
    target, weights = gaussian_maps(keypoints, known, regions, shape=shape, spread=spread)
    wrong = (heights_of(logits) - target).square().sum((2, 3))
    share = target / target.sum((2, 3), keepdim=True).clamp(min=1e-6)
    places = logits.flatten(2).logsumexp(2) - (logits * share).sum((2, 3))
    count = weights.sum()
    return loss_share((places * weights).sum(), count), loss_share((wrong * weights).sum(), count)


def _moved(evidence: Tensor, regions: Tensor, place: int, window: Sequence[int]) -> Tensor:
    """(B, S, K, h, w) maps of some frames in the cells of one."""
    target = regions[:, place]
    moved = [
        evidence[:, other]
        if other == place
        else move_maps(evidence[:, other], source=regions[:, other], target=target)
        for other in window
    ]
    return torch.stack(moved, 1)
