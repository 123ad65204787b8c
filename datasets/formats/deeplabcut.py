"""Reads and writes DeepLabCut's tables: a line per frame, columns for each joint of each animal.

Writes CSV with four header lines (scorer, individuals, bodyparts, coords), a likelihood for every
joint where scores are known, and the number of the frame before each line; movement, SLEAP and
pandas read it too. Reads all its forms: of one animal (three header lines), with the picture's path
before each line, in one cell or in three; and the same tables in HDF5 (``.h5``). Holds
positions, scores, identities and the number of frames; neither boxes nor states nor times.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.structures import DoubleArray, FrameTable, VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.checked_values import MAX_PIXEL
from ..files.opened_file import OpenedFile
from ..files.reader_process import ReaderProcess
from ..files.text_tables import read_text_table
from .annotation_rows import (
    AnnotationRows,
    ids_of_names,
    name_of,
    names_of_ids,
    refuse_nameless,
    skeleton_of,
)
from .deeplabcut_hdf5 import MARK, csv_lines
from .frame_order import sorted_places
from .numbers import shortest

SCORER = "posetube"

MAX_BYTES = 512 * 2**20
"""Larger files are refused."""

MAX_COLUMNS = 100_000
"""Wider tables are refused."""

HEADS = ("scorer", "individuals", "bodyparts", "coords")


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people.

    Raises:
        InputError: If a row has no identity, or nobody is in the video.
    """
    if not len(tracks.frame):
        raise InputError(f"{tracks.source}: nobody is in it, and the table's columns are people")
    refuse_nameless(tracks, where=path)
    # Labels have no likelihood: a column of nothing would make predictions of them.
    scored = bool((~np.isnan(tracks.keypoint_scores)).any())
    coords = ("x", "y", "likelihood") if scored else ("x", "y")
    cells = shortest(tracks.keypoints)
    if scored:
        cells = np.concatenate([cells, shortest(tracks.keypoint_scores)[..., None]], axis=-1)
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(_header(tracks, coords))
        writer.writerows(_lines(tracks, cells.reshape(len(cells), -1)))


def _header(tracks: VideoTracks, coords: Sequence[str]) -> Iterator[list[str]]:
    names, parts = [name_of(tracks, i) for i in tracks.ids.tolist()], tracks.skeleton.joints
    columns = [(SCORER, name, part, axis) for name in names for part in parts for axis in coords]
    for place, head in enumerate(HEADS):
        yield [head, *(column[place] for column in columns)]


def _lines(tracks: VideoTracks, cells: DoubleArray) -> Iterator[list[object]]:
    places = {int(track_id): i for i, track_id in enumerate(tracks.ids)}
    width = cells.shape[1]
    for frame in range(len(tracks.frames)):
        line: list[object] = [frame, *[""] * (len(places) * width)]
        rows = tracks.rows_of(frame)
        for row in range(rows.start, rows.stop):
            start = 1 + places[int(tracks.track_ids[row])] * width
            numbers = ["" if np.isnan(cell) else cell for cell in cells[row].tolist()]
            line[start : start + width] = numbers
        yield line


def recognise(file: OpenedFile) -> bool:
    """Whether a CSV begins with the scorer, or pandas wrote the HDF5."""
    return MARK in file.start if file.suffix == ".h5" else file.first_cells[:1] == (HEADS[0],)


def read(path: Path | str, *, process: ReaderProcess | None = None) -> VideoTracks:
    """Read one video's people; a person is in the frames in which it has the place of a joint.

    Args:
        path: A table of text, or a ``.h5`` file.
        process: From :func:`posetube.datasets.formats.deeplabcut_hdf5.reader`, for many ``.h5``.

    Raises:
        FormatError: If the file is not of this format; names the line.
        InputError: If it cannot be opened.
        MissingExtraError: If it is HDF5, and h5py is not installed.
    """
    path = Path(path)
    if path.suffix.lower() == ".h5":
        numbered = dict(enumerate(csv_lines(path, process), start=1))
    else:
        numbered = read_text_table(path, most=MAX_BYTES).lines(path)
    lines = list(numbered.values())
    heads = {line[0]: line for line in lines[:4] if line[0] in HEADS}
    body = lines[len(heads) :]
    lengths = {len(line) for head, line in heads.items() if head != "scorer"}
    if not {"bodyparts", "coords"} <= heads.keys() or len(lengths) != 1:
        raise FormatError(f"{path}: expected the header lines scorer, bodyparts, coords")
    columns, lead = _columns(heads, path)
    joints = tuple(dict.fromkeys(part for _, part, _ in columns))
    people = list(dict.fromkeys(name for name, _, _ in columns))
    frames, names = _index([line[:lead] for line in body], path)
    rows = AnnotationRows(skeleton_of(joints, name=path.stem))
    ids = ids_of_names(people)
    numbers = list(numbered)[len(heads) :]
    for number, frame, line in zip(numbers, frames, body, strict=True):
        cells = _numbers(line[lead:], len(columns), where=f"{path}, line {number}")
        _add(rows, frame, cells, columns, ids=ids, joints=joints)
    times = np.full(max(frames, default=-1) + 1, np.nan)
    tracks = rows.table(path, FrameTable(times=times, names=names))
    return replace(tracks, track_names=names_of_ids(ids))


