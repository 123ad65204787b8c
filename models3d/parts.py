"""The kinds of parts that a network can be made of: one table, one row per part.

A kind is a frozen configuration with a method ``build`` that makes the module; both lie in one
file. A new kind is that file and its name in the row below, which also lets weights files name it
(:mod:`.checkpoints.config_json`). The network asks this of each part:

=============  ==================================================================================
part           members
=============  ==================================================================================
body           ``stages`` (modules called with maps and T), and per stage ``channels``,
               ``strides``, ``times`` (the reach of its time kernels, frames)
neck           ``merge(maps)`` frame by frame, ``smooth(maps, T)`` over time; ``channels``,
               ``strides`` of its levels, ``time``
proposals      ``find_tubes(features, geometry)`` to :class:`.proposals.Proposals`
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

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from .box_head import BoxHeadConfig
from .crop_keypoint_head import CropKeypointHeadConfig
from .csp_body import CSPBodyConfig
from .dense_proposals import DenseProposalConfig
from .keypoint_head import KeypointHeadConfig
from .neck import C4Config, FPNConfig
from .path_aggregation import PathAggregationConfig
from .proposals import ProposalConfig
from .resnet import ResNetConfig

BodyKind = ResNetConfig | CSPBodyConfig
NeckKind = C4Config | FPNConfig | PathAggregationConfig
ProposalKind = ProposalConfig | DenseProposalConfig
BoxHeadKind = BoxHeadConfig | None
KeypointHeadKind = KeypointHeadConfig | CropKeypointHeadConfig


@runtime_checkable
class EmbeddingHead(Protocol):
    """A keypoint head that tells people apart; without it, the body's maps do."""

    def draw_and_embed(self, pooled: Any, length: int) -> tuple[Tensor, Tensor]:
        """Heatmaps of what was pooled, and (R * T, D) vectors of appearance of length 1."""
