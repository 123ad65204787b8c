"""Small networks of both kinds, for tests: quick to build, to run and to train."""

from dataclasses import replace

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
