"""Writes and reads ``tracks.parquet`` as a stream: a row per person and frame.

Rows are sorted by frame. The file holds nothing that differs between runs (no clock, no host), so
that the same detections give the same bytes. Its pages carry checksums: a file that is damaged is
refused.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from posetube.errors import FormatError
from posetube.records import join_columns
from posetube.shortage import raise_shortage
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import (
    ByteArray,
    Detections,
    DoubleArray,
    FloatArray,
    FramePoses,
    FrameTable,
    IntArray,
    RowState,
    VideoTracks,
)

from ...datasets.annotated_video import MAX_FRAMES
from .arrow_arrays import arrow_numbers, arrow_texts
from .edit_journal import corrections_wait
from .manifest import Manifest
from .part_check import frames_of_run
from .pose_columns import (
    COMPRESSION,
    CORNERS,
    REPEATED,
    column,
    mask_array,
    mask_field,
    pose_arrays,
    pose_fields,
    pose_people,
    raw_array,
    raw_field,
    raw_joints,
)
from .run_directory import RunDirectory

log = logging.getLogger(__name__)

ROW_GROUP = 512
"""Rows that are held in memory before they are written, and when they are read: some megabytes.
With four times as many the file is one percent smaller."""

STATE_NAMES = tuple(state.name.lower() for state in RowState)
"""How the column ``state`` spells a :class:`~posetube.structures.RowState`."""


EVIDENCE = {"link_cost": "link_costs", "link_gate": "link_gates"}
"""Columns of a link's cost and of the cost from which it is not made, and their fields."""


NAMES = "track_names"
"""Key of the metadata that says what people call some of the tracks."""

REFINED = "refined"
"""Key of the metadata that says by which settings joints were refined."""


