"""The networks that posetube knows, as configurations: the only place for their numbers.

Each function states the source of its numbers. None loads weights
(:func:`posetube.models3d.load_network` does).
"""

from dataclasses import fields, replace

from .box_coding import BoxConvention
from .configs.bodies import CSPBodyConfig, ResNetConfig, TimePadding
from .configs.necks import C4Config, FPNConfig, PathAggregationConfig
from .configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from .configs.people_heads import (
    BoxHeadConfig,
    CropKeypointHeadConfig,
    KeypointHeadConfig,
    MaskHeadConfig,
    PoolConfig,
)
from .configs.proposal_heads import (
    AnchorConfig,
    DenseProposalConfig,
    FurtherScalesConfig,
    ProposalConfig,
    RetinaHeadConfig,
)
from .configs.recurrent_heads import (
    FlowingConvNetHeadConfig,
    PoseMachineHeadConfig,
    RecurrentHeadConfig,
    UniPoseHeadConfig,
)
from .joint_peaks import DecodeConfig
from .preprocess import PreprocessConfig


def tiny() -> TubeRCNNConfig:
    """The embedded model: a CSP body with dense proposals, and a high-resolution network on crops.

    Source: RTMDet-nano for people (Lyu et al., 2022) and PP-TinyPose (PaddleDetection), whose
    weights it takes; its settings were chosen by experiment, see the model card beside the weights.
    """
    return TubeRCNNConfig(
        skeleton="coco19",
        preprocess=PreprocessConfig(
            short_side=None,
            long_side=640,
            max_enlargement=1.5,
            mean=(123.675, 116.28, 103.53),
            std=(58.395, 57.12, 57.375),
            resize="area",
            pad_pixel=114,
        ),
        body=CSPBodyConfig(),
        neck=PathAggregationConfig(),
        proposals=DenseProposalConfig(min_score=0.2, further=FurtherScalesConfig(large=0.5)),
        box_head=None,
        keypoint_head=CropKeypointHeadConfig(skeleton="coco19", added=2),
        decode=DecodeConfig(
            rule="parabola",
            rescore=1.0,
            ranking=17,
            score_power=0.75,
            calibration=(2.2, 2.8),
            calibration_of_rest=(1.4, 3.0),
            min_joint=0.1,
        ),
        pose_nms=0.6,
    )


def tiny_clip(*, clip_length: int = 3) -> TubeRCNNConfig:
    """The embedded model over clips: time kernels in neck, proposals and keypoint head, untrained.

    Every frame is encoded once, and each person is cropped once per frame, at the box there. It
    takes the weights of ``tiny`` (``posetube models convert --into tiny_clip``) and then finds in a
    still clip what that finds in its frame.

    Args:
        clip_length: T, an odd number of frames.
    """
    flat = tiny()
    replicate: TimePadding = "replicate"
    return replace(
        flat,
        clip_length=clip_length,
        neck=PathAggregationConfig(time=3, time_padding=replicate),
        proposals=replace(flat.proposals, time=3, time_padding=replicate),
        keypoint_head=CropKeypointHeadConfig(
            skeleton=flat.skeleton, added=2, time=3, time_padding=replicate
        ),
    )


def pose_machine(*, clip_length: int = 5) -> TubeRCNNConfig:
    """LSTM Pose Machines on the embedded model's people, untrained.

    It takes the weights of ``tiny`` for finding people (``posetube models convert --into
    pose_machine``); with boxes from outside (``--boxes``) it is the paper's protocol.

    Args:
        clip_length: T, an odd number of frames; the frames before each, and behind it, that are
            drawn with one memory.

    Source: Luo et al., "LSTM Pose Machines", CVPR 2018, who train on clips of 5 frames.
    """
    return _recurrent(PoseMachineHeadConfig(skeleton=tiny().skeleton), clip_length)


def unipose_lstm(*, clip_length: int = 5) -> TubeRCNNConfig:
    """UniPose-LSTM on the embedded model's people, untrained; as :func:`pose_machine`.

    Source: Artacho and Savakis, "UniPose", CVPR 2020.
    """
    return _recurrent(UniPoseHeadConfig(skeleton=tiny().skeleton), clip_length)


