"""The narrower kind of network that Mask R-CNN is: anchors, a box head, joints from a level.

The published networks are of this kind; what only works with their parts (converting published
weights, the published losses) asks for it by type.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

from posetube.errors import InputError

from .box_head import BoxHead, BoxHeadConfig
from .keypoint_head import KeypointHead, KeypointHeadConfig
from .proposals import ProposalConfig, ProposalHead
from .tube_rcnn import TubeRCNN
from .tube_rcnn_config import TubeRCNNConfig


@dataclass(frozen=True, kw_only=True)
class AnchorRCNNConfig(TubeRCNNConfig):
    """A network whose three heads are those of Mask R-CNN."""

    proposals: ProposalConfig
    """Anchors, and the tubes proposed at them."""

    box_head: BoxHeadConfig
    """Decides which of these are people, and corrects their boxes."""

    keypoint_head: KeypointHeadConfig
    """Draws their joints' heatmaps from a feature level."""


class AnchorHeads(NamedTuple):
    """The three heads of such a network."""

    proposals: ProposalHead
    box_head: BoxHead
    keypoint_head: KeypointHead


def narrowed(config: TubeRCNNConfig) -> TubeRCNNConfig:
    """The same configuration as :class:`AnchorRCNNConfig`, if its parts are of that kind."""
    if (
        isinstance(config.proposals, ProposalConfig)
        and isinstance(config.box_head, BoxHeadConfig)
        and isinstance(config.keypoint_head, KeypointHeadConfig)
    ):
        return AnchorRCNNConfig(**{f.name: getattr(config, f.name) for f in fields(config)})
    return config


def anchor_heads(network: TubeRCNN) -> AnchorHeads:
    """The heads of a network of this kind.

    Raises:
        InputError: If it has other heads.
    """
    heads = (network.proposals, network.box_head, network.keypoint_head)
    kinds = (ProposalHead, BoxHead, KeypointHead)
    if not all(isinstance(head, kind) for head, kind in zip(heads, kinds, strict=True)):
        raise InputError(
            f"{network.info.name}: expected a network with anchors, a box head and a keypoint "
            f"head on a feature level, got {', '.join(type(head).__name__ for head in heads)}"
        )
    return AnchorHeads(*heads)  # type: ignore[arg-type]  # checked above
