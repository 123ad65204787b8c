"""The settings of linking, each with its unit and range: one tree for all presets."""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from posetube.errors import InputError
from posetube.quantities import Seconds

from .offline import OfflineConfig
from .paper import PaperConfig
from .shots import CutConfig

LinkPreset = Literal["online", "offline", "paper"]

SHARES = (
    "min_score",
    "sure_score",
    "max_cost",
    "weak_max_cost",
    "weak_certainty",
    "duplicate_similarity",
    "tube_trust",
)
WEIGHTS = ("overlap_weight", "pose_weight", "motion_weight", "appearance_weight")


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkConfig:
    """How detections become tracks."""

    preset: LinkPreset = "online"
    """``online`` goes frame by frame; ``offline`` does so too, then repairs the tracks with the
    whole video known; ``paper`` links as the published Detect-and-Track did, and looks only at
    ``cuts`` and ``paper`` here."""

    min_score: float = 0.2
    """Detections less sure than this, in [0, 1], are left out."""

    sure_score: float = 0.4
    """Detections this sure, in [0, 1], are linked first and may start a track."""

    max_cost: float = 0.7
    """Sure detections are linked to a person below this cost, in (0, 1]."""

    weak_max_cost: float = 0.5
    """Doubtful detections are linked to a person below this cost, in (0, 1]."""

    weak_certainty: float = 0.3
    """Doubtful detections continue only somebody whose scores so far average at least this, in
    [0, 1]: things that once looked like a person are not kept alive by them."""

    max_gap: Seconds = 0.8
    """How long a person may be out of sight and still keep the id, seconds."""

    confirm_hits: int = 3
    """In how many frames a person must be seen to count, 1 or more."""

    confirm_frames: int = 5
    """Within how many frames of the first sighting that must happen."""

    duplicate_similarity: float = 0.4
    """Pose similarity in [0, 1] from which two overlapping detections are one person."""

    overlap_weight: float = 2.0
    """How much box overlap counts in a link's cost, 0 or more."""

    pose_weight: float = 1.0
    """How much pose similarity counts, 0 or more."""

    motion_weight: float = 0.5
    """How much nearness to the predicted place counts, 0 or more."""

    appearance_weight: float = 1.0
    """How much alike appearance counts where detections bring embeddings, 0 or more."""

    tube_trust: float = 0.5
    """By what share in [0, 1] a link gets cheaper where both ends lie on one tube of a network."""

    max_people: int = 1000
    """Only this many detections of a frame, the surest, are looked at."""

    cuts: CutConfig = field(default_factory=CutConfig)
    """Where a new scene begins, which ends all tracks."""

    offline: OfflineConfig = field(default_factory=OfflineConfig)
    """How ``offline`` repairs finished tracks."""

    paper: PaperConfig = field(default_factory=PaperConfig)
    """How ``paper`` links."""

    def __post_init__(self) -> None:
        if self.preset not in get_args(LinkPreset):
            raise InputError(
                f"LinkConfig.preset must be online, offline or paper, got {self.preset!r}"
            )
        for name in SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"LinkConfig.{name} must be in [0, 1], got {getattr(self, name)}")
        for name in ("max_gap", *WEIGHTS):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"LinkConfig.{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("confirm_hits", "max_people"):
            if getattr(self, name) < 1:
                raise InputError(f"LinkConfig.{name} must be 1 or more, got {getattr(self, name)}")
        if self.confirm_frames < self.confirm_hits:
            raise InputError(
                f"LinkConfig.confirm_frames must be at least confirm_hits ({self.confirm_hits}), "
                f"got {self.confirm_frames}"
            )
        if not any(getattr(self, name) for name in WEIGHTS[:3]):
            raise InputError("LinkConfig: overlap_weight, pose_weight and motion_weight are all 0")
