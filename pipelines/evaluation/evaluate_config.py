"""How predictions are compared with truth: the settings of every evaluation."""

from dataclasses import dataclass
from typing import Literal

from posetube.setting_checks import check_choice, check_numbers

from ...datasets.annotated_video import Split
from ...tracker.metrics.coco import Kind
from ...tracker.metrics.pck import Rule

UpperBound = Literal["none", "tracking", "keypoints", "both"]
"""What is made perfect before it is measured, to see what it costs: identities, joints, or both."""

Normalizer = Literal["box", "torso", "head"]
"""What errors are divided by: the longer side of the box, a shoulder and the opposite hip, 0.6 of
the head box's diagonal."""


@dataclass(frozen=True, kw_only=True)
class PckConfig:
    """How PCK is measured."""

    normalizer: Normalizer | None = None
    """What errors are divided by; None: as the protocol does, and nothing for ``pixels``. With one,
    ``pixels`` measures as if it were 100 pixels long, as FLIC does with the torso."""

    rule: Rule = "lstm-pm"
    """Whose comparison and mean."""

    threshold: float | None = None
    """Errors up to this share of the size are right, above 0; None: as the protocol does."""

    scale: float = 1.0
    """``pixels`` only: factor of all lengths; 0.5 for BBC Pose's half resolution."""

    def __post_init__(self) -> None:
        check_numbers(self, "threshold", "scale", above=0)


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """What may be asked of an evaluation besides the two sides."""

    protocol: str = "clean"
    """Name of the protocol."""

    dataset: str | None = None
    """Which data set or format the truth is; None: recognised."""

    split: Split = ""
    """Which part of the truth; empty: its test part, or what else is evaluated of it."""

    strict: bool = False
    """``posetrack21`` only: repeat the published tool's defect."""

    upper_bound: UpperBound = "none"
    """What is made perfect before it is measured."""

    events: bool = False
    """Keep every miss, false positive and switch."""

    workers: int = 1
    """Processes that read and measure sequences, from 1."""

    skip_missing: bool = False
    """Leave out sequences of the truth that have no prediction."""

    pck: PckConfig | None = None
    """How PCK is measured."""

    shape: Kind | None = None
    """``coco`` only: what is compared; None: joints, or else masks, or else boxes."""

    def __post_init__(self) -> None:
        check_numbers(self, "workers", low=1)
        check_choice(self, "split", Split)
        if self.shape is not None:
            check_choice(self, "shape", Kind)
        check_choice(self, "upper_bound", UpperBound)
