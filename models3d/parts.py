"""The kinds of parts that a network can be made of: which module each configuration makes.

A kind is a frozen configuration in :mod:`.configs`, listed in :mod:`.configs.networks` so that
weights files can name it (:mod:`.checkpoints.config_json`), a module in a file of its own, and a
row of the table below. The network asks this of each part:

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
               ``regions(tubes)`` says which boxes these cover; ``wants_pictures``; optionally
               ``draw_and_embed``, called the same, gives heatmaps and vectors of appearance
=============  ==================================================================================

``features`` is a :class:`.features.ClipFeatures`: each head decides itself what of it to pool from.
Training asks for more (:mod:`.training.tube_losses`): the proposals' anchors, the box head's
outputs, the size of a heatmap. A part without these can be used but not trained.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from .box_head import build_box_head
from .configs.bodies import CSPBodyConfig, ResNetConfig
from .configs.necks import C4Config, FPNConfig, PathAggregationConfig
from .configs.people_heads import BoxHeadConfig, CropKeypointHeadConfig, KeypointHeadConfig
from .configs.proposal_heads import DenseProposalConfig, ProposalConfig
from .configs.recurrent_heads import PoseMachineHeadConfig, UniPoseHeadConfig
from .crop_keypoint_head import CropKeypointHead
from .csp_body import CSPBody
from .dense_proposals import DenseProposalHead
from .keypoint_head import KeypointHead
from .neck import C4Neck, FPNNeck
from .path_aggregation import PathAggregationNeck
from .pose_machine import PoseMachineHead
from .proposals import ProposalHead
from .resnet import ResNet
from .unipose import UniPoseHead

MODULES: dict[type, Callable[..., Any]] = {
    ResNetConfig: ResNet,
    CSPBodyConfig: CSPBody,
    C4Config: C4Neck,
    FPNConfig: FPNNeck,
    PathAggregationConfig: PathAggregationNeck,
    ProposalConfig: ProposalHead,
    DenseProposalConfig: DenseProposalHead,
    BoxHeadConfig: build_box_head,
    KeypointHeadConfig: KeypointHead,
    CropKeypointHeadConfig: CropKeypointHead,
    PoseMachineHeadConfig: PoseMachineHead,
    UniPoseHeadConfig: UniPoseHead,
}
"""What makes the module of each kind, called with its configuration and with what comes before it.

Bodies take nothing more. Necks take ``channels`` and ``strides`` of the body's stages, proposal
heads those of the levels (one number of channels), box heads the levels' ``channels`` and the
``body``'s configuration, keypoint heads the levels' ``channels``.
"""


def build(config: object, **before: Any) -> Any:
    """Make a part."""
    return MODULES[type(config)](config, **before)


@runtime_checkable
class EmbeddingHead(Protocol):
    """A keypoint head that tells people apart; without it, the body's maps do."""

    def draw_and_embed(self, pooled: Any, length: int) -> tuple[Tensor, Tensor]:
        """Heatmaps of what was pooled, and (R * T, D) vectors of appearance of length 1."""
