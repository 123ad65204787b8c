"""What each mistake of dense proposals costs: a score that is not the overlap, a box that is off.

Source: Li et al., "Generalized Focal Loss", NeurIPS 2020 (quality focal loss); Rezatofighi et al.,
"Generalized Intersection over Union", CVPR 2019.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision import ops

from ..dense_proposals import CellPredictions
from .cell_targets import CellConfig, CellTargets, cell_targets
from .loss_shares import LossShare, loss_share
from .targets import TubeTruth


def cell_losses(
    found: CellPredictions, truth: Sequence[TubeTruth], *, config: CellConfig
) -> dict[str, LossShare]:
    """Scores and boxes of all cells of B clips, per person's overlap.

    Args:
        found: What the cells of B clips say.
        truth: The people of each clip.
        config: How cells are given to people.

    Returns:
        ``objectness`` and ``proposal_boxes``, not weighted.
    """
    scores, boxes, total = [], [], []
    for logits, tubes, people in zip(found.logits.float(), found.tubes.float(), truth, strict=True):
        targets = cell_targets(
            logits.detach(),
            tubes.detach(),
            people,
            points=found.points,
            strides=found.strides,
            config=config,
        )
        scores.append(quality_focal_loss(logits, targets))
        boxes.append(_box_loss(tubes, targets, people))
        total.append(targets.quality.sum())
    count = torch.stack(total).sum()
    return {
        "objectness": loss_share(torch.stack(scores).sum(), count, least=1.0),
        "proposal_boxes": loss_share(torch.stack(boxes).sum(), count, least=1.0),
    }


def quality_focal_loss(logits: Tensor, targets: CellTargets) -> Tensor:
    """Cross-entropy with each cell's overlap, times the square of its error; the sum of (N,)."""
    error = (targets.quality - logits.sigmoid()).square()
    cross = functional.binary_cross_entropy_with_logits(logits, targets.quality, reduction="none")
    return (error * cross * targets.counts).sum()


def _box_loss(tubes: Tensor, targets: CellTargets, truth: TubeTruth) -> Tensor:
    """1 - generalised overlap of every person's boxes, weighted by overlap, over their frames."""
    mine = torch.nonzero(targets.person >= 0)[:, 0]
    person = targets.person[mine]
    present = truth.present[person].float()
    miss = ops.generalized_box_iou_loss(tubes[mine], truth.boxes[person], reduction="none")
    per_tube = (miss * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)
    cost: Tensor = (per_tube * targets.quality[mine]).sum()
    return cost
