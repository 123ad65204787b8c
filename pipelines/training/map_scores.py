"""Measures a refiner on heatmaps that it was not trained on."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...models3d.joint_peaks import decode_parabola
from ...models3d.training.refiner_losses import map_loss, refined_stretch
from .map_stretches import MapStretch
from .refiner_config import RefinerTraining

BATCHES = 24
"""How many are measured."""

NEAR = 0.08
"""Of the longer side of a map's box: a joint this near to its true place is right. Boxes of maps
are 1.25 times those of people."""


@torch.inference_mode()
def score_refiner(
    refiner: Any, batches: Callable[[int], MapStretch], *, settings: RefinerTraining
) -> dict[str, float]:
    """Cross-entropy, and the share of joints in the right place, in percent.

    Args:
        refiner: One that can be trained.
        batches: Of stretches that it was not trained on.
        settings: How it is trained.
    """
    costs, near, known = 0.0, 0, 0
    for step in range(BATCHES):
        evidence, regions, keypoints = tensors_of(batches(step))
        logits, frames = refined_stretch(refiner, evidence, regions, place=step % settings.length)
        truth, boxes = keypoints[:, frames].flatten(0, 1), regions[:, frames].flatten(0, 1)
        costs += map_loss(logits.flatten(0, 1), truth, boxes, spread=settings.spread)[0].mean.item()
        found = decode_parabola(logits.flatten(0, 1), boxes).positions
        off = torch.linalg.vector_norm(found - truth, dim=-1)
        side = (boxes[:, 2:] - boxes[:, :2]).amax(1, keepdim=True)
        near += int((off < NEAR * side).sum())
        known += int(off.isfinite().sum())
    return {
        "validation_places": round(costs / BATCHES, 4),
        "validation_near": round(100 * near / max(known, 1), 2),
    }


def tensors_of(batch: MapStretch) -> tuple[Tensor, Tensor, Tensor]:
    """The (B, T, K, h, w) evidence, (B, T, 4) regions and (B, T, K, 2) keypoints of a batch."""
    evidence, regions, keypoints = (
        torch.from_numpy(array) for array in (batch.evidence, batch.regions, batch.keypoints)
    )
    return evidence, regions, keypoints
