"""Makes a box head's fully connected layers cheaper: only their largest singular values stay.

Source: Girshick, "Fast R-CNN", ICCV 2015, section 3.1.
"""

import statistics
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.structures import ByteArray

from .box_head import FullyConnected
from .configs.people_heads import BoxHeadConfig
from .features import join_frames
from .tube_rcnn import TubeRCNN


@dataclass(frozen=True, kw_only=True, slots=True)
class CutLayer:
    """What became of one layer."""

    name: str
    shape: tuple[int, int]
    """Outputs and inputs."""

    kept: float
    """Share of the weights' squares that is kept, in (0, 1]; 1 of a layer that stays whole."""


def truncated(network: TubeRCNN, *, rank: int) -> tuple[TubeRCNN, list[CutLayer]]:
    """The same network with fully connected layers of a rank in its box head.

    Args:
        network: It stays as it is.
        rank: How many singular values of each layer are kept, from 1. A layer that would not become
            smaller stays whole.

    Raises:
        InputError: If the box head has no fully connected layers, or has been cut already.
    """
    config, head = network.config.box_head, network.box_head
    layers = None if head is None else head.body
    if not isinstance(config, BoxHeadConfig) or not isinstance(layers, FullyConnected):
        raise InputError(f"{network.info.name}: has no box head with fully connected layers to cut")
    if config.rank is not None:
        raise InputError(f"{network.info.name}: its layers were cut to rank {config.rank} before")
    cut = TubeRCNN(
        replace(network.config, box_head=replace(config, rank=rank)), info=network.info
    ).eval()
    weights, told = dict(network.state_dict()), []
    for name in ("fc1", "fc2"):
        layer, path = getattr(layers, name), f"box_head.body.{name}"
        kept = 1.0
        if isinstance(getattr(cut.box_head.body, name), nn.Sequential):
            first, second, kept = factors(weights.pop(f"{path}.weight"), rank=rank)
            weights |= {
                f"{path}.0.weight": first,
                f"{path}.1.weight": second,
                f"{path}.1.bias": weights.pop(f"{path}.bias"),
            }
        told.append(CutLayer(name=name, shape=tuple(layer.weight.shape), kept=kept))
    cut.load_state_dict(weights)
    return cut, told


def factors(weight: Tensor, *, rank: int) -> tuple[Tensor, Tensor, float]:
    """Two matrices whose product is nearest to one, among those of a rank.

    Args:
        weight: (outputs, inputs)
        rank: From 1.

    Returns:
        (rank, inputs), (outputs, rank), and the share of the squares that is kept.
    """
    left, values, right = torch.linalg.svd(weight.double(), full_matrices=False)
    largest = values[:rank]
    share = float(largest.square().sum() / values.square().sum().clamp(min=1e-300))
    first = largest[:, None] * right[:rank]
    return first.to(weight.dtype), left[:, :rank].to(weight.dtype), share


@dataclass(frozen=True, kw_only=True, slots=True)
class CutEffect:
    """What cutting a box head's layers changed."""

    times: tuple[float, float]
    """Seconds that the layers took for all boxes, whole and cut; medians."""

    boxes: int
    """How many boxes there were."""

    score_change: float
    """Mean absolute change of a box's probability of being a person."""


@torch.inference_mode()
def effect_of_cut(
    whole: TubeRCNN, cut: TubeRCNN, image: ByteArray, *, boxes: int = 1000, repeats: int = 5
) -> CutEffect:
    """Compare the two on boxes all over a picture.

    Args:
        whole: A network.
        cut: What :func:`truncated` made of it.
        image: (H, W, 3) RGB.
        boxes: How many.
        repeats: Calls whose median time counts.
    """
    clip = whole.encode(np.stack([image] * whole.clip_length))
    joined = join_frames(clip)
    features = whole.clip_part([*joined.maps], whole.clip_length, joined.pictures)
    height, width = (side * features.strides[0] for side in features.levels[0].shape[-2:])
    draw = torch.Generator().manual_seed(0)
    corners = torch.rand(boxes, 2, 2, generator=draw).sort(dim=1).values.flatten(1)
    tubes = (corners * torch.tensor([width, height] * 2))[:, None].expand(-1, whole.clip_length, 4)
    pooled = whole.box_head.pool(features, [tubes])
    scores, times = [], []
    for network in (whole, cut):
        head, spent = network.box_head, []
        for _ in range(repeats):
            began = time.perf_counter()
            head.body(pooled, whole.clip_length)
            spent.append(time.perf_counter() - began)
        times.append(statistics.median(spent))
        logits = head(pooled, whole.clip_length).tube_logits
        scores.append(logits.float().softmax(dim=-1)[:, 1])
    change = float((scores[0] - scores[1]).abs().mean())
    return CutEffect(times=(times[0], times[1]), boxes=boxes, score_change=change)
