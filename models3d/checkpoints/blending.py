"""Weights half way between a network and what further training made of it.

Training on adds abilities and costs others; the straight line between the two often holds a
network that has most of both.

Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022; here by parts.
"""

import copy

import torch

from posetube.errors import InputError

from ..tube_rcnn import TubeRCNN


@torch.no_grad()
def blend(
    first: TubeRCNN, second: TubeRCNN, *, share: float, parts: tuple[str, ...] = ("",)
) -> TubeRCNN:
    """Move some parts of a network towards another of the same configuration.

    Args:
        first: What everything else is taken from; not changed.
        second: What the parts move towards.
        share: How far, in [0, 1].
        parts: How the names of their parameters begin; all by default.

    Raises:
        InputError: If the networks differ, the share is out of range, or a part fits nothing.
    """
    if first.config != second.config:
        raise InputError("blend: both networks must have the same configuration")
    if not 0 <= share <= 1:
        raise InputError(f"blend: share must be in [0, 1], got {share}")
    names = list(first.state_dict())
    for part in parts:
        if not any(name.startswith(part) for name in names):
            raise InputError(f"blend: no parameter begins with {part!r}")
    result, towards = copy.deepcopy(first), second.state_dict()
    for name, value in result.state_dict().items():
        if name.startswith(parts):
            value.lerp_(towards[name], share)
    return result
