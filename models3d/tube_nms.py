"""The overlap of tubes, and non-maximum suppression: one of many similar tubes is kept.

A tube is (T, 4): one person's box in each of a clip's T frames.
"""

from typing import Literal

import numpy as np

from .arrays import Array, falling_order, library_of, on_host
from .box_coding import BoxConvention, box_iou
from .slots import take_slots

Suppress = Literal["above", "at"]
"""Which overlaps suppress: those above the threshold, or also those exactly ``at`` it."""

DEVICE_ROUNDS = 64
"""Rounds of suppression on a device, where looking whether another round is needed would wait. A
round settles one more link of a chain in which each tube suppresses the next. The longest chain in
50 photographs had 19 links; a blank picture, whose scores fall evenly from its border, had 54. In a
longer chain the last and least likely tubes may be decided wrongly."""


def tube_iou(
    first: Array,
    second: Array,
    *,
    present: Array | None = None,
    convention: BoxConvention = "continuous",
) -> Array:
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
        return overlap.mean(-1)
    return (overlap * present).sum(-1) / present.sum(-1).clip(1)


def tube_nms(
    tubes: Array,
    scores: Array,
    *,
    threshold: float,
    present: Array | None = None,
    convention: BoxConvention = "continuous",
    suppress: Suppress = "above",
) -> Array:
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
    if plain and on_host(tubes) and not isinstance(tubes, np.ndarray):
        return _box_nms(tubes[:, :, 0], scores, threshold)
    xp, order = library_of(tubes), falling_order(scores)
    rivals = []
    # group by group: the intermediate overlaps take many times the memory of their result
    for group, rank in enumerate(order):
        ranked = tubes[group][rank]
        together = None if present is None else _both(present[group][rank])
        overlap = tube_iou(ranked, ranked, present=together, convention=convention)
        rivals.append(overlap >= threshold if suppress == "at" else overlap > threshold)
    kept = _greedy(xp.stack(rivals))
    return take_slots(kept, order.argsort(-1)) & (scores > -np.inf)


def _box_nms(boxes: Array, scores: Array, threshold: float) -> Array:
    """Torchvision's suppression, the fastest in host memory; on a GPU its result waits."""
    import torch
    from torchvision import ops

    kept = torch.zeros_like(scores, dtype=torch.bool)
    for group, rated in enumerate(scores):
        # empty slots overlap nothing, so each would be compared with all the others
        taken = (rated > -np.inf).nonzero()[:, 0]
        best = ops.nms(boxes[group, taken], rated[taken], threshold)
        kept[group, taken[best]] = True
    return kept


def _both(present: Array) -> Array:
    """(N, T) to (N, N, T): whether both people of a pair are in a frame."""
    return present[:, None] & present[None]


def _greedy(rival: Array) -> Array:
    """Which of N ranked candidates survive if each survivor drops its lower-ranked rivals.

    Going through the ranks one by one would take N steps. Instead the rule "kept if no better rival
    is kept" is applied to all of them at once until nothing changes. After n rounds the first n are
    certainly right; in practice a handful of rounds is enough.

    Args:
        rival: (G, N, N) bool.

    Returns:
        (G, N) bool.
    """
    count, better = rival.shape[1], library_of(rival).triu(rival, 1)
    keep = ~better.any(1)  # the first round: as long as nobody is dropped, all better ones count
    for _ in range((count if on_host(rival) else min(count, DEVICE_ROUNDS)) - 1):
        updated = ~(better & keep[..., None]).any(1)
        if on_host(rival) and bool((updated == keep).all()):
            break
        keep = updated
    return keep