def flowing_convnet() -> TubeRCNNConfig:
    """Flowing ConvNets' heatmap network on the embedded model's people, untrained.

    It takes the weights of ``tiny`` for finding people, as :func:`pose_machine` does. The flow
    comes afterwards: ``--refine flow``.

    Source: Pfister, Charles and Zisserman, "Flowing ConvNets", ICCV 2015.
    """
    return _recurrent(FlowingConvNetHeadConfig(skeleton=tiny().skeleton), clip_length=1)


def _recurrent(head: RecurrentHeadConfig, clip_length: int) -> TubeRCNNConfig:
    flat = tiny()
    return replace(
        flat,
        clip_length=clip_length,
        keypoint_head=head,
        # what is known of the scores is known of another head's
        decode=DecodeConfig(rule="parabola", ranking=flat.decode.ranking),
    )


IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
"""RGB statistics of ImageNet, as torchvision's documentation gives them, for bytes."""

CAFFE_MEAN = (102.9801, 115.9465, 122.7717)
"""BGR mean of Detectron's and Detect-and-Track's networks."""

COCO_CLASSES = 91
"""Of torchvision's networks: the background, and COCO's numbers up to the highest."""

PYRAMID_SIZES = ((32.0,), (64.0,), (128.0,), (256.0,), (512.0,))
"""Anchor sizes per pyramid level (Lin et al., CVPR 2017, section 4.1)."""


def keypoint_rcnn_r50() -> AnchorRCNNConfig:
    """Keypoint R-CNN of torchvision, so that its COCO weights run and inflate.

    Source: ``keypointrcnn_resnet50_fpn`` of torchvision (He et al., "Mask R-CNN", ICCV 2017) with
    its defaults. Its results are reproduced, with its ``resized`` decoding of joints.
    """
    return AnchorRCNNConfig(
        skeleton="coco17",
        preprocess=PreprocessConfig(
            short_side=800,
            long_side=1333,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            resize="torch",
        ),
        body=ResNetConfig(depth=50),
        neck=FPNConfig(),
        proposals=ProposalConfig(anchors=AnchorConfig(sizes=PYRAMID_SIZES)),
        box_head=BoxHeadConfig(pool=PoolConfig(size=7, levels=4)),
        keypoint_head=KeypointHeadConfig(pool=PoolConfig(size=14, levels=4)),
        decode=DecodeConfig(rule="resized", pixels="network"),
    )


def mask_keypoint_rcnn_r50() -> AnchorRCNNConfig:
    """Boxes, masks and joints of one network, trained together, untrained.

    Keypoint and mask head are shown the same squares of the same levels. It takes the weights of
    ``keypoint_rcnn_r50`` (``posetube models convert --into mask_keypoint_rcnn_r50``); its mask head
    is then to be trained.

    Source: He et al., "Mask R-CNN", ICCV 2017, section 5, whose mask head it adds to torchvision's
    Keypoint R-CNN.
    """
    return replace(
        keypoint_rcnn_r50(), mask_head=MaskHeadConfig(pool=PoolConfig(size=14, levels=4))
    )


def mask_rcnn_r50() -> TubeRCNNConfig:
    """Mask R-CNN of torchvision, so that its COCO weights run, with the embedded model's joints.

    Its weights know 90 kinds of things, of which people are asked for, and their masks, but no
    joints. The keypoint head of ``tiny`` looks at the picture alone, and so goes with any boxes.

    Source: ``maskrcnn_resnet50_fpn`` of torchvision (He et al., "Mask R-CNN", ICCV 2017) with its
    defaults. Its people, scores and masks are reproduced.
    """
    flat = mask_keypoint_rcnn_r50()
    assert flat.mask_head is not None
    return with_embedded_joints(
        replace(
            flat,
            box_head=replace(flat.box_head, classes=COCO_CLASSES),
            mask_head=replace(flat.mask_head, classes=COCO_CLASSES),
        )
    )


