"""Which cells of dense proposals are people: each person gets the few that suit best.

How many is not fixed: as many as the person's best predictions overlap the person in sum, at least
one. Which ones is decided by cost: how wrong the score is, how little the box overlaps, how far
the cell lies from the middle. A cell that several people want goes to the cheapest.

Source: Ge et al., "YOLOX", 2021 (dynamic k); the costs are those of Lyu et al., "RTMDet", 2022.
Overlap is a tube's here, the mean over the frames with the person.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from posetube.setting_checks import check_numbers

from ..tube_nms import tube_iou
from .targets import TubeTruth

UNWANTED = 1e8
"""Cost of a cell that is too far away to be the person."""


@dataclass(frozen=True, kw_only=True)
class CellConfig:
    """How cells are given to people."""

    candidates: int = 13
    """Predictions of a person whose overlap is summed to the number of cells, at most."""

    overlap_cost: float = 3.0
    """How much the logarithm of the overlap counts, 0 or more, beside the score's error."""

    reach: float = 3.0
    """Distance from the middle of a person, in cells, from which the cost of a cell grows."""

    def __post_init__(self) -> None:
        check_numbers(self, "candidates", low=1)
        check_numbers(self, "overlap_cost", low=0)


class CellTargets(NamedTuple):
    """What the N cells of one clip should have said."""

    person: Tensor
    """(N,) int64 index of the person, -1 for background."""

    quality: Tensor
    """(N,) overlap of the cell's box with its person, in [0, 1]; 0 for background."""

    counts: Tensor
    """(N,) bool, False in regions to ignore."""


def cell_targets(
    logits: Tensor,
    tubes: Tensor,
    truth: TubeTruth,
    *,
    points: Tensor,
    strides: Tensor,
    config: CellConfig,
) -> CellTargets:
    """Give the cells of one clip to its people.

    Args:
        logits: (N,) scores of the cells.
        tubes: (N, T, 4) their boxes, network pixels.
        truth: The people, possibly none.
        points: (N, 2) x y of the cells, network pixels.
        strides: (N,) pixels per cell.
        config: How.
    """
    person = torch.full_like(logits, -1, dtype=torch.int64)
    quality = torch.zeros_like(logits)
    seen = torch.nonzero(truth.present.any(dim=1))[:, 0]
    if len(seen):
        boxes, present = truth.boxes[seen], truth.present[seen]
        overlap = tube_iou(tubes, boxes, present=present)  # (N, people)
        cost = _costs(logits, overlap, _mean_box(boxes, present), points, strides, config)
        chosen = _cheapest(cost, overlap, candidates=config.candidates)
        best = torch.where(chosen, cost, torch.inf).min(dim=1)
        taken = best.values < torch.inf
        person[taken] = seen[best.indices[taken]]
        quality[taken] = overlap[taken, best.indices[taken]]
    return CellTargets(person, quality, (person >= 0) | ~_ignored(points, truth))


def _mean_box(boxes: Tensor, present: Tensor) -> Tensor:
    """(N, T, 4) tubes to (N, 4), the mean over the frames with the person."""
    weight = present[..., None].to(boxes.dtype)
    return (boxes * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


def _costs(
    logits: Tensor,
    overlap: Tensor,
    boxes: Tensor,
    points: Tensor,
    strides: Tensor,
    config: CellConfig,
) -> Tensor:
    """(N, people) cost of giving each cell to each person."""
    error = (overlap - logits.sigmoid()[:, None]).square()
    score = functional.binary_cross_entropy_with_logits(
        logits[:, None].expand_as(overlap), overlap, reduction="none"
    )
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = (points[:, None] - middle).norm(dim=-1) / strides[:, None]
    cost = (
        score * error - config.overlap_cost * (overlap + 1e-7).log() + 10 ** (away - config.reach)
    )
    inside = ((points[:, None] >= boxes[:, :2]) & (points[:, None] <= boxes[:, 2:])).all(dim=-1)
    # somebody smaller than a cell holds no point; the cells around the middle count then
    return torch.where(inside | (away < 1), cost, UNWANTED)


def _cheapest(cost: Tensor, overlap: Tensor, *, candidates: int) -> Tensor:
    """(N, people) bool, each person's cheapest cells, as many as the best overlaps sum up to."""
    count = min(candidates, len(cost))
    wanted = overlap.topk(count, dim=0).values.sum(dim=0).int().clamp(min=1)
    order = cost.topk(count, dim=0, largest=False)
    rank = torch.arange(count, device=cost.device)[:, None]
    fits = (rank < wanted) & (order.values < UNWANTED)
    return torch.zeros_like(cost, dtype=torch.bool).scatter(0, order.indices, fits)


def _ignored(points: Tensor, truth: TubeTruth) -> Tensor:
    """(N,) bool, cells that lie in a region to ignore in any frame."""
    regions = truth.ignore.flatten(0, 1)
    inside = (points[:, None] >= regions[:, :2]) & (points[:, None] <= regions[:, 2:])
    return inside.all(dim=-1).any(dim=1)
