"""Training targets of the mask head: people's masks, cut out by their RoIs.

Not here: bringing a predicted mask into the picture (:mod:`..mask_pasting`), the loss
(:mod:`.losses`).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torchvision import ops


class MaskTarget(NamedTuple):
    """What the mask head should say in R RoIs."""

    cells: Tensor
    """(R, T, m, m) share of each cell that the person covers, in [0, 1]."""

    known: Tensor
    """(R, T) bool, whether the person's mask in the frame is known."""


def mask_target(masks: Tensor, tubes: Tensor, person: Tensor, *, side: int) -> MaskTarget:
    """Cut masks out and bring them to the size of the head's.

    Args:
        masks: (N, T, H, W) bool, of the N people of a clip; nothing where not known.
        tubes: (R, T, 4) RoIs, in the same pixels.
        person: (R,) int64 index of each RoI's person.
        side: m, cells.
    """
    length = masks.shape[1]
    rows = person[:, None] * length + torch.arange(length, device=person.device)
    rois = torch.cat([rows.flatten()[:, None].to(tubes.dtype), tubes.flatten(0, 1)], dim=1)
    pictures = masks.flatten(0, 1)[:, None].float()
    cells: Tensor = ops.roi_align(pictures, rois.float(), output_size=side, aligned=True)
    known = masks.flatten(2).any(dim=2)[person]
    return MaskTarget(cells.view(-1, length, side, side), known)
