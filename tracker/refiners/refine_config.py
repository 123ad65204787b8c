"""Which refiners make a chain, and how strongly each works."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal, get_args

from posetube.errors import InputError
from posetube.heatmap_refining import (
    FlowConfig,
    FlowVoteConfig,
    LearnedRefinerConfig,
    StillConfig,
)
from posetube.quantities import Seconds
from posetube.setting_checks import check_numbers

from ..filters.gaps import GapConfig
from ..filters.kalman import KalmanConfig
from ..filters.local import MedianConfig, SavitzkyGolayConfig
from ..filters.one_euro import OneEuroConfig

RefinerName = Literal[
    "tubes",
    "still",
    "flow",
    "lstm",
    "pool",
    "learned",
    "flow-vote",
    "kalman",
    "savitzky-golay",
    "median",
    "fill-gaps",
    "running-kalman",
    "one-euro",
]
"""``tubes``, ``still`` and ``flow`` average heatmaps; ``lstm`` and ``pool`` were trained on those
of the embedded model and ship with it, ``learned`` is anybody's; ``flow-vote`` chooses among
joints; the others filter them. ``lstm`` is causal, as are ``running-kalman`` and ``one-euro``,
which lag a little; the others look ahead and do not lag.
"""

CAUSAL: tuple[RefinerName, ...] = ("lstm", "running-kalman", "one-euro")
"""Those that answer each frame at once whatever their settings."""

OF_HEATMAPS: tuple[RefinerName, ...] = ("tubes", "still", "flow", "lstm", "pool", "learned")
"""Those that work on heatmaps: they need the video and the network, and come first in a chain."""

OF_PICTURES: tuple[RefinerName, ...] = ("flow-vote",)
"""Those that work on joints and need the video for it."""

OF_JOINTS = tuple(name for name in get_args(RefinerName) if name not in OF_HEATMAPS)
"""Those that work on joints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefineConfig:
    """A chain of refiners.

    Lengths are in sizes of the person (square root of the box's area), so that the same settings
    fit people near and far.
    """

    refiners: tuple[RefinerName, ...] = ("kalman",)
    """By name, in the order in which they work; none: joints stay as they were found."""

    max_gap: Seconds = 0.5
    """Refiners begin anew after a longer gap in a track, seconds, above 0."""

    still: StillConfig = field(default_factory=StillConfig)
    """Averages heatmaps at the same place of the picture."""

    flow: FlowConfig = field(default_factory=FlowConfig)
    """Averages heatmaps along the optical flow."""

    learned: LearnedRefinerConfig = field(default_factory=LearnedRefinerConfig)
    """Refines heatmaps as it was trained to."""

    flow_vote: FlowVoteConfig = field(default_factory=FlowVoteConfig)
    """Takes each joint from the frame around that is surest of it, along the optical flow."""

    kalman: KalmanConfig = field(default_factory=KalmanConfig)
    """Smoothing by a model of motion: from past and future (``kalman``), or from the past alone
    (``running-kalman``)."""

    one_euro: OneEuroConfig = field(default_factory=OneEuroConfig)
    """Smoothing from the past alone, strongly at rest."""

    savitzky_golay: SavitzkyGolayConfig = field(default_factory=SavitzkyGolayConfig)
    """Smoothing by polynomials."""

    median: MedianConfig = field(default_factory=MedianConfig)
    """Removes single outliers."""

    fill_gaps: GapConfig = field(default_factory=GapConfig)
    """Places joints that are missing for a moment."""

    def completed(self, *, by_score: bool | None) -> "RefineConfig":
        """The same settings, with ``kalman.by_score`` where they leave it open."""
        if self.kalman.by_score is not None:
            return self
        return replace(self, kalman=replace(self.kalman, by_score=by_score))

    def __post_init__(self) -> None:
        check_numbers(self, "max_gap", above=0)
        _check_names(self.refiners)

    @property
    def causal(self) -> bool:
        """Whether each frame is answered at once."""
        ahead = {"still": self.still.future, "flow": self.flow.future}
        return all(name in CAUSAL or ahead.get(name) == 0 for name in self.refiners)

    @property
    def of_heatmaps(self) -> tuple[RefinerName, ...]:
        """The first refiners of the chain, which work on heatmaps."""
        return tuple(name for name in self.refiners if name in OF_HEATMAPS)

    @property
    def of_video(self) -> tuple[RefinerName, ...]:
        """The first refiners of the chain, which need the video: for heatmaps, or for flow."""
        return tuple(name for name in self.refiners if name in (*OF_HEATMAPS, *OF_PICTURES))

    @property
    def of_joints(self) -> tuple[RefinerName, ...]:
        """The other refiners of the chain, which filter coordinates."""
        return self.refiners[len(self.of_video) :]

    @property
    def branches(self) -> set[str]:
        """The fields of these settings that the chain reads."""
        shared = {"running-kalman": "kalman"}
        return {shared.get(name, name).replace("-", "_") for name in self.refiners}


def chain_of(words: str) -> tuple[RefinerName, ...]:
    """The chain that the command line names: names separated by commas, or ``none``.

    Raises:
        InputError: If there is no refiner of a name.
    """
    names = [] if words.strip() == "none" else [word.strip() for word in words.split(",")]
    _check_names(names)
    return tuple(known for name in names for known in get_args(RefinerName) if known == name)


def _check_names(names: Sequence[str]) -> None:
    known = get_args(RefinerName)
    for name in names:
        if name not in known:
            raise InputError(
                f"there is no refiner {name!r}; there are {', '.join(known)}, and none"
            )
    if "tubes" in names[1:]:
        raise InputError("the refiner tubes asks the network for its heatmaps: put it first")
    of_heatmaps = next((name for name in names if name in OF_HEATMAPS), None)
    if "flow-vote" in names and (of_heatmaps or "flow-vote" in names[1:]):
        raise InputError(
            "the refiner flow-vote goes by joints as they were found: put it first"
            + (f", and leave {of_heatmaps} out" if of_heatmaps else "")
        )
    for first, then in pairwise(names):
        if then in OF_HEATMAPS and first not in OF_HEATMAPS:
            raise InputError(
                f"the refiner {then} works on heatmaps, {first} on what is read from them: put "
                f"{then} before {first}"
            )
