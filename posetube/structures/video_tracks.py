"""The record of everybody in a video, and its forms for other libraries."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posetube.data_frames import pandas_frame, polars_frame
from posetube.errors import InputError
from posetube.records import check_shapes, join_columns, take_columns, take_rows
from posetube.skeletons import Skeleton

from . import summaries
from .arrays import ByteArray, BytesArray, DoubleArray, FloatArray, IntArray
from .frames import Detections, FramePoses, RowState
from .tracks import FrameTable, PoseTrack


class PoseArrays(NamedTuple):
    """Everybody's joints as one dense array; what is absent is NaN."""

    keypoints: npt.NDArray[np.floating]
    """(F, N, K, 3) x, y (pixels) and score of each joint of each person in each frame."""

    ids: IntArray
    """(N,) track ids, rising."""

    times: DoubleArray
    """(F,) presentation times, seconds."""


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
    """(R, K), NaN where not given; our own tracks keep that of a joint whose place is NaN."""

    states: ByteArray | None = None
    """(R,) :class:`RowState`; None: all detected."""

    link_margins: FloatArray | None = None
    """(R,) see :attr:`FramePoses.link_margins`; None: not known."""

    link_costs: FloatArray | None = None
    """(R,) see :attr:`FramePoses.link_costs`; None: not known."""

    link_gates: FloatArray | None = None
    """(R,) see :attr:`FramePoses.link_gates`; None: not known."""

    keypoints_raw: FloatArray | None = None
    """(R, K, 3) x, y (pixels) and score of each joint before it was refined; None: it was not."""

    masks: BytesArray | None = None
    """(R,) which pixels the person covers, as :mod:`posetube.masks` keeps it, empty where that is
    not known; None: of nobody."""

    joint_states: ByteArray | None = None
    """(R, K) :class:`JointState`; None: a joint is visible where its position is known."""

    head_boxes: DoubleArray | None = None
    """(R, 4) pixels, NaN where not given; the scale of PoseTrack's and MPII's metrics."""

    track_names: dict[int, str] = field(default_factory=dict)
    """What the source calls the people of some ids, where it does not number them."""

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
            keypoints_raw=(r, k, 3),
            masks=(r,),
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

    def rows_in(self, frames: IntArray) -> IntArray:
        """The rows of some frames, frame after frame in the order of ``frames``."""
        place = self._places(frames)[self.frame]
        order = np.argsort(place, kind="stable")
        return order[place[order] >= 0]

    def take_frames(self, frames: IntArray) -> "VideoTracks":
        """The video with some of its frames, in the order of their indices ``frames``."""
        rows = self.rows_in(frames)
        taken = take_columns(self, rows, ROW_COLUMNS)
        taken["frame"] = self._places(frames)[self.frame[rows]]
        return replace(self, frames=self.frames.take(frames), **taken)

    def _places(self, frames: IntArray) -> IntArray:
        """(F,) where each frame is among ``frames``, -1 where it is not."""
        place = np.full(len(self.frames), -1, np.int64)
        place[frames] = np.arange(len(frames))
        return place

    def _track(self, track_id: int, rows: IntArray) -> PoseTrack:
        return PoseTrack(
            track_id=track_id,
            frames=self.frame[rows],
            times=self.frames.times[self.frame[rows]],
            boxes=self.boxes[rows],
            scores=self.scores[rows],
            keypoints=self.keypoints[rows].astype(np.float32),
            keypoint_scores=self.keypoint_scores[rows].astype(np.float32),
            states=self._row_states(rows),
            link_margins=self._row_margins(rows),
        )

    def _row_states(self, rows: slice | IntArray) -> ByteArray:
        if self.states is None:
            return np.full(len(self.frame[rows]), RowState.DETECTED, np.uint8)
        return self.states[rows]

    def _row_margins(self, rows: slice | IntArray) -> FloatArray:
        if self.link_margins is None:
            return np.full(len(self.frame[rows]), np.nan, np.float32)
        return self.link_margins[rows]

    def poses(self) -> Iterator[FramePoses]:
        """The people of each of the F frames, in order: the inverse of :meth:`from_frames`.

        Joints become float32. Joint states and head boxes, which trackers do not know, are left
        out.
        """
        for index, time in enumerate(self.frames.times.tolist()):
            rows = self.rows_of(index)
            yield FramePoses(
                frame=index,
                time=time,
                track_ids=self.track_ids[rows],
                people=Detections(
                    boxes=self.boxes[rows],
                    scores=self.scores[rows],
                    keypoints=self.keypoints[rows].astype(np.float32),
                    keypoint_scores=self.keypoint_scores[rows].astype(np.float32),
                    masks=None if self.masks is None else self.masks[rows],
                ),
                states=self._row_states(rows),
                link_margins=self._row_margins(rows),
                **take_columns(self, rows, ("link_costs", "link_gates", "keypoints_raw")),
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
        """Collect what a tracker yielded, frame by frame, in rising order.

        Appearances, for which tracks have no place, are let go as the frames come.
        """
        found = [poses.without_appearance() for poses in people] or [
            FramePoses.empty(frame=0, time=0, joints=len(skeleton))
        ]
        everybody = Detections.join([poses.people for poses in found], joints=len(skeleton))
        names = ("track_ids", "states", "link_margins", "link_costs", "link_gates", "keypoints_raw")
        return cls(
            source=source,
            size=size,
            skeleton=skeleton,
            frames=frames,
            frame=np.repeat([poses.frame for poses in found], [len(poses) for poses in found]),
            boxes=everybody.boxes,
            scores=everybody.scores,
            keypoints=everybody.keypoints,
            keypoint_scores=everybody.keypoint_scores,
            masks=everybody.masks,
            **join_columns(found, names),
        )

    def to_arrays(self) -> PoseArrays:
        """Everybody's joints as one dense array, for whoever computes with NumPy.

        Returns:
            Joints, ids and times, which can be unpacked. Rows without an id (-1) are left out.

        Raises:
            InputError: If a track is in a frame twice.

        Examples:
            >>> keypoints, ids, times = tracks.to_arrays()          # doctest: +SKIP
            >>> speed = np.diff(keypoints[..., :2], axis=0)         # doctest: +SKIP
        """
        rows = np.flatnonzero(self.track_ids >= 0)
        ids, person = np.unique(self.track_ids[rows], return_inverse=True)
        self._check_once_per_frame(rows)
        joints = np.concatenate([self.keypoints, self.keypoint_scores[..., None]], axis=-1)[rows]
        dense = np.full((len(self.frames), len(ids), *joints.shape[1:]), np.nan, joints.dtype)
        dense[self.frame[rows], person] = joints
        return PoseArrays(dense, ids, self.frames.times)

    def _check_once_per_frame(self, rows: IntArray) -> None:
        pairs = np.stack([self.frame[rows], self.track_ids[rows]], axis=1)
        unique, counts = np.unique(pairs, axis=0, return_counts=True)
        for frame, track_id in unique[counts > 1].tolist():
            raise InputError(
                f"{self.source}: expected each track once per frame, "
                f"got track {track_id} twice in frame {frame}"
            )

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``, a row per person and frame.

        Columns: ``frame``, ``time`` (seconds), ``track_id``, ``name`` (where the source names
        people), ``x1``, ``y1``, ``x2``, ``y2``, ``score``, ``state`` (``detected`` or
        ``interpolated``), and for every joint ``left_knee_x``, ``left_knee_y`` (pixels, NaN where
        it is not known) and ``left_knee_score``.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        return pandas_frame(self._columns())

    def to_polars(self) -> Any:
        """A ``polars.DataFrame`` with the columns of :meth:`to_pandas`.

        Raises:
            MissingExtraError: If polars is not installed.
        """
        return polars_frame(self._columns())

    def _columns(self) -> dict[str, np.ndarray]:
        names = np.array([state.name.lower() for state in RowState])
        columns: dict[str, np.ndarray] = {
            "frame": self.frame,
            "time": self.frames.times[self.frame],
            "track_id": self.track_ids,
            **self._name_column(),
            **dict(zip(("x1", "y1", "x2", "y2"), self.boxes.T, strict=True)),
            "score": self.scores,
            "state": names[self._row_states(slice(None))],
        }
        for place, joint in enumerate(self.skeleton.joints):
            columns[f"{joint}_x"] = self.keypoints[:, place, 0]
            columns[f"{joint}_y"] = self.keypoints[:, place, 1]
            columns[f"{joint}_score"] = self.keypoint_scores[:, place]
        return columns

    def _name_column(self) -> dict[str, np.ndarray]:
        if not self.track_names:
            return {}
        return {"name": np.array([self.track_names.get(i, "") for i in self.track_ids.tolist()])}

    def __repr__(self) -> str:
        return f"<VideoTracks {self.source!r}: {self._counts()}\n {self._format()}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: a row for each of the first tracks."""
        tracks = list(islice(self, HTML_TRACKS))
        rows = [
            (f"{t.track_id}", f"{len(t)}", summaries.time_span(t.times), f"{t.scores.mean():.2f}")
            for t in tracks
        ]
        if len(tracks) < len(self):
            rows.append(("...", "", f"{len(self) - len(tracks)} more", ""))
        return summaries.html_table(
            f"{self.source}: {self._counts()}, {self._format()}",
            ("track", "frames", "time", "mean score"),
            rows,
        )

    def _counts(self) -> str:
        tracks, rows = summaries.counted(len(self), "track"), len(self.frame)
        return (
            f"{tracks}, {summaries.counted(rows, 'row')} in {summaries.frames(self.frames.times)}"
        )

    def _format(self) -> str:
        return f"{summaries.frame_size(self.size)}, skeleton {self.skeleton.name}"


HTML_TRACKS = 10
"""How many tracks a notebook lists."""

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
    "keypoints_raw",
    "masks",
    "joint_states",
    "head_boxes",
)
"""The fields of :class:`VideoTracks` that have one entry per row."""