def with_embedded_joints(config: AnchorRCNNConfig) -> TubeRCNNConfig:
    """The same network with the keypoint head of ``tiny``; people keep the box head's scores."""
    joints = tiny()
    parts = {field.name: getattr(config, field.name) for field in fields(TubeRCNNConfig)}
    own = {"skeleton": joints.skeleton, "keypoint_head": joints.keypoint_head}
    decode = replace(joints.decode, rescore=0.0, score_power=1.0)
    return TubeRCNNConfig(**parts | own | {"decode": decode})


def retinanet_r50() -> TubeRCNNConfig:
    """RetinaNet of torchvision, so that its COCO weights run, with the embedded model's joints.

    Of its 90 kinds of things, people are asked for. New heads are trained with ``losses.focal``.

    Source: ``retinanet_resnet50_fpn`` of torchvision (Lin et al., "Focal Loss for Dense Object
    Detection", ICCV 2017) with its defaults. Its people and scores are reproduced.
    """
    joints, flat = tiny(), keypoint_rcnn_r50()
    octaves = tuple(
        tuple(float(int(side * 2 ** (third / 3))) for third in range(3))
        for side in (32, 64, 128, 256, 512)
    )
    return TubeRCNNConfig(
        skeleton=joints.skeleton,
        preprocess=flat.preprocess,
        body=flat.body,
        neck=FPNConfig(stages=3, further="convolutions"),
        proposals=RetinaHeadConfig(anchors=AnchorConfig(sizes=octaves)),
        box_head=None,
        keypoint_head=joints.keypoint_head,
        decode=replace(joints.decode, rescore=0.0, score_power=1.0),
    )


def detect_and_track_r18() -> AnchorRCNNConfig:
    """The published 3D network: ResNet-18, C4, clips of 3 frames, at a low resolution.

    Source: Girdhar et al., CVPR 2018, ``configs/video/3d/03_R-18-3D_PTFromCOCO.yaml``, with all
    numeric habits of that program.
    """
    return AnchorRCNNConfig(
        skeleton="posetrack17slots",
        clip_length=3,
        preprocess=_detectron_pixels(short_side=256, long_side=333, pad_multiple=1),
        # As the program has it: no time kernel before res3, nor in res5, which is the box head.
        body=ResNetConfig(
            depth=18, stages=3, times=(1, 1, 3, 3, 1), stride_in_1x1=True, frozen_stages=2
        ),
        neck=C4Config(),
        proposals=ProposalConfig(
            anchors=AnchorConfig(sizes=((64, 128, 256, 512),), layout="detectron"),
            time=3,
            min_size=0,
            clip_to="padded",
            convention="detect-and-track",
        ),
        box_head=BoxHeadConfig(
            pool=PoolConfig(size=7), hidden=None, min_size=0, convention="detect-and-track"
        ),
        keypoint_head=KeypointHeadConfig(pool=PoolConfig(size=14), time=3, enlarge="deconvolution"),
        decode=DecodeConfig(rule="resized", pixels="picture"),
    )


def detect_and_track_r101() -> AnchorRCNNConfig:
    """The best published network: 2D ResNet-101 with a feature pyramid, frame by frame.

    Source: Girdhar et al., CVPR 2018, ``configs/video/2d_best/01_R101_best_hungarian.yaml``. Its
    2D suppression also drops at exactly the threshold, and keeps detections in the order of their
    proposals.
    """
    return AnchorRCNNConfig(
        skeleton="posetrack17slots",
        preprocess=_detectron_pixels(short_side=800, long_side=1333, pad_multiple=32),
        body=ResNetConfig(depth=101, stride_in_1x1=True, frozen_stages=2),
        neck=FPNConfig(),
        proposals=ProposalConfig(
            anchors=AnchorConfig(sizes=PYRAMID_SIZES, layout="detectron"),
            min_size=0,
            clip_to="padded",
            convention="detect-and-track",
            nms_suppresses="at",
        ),
        box_head=BoxHeadConfig(
            pool=PoolConfig(size=7, levels=4, level_rule="detectron"),
            min_size=0,
            convention="detect-and-track",
            nms_suppresses="at",
            order="proposal",
        ),
        keypoint_head=KeypointHeadConfig(
            pool=PoolConfig(size=14, levels=4, level_rule="detectron"), enlarge="deconvolution"
        ),
        decode=DecodeConfig(rule="resized", pixels="picture"),
    )


