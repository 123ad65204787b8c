"""Reads and writes Parquet: a row per person and frame, a column per joint and number.

Columns ``frame, time, track_id, x1, y1, x2, y2, score`` and, for every joint, ``<joint>_x``,
``_y``, ``_score``, ``_visible`` (0 absent, 1 hidden, 2 seen); ``state``, ``link_margin``,
``link_cost``, ``link_gate`` and ``head_x1`` ... where the tracks have them. What is known of the
frames, those without people included, is JSON in the file's metadata under ``posetube``. Nothing is
lost.

Not here: the tables of a run's directory (:mod:`posetube.pipelines.storage.tracks_store`).
"""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube.errors import FormatError, InputError
from posetube.file_reading import check_size
from posetube.shortage import raise_shortage
from posetube.skeletons import described
from posetube.structures import FrameTable, VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.json_files import encode, plain
from . import wide_table
from .numbers import joint_states, or_none, states_of

KEY = b"posetube"
CORNERS = ("x1", "y1", "x2", "y2")
OPTIONAL = {
    "state": "states",
    "link_margin": "link_margins",
    "link_cost": "link_costs",
    "link_gate": "link_gates",
}
"""Columns that are there where the tracks have them, and the field of each."""

MAX_ROWS = 20_000_000
"""Tables with more rows are refused."""

MAX_CELLS = 60_000_000
"""Tables with more numbers are refused; they would not fit into memory."""


class _Video(msgspec.Struct, kw_only=True):
    """The metadata: what is not a row's."""

    source: str
    size: tuple[int, int] | None
    skeleton: str
    joints: list[str]
    edges: list[tuple[str, str]]
    joint_states: bool
    times: list[float | None]
    names: list[str]
    ids: list[int] | None
    labeled: list[bool] | None
    frame_states: list[int] | None
    ignore_regions: dict[int, list[list[tuple[float, float]]]]
    track_names: dict[int, str] = {}


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(_columns(tracks))
    metadata = {KEY: encode(_describe(tracks))}
    with Path(path).open("wb") as file:  # pyarrow opens no name that is not UTF-8
        pq.write_table(table.replace_schema_metadata(metadata), file, compression="zstd")


def _columns(tracks: VideoTracks) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "frame": tracks.frame,
        "time": tracks.frames.times[tracks.frame],
        "track_id": tracks.track_ids,
        **dict(zip(CORNERS, tracks.boxes.T, strict=True)),
        "score": tracks.scores,
    }
    states = joint_states(tracks)
    for place, joint in enumerate(tracks.skeleton.joints):
        columns[f"{joint}_x"] = tracks.keypoints[:, place, 0]
        columns[f"{joint}_y"] = tracks.keypoints[:, place, 1]
        columns[f"{joint}_score"] = tracks.keypoint_scores[:, place]
        columns[f"{joint}_visible"] = states[:, place]
    columns |= {
        name: getattr(tracks, field)
        for name, field in OPTIONAL.items()
        if getattr(tracks, field) is not None
    }
    if tracks.head_boxes is not None:
        columns |= {f"head_{name}": side for name, side in zip(CORNERS, tracks.head_boxes.T,
                                                               strict=True)}  # fmt: skip
    return columns


def _describe(tracks: VideoTracks) -> _Video:
    frames, joints = tracks.frames, tracks.skeleton
    return _Video(
        source=tracks.source,
        size=tracks.size,
        skeleton=joints.name,
        joints=list(joints.joints),
        edges=list(joints.edges),
        joint_states=tracks.joint_states is not None,
        times=or_none(frames.times),
        names=list(frames.names),
        ids=None if frames.ids is None else frames.ids.tolist(),
        labeled=None if frames.labeled is None else frames.labeled.tolist(),
        frame_states=None if frames.states is None else frames.states.tolist(),
        ignore_regions={
            i: [region.tolist() for region in regions]
            for i, regions in frames.ignore_regions.items()
        },
        track_names=tracks.track_names,
    )


