"""Settings of linking, each with its unit and range: one tree for all presets."""

from dataclasses import dataclass, field
from typing import Literal

from posetube.errors import InputError
from posetube.quantities import Seconds
from posetube.setting_checks import check_choice, check_numbers

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
    """``online`` links frame by frame. ``offline`` does the same, then repairs the tracks with the
    whole video known. ``paper`` links as the published Detect-and-Track did; of these settings it
    reads only ``cuts`` and ``paper``."""

    min_score: float = 0.2
    """Detections with a lower score, in [0, 1], are ignored."""

    sure_score: float = 0.4
    """Detections with at least this score, in [0, 1], are linked first and may start a track."""

    max_cost: float = 0.7
    """Sure detections are linked to a track below this cost, in [0, 1]."""

    weak_max_cost: float = 0.5
    """Doubtful detections are linked to a track below this cost, in [0, 1]."""

    weak_certainty: float = 0.3
    """Doubtful detections continue only tracks whose mean score so far is at least this, in [0, 1].
    Otherwise a thing that once looked like a person would keep its track forever."""

    max_gap: Seconds = 0.8
    """How long a person may be out of sight and still keep the id, seconds."""

    confirm_hits: int = 3
    """A new track is reported once it has been seen in this many frames, 1 or more."""

    confirm_frames: int = 5
    """A new track must reach ``confirm_hits`` within this many frames, or it is dropped."""

    duplicate_similarity: float = 0.8
    """Two overlapping detections with equal scores and at least this pose similarity, in [0, 1],
    are one person. If one score is lower, that share of the similarity is enough."""

    overlap_weight: float = 2.0
    """Weight of box overlap in a link's cost, 0 or more. Where appearance is known and the place is
    not, as after a time out of sight, it counts less."""

    pose_weight: float = 1.0
    """Weight of pose similarity, 0 or more."""

    motion_weight: float = 0.5
    """Weight of the distance to the predicted place, 0 or more."""

    appearance_weight: float = 1.0
    """Weight of similar appearance, 0 or more; counts only where detections have embeddings.
    Strangers' is 0.2 to 0.6, so that a weight far above 1 would link them for it alone."""

    tube_trust: float = 0.0
    """How much cheaper a link becomes, as a share in [0, 1], if both ends lie on one tube of the
    network. Tubes are joined by the overlap of their boxes, which costs count already; where people
    cross, counting it twice gave more switches (docs/clips.md)."""

    max_people: int = 1000
    """Only this many detections of a frame, those with the highest scores, are used."""

    cuts: CutConfig = field(default_factory=CutConfig)
    """When a new scene begins; a new scene ends all tracks."""

    offline: OfflineConfig = field(default_factory=OfflineConfig)
    """How ``offline`` repairs finished tracks."""

    paper: PaperConfig = field(default_factory=PaperConfig)
    """How ``paper`` links."""

    def __post_init__(self) -> None:
        check_choice(self, "preset", LinkPreset)
        check_numbers(self, *SHARES, low=0, high=1)
        check_numbers(self, "max_gap", *WEIGHTS, low=0)
        check_numbers(self, "confirm_hits", "confirm_frames", "max_people", low=1)
        if self.confirm_frames < self.confirm_hits:
            raise InputError(
                f"LinkConfig.confirm_frames must be at least LinkConfig.confirm_hits "
                f"({self.confirm_hits}), got {self.confirm_frames}"
            )
        # Appearance alone may be unknown for every pair, and then no cost would be defined.
        if not any(getattr(self, name) for name in WEIGHTS[:3]):
            raise InputError("LinkConfig: overlap_weight, pose_weight and motion_weight are all 0")