class TracksWriter:
    """Writes one ``tracks.parquet``; a context manager."""

    def __init__(
        self,
        path: Path,
        *,
        source: str,
        size: tuple[int, int],
        joints: Skeleton,
        refined: Mapping[str, Any] | None = None,
        masks: bool = False,
        names: Mapping[int, str] | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: Name to write to.
            source: Name of the video.
            size: (H, W) of its displayed frames, pixels.
            joints: Names of the K joints.
            refined: The settings by which joints were refined; those before refining are kept
                beside the others. None: they were not.
            masks: Whether people have masks.
            names: What people call some of the tracks.
        """
        metadata = {
            "source": source,
            "size": msgspec.json.encode(size),
            "skeleton": joints.name,
            "joints": msgspec.json.encode(joints.joints),
        }
        if names:
            metadata[NAMES] = msgspec.json.encode(dict(sorted(names.items())))
        if refined:
            metadata[REFINED] = msgspec.json.encode(refined)
        fields = _fields(len(joints)) + ([raw_field(len(joints))] if refined else [])
        fields += [mask_field()] if masks else []
        self._schema = pa.schema(fields, metadata=metadata)
        self._joints, self._refined, self._masks = len(joints), bool(refined), masks
        self._waiting: list[FramePoses] = []
        self._rows = 0  # that wait
        self._file = path.open("wb")  # pyarrow opens no name that is not UTF-8
        self._writer = pq.ParquetWriter(
            self._file,
            self._schema,
            compression=COMPRESSION,
            use_dictionary=list(REPEATED),
            write_page_checksum=True,
        )

    def write(self, poses: FramePoses) -> None:
        """Append one frame's people; frames in rising order."""
        if len(poses):
            self._waiting.append(poses)
            self._rows += len(poses)
        if self._rows >= ROW_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is left and end the file."""
        if self._waiting:
            self._write_group()
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is None:
            self.close()
        else:
            self._end()

    def _end(self) -> None:
        self._writer.close()
        self._file.close()

    def _write_group(self) -> None:
        frames, self._waiting, self._rows = self._waiting, [], 0
        counts = [len(f) for f in frames]
        people = Detections.join([f.people for f in frames], joints=self._joints)
        rows = join_columns(frames, ("track_ids", "states", "link_margins"))
        columns = [
            arrow_numbers(np.repeat([f.frame for f in frames], counts), pa.int64()),
            arrow_numbers(np.repeat([f.time for f in frames], counts), pa.float64()),
            arrow_numbers(rows["track_ids"], pa.int64()),
            *pose_arrays(people),
            arrow_texts([STATE_NAMES[state] for state in rows["states"]]),
            arrow_numbers(rows["link_margins"], pa.float32()),
            *(arrow_numbers(_known(frames, name), pa.float32()) for name in EVIDENCE.values()),
        ]
        if self._refined:
            columns.append(raw_array(np.concatenate([f.keypoints_raw for f in frames])))
        if self._masks:
            assert people.masks is not None
            columns.append(mask_array(people.masks))
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))


def read_poses(path: Path) -> Iterator[FramePoses]:
    """The frames that somebody is in, in order, a row group in memory at a time.

    Raises:
        FormatError: If the file is not a table of tracks, or is damaged.
    """
    file = _open(path)
    joints = len(_skeleton(path, file))
    for group in range(file.num_row_groups):
        with _refusing_damage(path):
            frames = list(_group_poses(file.read_row_group(group), joints))
        yield from frames


def _group_poses(table: Any, joints: int) -> Iterator[FramePoses]:
    frames, times = column(table, "frame"), column(table, "time_s")
    ids, margins = column(table, "track_id"), column(table, "link_margin")
    people, states, evidence = pose_people(table, joints), _states(table), _evidence(table)
    raw = raw_joints(table, joints)
    starts = np.flatnonzero(np.diff(frames, prepend=-1))
    for start, stop in pairwise([*starts.tolist(), len(frames)]):
        rows = slice(start, stop)
        yield FramePoses(
            frame=int(frames[start]),
            time=float(times[start]),
            track_ids=ids[rows],
            people=people[rows],
            states=states[rows],
            link_margins=margins[rows],
            keypoints_raw=None if raw is None else raw[rows],
            **{name: values[rows] for name, values in evidence.items()},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackRows:
    """The rows of a table of tracks, without poses."""

    frame: IntArray
    """(R,) index of each row's frame."""

    times: DoubleArray
    """(R,) presentation times, seconds."""

    track_ids: IntArray
    """(R,)"""

    boxes: FloatArray
    """(R, 4) pixels."""

    states: ByteArray
    """(R,) :class:`RowState`."""


def read_rows(path: Path) -> TrackRows:
    """The rows of a table of tracks, without poses, all in memory.

    Raises:
        FormatError: If the file is not a table of tracks, or is damaged.
    """
    file = _open(path)
    names = ("frame", "time_s", "track_id", *CORNERS, "state")
    with _refusing_damage(path):
        table = file.read(columns=list(names))
        return TrackRows(
            frame=column(table, "frame"),
            times=column(table, "time_s"),
            track_ids=column(table, "track_id"),
            boxes=np.stack([column(table, name) for name in CORNERS], axis=1),
            states=_states(table),
        )


def check_tracks(run: RunDirectory, manifest: Manifest) -> None:
    """Refuse a run's tracks if they are damaged.

    Raises:
        FormatError: If they are, or are missing.
    """
    for _ in read_poses(run.tracks):
        pass


def read_tracks(folder: Path) -> VideoTracks:
    """The tracks of a run, all in memory.

    Args:
        folder: The run's directory.

    Raises:
        InputError: If the folder is no run.
        FormatError: If its detections are not linked yet, or a file is missing or damaged or does
            not follow its format.
    """
    run = RunDirectory(folder)
    manifest = run.read()
    if corrections_wait(run, manifest):
        log.warning(
            "%s: the last corrections are not in the tracks yet, because a job was stopped; "
            "`posetube edit %s` puts them in",
            folder,
            folder,
        )
    source, frames = manifest.source, frames_of_run(run, manifest)
    if source.pictures:
        frames = replace(frames, names=source.pictures[: len(frames)])
    return _read_all(run.tracks, source=source.name, size=source.size, frames=frames)


def is_table(path: Path) -> bool:
    """Whether a Parquet file is a run's table of tracks; one that cannot be opened is not."""
    try:
        schema = _open(path).schema_arrow
    except FormatError:
        return False
    return "track_id" in schema.names and b"skeleton" in (schema.metadata or {})


def read_table(path: Path) -> VideoTracks:
    """The tracks of a ``tracks.parquet`` that was taken out of its run.

    The table knows frames with people only: the video ends at the last of them, and the times
    between them are interpolated.

    Raises:
        FormatError: If the file is damaged, or not a table of tracks.
    """
    with _refusing_damage(path):
        file = _open(path)
        metadata = file.schema_arrow.metadata
        table = file.read(columns=["frame", "time_s"])
        known, first = np.unique(column(table, "frame"), return_index=True)
        if known.max(initial=0) >= MAX_FRAMES:
            raise ValueError(f"frame {known.max()}; at most {MAX_FRAMES} are read")
        frames = FrameTable(times=_all_times(known, column(table, "time_s")[first]))
        source, size = metadata[b"source"].decode(), msgspec.json.decode(metadata[b"size"])
    return _read_all(path, source=source, size=tuple(size), frames=frames)


def _all_times(known: IntArray, times: DoubleArray) -> DoubleArray:
    """(F,) time of every frame up to the last known one, seconds; at the known ones' pace."""
    every = np.arange(known.max(initial=-1) + 1)
    if len(known) < 2:
        return np.full(len(every), times[0]) if len(known) else np.empty(0)
    pace = (times[-1] - times[0]) / (known[-1] - known[0])
    return np.where(
        every < known[0], times[0] + (every - known[0]) * pace, np.interp(every, known, times)
    )


def _read_all(path: Path, *, source: str, size: tuple[int, int], frames: FrameTable) -> VideoTracks:
    file = _open(path)
    joints = _skeleton(path, file)
    with _refusing_damage(path):
        table = file.read()
        people, evidence = pose_people(table, len(joints)), _evidence(table)
        return VideoTracks(
            source=source,
            size=size,
            skeleton=joints,
            frames=frames,
            frame=column(table, "frame"),
            track_ids=column(table, "track_id"),
            boxes=people.boxes,
            scores=people.scores,
            keypoints=people.keypoints,
            keypoint_scores=people.keypoint_scores,
            states=_states(table),
            link_margins=column(table, "link_margin"),
            link_costs=evidence.get("link_costs"),
            link_gates=evidence.get("link_gates"),
            keypoints_raw=raw_joints(table, len(joints)),
            masks=people.masks,
            track_names=_names(file),
        )


def read_names(path: Path) -> dict[int, str]:
    """What people call some of a table's tracks, by id.

    Raises:
        FormatError: If the file is not a table of tracks, or is damaged.
    """
    return _names(_open(path))


def _names(file: Any) -> dict[int, str]:
    text = (file.schema_arrow.metadata or {}).get(NAMES.encode())
    return {} if text is None else msgspec.json.decode(text, type=dict[int, str])


def refined_by(path: Path, settings: Mapping[str, Any]) -> bool:
    """Whether the joints of a table of tracks were refined by these settings.

    Raises:
        FormatError: If the file is not a table of tracks, or is damaged.
    """
    return (_open(path).schema_arrow.metadata or {}).get(REFINED.encode()) == msgspec.json.encode(
        settings
    )


def _fields(joints: int) -> list[Any]:
    return [
        pa.field("frame", pa.int64(), nullable=False),
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("track_id", pa.int64(), nullable=False),
        *pose_fields(joints),
        pa.field("state", pa.string(), nullable=False),
        pa.field("link_margin", pa.float32(), nullable=False),
        *(pa.field(name, pa.float32(), nullable=False) for name in EVIDENCE),
    ]


def _known(frames: Sequence[FramePoses], name: str) -> FloatArray:
    """A column that not every tracker fills; NaN where it is not filled."""
    parts = [getattr(f, name) for f in frames]
    unknown = [np.full(len(f), np.nan, np.float32) for f in frames]
    return np.concatenate([u if p is None else p for p, u in zip(parts, unknown, strict=True)])


def _evidence(table: Any) -> dict[str, FloatArray]:
    """Cost and gate of each link; empty for tables of versions that did not keep them."""
    names = set(table.column_names)
    return {field: column(table, name) for name, field in EVIDENCE.items() if name in names}


def _states(table: Any) -> ByteArray:
    names = column(table, "state")
    return np.array([STATE_NAMES.index(name) for name in names], np.uint8)


def _skeleton(path: Path, file: Any) -> Skeleton:
    metadata = file.schema_arrow.metadata or {}
    if b"skeleton" not in metadata:
        raise FormatError(f"{path}: not a table of tracks: its metadata names no skeleton")
    with _refusing_damage(path):
        name = metadata[b"skeleton"].decode()
    return skeleton(name)


def _open(path: Path) -> Any:
    try:
        with _refusing_damage(path):
            return pq.ParquetFile(pa.OSFile(os.fsencode(path)), page_checksum_verification=True)
    except FileNotFoundError:
        raise FormatError(
            f"{path} is absent: the run is not linked yet. `posetube link {path.parent}` does it"
        ) from None


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    """Make what Arrow raises on a damaged file, and what damaged values raise, a FormatError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, OverflowError) as error:
        raise_shortage(error)
        run = RunDirectory(path.parent)
        # A table without its run has no remedy.
        remedy = f". `posetube link {run.path}` makes it again" if run.manifest.exists() else ""
        what = f"damaged, or not a table of tracks ({' '.join(str(error).split())})"
        raise FormatError(f"{path}: {what}{remedy}") from None
