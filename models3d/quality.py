"""Speed against accuracy: one word for how large pictures are looked at, and whether mirrored too.

The weights stay as they are. What the words mean was chosen by measurement for the embedded model
(``docs/tracking.md`` has the table); networks with other parts have no such choice. Importing this
file does not import torch.
"""

from dataclasses import replace
from typing import NamedTuple

from posetube.errors import InputError
from posetube.network import Network, Quality

from .configs.networks import TubeRCNNConfig
from .configs.people_heads import CropKeypointHeadConfig


class Effort(NamedTuple):
    """What a word changes, relative to the network's own configuration."""

    size: float
    """Factor of the input's longest side; further sizes of the input stay as they are."""

    mirror: bool
    """Whether the mirrored crop's maps are averaged in."""


EFFORTS: dict[Quality, Effort] = {
    "fast": Effort(size=0.7, mirror=False),
    "normal": Effort(size=1.0, mirror=False),
    "best": Effort(size=1.0, mirror=True),
}


def with_quality(network: Network, *, quality: Quality, flip: bool) -> Network:
    """A network with the same weights that takes more or less time.

    Args:
        network: One of ours; it stays as it is.
        quality: ``normal`` is the network's own configuration.
        flip: Average the mirrored crop's maps in, whatever the quality.

    Raises:
        InputError: If the network has no crop keypoint head, or is not one of ours.
    """
    from .tube_rcnn import TubeRCNN

    if quality == "normal" and not flip:
        return network
    if not isinstance(network, TubeRCNN):
        raise InputError(
            f"{type(network).__name__} has no choice of quality, got {quality}"
            f"{' with flip' * flip}; leave both as they are"
        )
    twin = TubeRCNN(adjusted(network.config, quality=quality, flip=flip), info=network.info)
    twin.load_state_dict(network.state_dict(), assign=True)
    return twin.train(network.training)


def adjusted(config: TubeRCNNConfig, *, quality: Quality, flip: bool) -> TubeRCNNConfig:
    """The configuration for a quality.

    Raises:
        InputError: If the network has no crop keypoint head.
    """
    head, effort, inputs = config.keypoint_head, EFFORTS[quality], config.preprocess
    if not isinstance(head, CropKeypointHeadConfig):
        raise InputError(
            f"quality {quality}{' with flip' * flip}: only networks with a crop keypoint head, "
            f"such as tiny, have this choice; this one has a {type(head).__name__}"
        )
    return replace(
        config,
        preprocess=replace(
            inputs,
            short_side=None
            if inputs.short_side is None
            else round(inputs.short_side * effort.size),
            long_side=round(inputs.long_side * effort.size),
        ),
        keypoint_head=replace(head, mirror=head.mirror or effort.mirror or flip),
    )
