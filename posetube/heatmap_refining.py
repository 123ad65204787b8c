"""What refiners of heatmaps are set to: shared by the chain's settings and the refiners."""

from dataclasses import dataclass
from typing import Literal

from posetube.setting_checks import check_choice, check_numbers

FlowKind = Literal["dis", "farneback", "lucas-kanade", "raft-small", "raft-large", "files"]
"""Where optical flow comes from. ``dis``: dense inverse search, by OpenCV; ``farneback``:
polynomial expansion, likewise; ``lucas-kanade``: on a pyramid, by torch; ``raft-small``,
``raft-large``: torchvision's networks, whose weights are in a file; ``files``: another program
computed it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StillConfig:
    """Averages each heatmap with those of the frames around, at the same place of the picture."""

    past: int = 1
    """How many frames before count."""

    future: int = 1
    """How many frames after count; each is waited for."""

    def __post_init__(self) -> None:
        check_numbers(self, "past", "future", low=0, high=1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnedRefinerConfig:
    """A refiner that somebody trained: its file says which, and how far it looks."""

    weights: str | None = None
    """The file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowConfig:
    """Averages each heatmap with those of the frames around, which optical flow aligns."""

    past: int = 2
    """How many frames before count."""

    future: int = 2
    """How many frames after count; each is waited for."""

    source: FlowKind = "dis"
    """Where the flow comes from: ``dis`` and ``farneback`` (OpenCV), ``lucas-kanade`` (torch),
    ``raft-small`` and ``raft-large`` (torchvision), ``files``."""

    path: str | None = None
    """The file of RAFT's weights, or the folder of ``files``: ``000012.npz`` with ``forward`` and
    ``backward``, or ``000012.flo`` and ``000012.back.flo``, from frame 12 to the next."""

    def __post_init__(self) -> None:
        check_numbers(self, "past", "future", low=0, high=1000)
        check_choice(self, "source", FlowKind)


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowVoteConfig:
    """Joints of the frames around, carried along Farneback's flow; the most confident one wins."""

    reach: int = 3
    """How many frames on either side count; those after are waited for."""

    most_motion: float = 6.0
    """A picture that moved more than this on average, pixels, counts as a new scene, above 0."""

    published: bool = False
    """Take the flow to the next frame, negated, for the way back, as the original program does."""

    def __post_init__(self) -> None:
        check_numbers(self, "reach", low=0, high=1000)
        check_numbers(self, "most_motion", above=0)
