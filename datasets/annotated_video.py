"""Describes one annotated video, in the same way for every data set and every format.

The people are :class:`posetube.structures.VideoTracks`; the other fields hold what the data set or
the file says beyond that. A data set of single pictures is one of videos with one frame each. Every
reader follows three rules: joints that are not labelled are NaN however the files spell it,
positions count from 0 (1 is subtracted from MATLAB's), and a frame without people is not a frame
without labels.

Not here: the pictures themselves (:mod:`posetube.datasets.video` decodes), stretches of frames to
train and evaluate on (:mod:`posetube.datasets.training.clip_frames`).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.records import check_shapes, take_columns
from posetube.skeletons import Skeleton
from posetube.structures import (
    BoolArray,
    DoubleArray,
    FloatArray,
    FrameTable,
    IntArray,
    JointState,
    VideoTracks,
)

Part = Literal["train", "val", "test"]
"""A part of a data set."""

Split = Literal["train", "val", "test", ""]
"""Which part of its data set a video belongs to; empty where the data set does not say."""

SPLITS: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}
"""The parts by the words that data sets use for them."""

Metric = Literal["posetrack", "pckh", "pck-box", "pck-torso", "pixels", "oks", "mota", "mpjpe"]
"""How a data set's authors score it: AP and MOTA at half a head; joints within a share of the head,
of the box's longer side, of the torso; within pixels; COCO's AP; MOTA of boxes; joint error."""

MAX_FRAMES = 1_000_000
"""More frames than this in one video are refused."""


ROW_COLUMNS = ("metric_scale", "joints_3d", "person_ids", "boxes_as_written")
"""Fields of :class:`AnnotatedVideo` with an entry per row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something in a data set that is not as it should be."""

    file: str
    """The file or folder, relative to the data set's."""

    where: str
    """The place in it: a frame, a person; empty for the whole file."""

    what: str
    """What is missing or broken, and what the reader made of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotatedVideo:
    """A video, the people in it, and what their data set says of them; R rows, F frames."""

    name: str
    """Name within the data set."""

    dataset: str
    """Name of the data set, or of the format of a file, as on the command line."""

    tracks: VideoTracks
    """Everybody in every labelled frame."""

    metric: Metric | None = None
    """The official score, where there is one."""

    split: Split = ""
    """Part of the data set."""

    media: Path | None = None
    """The video file, or the folder that the frames' names start from; None if it is not there."""

    action: str = ""
    """What the people do, where the data set says so."""

    viewpoint: str = ""
    """Where the camera stands, where the data set says so."""

    metric_scale: DoubleArray | None = None
    """(R,) length that the official score divides by, pixels, NaN where not given; None where it
    follows from the rows themselves (box, head box, torso joints)."""

    joints_3d: DoubleArray | None = None
    """(R, K, 3) positions in metres, in the data set's own axes; NaN where not known."""

    person_ids: IntArray | None = None
    """(R,) who each row is in all videos of the data set, -1 where not known; None where the data
    set knows people within a video only."""

    where: str = ""
    """File or folder, as errors name it; empty where the data set's folder tells enough."""

    posetrack: Literal["", "posetrack17", "posetrack18"] = ""
    """Which of PoseTrack's two forms the file has; PoseTrack's own tool treats them differently."""

    flat_regions: str = ""
    """Name of the first frame whose only ignore region is not wrapped in a list, which that tool
    refuses; empty where there is none."""

    boxes_as_written: FloatArray | None = None
    """(R, 4) boxes with pixels as the file counts them, where not from 0: two files that count
    alike are compared by these. None where ``tracks`` has them."""

    file_order: IntArray | None = None
    """(F,) the frames in the order in which the file lists them, where that is another one:
    PoseTrack's own tool goes by it."""

    mixed: tuple[str, str] | None = None
    """How the names of two videos' pictures begin, or end, where a list holds both and does not
    say which video a picture is of; see :meth:`refuse_mixed`."""

    problems: tuple[Problem, ...] = ()
    """What the reader had to mend or leave out."""

    def __post_init__(self) -> None:
        rows, joints = self.tracks.keypoints.shape[:2]
        check_shapes(
            self,
            metric_scale=(rows,),
            joints_3d=(rows, joints, 3),
            person_ids=(rows,),
            boxes_as_written=(rows, 4),
            file_order=(len(self.tracks.frames),),
        )

    def take_frames(self, frames: IntArray) -> "AnnotatedVideo":
        """The video with some of its frames, in the order of their indices ``frames``.

        Nothing is kept of the order that the file has.
        """
        rows = self.tracks.rows_in(frames)
        tracks, columns = self.tracks.take_frames(frames), take_columns(self, rows, ROW_COLUMNS)
        return replace(self, tracks=tracks, file_order=None, **columns)

    def in_file_order(self) -> "AnnotatedVideo":
        """The video with its frames as the file lists them."""
        return self if self.file_order is None else self.take_frames(self.file_order)

    def refuse_mixed(self) -> None:
        """Refuse pictures of several videos in one list, for whoever follows people over time.

        Single pictures are another matter: to train on, to look at, for COCO's AP.

        Raises:
            InputError: If it is such a list.
        """
        if self.mixed is not None:
            raise InputError(
                f"{self.where}: pictures of several videos, {self.mixed[0]!r} and "
                f"{self.mixed[1]!r}, have the same numbers or take turns; put those of each into a "
                "file of its own"
            )

    def picture(self, frame: int) -> Path | None:
        """File of a frame's picture; None for a video file or where there is none."""
        if self.media is None or self.media.is_file() or not self.tracks.frames.names:
            return None
        return self.media / self.tracks.frames.names[frame]

    @property
    def labeled_frames(self) -> IntArray:
        """Indices of the frames that somebody labelled, with people or without."""
        return self.tracks.frames.labeled_indices


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How much a data set holds."""

    videos: int
    """Videos, or single pictures."""

    frames: int
    """Frames, labelled or not; 0 where its authors give no number."""


class Dataset(Protocol):
    """What a reader of a data set offers."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def whole(self) -> Counts | None:
        """What the complete release holds; None where that is not known."""

    def videos(self) -> tuple[str, ...]:
        """Names of the videos whose annotations are there, in the data set's order.

        Raises:
            FormatError: If the folder does not hold this data set.
        """

    def read(self, video: str) -> AnnotatedVideo:
        """One video.

        Raises:
            FormatError: If its annotation is damaged or not there.
        """


