"""Small networks of both kinds, for tests: quick to build, to run and to train."""

from dataclasses import replace

from posetube.models3d.anchor_rcnn import AnchorRCNNConfig
from posetube.models3d.crop_keypoint_head import CropKeypointHeadConfig
from posetube.models3d.heatmaps import DecodeConfig
from posetube.models3d.neck import FPNConfig
from posetube.models3d.presets import keypoint_rcnn_r50, tiny
from posetube.models3d.resnet import ResNetConfig
from posetube.models3d.tube_rcnn_config import TubeRCNNConfig

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
        keypoint_head=CropKeypointHeadConfig(skeleton=flat.skeleton, size=(64, 64)),
    )
