"""How alike two tubes are, and which of many alike ones to keep.

A tube is (T, 4): one person's box in each of a clip's T frames.
"""

from typing import Literal

import torch
from torch import Tensor
from torchvision import ops

from .box_coding import BoxConvention, box_iou

Suppress = Literal["above", "at"]
"""Whether an overlap of exactly the threshold survives (``above``) or not (``at``)."""


def tube_iou(
    first: Tensor,
    second: Tensor,
    *,
    present: Tensor | None = None,
    convention: BoxConvention = "continuous",
) -> Tensor:
    """Overlap of every first tube with every second one, averaged over frames.

    Args:
        first: (N, T, 4).
        second: (M, T, 4).
        present: (M, T) bool, in which frames each second tube's person is there at all, or
            (N, M, T) for each pair; the mean is taken over these. None: over all T, as
            Detect-and-Track does, where a person who is absent from one of three frames can at most
            reach 0.667.
        convention: Pixel arithmetic.

    Returns:
        (N, M) in [0, 1]; 0 with a person who is never present.

    Source:
        Girdhar et al., CVPR 2018; averaging over the frames with the person is ours.
    """
    overlap = box_iou(first[:, None], second[None], convention)
    if present is None:
        return overlap.mean(dim=-1)
    weight = present.to(overlap.dtype)
    return (overlap * weight).sum(dim=-1) / weight.sum(dim=-1).clamp(min=1)


def tube_nms(
    tubes: Tensor,
    scores: Tensor,
    *,
    threshold: float,
    present: Tensor | None = None,
    convention: BoxConvention = "continuous",
    suppress: Suppress = "above",
) -> Tensor:
    """Non-maximum suppression of tubes by their mean overlap.

    Args:
        tubes: (N, T, 4).
        scores: (N,).
        threshold: A tube that overlaps a kept, better one by more than this, in [0, 1], is dropped.
        present: (N, T) bool; boxes of frames without the person say nothing, so that two tubes are
            compared over the frames in which both are present. None: over all.
        convention: Pixel arithmetic of the overlap.
        suppress: What happens at exactly the threshold.

    Returns:
        (kept,) int64 indices, by falling score.
    """
    if tubes.shape[1] == 1 and convention == "continuous" and suppress == "above":
        kept: Tensor = ops.nms(tubes[:, 0], scores, threshold)
        return kept
    order = scores.argsort(descending=True, stable=True)
    ranked = tubes[order]
    together = None if present is None else present[order][:, None] & present[order][None]
    overlap = tube_iou(ranked, ranked, present=together, convention=convention)
    rival = overlap >= threshold if suppress == "at" else overlap > threshold
    return order[_greedy(rival)]


def _greedy(rival: Tensor) -> Tensor:
    """Which of N ranked candidates survive when each survivor drops its lower-ranked rivals.

    Instead of walking down the ranks, the rule "kept if no kept better rival" is applied to all at
    once until nothing changes: after n rounds the first n are certainly right, and in practice a
    handful of rounds do.
    """
    better = rival.triu(diagonal=1)
    keep = torch.ones(len(rival), dtype=torch.bool, device=rival.device)
    while True:
        updated = ~(better & keep[:, None]).any(dim=0)
        if torch.equal(updated, keep):
            return keep
        keep = updated
