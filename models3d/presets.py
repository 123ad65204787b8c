"""The networks that posetube knows, as configurations: the only place with magic numbers.

Each function says where its numbers come from. None loads weights
(:func:`posetube.models3d.load_model` does).
"""

from .anchors import AnchorConfig
from .box_head import BoxHeadConfig
from .heatmaps import DecodeConfig
from .joint_neck import JointNeckConfig
from .keypoint_head import KeypointHeadConfig
from .mobile_body import MobileBodyConfig
from .preprocess import PreprocessConfig
from .proposals import ProposalConfig
from .roi_align import PoolConfig
from .tube_rcnn import TubeRCNNConfig


def tiny() -> TubeRCNNConfig:
    """The embedded model: MobileNetV2, 3.9 million parameters, one frame at a time.

    Source: the project's own; its numbers were found by experiment and are in the model card
    beside the weights. Trained at short sides of 256 to 352, best at 448.
    """
    return TubeRCNNConfig(
        skeleton="coco17",
        preprocess=PreprocessConfig(
            short_side=448,
            long_side=1024,
            mean=(127.5, 127.5, 127.5),
            std=(127.5, 127.5, 127.5),
            pad_value=114 / 127.5 - 1,
        ),
        body=MobileBodyConfig(),
        neck=JointNeckConfig(),
        proposals=ProposalConfig(
            anchors=AnchorConfig(sizes=((24,), (48,), (96,), (192,), (320,))),
            convolution="separable",
            before_nms=400,
            after_nms=150,
        ),
        box_head=BoxHeadConfig(pool=PoolConfig(size=7, levels=4), hidden=384),
        keypoint_head=KeypointHeadConfig(
            pool=PoolConfig(size=28, samples=1, aligned=True),
            channels=64,
            depth=4,
            prior=True,
            enlarge="none",
        ),
        decode=DecodeConfig(rescore=True),
    )
