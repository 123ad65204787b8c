"""How a refiner of heatmaps is trained: the settings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

RefinerKind = Literal["pool", "lstm", "both-ways", "unipose", "pose-machine", "warper"]
"""Which refiner: a weight per joint and frame; a small ConvLSTM, which is causal; two, one for each
direction of time; ConvLSTMs by two papers; bent maps."""


@dataclass(frozen=True, kw_only=True)
class MapsConfig:
    """Whose heatmaps are looked at: people as the network tracks them."""

    clips: int = 40
    """Drawn clips, whose truth is known."""

    seconds: float = 4.0
    """Length of each."""

    videos: tuple[Path, ...] = ()
    """Videos without truth; their tracks' own joints, smoothed, take its place."""

    jitter: float = 0.02
    """How much unsteadier boxes are than tracking makes them: standard deviation of their edges, as
    a share of their sides."""

    seed: int = 0
    """What chance starts from."""

    def __post_init__(self) -> None:
        check_numbers(self, "clips", "jitter", "seed", low=0)
        check_numbers(self, "seconds", above=0)
        if not self.clips and not self.videos:
            raise InputError("MapsConfig needs clips or videos: nothing to learn from")


@dataclass(frozen=True, kw_only=True)
class RefinerTraining:
    """How a refiner is trained."""

    kind: RefinerKind
    """Which refiner."""

    start: str = ""
    """File of a trained refiner of this kind, to begin with; ``both-ways`` may begin with an
    ``lstm`` in each direction. Empty: it begins as the identity."""

    maps: MapsConfig = field(default_factory=MapsConfig)
    """What it learns from."""

    validation: MapsConfig | None = field(default=None, compare=False)
    """What it is measured on; None: nothing."""

    length: int = 12
    """Frames of a stretch."""

    batch: int = 8
    """Stretches in a step."""

    coarse: bool = False
    """Whether a memory learns on maps as coarse as itself, which takes a fraction of the time."""

    spread: float = 2.0
    """Width of the Gaussian at a joint's true place, cells."""

    hidden: float = 0.1
    """How often a joint's map is blank for a part of a stretch, so that others must tell it."""

    heights: float = 0.1
    """Weight of the squared error of the maps' heights, from which joints' scores come, beside the
    cross-entropy, which only says where joints are."""

    def __post_init__(self) -> None:
        check_numbers(self, "batch", low=1)
        check_numbers(self, "length", low=2)
        check_numbers(self, "heights", low=0)
        check_numbers(self, "hidden", low=0, below=1)
        check_numbers(self, "spread", above=0)
