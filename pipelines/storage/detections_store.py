"""Stores what was found in each frame: ``detections/part-00000.parquet`` and on.

A part holds a stretch of frames, one row per detection; its metadata names every frame of the
stretch with its time, state, colours and camera motion, so that frames with nobody in them and
corrupt ones are known too. Linking needs nothing else: no frame is decoded for it.
Parts are numbered without gaps. Each is written whole or not at all, carries a checksum
(:mod:`.parquet_seal`), and names its run by a key, so that a part that was damaged, or that belongs
to another run, is noticed.

Not here: whether the parts are those that the manifest knows (:mod:`.part_check`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from posetube.atomic_files import write_bytes
from posetube.errors import FormatError
from posetube.shortage import raise_shortage
from posetube.skeletons import Skeleton
from posetube.structures import DetectedFrame, Detections, FrameState, FrameTable, IntArray

from .arrow_arrays import arrow_numbers
from .parquet_seal import has_seal, seal_holds, sealed
from .pose_columns import (
    COMPRESSION,
    MAPS,
    REPEATED,
    appearance_array,
    appearance_field,
    column,
    mask_array,
    mask_field,
    pose_arrays,
    pose_fields,
    pose_people,
)

STATES: tuple[FrameState, ...] = get_args(FrameState)
CONTINUES = "continues"

SixNumbers = Annotated[list[float], msgspec.Meta(min_length=6, max_length=6)]
"""A (2, 3) map, row after row."""


class PartFrames(msgspec.Struct, frozen=True, kw_only=True):
    """The frames of one part; in its metadata under ``frames``."""

    frame: list[int]
    time_s: list[float]
    state: list[FrameState]
    colours: list[tuple[int, ...]] = []
    camera: list[SixNumbers | None] = []


def write_part(
    folder: Path,
    number: int,
    frames: Sequence[DetectedFrame],
    *,
    skeleton: Skeleton,
    key: str = "",
) -> Path:
    """Write one part with its checksum, whole or not at all, and return its path.

    Args:
        folder: The run's ``detections/``.
        number: Place of the part, from 0.
        frames: The frames of its stretch, in rising order.
        skeleton: Names of the joints.
        key: What all parts of this run have in common, see :attr:`.manifest.Manifest`.
    """
    listed = PartFrames(
        frame=[f.frame for f in frames],
        time_s=[f.time for f in frames],
        state=[f.state for f in frames],
        colours=[f.colours for f in frames],
        camera=[None if f.camera is None else f.camera.ravel().tolist() for f in frames],
    )
    metadata = {
        "frames": msgspec.json.encode(listed),
        "key": part_key(key, number) if key else "",
        "skeleton": skeleton.name,
        "joints": msgspec.json.encode(skeleton.joints),
    }
    fields = [
        pa.field("frame", pa.int64(), nullable=False),
        pa.field("time_s", pa.float64(), nullable=False),
        *pose_fields(len(skeleton)),
    ]
    people = Detections.join([f.people for f in frames], joints=len(skeleton))
    counts = [len(f.people) for f in frames]
    columns = [
        arrow_numbers(np.repeat(listed.frame, counts), pa.int64()),
        arrow_numbers(np.repeat(listed.time_s, counts), pa.float64()),
        *pose_arrays(people),
    ]
    for field, values in _optional(frames, people):
        fields.append(field)
        columns.append(values)
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata))
    path = part_path(folder, number)
    # In memory first, because the seal needs all bytes; a part is small.
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression=COMPRESSION, use_dictionary=list(REPEATED))
    write_bytes(path, sealed(content.getvalue().to_pybytes()))
    return path


def _optional(frames: Sequence[DetectedFrame], people: Detections) -> Iterator[tuple[Any, Any]]:
    """Columns that not every network fills: field and content."""
    rows = [f.continues for f in frames if f.continues is not None]
    if rows:
        values = arrow_numbers(np.concatenate(rows), pa.int32())
        yield pa.field(CONTINUES, pa.int32(), nullable=False), values
    if people.embeddings is not None:
        yield appearance_field(people.embeddings.shape[1]), appearance_array(people.embeddings)
    if people.heatmaps is not None:
        yield (
            pa.field(MAPS, pa.binary(), nullable=False),
            pa.array(people.heatmaps.tolist(), pa.binary()),
        )
    if people.masks is not None:
        yield mask_field(), mask_array(people.masks)


def part_key(key: str, number: int) -> str:
    """What a part carries to tell of which run it is, and which part."""
    return f"{key}-{number:05d}"


def part_path(folder: Path, number: int) -> Path:
    """Name of a part."""
    return folder / f"part-{number:05d}.parquet"


def parts(folder: Path) -> Iterator[Path]:
    """The parts, in order, up to the first one that is absent."""
    number = 0
    # A gap ends them: people behind it cannot be linked to those before.
    while (path := part_path(folder, number)).exists():
        yield path
        number += 1


@dataclass(frozen=True, slots=True)
class PartFile:
    """One part, opened; its checksum, if it has one, holds."""

    path: Path
    frames: PartFrames
    key: str
    """See :func:`part_key`; empty in parts of format 1."""

    rows: int
    """Number of detections."""

    file: Any
    """The table, not read yet."""


def open_part(path: Path) -> PartFile:
    """Open one part and hold it against its checksum.

    Raises:
        FormatError: If the file is damaged, or no part of a run.
    """
    # All of it, whichever columns are wanted: the checksum covers every byte.
    content = path.read_bytes()
    if has_seal(content) and not seal_holds(content):
        raise FormatError(f"{path}: damaged, its checksum does not hold")
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        metadata = file.schema_arrow.metadata or {}
        frames = msgspec.json.decode(metadata[b"frames"], type=PartFrames)
        if not has_seal(content):
            file.read()  # format 1 has no checksum: damage shows at the earliest here
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise_shortage(error)
        raise _unreadable(path, error) from None
    key = metadata.get(b"key", b"").decode("ascii", "replace")
    # Parts with a key were written with a seal. Where it is gone, damage took it.
    if key and not has_seal(content):
        raise FormatError(f"{path}: damaged, its checksum is gone")
    return PartFile(path=path, frames=frames, key=key, rows=file.metadata.num_rows, file=file)


def read_frames(folder: Path, *, joints: int, heatmaps: bool = False) -> Iterator[DetectedFrame]:
    """Every frame of a run in order, one part in memory at a time.

    Args:
        folder: The run's ``detections/``.
        joints: K, number of joints.
        heatmaps: Whether to read those as well, where they were kept.

    Raises:
        FormatError: If a part cannot be read.
    """
    for path in parts(folder):
        yield from frames_of(open_part(path), joints=joints, heatmaps=heatmaps)


def frames_of(part: PartFile, *, joints: int, heatmaps: bool = False) -> Iterator[DetectedFrame]:
    """Every frame of one part; arguments and errors are those of :func:`read_frames`."""
    try:
        names = [name for name in part.file.schema_arrow.names if heatmaps or name != MAPS]
        yield from _frames_in(part.frames, part.file.read(columns=names), joints=joints)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise_shortage(error)
        raise _unreadable(part.path, error) from None


def _frames_in(listed: PartFrames, table: Any, *, joints: int) -> Iterator[DetectedFrame]:
    everybody = pose_people(table, joints)
    linked = column(table, CONTINUES) if CONTINUES in table.column_names else None
    # One place more than frames, where the rows of the last one end.
    places = np.searchsorted(column(table, "frame"), [*listed.frame, np.iinfo(np.int64).max])
    for i, index in enumerate(listed.frame):
        rows = slice(places[i], places[i + 1])
        camera = listed.camera[i] if listed.camera else None
        yield DetectedFrame(
            frame=index,
            time=listed.time_s[i],
            state=listed.state[i],
            people=everybody[rows],
            colours=listed.colours[i] if listed.colours else (),
            camera=None if camera is None else np.array(camera).reshape(2, 3),
            continues=None if linked is None else linked[rows].astype(np.int64),
        )


def frame_table(listed: Iterable[PartFrames]) -> FrameTable:
    """Times and states of all frames of a run, from those of its parts.

    A frame that was not looked at (before ``--start``, between ``--every``) has time NaN and counts
    as not labelled.
    """
    return as_frame_table(
        (frame, time, state)
        for part in listed
        for frame, time, state in zip(part.frame, part.time_s, part.state, strict=True)
    )


def as_frame_table(seen: Iterable[tuple[int, float, FrameState]]) -> FrameTable:
    """The table of a video's frames from index, time and state of those that were looked at.

    The others have time NaN and count as not labelled.
    """
    rows = list(seen)
    frames: IntArray = np.array([frame for frame, _, _ in rows], np.int64)
    total = int(frames[-1]) + 1 if len(frames) else 0
    times = np.full(total, np.nan)
    times[frames] = [time for _, time, _ in rows]
    states = np.zeros(total, np.uint8)
    states[frames] = [STATES.index(state) for _, _, state in rows]
    looked_at = np.zeros(total, np.bool_)
    looked_at[frames] = True
    return FrameTable(
        times=times,
        states=states if states.any() else None,
        labeled=None if looked_at.all() else looked_at,
    )


def _unreadable(path: Path, error: Exception) -> FormatError:
    reason = " ".join(str(error).split())
    return FormatError(f"{path}: not a part of a run's detections, or damaged ({reason})")