def is_dataset(given: object) -> TypeGuard[Dataset]:
    """Whether something is open already; does not ask for its name, which may read a file."""
    return callable(getattr(type(given), "videos", None))


def table(
    *,
    source: str,
    skeleton: Skeleton,
    frames: FrameTable | int,
    keypoints: DoubleArray,
    frame: IntArray | None = None,
    track_ids: IntArray | None = None,
    joint_states: BoolArray | npt.NDArray[np.integer] | None = None,
    size: tuple[int, int] | None = None,
    boxes: DoubleArray | None = None,
    head_boxes: DoubleArray | None = None,
) -> VideoTracks:
    """Annotations as a table: rows sorted by frame, joints that are absent NaN, no scores.

    Args:
        source: Name of the video.
        skeleton: The K joints.
        frames: The F frames, or only how many there are.
        keypoints: (R, K, 2) pixels; what absent joints hold does not matter.
        frame: (R,) index of each row's frame, in any order; None for a row in every frame.
        track_ids: (R,) identity, -1 where none is given; None for one person in all of them.
        joint_states: (R, K) :class:`posetube.structures.JointState`, or whether a joint is seen,
            else absent; None where all are seen.
        size: (H, W) pixels, where known.
        boxes: (R, 4) pixels; None where the data set has none.
        head_boxes: (R, 4) pixels; None where the data set has none.
    """
    rows, joints = len(keypoints), len(skeleton)
    frame = np.arange(rows) if frame is None else frame
    order = np.argsort(frame, kind="stable")
    states = np.ones((rows, joints), np.bool_) if joint_states is None else joint_states
    if states.dtype == np.bool_:
        states = np.where(states, JointState.VISIBLE, JointState.ABSENT)
    places = np.where((states == JointState.ABSENT)[..., None], np.nan, keypoints)
    ids = np.ones(rows) if track_ids is None else track_ids
    whole = np.full((rows, 4), np.nan) if boxes is None else boxes
    return VideoTracks(
        source=source,
        size=size,
        skeleton=skeleton,
        frames=FrameTable(times=np.full(frames, np.nan)) if isinstance(frames, int) else frames,
        frame=frame[order].astype(np.int64),
        track_ids=ids[order].astype(np.int64),
        boxes=whole[order].astype(np.float32),
        scores=np.full(rows, np.nan, np.float32),
        keypoints=places[order],
        keypoint_scores=np.full((rows, joints), np.nan, np.float32),
        joint_states=states[order].astype(np.uint8),
        head_boxes=None if head_boxes is None else head_boxes[order],
    )
