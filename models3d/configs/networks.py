"""The configuration of a network: which parts it is made of, each with its own."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.skeletons import skeleton

from ..joint_peaks import DecodeConfig
from ..preprocess import BYTES, PreprocessConfig
from .people_heads import BoxHeadConfig, KeypointHeadConfig, MaskHeadConfig
from .proposal_heads import DenseProposalConfig, ProposalConfig


class PartConfig(Protocol):
    """The configuration of a part: a frozen dataclass with a row in :mod:`..parts`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class JointDrawerConfig(PartConfig, Protocol):
    """The configuration of a keypoint head."""

    @property
    def joints(self) -> int:
        """K."""


@dataclass(frozen=True, kw_only=True)
class TubeRCNNConfig:
    """All parts of a network; presets fill it in (:mod:`posetube.models3d.presets`)."""

    skeleton: str
    """Name of the joint set that the K joints follow."""

    clip_length: int = 1
    """T, an odd number of frames."""

    preprocess: PreprocessConfig
    """From frames to the network's input."""

    body: PartConfig
    """Makes maps of features at several strides."""

    neck: PartConfig
    """Turns these into the levels in which people are found."""

    proposals: PartConfig
    """Proposes tubes that may be people."""

    box_head: PartConfig | None
    """Decides which of these are people, and corrects their boxes; None: they are the people."""

    keypoint_head: JointDrawerConfig
    """Draws their joints' heatmaps."""

    mask_head: PartConfig | None = None
    """Draws people's masks; None: the network has none."""

    decode: DecodeConfig
    """From heatmaps to joints."""

    pose_nms: float | None = None
    """A person whose joints are more similar to a better one's than this, in [0, 1] (object
    keypoint similarity), is dropped; None: boxes alone decide."""

    @property
    def further_sides(self) -> tuple[int, ...]:
        """Longer sides of the inputs in which people are looked for beside the first, pixels."""
        proposals = self.proposals
        further = proposals.further if isinstance(proposals, DenseProposalConfig) else None
        return () if further is None else further.long_sides

    def __post_init__(self) -> None:
        if self.clip_length < 1 or self.clip_length % 2 == 0:
            raise InputError(
                "TubeRCNNConfig.clip_length must be an odd number of frames from 1, "
                f"got {self.clip_length}"
            )
        check_numbers(self, "clip_length", low=1, high=255)
        check_numbers(self, "pose_nms", low=0, high=1)
        if self.further_sides and self.preprocess.resize not in BYTES:
            raise InputError(
                "DenseProposalConfig.further goes with PreprocessConfig.resize "
                f"{' or '.join(BYTES)}, got {self.preprocess.resize}"
            )
        joints = len(skeleton(self.skeleton))
        if self.keypoint_head.joints != joints:
            raise InputError(
                f"KeypointHeadConfig.joints must be the {joints} of skeleton {self.skeleton}, "
                f"got {self.keypoint_head.joints}"
            )


@dataclass(frozen=True, kw_only=True)
class AnchorRCNNConfig(TubeRCNNConfig):
    """A network whose proposals, boxes and joints are those of Mask R-CNN."""

    proposals: ProposalConfig
    """Anchors, and the tubes proposed at them."""

    box_head: BoxHeadConfig
    """Decides which of these are people, and corrects their boxes."""

    keypoint_head: KeypointHeadConfig
    """Draws their joints' heatmaps from a feature level."""

    mask_head: MaskHeadConfig | None = None
    """Draws their masks from a feature level."""


def narrowed(config: TubeRCNNConfig) -> TubeRCNNConfig:
    """The same configuration as :class:`AnchorRCNNConfig`, if its parts are of that kind."""
    if (
        isinstance(config.proposals, ProposalConfig)
        and isinstance(config.box_head, BoxHeadConfig)
        and isinstance(config.keypoint_head, KeypointHeadConfig)
    ):
        return AnchorRCNNConfig(**{f.name: getattr(config, f.name) for f in fields(config)})
    return config
