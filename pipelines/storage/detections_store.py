"""What was found in each frame, on disk: ``detections/part-00000.parquet`` and on.

A part holds a stretch of frames, one row per detection; its metadata names every frame of the
stretch with its time, state, colours and camera motion, so that frames with nobody in them and
corrupt ones are known too. Linking needs nothing else: no frame is decoded for it.
Parts are numbered without gaps and are there whole or not at all: what lies on the disk is always
the beginning of the video, up to some frame.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from posetube.atomic_files import replacing
from posetube.errors import FormatError
from posetube.skeletons import Skeleton
from posetube.structures import DetectedFrame, Detections, FrameState, FrameTable, IntArray

from .pose_columns import (
    COMPRESSION,
    appearance_array,
    appearance_field,
    column,
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
    folder: Path, number: int, frames: Sequence[DetectedFrame], *, skeleton: Skeleton
) -> Path:
    """Write one part, whole or not at all, and return its path.

    Args:
        folder: The run's ``detections/``.
        number: Place of the part, from 0.
        frames: The frames of its stretch, in rising order.
        skeleton: Names of the joints.
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
        pa.array(np.repeat(np.array(listed.frame, np.int64), counts)),
        pa.array(np.repeat(np.array(listed.time_s, np.float64), counts)),
        *pose_arrays(people),
    ]
    for field, values in _optional(frames, people):
        fields.append(field)
        columns.append(values)
    table = pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata))
    path = part_path(folder, number)
    with replacing(path) as aside, aside.open("wb") as file:
        pq.write_table(table, file, compression=COMPRESSION)
    return path


def _optional(frames: Sequence[DetectedFrame], people: Detections) -> Iterator[tuple[Any, Any]]:
    """Columns that not every network fills: field and content."""
    rows = [f.continues for f in frames if f.continues is not None]
    if rows:
        values = pa.array(np.concatenate(rows), pa.int32())
        yield pa.field(CONTINUES, pa.int32(), nullable=False), values
    if people.embeddings is not None:
        yield appearance_field(people.embeddings.shape[1]), appearance_array(people.embeddings)


def part_path(folder: Path, number: int) -> Path:
    """Name of a part."""
    return folder / f"part-{number:05d}.parquet"


def parts(folder: Path) -> Iterator[Path]:
    """The parts, in order, up to the first one that is absent."""
    number = 0
    while (path := part_path(folder, number)).exists():
        yield path
        number += 1


def read_frames(folder: Path, *, joints: int) -> Iterator[DetectedFrame]:
    """Every frame of a run in order, one part in memory at a time.

    Args:
        folder: The run's ``detections/``.
        joints: K, number of joints.

    Raises:
        FormatError: If a part cannot be read.
    """
    for path in parts(folder):
        listed = read_part_frames(path)
        table = _open(path).read()
        everybody = pose_people(table, joints)
        linked = column(table, CONTINUES) if CONTINUES in table.column_names else None
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


def read_part_frames(path: Path) -> PartFrames:
    """The frames of one part, from its metadata alone.

    Raises:
        FormatError: If the file is not a part of a run.
    """
    metadata = _open(path).schema_arrow.metadata or {}
    try:
        return msgspec.json.decode(metadata[b"frames"], type=PartFrames)
    except (KeyError, msgspec.MsgspecError) as error:
        raise _unreadable(path, error) from None


def frame_table(folder: Path) -> FrameTable:
    """Times and states of all frames of a run.

    A frame that was not looked at (before ``--start``, between ``--every``) has time NaN and counts
    as not labelled.
    """
    listed = [read_part_frames(path) for path in parts(folder)]
    frames: IntArray = np.array([i for part in listed for i in part.frame], np.int64)
    total = int(frames[-1]) + 1 if len(frames) else 0
    times = np.full(total, np.nan)
    times[frames] = [t for part in listed for t in part.time_s]
    states = np.zeros(total, np.uint8)
    states[frames] = [STATES.index(s) for part in listed for s in part.state]
    looked_at = np.zeros(total, np.bool_)
    looked_at[frames] = True
    return FrameTable(
        times=times,
        states=states if states.any() else None,
        labeled=None if looked_at.all() else looked_at,
    )


def _open(path: Path) -> Any:
    try:
        return pq.ParquetFile(pa.OSFile(os.fsencode(path)))
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> FormatError:
    return FormatError(
        f"{path}: not a part of a run's detections ({' '.join(str(error).split())}). "
        "Track again with --on-existing overwrite"
    )
