"""The heatmaps of one person over time: what a refiner is given."""

from collections.abc import Sequence
from dataclasses import dataclass

from posetube.errors import InputError
from posetube.records import check_shapes
from posetube.structures import BoolArray, DoubleArray, IntArray

from ..arrays import Array
from .flow_step import FlowStep


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackMaps:
    """The heatmaps of one person in F frames that follow each other, without a cut."""

    frames: IntArray
    """(F,) index of each frame in the video, rising."""

    times: DoubleArray
    """(F,) presentation times, seconds."""

    regions: Array
    """(F, 4) the box that each frame's maps cover, pixels of the displayed frame."""

    evidence: Array
    """(F, K, h, w) in [0, 1]; 0 where the person is not seen."""

    seen: BoolArray
    """(F,) whether there are maps."""

    flows: Sequence[FlowStep | None] = ()
    """F - 1 steps from each frame to the next; None: nobody knows how the picture moved. Empty: no
    refiner asked."""

    def __post_init__(self) -> None:
        if self.evidence.ndim != 4:
            raise InputError(
                f"TrackMaps.evidence: expected (F, K, h, w), got {tuple(self.evidence.shape)}"
            )
        count = len(self.evidence)
        check_shapes(self, frames=(count,), times=(count,), regions=(count, 4), seen=(count,))
        if len(self.flows) not in (0, count - 1):
            raise InputError(
                f"TrackMaps.flows: expected {count - 1} steps between {count} frames, got "
                f"{len(self.flows)}"
            )

    def __len__(self) -> int:
        return len(self.evidence)
