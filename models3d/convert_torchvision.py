"""torchvision's ``keypointrcnn_resnet50_fpn``: its parameters under our names.

Batch normalisation is folded into a scale and a shift. torchvision does so with an epsilon of 0 for
its ``COCO_V1`` weights and of 1e-5 for everything else.
"""

import re

import torch
from torch import Tensor

RENAMES = (
    (r"^backbone\.body\.conv1\.", "body.stages.0.conv."),
    (r"^backbone\.body\.bn1\.", "body.stages.0.norm."),
    (r"^backbone\.body\.layer(\d)\.(\d+)\.", r"body.stages.\1.blocks.\2."),
    (r"\.downsample\.0\.", ".shortcut."),
    (r"\.downsample\.1\.", ".shortcut_norm."),
    (r"^backbone\.fpn\.inner_blocks\.(\d)\.0\.", r"neck.lateral.\1."),
    (r"^backbone\.fpn\.layer_blocks\.(\d)\.0\.", r"neck.output.\1."),
    (r"^rpn\.head\.conv\.0\.0\.", "proposals.conv."),
    (r"^rpn\.head\.cls_logits\.", "proposals.objectness."),
    (r"^rpn\.head\.bbox_pred\.", "proposals.deltas."),
    (r"^roi_heads\.box_head\.fc6\.", "box_head.body.fc1."),
    (r"^roi_heads\.box_head\.fc7\.", "box_head.body.fc2."),
    (r"^roi_heads\.box_predictor\.cls_score\.", "box_head.score."),
    (r"^roi_heads\.box_predictor\.bbox_pred\.", "box_head.deltas."),
    (r"^roi_heads\.keypoint_predictor\.kps_score_lowres\.", "keypoint_head.up."),
)


def from_torchvision(tensors: dict[str, Tensor], *, epsilon: float) -> dict[str, Tensor]:
    """Parameters under torchvision's names to parameters under ours.

    Args:
        tensors: A state dictionary.
        epsilon: What was added to running variances: 0 for ``COCO_V1``, else 1e-5.
    """
    renamed = {_rename(name): t for name, t in tensors.items() if "num_batches" not in name}
    return fold_batch_norm(renamed, epsilon=epsilon)


def fold_batch_norm(tensors: dict[str, Tensor], *, epsilon: float) -> dict[str, Tensor]:
    """Turn ``weight``, ``bias``, ``running_mean`` and ``running_var`` into ``scale`` and ``shift``.

    A norm is known by its running variance; other tensors are passed on.
    """
    folded = dict(tensors)
    for name in tensors:
        if not name.endswith(".running_var"):
            continue
        norm = name.removesuffix("running_var")
        parts = ("weight", "bias", "running_mean", "running_var")
        weight, bias, mean, variance = (folded.pop(norm + part).double() for part in parts)
        scale = weight / torch.sqrt(variance + epsilon)
        folded[norm + "scale"] = scale.float()
        folded[norm + "shift"] = (bias - mean * scale).float()
    return folded


def _rename(name: str) -> str:
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    name = re.sub(r"\.(conv|bn)([123])\.", _counted_from_zero, name)
    # its keypoint head counts the rectifiers between the convolutions too
    return re.sub(
        r"^roi_heads\.keypoint_head\.(\d+)\.",
        lambda match: f"keypoint_head.convs.{int(match[1]) // 2}.",
        name,
    )


def _counted_from_zero(match: re.Match[str]) -> str:
    part = {"conv": "convs", "bn": "norms"}[match[1]]
    return f".{part}.{int(match[2]) - 1}."