def _columns(heads: dict[str, list[str]], path: Path) -> tuple[list[tuple[str, str, str]], int]:
    """Individual, body part and coordinate of each column, and how many cells stand before them."""
    coords = heads["coords"]
    # Newer tables of labels split the path of a picture over three columns.
    lead = 3 if len(coords) > 3 and coords[1:3] == ["", ""] else 1
    names = heads.get("individuals", [""] * len(coords))
    columns = list(zip(names[lead:], heads["bodyparts"][lead:], coords[lead:], strict=True))
    strange = {axis for _, _, axis in columns} - {"x", "y", "likelihood"}
    if strange or not columns or len(columns) > MAX_COLUMNS or len(set(columns)) < len(columns):
        raise FormatError(f"{path}: expected columns x, y, likelihood, each once for a body part")
    return columns, lead


def _index(leads: list[list[str]], path: Path) -> tuple[list[int], tuple[str, ...]]:
    """Frame of each line: its number, or that of the picture whose path it begins with."""
    if len(leads) > MAX_FRAMES:
        raise FormatError(f"{path}: {len(leads)} frames; at most {MAX_FRAMES} are read")
    # Tables of labels name pictures, tables of predictions count frames.
    if all(len(lead) == 1 and re.fullmatch("[0-9]{1,9}", lead[0]) for lead in leads):
        frames = [int(lead[0]) for lead in leads]
        if frames and (max(frames) >= MAX_FRAMES or len(set(frames)) < len(frames)):
            raise FormatError(f"{path}: a frame comes twice, or is {MAX_FRAMES} or more")
        return frames, ()
    names = ["/".join(lead) for lead in leads]
    order = sorted_places(names)
    return np.argsort(order).tolist(), tuple(names[place] for place in order)


def _numbers(line: list[str], count: int, *, where: str) -> list[float]:
    if len(line) > count:
        raise FormatError(f"{where}: expected {count} numbers, got {len(line)}")
    line = line + [""] * (count - len(line))  # DeepLabCut leaves out empty cells at the end
    try:
        cells = [float(cell) if cell.strip() else np.nan for cell in line]
    except ValueError as error:
        raise FormatError(f"{where}: {error}") from None
    if not all(np.isnan(cell) or abs(cell) <= MAX_PIXEL for cell in cells):
        raise FormatError(f"{where}: a number is not finite, or beyond {MAX_PIXEL:g}")
    return cells


def _add(
    rows: AnnotationRows,
    frame: int,
    cells: list[float],
    columns: list[tuple[str, str, str]],
    *,
    ids: dict[str, int],
    joints: tuple[str, ...],
) -> None:
    place = {joint: i for i, joint in enumerate(joints)}
    axis_of = {"x": 0, "y": 1, "likelihood": 2}
    found: dict[str, DoubleArray] = {}
    for (name, part, axis), cell in zip(columns, cells, strict=True):
        if not np.isnan(cell):
            pose = found.setdefault(name, np.full((len(joints), 3), np.nan))
            pose[place[part], axis_of[axis]] = cell
    for name, pose in found.items():
        absent = np.isnan(pose[:, :2]).any(axis=1)
        if absent.all():  # DeepLabCut may keep a likelihood for nobody
            continue
        pose[absent] = np.nan
        points = np.column_stack([pose[:, :2], np.ones(len(joints))])
        rows.add(
            frame=frame,
            track_id=ids[name],
            points=points.ravel().tolist(),
            scores=pose[:, 2].tolist(),
        )
