"""Training targets of the keypoint head: where joints lie on their maps.

Axis letters: R RoIs, T frames, K joints, S side of a map in cells. Not here: reading joints from a
map (:mod:`..heatmaps`), the loss (:mod:`.losses`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..box_coding import BoxConvention


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatmapTarget:
    """The target map of each joint, as two factors whose outer product it is.

    The factors take S numbers each where the map takes S * S; the loss never needs the map itself.
    """

    rows: Tensor
    """(R, T, K, S) share of each row, sum 1."""

    columns: Tensor
    """(R, T, K, S) share of each column, sum 1."""

    weights: Tensor
    """(R, T, K) weight of the joint in the loss; 0 if it is not known or outside the box."""


def heatmap_target(
    keypoints: Tensor,
    weights: Tensor,
    rois: Tensor,
    *,
    side: int,
    spread: float | None,
    convention: BoxConvention = "continuous",
) -> HeatmapTarget:
    """Place joints on the S x S cells of their RoIs.

    Args:
        keypoints: (R, T, K, 2) x y, in the same pixels as ``rois``.
        weights: (R, T, K).
        rois: (R, T, 4).
        side: S, in cells.
        spread: Standard deviation of a Gaussian around the exact place, in cells; None: all weight
            is in the one cell that holds the joint, as published.
        convention: Pixel arithmetic of the network; RoIs of Detect-and-Track are a pixel wider
            here, those of Detectron are not.
    """
    low, high = rois[..., None, :2], rois[..., None, 2:]
    extra = 1 if convention == "detect-and-track" else 0
    lengths = (high - low + extra).clamp(min=1e-3)
    # torch makes number / tensor a product with the reciprocal, whose rounding moves joints that
    # lie a pixel beyond the box into it; the published programs divide
    place = (keypoints - low) * (torch.full_like(lengths, side) / lengths)
    # A joint exactly on the right or lower edge belongs to the last cell.
    on_edge = keypoints == high
    inside = ((place >= 0) & ((place < side) | on_edge)).all(dim=-1)
    place = torch.where(on_edge, float(side), place).nan_to_num(nan=-1.0)
    factors = _gaussian(place, side, spread) if spread else _one_hot(place, side)
    return HeatmapTarget(
        rows=factors[..., 1, :], columns=factors[..., 0, :], weights=weights * inside
    )


def _gaussian(place: Tensor, side: int, spread: float) -> Tensor:
    centres = torch.arange(side, device=place.device) + 0.5
    square = (centres - place[..., None]).square() / (2 * spread**2)
    return (-square).softmax(dim=-1)


def _one_hot(place: Tensor, side: int) -> Tensor:
    cell = place.floor().clamp(0, side - 1).long()
    return torch.nn.functional.one_hot(cell, side).to(place.dtype)
