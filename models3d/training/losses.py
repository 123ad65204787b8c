"""The arithmetic of each loss: a sum, and what it is divided by (:mod:`.loss_shares`).

A person's boxes and joints count only in frames in which the person is present. Not here: the
targets (:mod:`.targets`).
"""

import torch
from torch import Tensor
from torch.nn import functional

from .heatmap_targets import HeatmapTarget
from .loss_shares import LossShare, loss_share
from .targets import UNUSED, BoxTarget


def objectness_loss(logits: Tensor, labels: Tensor) -> LossShare:
    """Binary cross-entropy of (A,) logits, averaged over the tubes that are used.

    ``labels`` (A,) are 1, 0, or -1 where a tube is not used.
    """
    used = labels != UNUSED
    total = functional.binary_cross_entropy_with_logits(
        logits[used].float(), labels[used].float(), reduction="sum"
    )
    return loss_share(total, used.sum())


def box_loss(deltas: Tensor, target: BoxTarget, *, count: int, beta: float = 1 / 9) -> LossShare:
    """Smooth L1 of the deltas of P people's tubes, over T and ``count``.

    Args:
        deltas: (P, T, 4) predicted.
        target: Of the same P and T; boxes that do not count cost nothing.
        count: Number of tubes that were used, with background: the sum is divided by it.
        beta: Error at which the square changes to the absolute value.
    """
    total = functional.smooth_l1_loss(
        deltas[target.counts].float(), target.deltas[target.counts], beta=beta, reduction="sum"
    )
    return loss_share(total / deltas.shape[1], count)


def class_loss(logits: Tensor, labels: Tensor) -> LossShare:
    """Cross-entropy of (R, classes) logits with (R,) labels, averaged."""
    total = functional.cross_entropy(logits.float(), labels, reduction="sum")
    return loss_share(total, len(labels))


def keypoint_loss(logits: Tensor, target: HeatmapTarget) -> LossShare:
    """Cross-entropy of each joint's map over all its cells, averaged by weight.

    Args:
        logits: (R, T, K, S, S).
        target: Of the same R, T, K and S.
    """
    maps = logits.float()
    # The cross-entropy of a softmax over all cells, without computing the softmax. autocast would
    # compute the products in half precision, which hides small differences between logits.
    with torch.autocast(maps.device.type, enabled=False):
        hit = torch.einsum("rtkyx,rtky,rtkx->rtk", maps, target.rows, target.columns)
    costs = maps.flatten(start_dim=3).logsumexp(dim=-1) - hit
    return loss_share((costs * target.weights).sum(), target.weights.sum())
