"""torchvision's Keypoint and Mask R-CNN, RetinaNet and classifiers: parameters under our names.

Of a ResNet that classifies pictures the body is taken, and of RetinaNet, which has a score for each
kind of things at every anchor, those of people.

Batch normalisation is folded into a scale and a shift. torchvision does so with an epsilon of 0 for
its ``COCO_V1`` weights and of 1e-5 for everything else.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from ..configs.people_heads import PERSON
from .renaming import Renamed, fold_batch_norm, rename, substitute

MARK = "backbone.body.conv1.weight"
"""A name that only this layout has."""

CLASSIFIER_MARK = "layer1.0.conv1.weight"
"""A name that only ResNets which classify have."""

RETINANET_MARK = "head.classification_head.cls_logits.weight"
"""A name that only RetinaNet has."""

COCO_V1 = ("fc266e95", "bf2d0c1e", "eeacb38b")
"""First digits of the SHA-256 of the files whose norms have no epsilon."""

SCORES, BOXES = "head.classification_head.cls_logits", "head.regression_head.bbox_reg"
TOWERS = {"classification": "scores", "regression": "boxes"}

RULES = (
    (r"^backbone\.body\.conv1\.", "body.stages.0.conv."),
    (r"^backbone\.body\.bn1\.", "body.stages.0.norm."),
    (r"^backbone\.body\.layer(\d)\.(\d+)\.", r"body.stages.\1.blocks.\2."),
    (r"\.downsample\.0\.", ".shortcut."),
    (r"\.downsample\.1\.", ".shortcut_norm."),
    (r"^backbone\.fpn\.inner_blocks\.(\d)\.0\.", r"neck.lateral.\1."),
    (r"^backbone\.fpn\.layer_blocks\.(\d)\.0\.", r"neck.output.\1."),
    (r"^backbone\.fpn\.extra_blocks\.p6\.", "neck.further.0."),
    (r"^backbone\.fpn\.extra_blocks\.p7\.", "neck.further.1."),
    (r"^rpn\.head\.conv\.0\.0\.", "proposals.conv."),
    (r"^rpn\.head\.cls_logits\.", "proposals.objectness."),
    (r"^rpn\.head\.bbox_pred\.", "proposals.deltas."),
    (r"^roi_heads\.box_head\.fc6\.", "box_head.body.fc1."),
    (r"^roi_heads\.box_head\.fc7\.", "box_head.body.fc2."),
    (r"^roi_heads\.box_predictor\.cls_score\.", "box_head.score."),
    (r"^roi_heads\.box_predictor\.bbox_pred\.", "box_head.deltas."),
    (r"^roi_heads\.keypoint_predictor\.kps_score_lowres\.", "keypoint_head.up."),
    (r"^roi_heads\.mask_head\.(\d)\.0\.", r"mask_head.convs.\1."),
    (r"^roi_heads\.mask_predictor\.conv5_mask\.", "mask_head.up."),
    (r"^roi_heads\.mask_predictor\.mask_fcn_logits\.", "mask_head.logits."),
)


def from_torchvision(tensors: Mapping[str, Tensor], *, epsilon: float = 1e-5) -> Renamed:
    """Parameters under torchvision's names to parameters under ours.

    Args:
        tensors: A state dictionary.
        epsilon: What was added to running variances: 0 for ``COCO_V1``, else 1e-5.
    """
    return fold_batch_norm(rename(tensors, _name_of), epsilon=epsilon)


def from_classifier(tensors: Mapping[str, Tensor]) -> Renamed:
    """The parameters of a ResNet that classifies pictures, to those of a body of ours."""
    bodies = rename(tensors, lambda name: _name_of(f"backbone.body.{name}"))
    return fold_batch_norm(bodies, epsilon=1e-5)


def from_retinanet(tensors: Mapping[str, Tensor], *, epsilon: float = 1e-5) -> Renamed:
    """RetinaNet's parameters to ours; arguments as :func:`from_torchvision`.

    Raises:
        ValueError: If its numbers of scores and boxes do not go together.
    """
    renamed = from_torchvision(tensors, epsilon=epsilon)
    depth = len({name for name in renamed.parameters if name.startswith("proposals.scores.")}) // 2
    found, sources = dict(renamed.parameters), dict(renamed.sources)
    for kind in ("weight", "bias"):
        name = f"proposals.scores.{depth}.{kind}"
        logits, source = tensors[f"{SCORES}.{kind}"], f"{SCORES}.{kind}"
        anchors = len(tensors[f"{BOXES}.{kind}"]) // 4
        found[name] = torch.unflatten(logits, 0, (anchors, -1))[:, PERSON]
        found[f"proposals.boxes.{depth}.{kind}"] = tensors[f"{BOXES}.{kind}"]
        sources[name], sources[f"proposals.boxes.{depth}.{kind}"] = source, f"{BOXES}.{kind}"
    unused = [name for name in renamed.unused if not name.startswith((SCORES, BOXES))]
    return Renamed(found, sources, unused)


def _name_of(name: str) -> str | None:
    if name.endswith("num_batches_tracked"):
        return None
    # the keypoint head counts the rectifiers between its convolutions too
    if match := re.fullmatch(r"roi_heads\.keypoint_head\.(\d+)\.(\w+)", name):
        return f"keypoint_head.convs.{int(match[1]) // 2}.{match[2]}"
    # the mask head's names in files of earlier versions count from 1
    if match := re.fullmatch(r"roi_heads\.mask_head\.mask_fcn(\d+)\.(\w+)", name):
        return f"mask_head.convs.{int(match[1]) - 1}.{match[2]}"
    # RetinaNet's towers; files of earlier versions count the rectifiers between convolutions too
    if match := re.fullmatch(r"head\.(\w+)_head\.conv\.(\d)(\.0)?\.(\w+)", name):
        place = int(match[2]) if match[3] else int(match[2]) // 2
        return f"proposals.{TOWERS[match[1]]}.{place}.{match[4]}"
    renamed = substitute(name, RULES)
    return renamed and re.sub(r"(blocks\.\d+)\.(conv|bn)([123])\.", _count_from_zero, renamed)


def _count_from_zero(match: re.Match[str]) -> str:
    part = {"conv": "convs", "bn": "norms"}[match[2]]
    return f"{match[1]}.{part}.{int(match[3]) - 1}."
