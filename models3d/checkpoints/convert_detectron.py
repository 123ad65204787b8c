"""Detectron's and Detect-and-Track's blobs: their parameters under our names.

Nothing has to be transposed or flipped: channels stay BGR, the background is class 0, of boxes and
of masks. A time axis
of 1 that our layer lacks is removed. Blobs of the optimiser and of a parent model are reported as
unused, and so is a mask head without convolutions, which looks at ResNet's last stage: none of ours
does.

Source: names as in the two programs' checkpoints; a frozen doubling of the heatmaps
(``kps_score_w``) is no parameter here, but an option of the keypoint head.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from .renaming import Renamed, rename

MARK = "conv1_w"
"""A name that only this layout has."""

BLOB_KINDS = {"w": "weight", "b": "bias"}
NORM_KINDS = {"s": "scale", "b": "shift"}
LAYERS = {
    "conv1": "body.stages.0.conv",
    "conv_rpn": "proposals.conv",
    "rpn_cls_logits": "proposals.objectness",
    "rpn_bbox_pred": "proposals.deltas",
    "fc6": "box_head.body.fc1",
    "fc7": "box_head.body.fc2",
    "cls_score": "box_head.score",
    "bbox_pred": "box_head.deltas",
    "kps_score_lowres": "keypoint_head.up",
    "conv5_mask": "mask_head.up",
    "mask_fcn_logits": "mask_head.logits",
}
BRANCHES = {"a": 0, "b": 1, "c": 2}


def from_detectron(blobs: Mapping[str, Tensor]) -> Renamed:
    """Blobs to parameters under our names.

    Args:
        blobs: By name, as the pickles hold them.
    """
    # without fully connected layers the box head is ResNet's last stage
    last_stage_in_head = "fc6_w" not in blobs
    renamed = rename(blobs, lambda blob: _name_of(blob, last_stage_in_head=last_stage_in_head))
    if "_[mask]_fcn1_w" not in blobs:
        return _without_masks(renamed)
    for kind in ("weight", "bias"):
        logits = renamed.parameters[f"mask_head.logits.{kind}"]
        if len(logits) == 1:  # one mask for things of all classes
            renamed.parameters[f"mask_head.logits.{kind}"] = torch.cat([logits, logits])
    return renamed


def _without_masks(renamed: Renamed) -> Renamed:
    masks = [name for name in renamed.parameters if name.startswith("mask_head.")]
    kept = {name: one for name, one in renamed.parameters.items() if name not in masks}
    unused = [*renamed.unused, *(renamed.sources[name] for name in masks)]
    sources = {name: renamed.sources[name] for name in kept}
    return Renamed(parameters=kept, sources=sources, unused=unused)


def _name_of(blob: str, *, last_stage_in_head: bool) -> str | None:
    """Our name of a blob; None if it is no parameter of ours."""
    if match := re.fullmatch(r"res_conv1_bn_([sb])", blob):
        return f"body.stages.0.norm.{NORM_KINDS[match[1]]}"
    if match := re.fullmatch(r"res([2-5])_(\d+)_(branch\w+?)(_bn)?_([swb])", blob):
        return _residual(match, last_stage_in_head=last_stage_in_head)
    if match := re.fullmatch(r"fpn_(inner_)?res([2-5])_\d+_sum(?:_lateral)?_([wb])", blob):
        part = "lateral" if match[1] else "output"
        return f"neck.{part}.{int(match[2]) - 2}.{BLOB_KINDS[match[3]]}"
    if match := re.fullmatch(r"(conv|_\[mask\])_fcn(\d+)_([wb])", blob):
        head = "keypoint_head" if match[1] == "conv" else "mask_head"
        return f"{head}.convs.{int(match[2]) - 1}.{BLOB_KINDS[match[3]]}"
    if match := re.fullmatch(r"(\w+?)(?:_fpn2|_1)?_([wb])", blob):
        layer = LAYERS.get(match[1])
        return layer and f"{layer}.{BLOB_KINDS[match[2]]}"
    return None


def _residual(match: re.Match[str], *, last_stage_in_head: bool) -> str | None:
    stage, block, branch, norm, kind = match.groups()
    head = stage == "5" and last_stage_in_head
    place = "box_head.body.stage" if head else f"body.stages.{int(stage) - 1}"
    block = f"{place}.blocks.{block}"
    if branch == "branch1":
        layer = "shortcut_norm" if norm else "shortcut"
    elif branch.removeprefix("branch2") in BRANCHES:
        layer = f"{'norms' if norm else 'convs'}.{BRANCHES[branch.removeprefix('branch2')]}"
    else:
        return None
    if norm:
        return f"{block}.{layer}.{NORM_KINDS[kind]}" if kind in NORM_KINDS else None
    return f"{block}.{layer}.weight" if kind == "w" else None
