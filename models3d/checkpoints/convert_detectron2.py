"""Detectron2's Keypoint R-CNN and Mask R-CNN: their parameters under our names.

Its background is the last class, ours the first; it regresses no box for the background, and draws
no mask of it. Its norms are frozen batch norms with an epsilon of 1e-5.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .renaming import Renamed, fold_batch_norm, rename, substitute

MARK = "backbone.bottom_up.stem.conv1.weight"
"""A name that only this layout has."""

EPSILON = 1e-5

RULES = (
    (r"^backbone\.bottom_up\.stem\.conv1\.norm\.", "body.stages.0.norm."),
    (r"^backbone\.bottom_up\.stem\.conv1\.", "body.stages.0.conv."),
    (r"\.shortcut\.norm\.", ".shortcut_norm."),
    (r"^backbone\.fpn_lateral(\d)\.", r"neck.lateral.\1."),
    (r"^backbone\.fpn_output(\d)\.", r"neck.output.\1."),
    (r"^proposal_generator\.rpn_head\.conv\.", "proposals.conv."),
    (r"^proposal_generator\.rpn_head\.objectness_logits\.", "proposals.objectness."),
    (r"^proposal_generator\.rpn_head\.anchor_deltas\.", "proposals.deltas."),
    (r"^roi_heads\.box_head\.fc(\d)\.", r"box_head.body.fc\1."),
    (r"^roi_heads\.box_predictor\.cls_score\.", "box_head.score."),
    (r"^roi_heads\.box_predictor\.bbox_pred\.", "box_head.deltas."),
    (r"^roi_heads\.keypoint_head\.score_lowres\.", "keypoint_head.up."),
    (r"^roi_heads\.mask_head\.deconv\.", "mask_head.up."),
    (r"^roi_heads\.mask_head\.predictor\.", "mask_head.logits."),
)


def from_detectron2(tensors: Mapping[str, Tensor]) -> Renamed:
    """Parameters under Detectron2's names to parameters under ours."""
    renamed = fold_batch_norm(rename(tensors, _name_of), epsilon=EPSILON)
    for kind in ("weight", "bias"):
        score, deltas = f"box_head.score.{kind}", f"box_head.deltas.{kind}"
        classes = renamed.parameters[score]
        renamed.parameters[score] = torch.cat([classes[-1:], classes[:-1]])
        boxes = renamed.parameters[deltas]
        renamed.parameters[deltas] = torch.cat([torch.zeros_like(boxes[:4]), boxes])
        if (masks := renamed.parameters.get(f"mask_head.logits.{kind}")) is not None:
            whole = torch.cat([torch.zeros_like(masks[:1]), masks])
            renamed.parameters[f"mask_head.logits.{kind}"] = whole
    return renamed


def _name_of(name: str) -> str | None:
    if match := re.fullmatch(r"backbone\.bottom_up\.res(\d)\.(\d+)\.(.+)", name):
        rest = re.sub(r"^conv(\d)\.(norm\.)?", _count_from_zero, match[3])
        rest = rest.replace("shortcut.norm.", "shortcut_norm.")
        return f"body.stages.{int(match[1]) - 1}.blocks.{match[2]}.{rest}"
    if match := re.fullmatch(r"roi_heads\.(keypoint|mask)_head\.\w*_fcn(\d+)\.(\w+)", name):
        return f"{match[1]}_head.convs.{int(match[2]) - 1}.{match[3]}"
    renamed = substitute(name, RULES)
    # its pyramid counts by log2 of the stride, from 2
    return renamed and re.sub(
        r"^neck\.(\w+)\.(\d)\.", lambda m: f"neck.{m[1]}.{int(m[2]) - 2}.", renamed
    )


def _count_from_zero(match: re.Match[str]) -> str:
    return f"{'norms' if match[2] else 'convs'}.{int(match[1]) - 1}."
