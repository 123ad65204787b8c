"""Small networks of both kinds, for tests: quick to build, to run and to train."""

from collections.abc import Mapping
from dataclasses import replace

import torch

from posetube.models3d.configs.bodies import ResNetConfig
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from posetube.models3d.configs.people_heads import CropKeypointHeadConfig
from posetube.models3d.joint_peaks import DecodeConfig
from posetube.models3d.presets import keypoint_rcnn_r50, tiny

SIDES = (96, 128)
"""Short and long side of the frames as these networks see them, pixels."""


def small_anchor_rcnn() -> AnchorRCNNConfig:
    """The published kind: anchors, a box head, joints from a feature level."""
    flat = keypoint_rcnn_r50()
    return replace(
        flat,
        preprocess=replace(flat.preprocess, short_side=SIDES[0], long_side=SIDES[1]),
        body=ResNetConfig(depth=18),
        neck=FPNConfig(channels=32),
        proposals=replace(flat.proposals, before_nms=100, after_nms=50),
        box_head=replace(flat.box_head, hidden=32, max_people=6),
        keypoint_head=replace(flat.keypoint_head, channels=16, depth=2),
        decode=DecodeConfig(),
    )


def small_tiny() -> TubeRCNNConfig:
    """The embedded model's kind: dense proposals, joints from crops; it takes tiny's weights."""
    flat = tiny()
    return replace(
        flat,
        preprocess=replace(flat.preprocess, long_side=SIDES[1]),
        keypoint_head=CropKeypointHeadConfig(skeleton=flat.skeleton, added=2, size=(64, 64)),
    )


def tame_norms(state: Mapping[str, torch.Tensor]) -> None:
    """Give random weights of torchvision's norms as of a trained network, in place.

    Else their numbers grow with depth.
    """
    generator = torch.Generator().manual_seed(1)
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1, generator=generator)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith("bn3.weight"):
            tensor.fill_(0.3)
