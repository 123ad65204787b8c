"""Who is matched with whom, how many are looked at, how much each loss weighs; and as published.

Not here: the losses (:mod:`.tube_losses`), how weights follow from them (:mod:`.optimization`).
"""

from dataclasses import dataclass, field
from typing import Literal

from posetube.errors import InputError

from .sampling import SampleConfig
from .targets import AbsentBoxes, MatchConfig

KeypointChoice = Literal["drawn", "published"]
"""``drawn``: people that were drawn for the box head, with a known joint inside the box of its
frame. ``published``: all proposals that are people, with a known joint of any frame inside the box
of the *first* frame."""


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """What a training step looks at, and what it holds against the network."""

    anchors: MatchConfig = field(default_factory=MatchConfig)
    """Which anchors are people."""

    anchor_sample: SampleConfig = field(default_factory=SampleConfig)
    """How many anchors of a clip are looked at."""

    whole_anchors: bool = False
    """Look only at anchors that lie wholly in the network's input, as published."""

    rois: MatchConfig = field(
        default_factory=lambda: MatchConfig(positive=0.5, negative=0.5, keep_best=False)
    )
    """Which proposals are people."""

    roi_sample: SampleConfig = field(
        default_factory=lambda: SampleConfig(size=64, positive_share=0.25)
    )
    """How many proposals of a clip the box head is trained on."""

    absent_boxes: AbsentBoxes = "free"
    """What the box head should have said of frames without the person; ``origin`` is published."""

    box_beta: float = 1 / 9
    """Where the box head's loss turns from the square into the absolute value, above 0."""

    keypoint_rois: int = 6
    """How many of a clip's people the keypoint head is trained on, at most."""

    keypoint_choice: KeypointChoice = "drawn"
    """Among which proposals these are chosen."""

    spread: float | None = 1.0
    """Standard deviation of a joint's target, heatmap cells; None: one cell, as published."""

    objectness: float = 1.0
    """Weight of: is there a person at the anchor?"""

    proposal_boxes: float = 2.0
    """Weight of: where is it, seen from the anchor?"""

    classes: float = 1.0
    """Weight of: is the proposal a person?"""

    boxes: float = 2.0
    """Weight of: where is it, seen from the proposal?"""

    presence: float = 1.0
    """Weight of: is the person in this frame at all? Without meaning where nothing predicts it."""

    keypoints: float = 0.5
    """Weight of: where are the joints?"""

    def __post_init__(self) -> None:
        for name in (
            "objectness", "proposal_boxes", "classes", "boxes", "presence", "keypoints",
        ):  # fmt: skip
            if getattr(self, name) < 0:
                raise InputError(
                    f"LossConfig.{name} must not be below 0, got {getattr(self, name)}"
                )
        if self.box_beta <= 0:
            raise InputError(f"LossConfig.box_beta must be above 0, got {self.box_beta}")
        if self.keypoint_rois < 1:
            raise InputError(
                f"LossConfig.keypoint_rois must be 1 or more, got {self.keypoint_rois}"
            )


def detect_and_track_losses() -> LossConfig:
    """The published recipe, habits included; for the ``detect_and_track`` and Detectron presets.

    Source: Girdhar et al., CVPR 2018, the released code's defaults and ``configs/video/3d``. Pixel
    arithmetic comes from the network. Of a mini-batch of several clips, the original averages the
    box head's losses over all RoIs, as we do.
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
