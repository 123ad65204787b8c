"""The data that crosses a folder's border: frozen NumPy records, checked once when they are made.

Axis letters: N people of one frame or clip, T frames of a clip, F frames of a video, R rows of a
table (one person in one frame), K joints, H W pixels. Images are RGB uint8. Coordinates are x, y
in pixels of the displayed frame, continuous (pixel i covers [i, i + 1)); boxes are x1 y1 x2 y2.
A joint whose place is not known is NaN. Scores are in [0, 1]. Times are presentation times in
seconds.

Longer than other files, so that everything which one folder promises another is read in one place.
Not here: what the joints are called (:mod:`posetube.skeletons`), files (:mod:`posetube.datasets`),
tensors (they stay inside :mod:`posetube.models3d`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.records import check_shapes, take_rows
from posetube.skeletons import Skeleton

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

FrameState = Literal["ok", "corrupt", "missing"]
"""``corrupt``: could not be decoded, or only with damage; ``missing``: a gap in a frame folder."""


class RowState(IntEnum):
    """How a person's pose in a frame came about; stored with every row of a track."""

    DETECTED = 0
    """The network saw the person in this frame."""

    INTERPOLATED = 1
    """Filled in between two detections; never to be mistaken for one."""


class JointState(IntEnum):
    """What an annotation says of one joint."""

    ABSENT = 0
    """Not labelled, or not in the picture."""

    OCCLUDED = 1
    """Located, but hidden behind something."""

    VISIBLE = 2
    """Located and seen, or located by a dataset that does not tell hidden from seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame of a video, in decode order."""

    index: int
    """Place in decode order, from 0; a frame that cannot be decoded keeps its place."""

    time: float
    """Presentation time in seconds, from the container."""

    image: ByteArray | None
    """(H, W, 3) RGB, as displayed; None where nothing could be decoded."""

    state: FrameState = "ok"
    """Whether the picture can be relied on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """T frames that a network looks at together."""

    frames: IntArray
    """(T,) index of each frame in its video; not decreasing (edges may repeat a frame)."""

    times: DoubleArray
    """(T,) presentation times, seconds."""

    images: ByteArray
    """(T, H, W, 3) RGB."""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.shape[3] != 3:
            raise InputError(f"Clip.images: expected (T, H, W, 3), got {self.images.shape}")
        t = len(self.images)
        check_shapes(self, frames=(t,), times=(t,))
        if np.any(np.diff(self.frames) < 0):
            raise InputError(f"Clip.frames must not decrease, got {self.frames.tolist()}")


@dataclass(frozen=True, kw_only=True, slots=True)
class PoseTubes:
    """What a network found in one clip: N people, each followed over its T frames."""

    frames: IntArray
    """(T,) index of each frame in its video; not decreasing."""

    boxes: FloatArray
    """(N, T, 4) one box per person and frame, pixels."""

    keypoints: FloatArray
    """(N, T, K, 2) joint positions, pixels."""

    keypoint_scores: FloatArray
    """(N, T, K) confidence of each joint, in [0, 1]."""

    scores: FloatArray
    """(N,) confidence of the whole tube, in [0, 1], falling."""

    presence: FloatArray
    """(N, T) probability that the person is in the frame at all, in [0, 1]."""

    embeddings: FloatArray | None = None
    """(N, T, D) appearance, vectors of length 1; None where it was not asked for."""

    def __post_init__(self) -> None:
        if self.keypoints.ndim != 4:
            raise InputError(f"PoseTubes.keypoints: expected 4 axes, got {self.keypoints.shape}")
        n, t, k, _ = self.keypoints.shape
        check_shapes(
            self,
            frames=(t,),
            boxes=(n, t, 4),
            keypoints=(n, t, k, 2),
            keypoint_scores=(n, t, k),
            scores=(n,),
            presence=(n, t),
        )
        if self.embeddings is not None and self.embeddings.shape[:-1] != (n, t):
            raise InputError(
                f"PoseTubes.embeddings: expected ({n}, {t}, D), got {self.embeddings.shape}"
            )
        if np.any(np.diff(self.frames) < 0):
            raise InputError(f"PoseTubes.frames must not decrease, got {self.frames.tolist()}")

    def __len__(self) -> int:
        return len(self.boxes)

    def at(self, step: int) -> "Detections":
        """The people of one frame of the clip, ``step`` in [0, T)."""
        return Detections(
            boxes=self.boxes[:, step],
            scores=self.scores,
            keypoints=self.keypoints[:, step],
            keypoint_scores=self.keypoint_scores[:, step],
            embeddings=None if self.embeddings is None else self.embeddings[:, step],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Detections:
    """The people found in one frame, not yet followed; any order."""

    boxes: FloatArray
    """(N, 4) pixels."""

    scores: FloatArray
    """(N,) in [0, 1]."""

    keypoints: FloatArray
    """(N, K, 2) pixels, NaN where a joint is not known."""

    keypoint_scores: FloatArray
    """(N, K) in [0, 1]."""

    embeddings: FloatArray | None = None
    """(N, D) appearance, any scale; None where the detector gives none."""

    def __post_init__(self) -> None:
        if self.keypoints.ndim != 3:
            raise InputError(f"Detections.keypoints: expected 3 axes, got {self.keypoints.shape}")
        n, k, _ = self.keypoints.shape
        check_shapes(self, boxes=(n, 4), scores=(n,), keypoints=(n, k, 2), keypoint_scores=(n, k))
        if self.embeddings is not None and len(self.embeddings) != n:
            raise InputError(
                f"Detections.embeddings: expected {n} rows, got {len(self.embeddings)}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Any) -> "Detections":
        """Some of the people: a boolean mask, an index array or a slice."""
        return take_rows(self, rows)

    @classmethod
    def empty(cls, joints: int) -> "Detections":
        """Nobody, with ``joints`` joints each."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            keypoints=np.zeros((0, joints, 2), np.float32),
            keypoint_scores=np.zeros((0, joints), np.float32),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class FramePoses:
    """The people of one frame with their track ids: what a tracker yields, frame by frame."""

    frame: int
    """Index in the video."""

    time: float
    """Presentation time, seconds."""

    track_ids: IntArray
    """(N,) unique within the frame, from 1."""

    people: Detections
    """The N people, in the order of ``track_ids``."""

    states: ByteArray
    """(N,) :class:`RowState`."""

    link_margins: FloatArray
    """(N,) how clearly the link to the previous frame beat its runner-up, in cost; NaN at a birth,
    inf where there was no rival."""

    link_costs: FloatArray | None = None
    """(N,) cost of the link, in [0, 1]; NaN at a birth. None: not known."""

    link_gates: FloatArray | None = None
    """(N,) cost from which there would have been no link; NaN at a birth. None: not known."""

    def __post_init__(self) -> None:
        n = (len(self.people),)
        check_shapes(self, track_ids=n, states=n, link_margins=n, link_costs=n, link_gates=n)

    def __len__(self) -> int:
        return len(self.track_ids)


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


