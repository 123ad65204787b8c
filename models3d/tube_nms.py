"""The overlap of tubes, and non-maximum suppression: one of many similar tubes is kept.

A tube is (T, 4): one person's box in each of a clip's T frames.
"""

from typing import Literal

import torch
from torch import Tensor
from torchvision import ops

from .box_coding import BoxConvention, box_iou
from .slots import on_host

Suppress = Literal["above", "at"]
"""Which overlaps suppress: those above the threshold, or also those exactly ``at`` it."""

DEVICE_ROUNDS = 64
"""Rounds of suppression on a device, where looking whether another round is needed would wait. A
round settles one more link of a chain in which each tube suppresses the next. The longest chain in
50 photographs had 19 links; a blank picture, whose scores fall evenly from its border, had 54. In a
longer chain the last and least likely tubes may be decided wrongly."""


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
            (N, M, T) for each pair; the mean is taken over these. None: over all T, as in
            Detect-and-Track, so that the overlap with a person who is absent from one of three
            frames is at most 0.667.
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
    """Non-maximum suppression of tubes by their mean overlap, in each of G groups by itself.

    Args:
        tubes: (G, N, T, 4).
        scores: (G, N); minus infinity in an empty slot.
        threshold: A tube that overlaps a kept, better one by more than this, in [0, 1], is dropped.
        present: (G, N, T) bool. A box in a frame without its person means nothing, so two tubes are
            compared over the frames in which both are present. None: over all frames.
        convention: Pixel arithmetic of the overlap.
        suppress: What happens at exactly the threshold.

    Returns:
        (G, N) bool, which tubes are kept; never an empty slot.
    """
    plain = tubes.shape[2] == 1 and convention == "continuous" and suppress == "above"
    if plain and on_host(tubes):
        return _box_nms(tubes[:, :, 0], scores, threshold) & (scores > -torch.inf)
    order = scores.argsort(dim=1, descending=True, stable=True)
    rivals = []
    # group by group: the intermediate overlaps take many times the memory of their result
    for group, rank in enumerate(order):
        ranked = tubes[group][rank]
        together = None if present is None else _both(present[group][rank])
        overlap = tube_iou(ranked, ranked, present=together, convention=convention)
        rivals.append(overlap >= threshold if suppress == "at" else overlap > threshold)
    kept = _greedy(torch.stack(rivals))
    return torch.zeros_like(kept).scatter(1, order, kept) & (scores > -torch.inf)


def _box_nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Torchvision's suppression, the fastest in host memory; on a GPU its result waits."""
    kept = torch.zeros_like(scores, dtype=torch.bool)
    for group in range(len(boxes)):
        kept[group, ops.nms(boxes[group], scores[group], threshold)] = True
    return kept


def _both(present: Tensor) -> Tensor:
    """(N, T) to (N, N, T): whether both people of a pair are in a frame."""
    return present[:, None] & present[None]


def _greedy(rival: Tensor) -> Tensor:
    """Which of N ranked candidates survive if each survivor drops its lower-ranked rivals.

    Going through the ranks one by one would take N steps. Instead the rule "kept if no better rival
    is kept" is applied to all of them at once until nothing changes. After n rounds the first n are
    certainly right; in practice a handful of rounds is enough.

    Args:
        rival: (G, N, N) bool.

    Returns:
        (G, N) bool.
    """
    better = rival.triu(diagonal=1)
    count = rival.shape[1]
    keep = rival.new_ones(rival.shape[:2])
    for _ in range(count if on_host(rival) else min(count, DEVICE_ROUNDS)):
        updated = ~(better & keep[..., None]).any(dim=1)
        if on_host(rival) and torch.equal(updated, keep):
            break
        keep = updated
    return keep
