"""The kinds of parts that a network can be made of: which module each configuration makes.

A kind is a frozen configuration, a module, and a row of the table below, by which weights files
name it (:mod:`.checkpoints.config_json`) and the network makes it. Rows name classes and do not
import them, so that each is loaded where it is used. The two may share a file; the embedded model's
configurations lie in :mod:`.configs`, because they are read without torch. The network asks this of
each part:

=============  ==================================================================================
part           members
=============  ==================================================================================
body           ``stages`` (modules called with maps and T), and per stage ``channels``,
               ``strides``, ``times`` (the reach of its time kernels, frames)
neck           ``merge(maps)`` frame by frame, ``smooth(maps, T)`` over time; ``channels``,
               ``strides`` of its levels, ``time``
proposals      ``find_tubes(features, geometry)`` to :class:`.tube_choice.Proposals`; where its
               configuration has ``further`` sizes also with these, pairs of the first two
box head       ``find_people(features, proposals, geometry)`` to
               :class:`.box_head.TubeDetections`
keypoint head  ``pool(features, tubes)``; called with what was pooled and T, it gives heatmaps;
               ``regions(tubes)`` says which boxes these cover; ``wants_pictures`` and
               ``remembers``; optionally ``draw_and_embed``, called the same, gives heatmaps and
               vectors of appearance
mask head      ``pool(features, tubes)``; called with what was pooled, it gives logits of masks
=============  ==================================================================================

``features`` is a :class:`.features.ClipFeatures`: each head decides itself what of it to pool from.
Training asks for more (:mod:`.training.tube_losses`): the proposals' anchors, the box head's
outputs, the size of a heatmap. A part without these can be used but not trained.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class PartKind:
    """One kind of part; both are ``file:name``, in ``posetube.models3d``."""

    config: str
    """A frozen dataclass."""

    module: str
    """What makes the module, called with its configuration and with what comes before it."""


PARTS: dict[str, tuple[PartKind, ...]] = {
    "body": (
        PartKind(config="configs.bodies:ResNetConfig", module="resnet:ResNet"),
        PartKind(config="configs.bodies:CSPBodyConfig", module="csp_body:CSPBody"),
    ),
    "neck": (
        PartKind(config="configs.necks:C4Config", module="neck:C4Neck"),
        PartKind(config="configs.necks:FPNConfig", module="neck:FPNNeck"),
        PartKind(
            config="configs.necks:PathAggregationConfig",
            module="path_aggregation:PathAggregationNeck",
        ),
    ),
    "proposals": (
        PartKind(config="configs.proposal_heads:ProposalConfig", module="proposals:ProposalHead"),
        PartKind(config="configs.proposal_heads:RetinaHeadConfig", module="retina_head:RetinaHead"),
        PartKind(
            config="configs.proposal_heads:DenseProposalConfig",
            module="dense_proposals:DenseProposalHead",
        ),
    ),
    "box_head": (
        PartKind(config="configs.people_heads:BoxHeadConfig", module="box_head:build_box_head"),
    ),
    "keypoint_head": (
        PartKind(
            config="configs.people_heads:KeypointHeadConfig", module="keypoint_head:KeypointHead"
        ),
        PartKind(
            config="configs.people_heads:CropKeypointHeadConfig",
            module="crop_keypoint_head:CropKeypointHead",
        ),
        PartKind(
            config="configs.recurrent_heads:PoseMachineHeadConfig",
            module="pose_machine:PoseMachineHead",
        ),
        PartKind(config="configs.recurrent_heads:UniPoseHeadConfig", module="unipose:UniPoseHead"),
        PartKind(
            config="configs.recurrent_heads:FlowingConvNetHeadConfig",
            module="flowing_convnet:FlowingConvNetHead",
        ),
    ),
    "mask_head": (
        PartKind(config="configs.people_heads:MaskHeadConfig", module="mask_head:MaskHead"),
    ),
}
"""The kinds of each part, by the field of :class:`.configs.networks.TubeRCNNConfig`.

Beside their configuration, bodies take nothing. Necks take ``channels`` and ``strides`` of the
body's stages, proposal heads those of the levels (one number of channels), box heads the levels'
``channels`` and the ``body``'s configuration, keypoint and mask heads the levels' ``channels``.
"""


def config_class(part: str, name: str) -> type:
    """The class of a configuration.

    Raises:
        KeyError: If no kind of this part has such a configuration.
    """
    found: type = _load(_kind(part, name).config)
    return found


def build(part: str, config: object, **before: Any) -> Any:
    """Make a part.

    Args:
        part: Field of :class:`.configs.networks.TubeRCNNConfig`.
        config: Its value.
        before: What comes before the part, see :data:`PARTS`.
    """
    return _load(_kind(part, type(config).__name__).module)(config, **before)


def _kind(part: str, name: str) -> PartKind:
    return {kind.config.split(":")[1]: kind for kind in PARTS[part]}[name]


def _load(path: str) -> Any:
    file, name = path.split(":")
    return getattr(import_module(f".{file}", __package__), name)


@runtime_checkable
class EmbeddingHead(Protocol):
    """A keypoint head that tells people apart; without it, the body's maps do."""

    def draw_and_embed(self, pooled: Any, length: int) -> "tuple[Tensor, Tensor]":
        """Heatmaps of what was pooled, and (R * T, D) vectors of appearance of length 1."""
