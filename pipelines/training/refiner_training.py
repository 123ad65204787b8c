"""How a refiner of heatmaps is trained: the settings."""

from dataclasses import dataclass
from typing import Literal

from posetube.setting_checks import check_numbers

RefinerKind = Literal["pool", "unipose", "pose-machine", "warper"]
"""Which refiner: a weight per joint and frame; a ConvLSTM by one of two papers; bent maps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefinerTraining:
    """How a refiner is trained."""

    clips: int = 40
    """Drawn clips of four people and four seconds."""

    length: int = 8
    """Frames of a stretch."""

    jitter: float = 0.05
    """How unsteady boxes are: standard deviation of their edges, as a share of their sides."""

    spread: float = 2.0
    """Width of the Gaussian at a joint's true place, cells."""

    hidden: float = 0.1
    """Share of maps that are blanked, so that others must tell the joint."""

    steps: int = 1000
    """Number of batches."""

    batch: int = 8
    """Stretches in a batch."""

    learning_rate: float = 1e-3
    """Largest rate; it falls to nothing over the steps."""

    seed: int = 0
    """What chance starts from, clips included."""

    def __post_init__(self) -> None:
        check_numbers(self, "clips", "steps", "batch", low=1)
        check_numbers(self, "length", low=2)
        check_numbers(self, "jitter", "seed", low=0)
        check_numbers(self, "hidden", low=0, below=1)
        check_numbers(self, "spread", "learning_rate", above=0)
