"""Records of one frame or one clip: pictures, and the people that are found in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Literal

import numpy as np

from posetube.errors import InputError
from posetube.records import check_shapes, join_records, take_columns, take_rows

from . import summaries
from .arrays import ByteArray, BytesArray, DoubleArray, FloatArray, IntArray

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

    def __repr__(self) -> str:
        size = "no picture" if self.image is None else summaries.frame_size(self.image.shape)
        return f"<Frame {self.index} at {self.time:.3f} s: {size}, {self.state}>"


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

    def __repr__(self) -> str:
        size = summaries.frame_size(self.images.shape[1:])
        return f"<Clip: {summaries.frames(self.times)}, {size}>"


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

    heatmaps: BytesArray | None = None
    """(N, T) the joints' heatmaps, packed by :mod:`posetube.models3d.packed_maps`, empty in frames
    of which they are not kept; None where they were not asked for."""

    masks: BytesArray | None = None
    """(N, T) which pixels the person covers, as :mod:`posetube.masks` keeps it, empty in frames of
    which it is not kept; None where it was not asked for."""

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
            heatmaps=(n, t),
            masks=(n, t),
        )
        if self.embeddings is not None and self.embeddings.shape[:-1] != (n, t):
            raise InputError(
                f"PoseTubes.embeddings: expected ({n}, {t}, D), got {self.embeddings.shape}"
            )
        if np.any(np.diff(self.frames) < 0):
            raise InputError(f"PoseTubes.frames must not decrease, got {self.frames.tolist()}")

    def __len__(self) -> int:
        return len(self.boxes)

    def __repr__(self) -> str:
        people, joints = summaries.people(len(self)), self.keypoints.shape[2]
        frames = summaries.first_few(self.frames.tolist())
        return f"<PoseTubes: {people} in frames {frames}, {summaries.counted(joints, 'joint')}>"

    def at(self, step: int) -> "Detections":
        """The people of one frame of the clip, ``step`` in [0, T)."""
        return Detections(scores=self.scores, **take_columns(self, np.s_[:, step], STEP_COLUMNS))

    def steps(self, only: slice) -> "PoseTubes":
        """The same people in some of the clip's frames."""
        taken = take_columns(self, np.s_[:, only], (*STEP_COLUMNS, "presence"))
        return replace(self, frames=self.frames[only], **taken)


STEP_COLUMNS = ("boxes", "keypoints", "keypoint_scores", "embeddings", "heatmaps", "masks")
"""Fields of :class:`PoseTubes` by person and frame that are fields of :class:`Detections` too."""


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

    heatmaps: BytesArray | None = None
    """(N,) as in :class:`PoseTubes`."""

    masks: BytesArray | None = None
    """(N,) as in :class:`PoseTubes`; empty for who was filled in between detections."""

    def __post_init__(self) -> None:
        if self.keypoints.ndim != 3:
            raise InputError(f"Detections.keypoints: expected 3 axes, got {self.keypoints.shape}")
        n, k, _ = self.keypoints.shape
        check_shapes(self, boxes=(n, 4), scores=(n,), keypoints=(n, k, 2), keypoint_scores=(n, k))
        check_shapes(self, heatmaps=(n,), masks=(n,))
        if self.embeddings is not None and len(self.embeddings) != n:
            raise InputError(
                f"Detections.embeddings: expected {n} rows, got {len(self.embeddings)}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Any) -> "Detections":
        """Some of the people: a boolean mask, an index array or a slice."""
        return take_rows(self, rows)

    def __repr__(self) -> str:
        joints = summaries.counted(self.keypoints.shape[1], "joint")
        return f"<Detections: {summaries.people(len(self))}, {joints}>"

    @classmethod
    def empty(cls, joints: int) -> "Detections":
        """Nobody, with ``joints`` joints each."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            keypoints=np.zeros((0, joints, 2), np.float32),
            keypoint_scores=np.zeros((0, joints), np.float32),
        )

    @classmethod
    def join(cls, people: Sequence["Detections"], *, joints: int) -> "Detections":
        """The people of several frames, one frame after the other.

        Args:
            people: Of any number of frames.
            joints: How many joints each person has, for the case that there is nobody.

        Returns:
            Everybody; with appearance if everybody has one.
        """
        return join_records([one for one in people if len(one)] or [cls.empty(joints)])


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectedFrame:
    """One frame and everybody who was found in it."""

    frame: int
    """Index in the video."""

    time: float
    """Presentation time, seconds."""

    state: FrameState
    """Whether the picture can be relied on."""

    people: Detections
    """The people, down to a low score; nobody where the picture could not be decoded."""

    colours: tuple[int, ...] = ()
    """Share of each colour in the picture, in 65535ths, to tell cuts by; empty: not known."""

    camera: DoubleArray | None = None
    """(2, 3) affine map from the last picture's pixels to this one's; None: the camera stood still,
    or nobody knows."""

    continues: IntArray | None = None
    """(N,) whom, by row among the people of the last picture, the network itself takes each to be,
    -1 for nobody; None: it looks at one frame at a time."""

    def __repr__(self) -> str:
        people = summaries.people(len(self.people))
        return f"<DetectedFrame {self.frame} at {self.time:.3f} s: {people}, {self.state}>"


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

    keypoints_raw: FloatArray | None = None
    """(N, K, 3) x, y (pixels) and score of each joint before it was refined; None: it was not."""

    def __post_init__(self) -> None:
        n = (len(self.people),)
        check_shapes(self, track_ids=n, states=n, link_margins=n, link_costs=n, link_gates=n)
        check_shapes(self, keypoints_raw=(*self.people.keypoint_scores.shape, 3))

    def __len__(self) -> int:
        return len(self.track_ids)

    def __getitem__(self, rows: Any) -> "FramePoses":
        """Some of the people: a boolean mask, an index array or a slice."""
        return take_rows(self, rows, columns=PEOPLE_COLUMNS)

    def __repr__(self) -> str:
        ids = summaries.first_few(self.track_ids.tolist())
        tail = f", ids {ids}" if len(self) else ""
        return (
            f"<FramePoses {self.frame} at {self.time:.3f} s: {summaries.people(len(self))}{tail}>"
        )

    def without_appearance(self) -> "FramePoses":
        """The same people, without the vectors that take most of the memory."""
        return replace(self, people=replace(self.people, embeddings=None))

    @classmethod
    def empty(cls, *, frame: int, time: float, joints: int) -> "FramePoses":
        """A frame with nobody in it."""
        return cls(
            frame=frame,
            time=time,
            track_ids=np.zeros(0, np.int64),
            people=Detections.empty(joints),
            states=np.zeros(0, np.uint8),
            link_margins=np.zeros(0, np.float32),
        )


PEOPLE_COLUMNS = (
    "track_ids",
    "people",
    "states",
    "link_margins",
    "link_costs",
    "link_gates",
    "keypoints_raw",
)
"""The fields of :class:`FramePoses` that have one entry per person."""
