"""Reads and writes MOTChallenge's text: one line per box.

A line is ``frame,id,left,top,width,height,confidence,-1,-1,-1``. Frames count from 1, and so do
pixels: :func:`read` subtracts 1 from corners and :func:`write_tracks` adds it;
:func:`read_as_written` leaves pixels as they are, for comparing two such files. Boxes, identities
and scores only: a person's joints are not in these files. A score that is not known is written as
1. Identities are written as -1 where all are unknown, as in MOTChallenge's lists of detections.

Truth marks what does not count with a confidence of 0. PoseTrack21 keeps its truth as
``<sequence>/gt/gt.txt`` with ``image_info.json`` beside the folder ``gt``, which lists the frames
and their ignore regions.

Source: MOTChallenge's description; PoseTrack21's ``posetrack_mot.py``.
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

import msgspec
import numpy as np

from posetube import boxes as box
from posetube.errors import FormatError, InputError
from posetube.file_reading import check_size
from posetube.structures import DoubleArray, FrameTable, VideoTracks

from ..annotated_video import AnnotatedVideo
from ..files.checked_values import MAX_PIXEL
from ..files.json_files import decode, read_bytes
from ..files.opened_file import OpenedFile
from ..files.text_tables import read_text_table
from .annotation_rows import LARGEST_ID, MAX_PEOPLE, NO_JOINTS
from .ignore_regions import RegionColumn, region_polygons
from .numbers import shortest

FIRST_PIXEL = 1.0
"""Number of the first pixel in these files."""

MAX_FRAMES = 1_000_000
"""More frames than this in one sequence are refused."""

MAX_BYTES = 512 * 2**20
"""Larger files are refused."""

MAX_COLUMNS = 10
"""More columns than this are refused."""

NEEDED = 6
"""Columns that every line must have."""


class _Image(msgspec.Struct):
    """A frame in ``image_info.json``."""

    frame_index: int
    file_name: str = ""
    ignore_regions_x: RegionColumn = []
    ignore_regions_y: RegionColumn = []


def recognise(file: OpenedFile) -> bool:
    """Any text; of folders those that hold the truth of a sequence."""
    return file.suffix == ".txt" or (file.path / "gt" / "gt.txt").is_file()


def read_videos(file: OpenedFile) -> tuple[AnnotatedVideo]:
    """Read one sequence, with its boxes as they are written too."""
    path = file.path
    written = read_as_written(path)
    return (
        AnnotatedVideo(
            name=path.resolve().name if path.is_dir() else path.stem,
            dataset="mot",
            tracks=_from_pixel_0(written),
            metric="mota",
            where=str(path),
            boxes_as_written=written.boxes,
        ),
    )


def read(path: Path | str) -> VideoTracks:
    """Read one video's boxes.

    Raises:
        FormatError: If a line is not one of numbers; names file and line.
        InputError: If the file cannot be opened.
    """
    return _from_pixel_0(read_as_written(path))


def _from_pixel_0(tracks: VideoTracks) -> VideoTracks:
    boxes = (tracks.boxes.astype(np.float64) - FIRST_PIXEL).astype(np.float32)
    return replace(tracks, boxes=boxes)


def read_as_written(path: Path | str) -> VideoTracks:
    """Read one sequence, with pixels as the file counts them.

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
        # In truth the seventh column is a flag: 0 marks boxes that do not count.
        lines = lines[lines[:, 6] != 0]
    frames = _frames(path / "image_info.json") if (path / "image_info.json").is_file() else None
    last = int(lines[:, 0].max(initial=0))
    if frames is None:
        # Frames without people have no line, so that those after the last one are not known.
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
    check_size(path)
    written = read_text_table(path, most=MAX_BYTES)
    text = written.content.decode().replace(written.delimiter, ",")
    lines = {n: line for n, line in enumerate(text.splitlines(), start=1) if line.strip()}
    cells = {n: _cells(line, where=f"{path}: line {n}") for n, line in lines.items()}
    _refuse_ragged(cells, path)
    rows = [_line(cells[n], line, where=f"{path}: line {n}") for n, line in lines.items()]
    table = np.array(rows, np.float64).reshape(-1, 7)
    crowd = np.bincount(table[:, 0].astype(np.int64)) if len(table) else np.zeros(1)
    if crowd.max() > MAX_PEOPLE:
        raise FormatError(f"{path}: frame {crowd.argmax()} has more than {MAX_PEOPLE} boxes")
    return table