Polygon = DoubleArray
"""(P, 2) corners, x y, pixels."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoTracks:
    """Everybody in one video: a table with one row per person and frame, sorted by frame.

    Predictions and annotations are the same type, so that every reader, writer and metric works
    on both. The order of rows within a frame is that of the source.
    """

    source: str
    """Name of the video or sequence."""

    size: tuple[int, int] | None
    """(H, W) of the displayed frames, pixels; None where an annotation file does not say."""

    skeleton: Skeleton
    """Names and order of the K joints."""

    frames: FrameTable
    """The F frames."""

    frame: IntArray
    """(R,) index of each row's frame, in [0, F), not decreasing."""

    track_ids: IntArray
    """(R,) identity within the video; -1 where none is given."""

    boxes: FloatArray
    """(R, 4) pixels, NaN where not given."""

    scores: FloatArray
    """(R,) in [0, 1] from our own networks; NaN where not given."""

    keypoints: DoubleArray | FloatArray
    """(R, K, 2) pixels, NaN where a joint is not known. Annotations keep float64."""

    keypoint_scores: FloatArray | DoubleArray
    """(R, K), NaN where not given."""

    states: ByteArray | None = None
    """(R,) :class:`RowState`; None: all detected."""

    link_margins: FloatArray | None = None
    """(R,) see :attr:`FramePoses.link_margins`; None: not known."""

    link_costs: FloatArray | None = None
    """(R,) see :attr:`FramePoses.link_costs`; None: not known."""

    link_gates: FloatArray | None = None
    """(R,) see :attr:`FramePoses.link_gates`; None: not known."""

    joint_states: ByteArray | None = None
    """(R, K) :class:`JointState`; None: a joint is visible where its position is known."""

    head_boxes: DoubleArray | None = None
    """(R, 4) pixels, NaN where not given; the scale of PoseTrack's and MPII's metrics."""

    def __post_init__(self) -> None:
        r, k = len(self.frame), len(self.skeleton.joints)
        check_shapes(
            self,
            frame=(r,),
            track_ids=(r,),
            boxes=(r, 4),
            scores=(r,),
            keypoints=(r, k, 2),
            keypoint_scores=(r, k),
            states=(r,),
            link_margins=(r,),
            link_costs=(r,),
            link_gates=(r,),
            joint_states=(r, k),
            head_boxes=(r, 4),
        )
        if np.any(np.diff(self.frame) < 0):
            raise InputError(f"VideoTracks.frame of {self.source} must not decrease")
        if r and not 0 <= self.frame[0] <= self.frame[-1] < len(self.frames):
            raise InputError(
                f"VideoTracks.frame of {self.source}: must be in [0, {len(self.frames)}), "
                f"got {self.frame[0]} to {self.frame[-1]}"
            )

    def __len__(self) -> int:
        """Number of tracks."""
        return len(self.ids)

    def __getitem__(self, track_id: int) -> PoseTrack:
        """One person's track.

        Raises:
            InputError: If the video has no track of this id.
        """
        rows = np.flatnonzero(self.track_ids == track_id)
        if not len(rows):
            raise InputError(f"{self.source}: no track {track_id}; there are {self.ids.tolist()}")
        return self._track(track_id, rows)

    def __iter__(self) -> Iterator[PoseTrack]:
        """The tracks, by rising id."""
        order = np.argsort(self.track_ids, kind="stable")
        ids, starts = np.unique(self.track_ids[order], return_index=True)
        for track_id, rows in zip(ids, np.split(order, starts[1:]), strict=False):
            if track_id >= 0:
                yield self._track(int(track_id), rows)

    @property
    def ids(self) -> IntArray:
        """The track ids, rising; rows without an id (-1) are left out."""
        unique = np.unique(self.track_ids)
        return unique[unique >= 0]

    def rows_of(self, frame: int) -> slice:
        """Which rows belong to a frame."""
        first, last = np.searchsorted(self.frame, [frame, frame + 1])
        return slice(int(first), int(last))

    def select(self, rows: Any) -> "VideoTracks":
        """The same video with some of its rows: a boolean mask, or rising indices."""
        return take_rows(self, rows, columns=ROW_COLUMNS)

    def _track(self, track_id: int, rows: IntArray) -> PoseTrack:
        r = len(rows)
        return PoseTrack(
            track_id=track_id,
            frames=self.frame[rows],
            times=self.frames.times[self.frame[rows]],
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            keypoints=self.keypoints[rows].astype(np.float32),
            keypoint_scores=self.keypoint_scores[rows].astype(np.float32),
            states=np.zeros(r, np.uint8) if self.states is None else self.states[rows],
            link_margins=np.full(r, np.nan, np.float32)
            if self.link_margins is None
            else self.link_margins[rows],
        )

    @classmethod
    def from_frames(
        cls,
        people: Iterable[FramePoses],
        *,
        source: str,
        size: tuple[int, int] | None,
        skeleton: Skeleton,
        frames: FrameTable,
    ) -> "VideoTracks":
        """Collect what a tracker yielded, frame by frame, in rising order."""
        found = list(people)
        k = len(skeleton.joints)

        def gather(parts: list[Any], shape: tuple[int, ...], kind: type) -> Any:
            return np.concatenate([np.zeros((0, *shape), kind), *parts]).astype(kind, copy=False)

        def gather_if_known(name: str) -> Any:
            parts = [getattr(f, name) for f in found]
            return None if any(p is None for p in parts) else gather(parts, (), np.float32)

        return cls(
            source=source,
            size=size,
            skeleton=skeleton,
            frames=frames,
            frame=gather([np.full(len(f), f.frame) for f in found], (), np.int64),
            track_ids=gather([f.track_ids for f in found], (), np.int64),
            boxes=gather([f.people.boxes for f in found], (4,), np.float32),
            scores=gather([f.people.scores for f in found], (), np.float32),
            keypoints=gather([f.people.keypoints for f in found], (k, 2), np.float32),
            keypoint_scores=gather([f.people.keypoint_scores for f in found], (k,), np.float32),
            states=gather([f.states for f in found], (), np.uint8),
            link_margins=gather([f.link_margins for f in found], (), np.float32),
            link_costs=gather_if_known("link_costs"),
            link_gates=gather_if_known("link_gates"),
        )


ROW_COLUMNS = (
    "frame",
    "track_ids",
    "boxes",
    "scores",
    "keypoints",
    "keypoint_scores",
    "states",
    "link_margins",
    "link_costs",
    "link_gates",
    "joint_states",
    "head_boxes",
)
"""The fields of :class:`VideoTracks` that have one entry per row."""
