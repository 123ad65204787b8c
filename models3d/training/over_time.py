"""A network of single frames turned into a network of clips.

Not here: how a kernel gets its time axis (:mod:`..inflate`).
"""

from dataclasses import replace

from posetube.errors import InputError

from ..configs.necks import C4Config
from ..configs.networks import JointDrawerConfig, TubeRCNNConfig
from ..configs.people_heads import CropKeypointHeadConfig, KeypointHeadConfig
from ..inflate import inflate
from ..time_conv import to_channels_last
from ..tube_rcnn import TubeRCNN

TIME = 3
"""Time kernel, frames, as published."""


def over_time(config: TubeRCNNConfig, *, length: int) -> TubeRCNNConfig:
    """Time kernels in neck, proposals and keypoint head, and a presence score in a box head.

    The body stays as it is, so that most of the work is done once per frame, although clips
    overlap. Beyond a clip's ends its first and last frame are repeated.

    Args:
        config: A network that looks at single frames.
        length: T, an odd number of frames.

    Raises:
        InputError: If the network already looks at clips of another length.
    """
    if config.clip_length not in (1, length):
        raise InputError(
            f"this network looks at clips of {config.clip_length} frames; it cannot be made to "
            f"look at {length}"
        )
    neck, box_head = config.neck, config.box_head
    # C4 has no layers that could mix frames
    if not isinstance(neck, C4Config):
        neck = replace(neck, time=TIME, time_padding="replicate")
    return replace(
        config,
        clip_length=length,
        neck=neck,
        proposals=replace(config.proposals, time=TIME, time_padding="replicate"),
        box_head=None if box_head is None else replace(box_head, presence=True),
        keypoint_head=_head_over_time(config.keypoint_head),
    )


def _head_over_time(head: JointDrawerConfig) -> JointDrawerConfig:
    if isinstance(head, KeypointHeadConfig | CropKeypointHeadConfig):
        return replace(head, time=TIME, time_padding="replicate")
    return head  # it remembers


def inflated(network: TubeRCNN, *, length: int) -> TubeRCNN:
    """A network for clips whose result for each frame is that of ``network``.

    A network that already looks at so many frames is returned as it is. The new presence score is
    the same for everybody, until it is trained.

    Raises:
        InputError: See :func:`over_time`.
    """
    if network.clip_length == length:
        return network
    grown = TubeRCNN(over_time(network.config, length=length), info=network.info)
    fresh = grown.state_dict()
    if network.box_head is not None and network.box_head.presence is None:
        # its bias alone decides then
        fresh["box_head.presence.weight"].zero_()
    grown.load_state_dict({**fresh, **inflate(network.state_dict(), fresh)})
    to_channels_last(grown)
    return grown.to(next(network.parameters()).device).eval()
