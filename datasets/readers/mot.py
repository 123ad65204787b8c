"""MOTChallenge's text: one line per box, ``frame,id,left,top,width,height,confidence,...``.

Frames count from 1. Truth marks what does not count with a confidence of 0. PoseTrack21 keeps its
truth as ``<sequence>/gt/gt.txt`` with ``image_info.json`` beside the folder ``gt``, which lists the
frames and their ignore regions. Boxes only: a person's joints are not in these files.

Source: MOTChallenge's description; PoseTrack21's ``posetrack_mot.py``.
"""

from pathlib import Path

import msgspec
import numpy as np

from posetube.errors import FormatError, InputError
from posetube.skeletons import Skeleton
from posetube.structures import DoubleArray, FrameTable, VideoTracks

from ..files.checked_values import MAX_PIXEL
from ..files.json_files import decode, read_bytes
from .annotation_rows import LARGEST_ID, MAX_PEOPLE
from .posetrack18 import region_polygons

NO_JOINTS = Skeleton(name="boxes", joints=())
"""Boxes have none."""

MAX_FRAMES = 1_000_000
"""More frames than this in one sequence are refused."""

NEEDED = 6
"""Columns that every line must have."""


class _Image(msgspec.Struct):
    """A frame in ``image_info.json``."""

    frame_index: int
    file_name: str = ""
    ignore_regions_x: list[list[float] | float] = []
    ignore_regions_y: list[list[float] | float] = []


def read(path: Path | str) -> VideoTracks:
    """Read one sequence.

    Args:
        path: A ``.txt`` file, or PoseTrack21's folder of a sequence.

    Raises:
        FormatError: If a line is not one of numbers; names file and line.
        InputError: If the file cannot be opened.
    """
    path = Path(path)
    folder = path.is_dir()
    file = path / "gt" / "gt.txt" if folder else path
    lines = _numbers(file)
    if folder:
        lines = lines[lines[:, 6] != 0]
    frames = _frames(path / "image_info.json") if (path / "image_info.json").is_file() else None
    last = int(lines[:, 0].max(initial=0))
    if frames is None:
        frames = FrameTable(times=np.full(last, np.nan))
    elif last > len(frames):
        raise FormatError(f"{file}: frame {last}, but image_info.json lists {len(frames)}")
    order = np.argsort(lines[:, 0], kind="stable")
    lines = lines[order]
    rows = len(lines)
    return VideoTracks(
        source=path.stem,
        size=None,
        skeleton=NO_JOINTS,
        frames=frames,
        frame=lines[:, 0].astype(np.int64) - 1,
        track_ids=lines[:, 1].astype(np.int64),
        boxes=np.column_stack([lines[:, 2:4], lines[:, 2:4] + lines[:, 4:6]]),
        scores=lines[:, 6].astype(np.float32),
        keypoints=np.zeros((rows, 0, 2)),
        keypoint_scores=np.zeros((rows, 0)),
    )


def _numbers(path: Path) -> DoubleArray:
    """(R, 7) the first columns of every line; a confidence that is not given is 1."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    rows: list[list[float]] = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not a text file") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            rows.append(_line(line, where=f"{path}: line {number}"))
    table = np.array(rows, np.float64).reshape(-1, 7)
    crowd = np.bincount(table[:, 0].astype(np.int64)) if len(table) else np.zeros(1)
    if crowd.max() > MAX_PEOPLE:
        raise FormatError(f"{path}: frame {crowd.argmax()} has more than {MAX_PEOPLE} boxes")
    return table


def _line(line: str, *, where: str) -> list[float]:
    cells = line.replace(",", " ").split()
    try:
        values = [float(cell) for cell in cells[:7]]
    except ValueError:
        raise FormatError(f"{where}: expected numbers, got {line.strip()[:60]!r}") from None
    if len(values) < NEEDED:
        raise FormatError(f"{where}: expected frame, id, left, top, width, height, got {cells}")
    frame, identity = values[:2]
    if not (np.abs(values[2:]) <= MAX_PIXEL).all() or not np.isfinite(values).all():
        raise FormatError(
            f"{where}: expected numbers up to {MAX_PIXEL:g}, got {line.strip()[:60]!r}"
        )
    if frame != int(frame) or not 1 <= frame <= MAX_FRAMES:
        raise FormatError(f"{where}: frame must be a whole number from 1, got {cells[0]}")
    if identity != int(identity) or not -1 <= identity <= LARGEST_ID:
        raise FormatError(f"{where}: id must be a whole number from 0, got {cells[1]}")
    return values if len(values) == 7 else [*values, 1.0]


def _frames(path: Path) -> FrameTable:
    images = decode(read_bytes(path), list[_Image], path=path)
    if [image.frame_index for image in images] != list(range(1, len(images) + 1)):
        raise FormatError(f"{path}: frame_index must count from 1 without gaps")
    return FrameTable(
        times=np.full(len(images), np.nan),
        names=tuple(image.file_name for image in images),
        ignore_regions={
            index: region_polygons(
                image.ignore_regions_x,
                image.ignore_regions_y,
                where=f"{path}: frame {image.frame_index}",
            )
            for index, image in enumerate(images)
            if image.ignore_regions_x
        },
    )
