"""Records that run through a video: one person's track, and what is known of the frames."""

from dataclasses import dataclass, field

import numpy as np

from posetube.errors import InputError
from posetube.records import check_shapes, take_columns

from . import summaries
from .arrays import BoolArray, ByteArray, DoubleArray, FloatArray, IntArray, Polygon


@dataclass(frozen=True, kw_only=True, slots=True)
class PoseTrack:
    """One person, followed through a video: F rows, one per frame in which the person is known."""

    track_id: int
    """Identity within the video."""

    frames: IntArray
    """(F,) index of each frame, strictly increasing; gaps are frames without the person."""

    times: DoubleArray
    """(F,) presentation times, seconds."""

    boxes: FloatArray
    """(F, 4) pixels."""

    scores: FloatArray
    """(F,) in [0, 1], NaN where not given."""

    keypoints: FloatArray
    """(F, K, 2) pixels, NaN where a joint is not known."""

    keypoint_scores: FloatArray
    """(F, K) in [0, 1], NaN where not given."""

    states: ByteArray
    """(F,) :class:`RowState`."""

    link_margins: FloatArray
    """(F,) see :attr:`FramePoses.link_margins`."""

    def __post_init__(self) -> None:
        if self.keypoints.ndim != 3:
            raise InputError(f"PoseTrack.keypoints: expected 3 axes, got {self.keypoints.shape}")
        f, k, _ = self.keypoints.shape
        check_shapes(
            self,
            frames=(f,),
            times=(f,),
            boxes=(f, 4),
            scores=(f,),
            keypoints=(f, k, 2),
            keypoint_scores=(f, k),
            states=(f,),
            link_margins=(f,),
        )
        if np.any(np.diff(self.frames) <= 0):
            raise InputError(
                f"PoseTrack.frames of track {self.track_id} must increase strictly, "
                f"got {self.frames.tolist()}"
            )

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        joints = summaries.counted(self.keypoints.shape[1], "joint")
        return f"<PoseTrack {self.track_id}: {summaries.frames(self.times)}, {joints}>"


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameTable:
    """What is known of each of a video's F frames, people aside."""

    times: DoubleArray
    """(F,) presentation times, seconds; NaN where the source has none."""

    names: tuple[str, ...] = ()
    """File name of each frame, as its dataset writes it; empty for a video file."""

    ids: IntArray | None = None
    """(F,) the dataset's number of each frame."""

    labeled: BoolArray | None = None
    """(F,) whether somebody labelled the frame, be it with nobody in it; None: all frames."""

    ignore_regions: dict[int, tuple[Polygon, ...]] = field(default_factory=dict)
    """By frame index: where people are not labelled, so that nothing there counts."""

    states: ByteArray | None = None
    """(F,) 0 ok, 1 corrupt, 2 missing, the order of :data:`FrameState`; None: all ok."""

    def __post_init__(self) -> None:
        f = len(self.times)
        check_shapes(self, times=(f,), ids=(f,), labeled=(f,), states=(f,))
        if self.names and len(self.names) != f:
            raise InputError(f"FrameTable.names: expected {f} names, got {len(self.names)}")

    def __len__(self) -> int:
        return len(self.times)

    def take(self, frames: IntArray) -> "FrameTable":
        """Some of the frames, in the order of their indices ``frames``."""
        place = {index: i for i, index in enumerate(frames.tolist())}
        return FrameTable(
            names=tuple(self.names[i] for i in frames) if self.names else (),
            ignore_regions={place[i]: r for i, r in self.ignore_regions.items() if i in place},
            **take_columns(self, frames, ("times", "ids", "labeled", "states")),
        )

    @property
    def labeled_indices(self) -> IntArray:
        """The frames that somebody labelled, with people or without."""
        return np.arange(len(self)) if self.labeled is None else np.flatnonzero(self.labeled)

    def __repr__(self) -> str:
        return f"<FrameTable: {summaries.frames(self.times)}>"
