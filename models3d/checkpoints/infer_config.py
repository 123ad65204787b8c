"""The configuration that fits given weights: depth, widths and time kernels, from their shapes.

Resizing, pixel conventions and thresholds cannot be seen in weights; they come from a preset.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from posetube.errors import WeightsError
from posetube.skeletons import SKELETONS

from ..configs.bodies import BLOCKS, ResNetConfig
from ..configs.necks import C4Config, FPNConfig
from ..configs.networks import AnchorRCNNConfig, PartConfig, TubeRCNNConfig
from ..configs.people_heads import MaskHeadConfig
from ..presets import with_embedded_joints

LAST = "box_head.body.stage"
"""Name of ResNet's last stage in a network without pyramid."""


def infer_config(
    preset: TubeRCNNConfig, parameters: Mapping[str, Tensor], *, skeleton: str | None = None
) -> TubeRCNNConfig:
    """Adapt a ResNet preset to weights; where they know no joints, the embedded model's are taken.

    Of a preset with the embedded model's joints, only the depth is adapted.

    Args:
        preset: Source of everything that weights do not show.
        parameters: By our names.
        skeleton: The joint set; needed if the weights' number of joints is not the preset's.

    Raises:
        WeightsError: If none of our bodies has such weights, or the joint set is not known, or is
            given for weights without joints.
    """
    pyramid = any(name.startswith("neck.") for name in parameters)
    body = _body(preset.body, parameters, pyramid=pyramid)
    joints_known = "keypoint_head.up.weight" in parameters
    if not joints_known and skeleton is not None:
        raise WeightsError("these weights know no joints; leave the joint set out")
    if not isinstance(preset, AnchorRCNNConfig):
        return replace(preset, body=body)
    head_time = _time(parameters, "keypoint_head.convs.0.weight")
    moving = max(*body.times, head_time, _time(parameters, "proposals.conv.weight")) > 1
    neck: Any = C4Config()
    if pyramid:
        neck = FPNConfig(
            channels=len(parameters["neck.lateral.0.weight"]),
            time=_time(parameters, "neck.output.0.weight"),
        )
    found = replace(
        preset,
        clip_length=max(preset.clip_length, 3) if moving else 1,
        body=body,
        neck=neck,
        proposals=replace(preset.proposals, time=_time(parameters, "proposals.conv.weight")),
        box_head=replace(
            preset.box_head,
            hidden=len(parameters["box_head.body.fc1.bias"]) if pyramid else None,
            time=_time(parameters, f"{LAST}.blocks.0.convs.1.weight"),
            classes=len(parameters["box_head.score.bias"]),
            presence="box_head.presence.weight" in parameters,
        ),
        mask_head=_mask_head(preset, parameters),
    )
    if not joints_known:
        return with_embedded_joints(found)
    joints = parameters["keypoint_head.up.weight"].shape[1]
    return replace(
        found,
        skeleton=_skeleton(preset, joints, skeleton),
        keypoint_head=replace(
            preset.keypoint_head,
            joints=joints,
            channels=len(parameters["keypoint_head.convs.0.weight"]),
            depth=_count(parameters, r"keypoint_head\.convs\.(\d+)\.(?:weight|bias)"),
            time=head_time,
        ),
    )


def _mask_head(preset: AnchorRCNNConfig, parameters: Mapping[str, Tensor]) -> MaskHeadConfig | None:
    if "mask_head.logits.bias" not in parameters:
        return None
    return MaskHeadConfig(
        pool=preset.keypoint_head.pool,  # in all programs the same for both
        classes=len(parameters["mask_head.logits.bias"]),
        channels=len(parameters["mask_head.up.bias"]),
        depth=_count(parameters, r"mask_head\.convs\.(\d+)\.(?:weight|bias)"),
    )


def _body(config: PartConfig, parameters: Mapping[str, Tensor], *, pyramid: bool) -> ResNetConfig:
    assert isinstance(config, ResNetConfig)
    counts = tuple(
        _count(parameters, rf"body\.stages\.{stage}\.blocks\.(\d+)\..*") for stage in (1, 2, 3)
    )
    bottleneck = "body.stages.1.blocks.0.convs.2.weight" in parameters
    # ResNet-34 and ResNet-50 have the same numbers of blocks, but other kinds of them
    for depth, blocks in BLOCKS.items():
        if blocks[:3] == counts and (depth >= 50) == bottleneck:
            stages = 4 if pyramid else 3
            times = tuple(
                _time(parameters, f"body.stages.{stage}.blocks.0.convs.1.weight")
                for stage in range(1, stages + 1)
            )
            stem = _time(parameters, "body.stages.0.conv.weight")
            all_times: Any = (stem, *times, *(1 for _ in range(4 - stages)))
            known: Any = depth
            return replace(config, depth=known, stages=stages, times=all_times)
    raise WeightsError(
        f"these weights have {counts} blocks in res2 to res4, as no ResNet of "
        f"{', '.join(map(str, BLOCKS))} layers has"
    )


def _time(parameters: Mapping[str, Tensor], name: str) -> int:
    """Frames of a kernel; 1 if it has no time axis or does not exist."""
    weight = parameters.get(name)
    return int(weight.shape[2]) if weight is not None and weight.ndim == 5 else 1


def _count(parameters: Mapping[str, Tensor], pattern: str) -> int:
    found = [re.fullmatch(pattern, name) for name in parameters]
    return max((int(match[1]) + 1 for match in found if match), default=0)


def _skeleton(preset: AnchorRCNNConfig, joints: int, wanted: str | None) -> str:
    name = wanted or preset.skeleton
    if name not in SKELETONS or len(SKELETONS[name]) != joints:
        fitting = [known for known, s in SKELETONS.items() if len(s) == joints]
        raise WeightsError(
            f"these weights find {joints} joints, which is not skeleton {name}; name one of "
            f"{', '.join(fitting) or 'posetube.skeletons (none has so many)'}"
        )
    return name