def read(path: Path | str) -> VideoTracks:
    """Read one video's people.

    Raises:
        FormatError: If the file is not such a table.
        InputError: If it cannot be opened.
    """
    import pyarrow as pa

    path = Path(path)
    table, video = _open(path)
    if video is None:
        return wide_table.tracks_of(table, path)
    try:
        return _tracks(table, video)
    except (InputError, ValueError, KeyError, TypeError, OverflowError, pa.ArrowException) as error:
        raise FormatError(
            f"{path}: not a table of tracks: {' '.join(str(error).split())}"
        ) from None


def _open(path: Path) -> tuple[Any, _Video | None]:
    """The table and its metadata; None of a table of another program, such as pandas."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_size(path)
    try:
        file = pq.ParquetFile(pa.OSFile(os.fsencode(path)))
        rows, width = file.metadata.num_rows, file.metadata.num_columns
        if rows > MAX_ROWS or rows * width > MAX_CELLS:
            raise FormatError(f"{path}: {rows} rows of {width} columns, refused")
        described = (file.schema_arrow.metadata or {}).get(KEY)
        if described is None and wide_table.is_wide(tuple(file.schema_arrow.names)):
            return file.read(), None
        if described is None:
            raise FormatError(f"{path}: not a table of tracks: its metadata has no 'posetube'")
        video = msgspec.json.decode(described, type=_Video)
        return file.read(), video
    except (pa.ArrowException, OSError) as error:
        raise_shortage(error)
        reason = " ".join(str(error).split())
        raise FormatError(f"{path}: not a table of tracks ({reason})") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: metadata: {plain(error)}") from None


def _tracks(table: Any, video: _Video) -> VideoTracks:
    def column(name: str) -> Any:
        return np.array(table.column(name).to_numpy())

    def whole(name: str) -> Any:
        values = column(name)
        if not np.issubdtype(values.dtype, np.number):
            raise ValueError(f"{name}: expected numbers, got {table.column(name).type}")
        if (values != np.trunc(values)).any():  # pandas writes whole numbers as 4.0
            raise ValueError(f"{name}: expected whole numbers")
        return values.astype(np.int64)

    def stack(names: list[str]) -> Any:
        if not names:  # people with boxes only
            return np.empty((table.num_rows, 0), np.float32)
        return np.stack([column(name) for name in names], axis=-1)

    table = table.take(np.argsort(whole("frame"), kind="stable"))  # others sort by person
    joints = video.joints
    points = np.stack([stack([f"{j}_{axis}" for j in joints]) for axis in "xy"], axis=-1)
    states = stack([f"{joint}_visible" for joint in joints])
    names = set(table.column_names)
    optional: dict[str, Any] = {
        field: column(name) for name, field in OPTIONAL.items() if name in names
    }
    if not video.joint_states and not np.array_equal(states, states_of(points)):
        raise ValueError("its joints are marked as its positions are not")
    return VideoTracks(
        source=video.source,
        size=video.size,
        skeleton=described(video.skeleton, video.joints, video.edges),
        frames=_frames(video),
        frame=whole("frame"),
        track_ids=whole("track_id"),
        boxes=stack(list(CORNERS)),
        scores=column("score"),
        keypoints=points,
        keypoint_scores=stack([f"{joint}_score" for joint in joints]),
        **optional,
        joint_states=states if video.joint_states else None,
        head_boxes=stack([f"head_{c}" for c in CORNERS]) if "head_x1" in names else None,
        track_names=video.track_names,
    )


def _frames(video: _Video) -> FrameTable:
    if len(video.times) > MAX_FRAMES:
        raise ValueError(f"{len(video.times)} frames; at most {MAX_FRAMES} are read")
    return FrameTable(
        times=np.array(video.times, np.float64),
        names=tuple(video.names),
        ids=None if video.ids is None else np.array(video.ids, np.int64),
        labeled=None if video.labeled is None else np.array(video.labeled, np.bool_),
        states=None if video.frame_states is None else np.array(video.frame_states, np.uint8),
        ignore_regions={
            i: tuple(np.array(region, np.float64) for region in regions)
            for i, regions in video.ignore_regions.items()
        },
    )
