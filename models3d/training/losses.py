"""The arithmetic of each loss: a sum, and what it is divided by (:mod:`.loss_shares`).

What is known of a person counts only in frames in which the person is present. Not here: the
targets (:mod:`.targets`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torchvision import ops

from posetube.setting_checks import check_numbers

from ..configs.people_heads import PERSON
from .heatmap_targets import HeatmapTarget
from .loss_shares import LossShare, loss_share
from .mask_targets import MaskTarget
from .targets import POSITIVE, UNUSED, BoxTarget


@dataclass(frozen=True, kw_only=True)
class FocalConfig:
    """Focal loss: what is easy counts little, so that no anchors need to be drawn.

    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, equation 5.
    """

    alpha: float = 0.25
    """Weight of people, in [0, 1]; that of background is what is left of 1."""

    gamma: float = 2.0
    """Exponent of the error, 0 or more; at 2, an anchor with a score of 0.9 for what it is counts a
    hundredth."""

    def __post_init__(self) -> None:
        check_numbers(self, "alpha", low=0, high=1)
        check_numbers(self, "gamma", low=0)


def focal_loss(logits: Tensor, labels: Tensor, *, config: FocalConfig) -> LossShare:
    """Focal cross-entropy of (A,) logits, divided by the number of people among the tubes.

    ``labels`` (A,) are 1, 0, or -1 where a tube is not used.
    """
    used = labels != UNUSED
    total = ops.sigmoid_focal_loss(
        logits[used].float(),
        labels[used].float(),
        alpha=config.alpha,
        gamma=config.gamma,
        reduction="sum",
    )
    return loss_share(total, (labels == POSITIVE).sum(), least=1.0)


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
    return loss_share(box_costs(deltas, target, beta=beta).sum(), count)


def box_costs(deltas: Tensor, target: BoxTarget, *, beta: float) -> Tensor:
    """(P,) what each tube's boxes cost: smooth L1 over T, of the frames that count."""
    wanted = torch.where(target.counts[..., None], target.deltas, 0)
    said = torch.where(target.counts[..., None], deltas.float(), 0)
    costs = functional.smooth_l1_loss(said, wanted, beta=beta, reduction="none")
    total: Tensor = costs.sum(dim=(1, 2)) / deltas.shape[1]
    return total


def class_loss(logits: Tensor, labels: Tensor) -> LossShare:
    """Cross-entropy of (R, classes) logits with (R,) labels, averaged."""
    total = functional.cross_entropy(logits.float(), labels, reduction="sum")
    return loss_share(total, len(labels))


def hardest_joints(costs: Tensor, weights: Tensor, *, count: int | None) -> Tensor:
    """The weights of the joints that cost most, 0 for the others of the same person and frame.

    Args:
        costs: (..., K) what each joint costs.
        weights: (..., K).
        count: How many stay; None: all.

    Source: Chen et al., "Cascaded Pyramid Network", CVPR 2018 (online hard keypoint mining).
    """
    if count is None or count >= costs.shape[-1]:
        return weights
    known = torch.where(weights > 0, costs.detach(), -torch.inf)
    hard = known.topk(count, dim=-1).indices
    return torch.zeros_like(weights).scatter(-1, hard, weights.gather(-1, hard))


def keypoint_loss(
    logits: Tensor, target: HeatmapTarget, *, hardest: int | None = None
) -> LossShare:
    """Cross-entropy of each joint's map over all its cells, averaged by weight.

    Args:
        logits: (R, T, K, S, S).
        target: Of the same R, T, K and S.
        hardest: So many joints of a person and frame count; None: all.
    """
    maps = logits.float()
    # The cross-entropy of a softmax over all cells, without computing the softmax. autocast would
    # compute the products in half precision, which hides small differences between logits.
    with torch.autocast(maps.device.type, enabled=False):
        hit = torch.einsum("rtkyx,rtky,rtkx->rtk", maps, target.rows, target.columns)
    costs = maps.flatten(start_dim=3).logsumexp(dim=-1) - hit
    weights = hardest_joints(costs, target.weights, count=hardest)
    return loss_share((costs * weights).sum(), weights.sum())


def squared_keypoint_loss(
    logits: Tensor, target: HeatmapTarget, *, hardest: int | None = None
) -> LossShare:
    """Squared error of each cell's probability against a Gaussian of height 1, summed over a map.

    A joint that is not known or outside its box should be nowhere: its map should be zero.

    Args:
        logits: (R, T, K, S, S).
        target: Of the same R, T, K and S, with a Gaussian's factors.
        hardest: As for :func:`keypoint_loss`.

    Source:
        The report on multitask pose estimation with deformable refinement, equation 9.
    """
    high = [factor / factor.amax(dim=-1, keepdim=True) for factor in (target.rows, target.columns)]
    known = (target.weights > 0)[..., None, None]
    wanted = torch.where(known, high[0][..., :, None] * high[1][..., None, :], 0)
    costs = (logits.float().sigmoid() - wanted).square().sum(dim=(-2, -1))
    weights = hardest_joints(costs, torch.ones_like(costs), count=hardest)
    return loss_share((costs * weights).sum(), weights.sum())


def mask_loss(logits: Tensor, target: MaskTarget) -> LossShare:
    """Binary cross-entropy of the person's mask, averaged over the cells; other classes are free.

    Args:
        logits: (R, T, C, m, m), a mask per class.
        target: Of the same R, T and m.
    """
    cells = functional.binary_cross_entropy_with_logits(
        logits[:, :, PERSON].float(), target.cells, reduction="none"
    )
    return loss_share(cells.mean(dim=(2, 3))[target.known].sum(), target.known.sum())