def _cells(line: str, *, where: str) -> list[str]:
    """The columns of a line, separated by commas or spaces; other delimiters are commas by now."""
    line = re.sub(r"\s*,\s*", ",", line.strip())
    if "," in line and len(line.split()) > 1:
        raise FormatError(
            f"{where}: both commas and spaces between numbers, {line[:60]!r}; write decimals with "
            "a point"
        )
    return line.replace(",", " ").split()


def _refuse_ragged(cells: dict[int, list[str]], path: Path) -> None:
    """Refuse a line that differs from most others: a decimal comma makes one column two."""
    counts = Counter(len(line) for line in cells.values())
    usual, lines = counts.most_common(1)[0] if counts else (0, 0)
    for number, line in cells.items():
        if len(line) > MAX_COLUMNS or (len(line) != usual and 2 * lines > len(cells)):
            others = f"others {usual}" if len(line) != usual else f"at most {MAX_COLUMNS} are known"
            raise FormatError(
                f"{path}: line {number} has {len(line)} columns, {others}; "
                "are there decimal commas? Write them as points"
            )


def _line(cells: list[str], line: str, *, where: str) -> list[float]:
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
    if min(values[4:6]) < 0:
        raise FormatError(
            f"{where}: width and height must be 0 or more, got {cells[4]} and {cells[5]}"
        )
    if frame != int(frame) or not 1 <= frame <= MAX_FRAMES:
        raise FormatError(f"{where}: frame must be a whole number from 1, got {cells[0]}")
    if identity != int(identity) or not -1 <= identity <= LARGEST_ID:
        raise FormatError(f"{where}: id must be a whole number from 0, got {cells[1]}")
    # Some trackers leave the confidence out: what they write, they mean.
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


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people, those without a box as the extent of their joints.

    Raises:
        InputError: If a person has neither box nor joints, or others but not they an identity.
    """
    boxes = shortest(tracks.boxes)
    if len(tracks.skeleton):
        boxes = np.asarray(box.or_around(boxes, shortest(tracks.keypoints)), np.float64)
    nameless = tracks.track_ids < 0
    wrong = np.isnan(boxes).any(axis=1) | (nameless & (not nameless.all()))
    if wrong.any():
        frame = tracks.frame[np.flatnonzero(wrong)[0]]
        raise InputError(
            f"{path}: frame {frame}: a person has no track id, or neither box nor joints"
        )
    sides_of = box.to_xywh(boxes + FIRST_PIXEL)
    scores = np.where(np.isnan(tracks.scores), 1.0, shortest(tracks.scores))
    lines = [
        f"{frame + 1},{track_id},{','.join(map(repr, sides))},{score!r},-1,-1,-1\n"
        for frame, track_id, sides, score in zip(
            tracks.frame.tolist(), tracks.track_ids.tolist(), sides_of.tolist(), scores.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    Path(path).write_text("".join(lines), encoding="ascii")


def write_sequence_info(path: Path | str, tracks: VideoTracks, *, name: str) -> None:
    """Write ``seqinfo.ini``, which says how long a sequence is: frames without people have no line.

    Args:
        path: The file, in the sequence's folder.
        tracks: The sequence, its frames called ``img1/000001.jpg``.
        name: Of the sequence.
    """
    frames = tracks.frames
    suffix = PurePosixPath(frames.names[0]).suffix if frames.names else ".jpg"
    steps = np.diff(frames.times[~np.isnan(frames.times)])
    lines = {"name": name, "imDir": "img1", "seqLength": len(frames), "imExt": suffix}
    if len(steps) and np.median(steps) > 0:
        lines["frameRate"] = f"{1 / np.median(steps):.6g}"
    if tracks.size is not None:
        lines |= {"imHeight": tracks.size[0], "imWidth": tracks.size[1]}
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    Path(path).write_text(f"[Sequence]\n{text}", encoding="utf-8")
