"""Settings of the losses: matching, sampling and weights; and the published recipe.

Not here: the losses (:mod:`.tube_losses`), the optimiser (:mod:`.optimization`).
"""

from dataclasses import dataclass, field
from typing import Literal

from posetube.setting_checks import check_numbers

from .cell_targets import CellConfig
from .crop_losses import CropConfig
from .losses import FocalConfig
from .sampling import HardRoisConfig, SampleConfig
from .targets import AbsentBoxes, MatchConfig

KeypointChoice = Literal["drawn", "published"]
"""``drawn``: people that were drawn for the box head, with a known joint inside the box of its
frame. ``published``: all proposals that are people, with a known joint of any frame inside the box
of the *first* frame."""


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Which tubes a training step uses, and the weight of each loss."""

    anchors: MatchConfig = field(default_factory=MatchConfig)
    """Which anchors are people."""

    anchor_sample: SampleConfig = field(default_factory=SampleConfig)
    """How many anchors of a clip are used."""

    whole_anchors: bool = False
    """Whether only anchors that lie wholly in the network's input are used, as published."""

    focal: FocalConfig | None = None
    """Focal loss in place of drawn anchors: all anchors count; None: anchors are drawn."""

    cells: CellConfig = field(default_factory=CellConfig)
    """Which cells of dense proposals are people."""

    rois: MatchConfig = field(
        default_factory=lambda: MatchConfig(positive=0.5, negative=0.5, keep_best=False)
    )
    """Which proposals are people."""

    roi_sample: SampleConfig = field(
        default_factory=lambda: SampleConfig(size=64, positive_share=0.25)
    )
    """How many proposals of a clip the box head is trained on."""

    hard_rois: HardRoisConfig | None = None
    """The proposals that cost most in place of drawn ones; None: proposals are drawn."""

    absent_boxes: AbsentBoxes = "free"
    """The box head's target in frames without the person; ``origin`` is published."""

    box_beta: float = 1 / 9
    """Error at which the box head's loss changes from the square to the absolute value, above 0."""

    keypoint_rois: int = 6
    """On how many of a clip's proposals the keypoint head is trained, at most."""

    crops: CropConfig = field(default_factory=CropConfig)
    """What a crop keypoint head is shown."""

    keypoint_choice: KeypointChoice = "drawn"
    """From which proposals these are chosen."""

    hard_joints: int | None = None
    """Of each person and frame, only so many joints count, those that cost most; None: all."""

    keypoint_error: Literal["softmax", "squared"] = "softmax"
    """``softmax``: the cross-entropy of a joint's map over all its cells. ``squared``: the squared
    error of each cell's probability against a Gaussian; unknown joints should be nowhere."""

    spread: float | None = 1.0
    """Standard deviation of a joint's target, heatmap cells; None: one cell, as published."""

    objectness: float = 1.0
    """Weight of the question whether a person is at the anchor."""

    proposal_boxes: float = 2.0
    """Weight of the boxes that are regressed from anchors."""

    classes: float = 1.0
    """Weight of the question whether the proposal is a person."""

    boxes: float = 2.0
    """Weight of the boxes that are regressed from proposals."""

    presence: float = 1.0
    """Weight of the presence in a frame; unused if the network predicts none."""

    keypoints: float = 0.5
    """Weight of the joints' heatmaps."""

    masks: float = 1.0
    """Weight of the masks; unused if the network draws none."""

    def __post_init__(self) -> None:
        people = ("classes", "boxes", "presence", "keypoints", "masks")
        check_numbers(self, "objectness", "proposal_boxes", *people, low=0)
        check_numbers(self, "box_beta", above=0)
        check_numbers(self, "keypoint_rois", "hard_joints", low=1)


def detect_and_track_losses() -> LossConfig:
    """The published recipe with its numeric habits, for the Detect-and-Track and Detectron presets.

    The pixel arithmetic is that of the network. In a batch of several clips, the original averages
    the box head's losses over all RoIs, as we do.

    Source: Girdhar et al., CVPR 2018, the released code's defaults and ``configs/video/3d``.
    """
    return LossConfig(
        anchors=MatchConfig(positive=0.7, negative=0.3, average="all"),
        anchor_sample=SampleConfig(size=256, positive_share=0.5, published=True),
        whole_anchors=True,
        rois=MatchConfig(positive=0.5, negative=0.5, keep_best=False, average="all"),
        roi_sample=SampleConfig(size=512, positive_share=0.25),
        absent_boxes="origin",
        box_beta=1.0,
        keypoint_rois=128,
        keypoint_choice="published",
        spread=None,
        proposal_boxes=1.0,
        boxes=1.0,
        keypoints=1.0,
    )