def tube_rcnn_r50_fpn(*, clip_length: int = 3) -> AnchorRCNNConfig:
    """Our own: torchvision's Keypoint R-CNN over clips, with a presence score and refined joints.

    Args:
        clip_length: T, an odd number of frames; with 1 it is the same network of single frames.

    Source: Detect-and-Track's time kernels in the proposal and keypoint heads, where they cost
    least: in the proposals' outputs, so that everything up to there is computed once per frame, and
    in the last convolution over a person. 300 proposals (Ren et al., "Faster R-CNN") are as many
    boxes in a clip of 3 frames as the 1000 of a frame. Beyond a clip's ends its first and last
    frame are repeated.
    """
    flat, time = keypoint_rcnn_r50(), min(clip_length, 3)
    replicate: TimePadding = "replicate"
    proposals, head = flat.proposals, flat.keypoint_head
    return replace(
        flat,
        clip_length=clip_length,
        body=ResNetConfig(depth=50, frozen_stages=2),
        proposals=replace(
            proposals, output_time=time, time_padding=replicate, before_nms=500, after_nms=300
        ),
        box_head=replace(flat.box_head, presence=True),
        keypoint_head=replace(head, time=time, time_depth=1, time_padding=replicate),
        decode=DecodeConfig(),
    )


def _detectron_pixels(*, short_side: int, long_side: int, pad_multiple: int) -> PreprocessConfig:
    return PreprocessConfig(
        short_side=short_side,
        long_side=long_side,
        mean=CAFFE_MEAN,
        std=(1.0, 1.0, 1.0),
        channels="bgr",
        resize="floats",
        pad_multiple=pad_multiple,
    )


def detectron_keypoint_rcnn() -> AnchorRCNNConfig:
    """Detectron's Keypoint R-CNN with a ResNet-50 pyramid; the converter adapts depth and neck.

    Source: Detectron's ``e2e_keypoint_rcnn_R-50-FPN`` configurations. Detect-and-Track took over
    Detectron's habits, but forgets a pixel when it decodes a box.
    """
    published = detect_and_track_r101()
    inclusive: BoxConvention = "inclusive"
    return replace(
        published,
        skeleton="coco17",
        body=ResNetConfig(depth=50, stride_in_1x1=True, frozen_stages=2),
        proposals=replace(published.proposals, convention=inclusive),
        box_head=replace(published.box_head, convention=inclusive),
    )


def detectron2_keypoint_rcnn() -> AnchorRCNNConfig:
    """Detectron2's Keypoint R-CNN with a ResNet-50 pyramid; the converter adapts the depth.

    Source: Detectron2's ``COCO-Keypoints/keypoint_rcnn_R_50_FPN`` configurations: BGR without
    scaling, resized before the mean is subtracted, RoIAlign with half-pixel centres and as many
    samples as a bin has cells. Detectron2 averages pixels when it shrinks a picture; we do not.
    """
    pool = PoolConfig(size=7, samples=0, aligned=True, levels=4)
    return replace(
        keypoint_rcnn_r50(),
        preprocess=PreprocessConfig(
            short_side=800,
            long_side=1333,
            mean=(103.53, 116.28, 123.675),
            std=(1.0, 1.0, 1.0),
            channels="bgr",
        ),
        body=ResNetConfig(depth=50, stride_in_1x1=True, frozen_stages=2),
        proposals=ProposalConfig(
            anchors=AnchorConfig(sizes=PYRAMID_SIZES, layout="detectron2"), min_size=0
        ),
        box_head=BoxHeadConfig(pool=pool, min_size=0),
        keypoint_head=KeypointHeadConfig(pool=replace(pool, size=14)),
    )


PRESETS = {
    preset.__name__: preset
    for preset in (
        tiny,
        tiny_clip,
        pose_machine,
        unipose_lstm,
        flowing_convnet,
        keypoint_rcnn_r50,
        mask_rcnn_r50,
        mask_keypoint_rcnn_r50,
        retinanet_r50,
        tube_rcnn_r50_fpn,
        detect_and_track_r18,
        detect_and_track_r101,
        detectron_keypoint_rcnn,
        detectron2_keypoint_rcnn,
    )
}
"""All of them, by name."""
