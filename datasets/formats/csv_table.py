"""Reads and writes CSV with one line per person, frame and joint, for pandas, R and spreadsheets.

Columns ``video, frame, time, track_id, joint, x, y, score, visible``: seconds and pixels, empty
where not known; ``visible`` is 0 absent, 1 hidden, 2 seen. Every joint of every person has a line,
so that the table has one shape. It holds neither boxes nor frames without people.

One table can be written of several videos, which ``video`` tells apart. Only tables of one video
are read; other programs' too, if they have ``frame, track_id, joint, x, y``, also as spreadsheets
save them (:mod:`posetube.datasets.files.text_tables`).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import DoubleArray, FrameTable, IntArray, VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.opened_file import OpenedFile
from .annotation_rows import skeleton_of
from .numbers import joint_states, shortest, states_of
from .table_columns import floats, identities, integers, read_cells

MAX_JOINTS = 1000
"""More different joints than this are refused."""

TYPES = {
    "video": "string", "frame": "int64", "time": "float64", "track_id": "int64",
    "joint": "string", "x": "float64", "y": "float64", "score": "float64", "visible": "int64",
}  # fmt: skip
"""The columns, in order, and pyarrow's names of their types.

pyarrow is imported where it is used: listing the formats must not take its time."""

READ_AS = TYPES | {"frame": "float64", "visible": "float64", "track_id": "string"}
"""Columns as they are read: pandas writes whole numbers as 4.0, and some call people by names."""

NEEDED = ("frame", "track_id", "joint", "x", "y")


def recognise(file: OpenedFile) -> bool:
    """Whether it is a table by its ending, or a text with the columns of this one."""
    return file.suffix != ".txt" or {*NEEDED} <= {*file.first_cells}


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people."""
    write_videos(path, [tracks])


def write_videos(path: Path | str, videos: Iterable[VideoTracks]) -> None:
    """Write the people of several videos into one table, a video at a time."""
    import pyarrow.csv as pc

    options = pc.WriteOptions(quoting_style="needed")
    with Path(path).open("wb") as file:  # pyarrow opens no name that is not UTF-8
        table = pc.CSVWriter(file, _schema(), write_options=options)
        for tracks in videos:
            table.write_table(_lines(tracks))
        table.close()


def _lines(tracks: VideoTracks) -> Any:
    """A line for each joint of each row."""
    import pyarrow as pa

    rows, joints = tracks.keypoints.shape[:2]
    points = shortest(tracks.keypoints)
    scores = shortest(tracks.keypoint_scores)

    def each(values: Any) -> Any:
        return np.repeat(values, joints)

    return pa.table(
        {
            "video": pa.array([tracks.source] * (rows * joints), pa.string()),
            "frame": each(tracks.frame),
            "time": _column(each(tracks.frames.times[tracks.frame])),
            "track_id": each(tracks.track_ids),
            "joint": pa.array(list(tracks.skeleton.joints) * rows, pa.string()),
            "x": _column(points[..., 0]),
            "y": _column(points[..., 1]),
            "score": _column(scores),
            "visible": joint_states(tracks).ravel(),
        },
        schema=_schema(),
    )


def _column(values: DoubleArray) -> Any:
    import pyarrow as pa

    return pa.array(values.ravel(), pa.float64(), from_pandas=True)


def read(path: Path | str) -> VideoTracks:
    """Read one video's people; joints in the order in which the file names them first.

    Raises:
        FormatError: If the file is not such a table, or holds several videos.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    table = _table(path)
    frame, (ids, names_of_people) = integers(table, "frame", path), identities(table, path)
    if len(frame) and not (frame.min() >= 0 and frame.max() < MAX_FRAMES and ids.min() >= -1):
        raise FormatError(f"{path}: a frame is outside [0, {MAX_FRAMES}), or an id below -1")
    source, (names, joint) = _source(table, path), _joints(table, path)
    person, heads = _people(frame, ids, joint)
    _refuse_repeated(frame[heads], ids[heads], path)
    r, k = len(heads), len(names)
    numbers = {name: floats(table, name, path) for name in ("x", "y", "score", "time")}
    points, scores = np.full((r, k, 2), np.nan), np.full((r, k), np.nan)
    points[person, joint] = np.column_stack([numbers["x"], numbers["y"]])
    # Half a position is none.
    points[np.isnan(points).any(axis=-1)] = np.nan
    scores[person, joint] = numbers["score"]
    times = np.full(int(frame.max(initial=-1)) + 1, np.nan)
    times[frame] = numbers["time"]
    return VideoTracks(
        source=source,
        size=None,
        skeleton=skeleton_of(names, name=path.stem),
        frames=FrameTable(times=times),
        frame=frame[heads],
        track_ids=ids[heads],
        boxes=np.full((r, 4), np.nan, np.float32),
        scores=np.full(r, np.nan, np.float32),
        keypoints=points,
        keypoint_scores=scores,
        joint_states=_states(table, points, person, joint, path),
        track_names=names_of_people,
    )


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema({name: pa.type_for_alias(kind) for name, kind in TYPES.items()})


def _table(path: Path) -> Any:

    table, delimiter = read_cells(path, READ_AS, what="joints")
    names = table.column_names
    missing = [name for name in NEEDED if name not in names]
    if missing or len(set(names)) != len(names):
        shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
        what = "two columns of one name" if not missing else f"no column {', '.join(missing)}"
        what += f"; it has {shown}, divided at {delimiter!r}"
        raise FormatError(f"{path}: not a table of joints: {what}")
    return table


def _joints(table: Any, path: Path) -> tuple[tuple[str, ...], IntArray]:
    """Names of the joints, and which each line is of."""
    encoded = table.column("joint").combine_chunks().dictionary_encode()
    names = tuple(encoded.dictionary.to_pylist())
    if len(names) > MAX_JOINTS:
        raise FormatError(f"{path}: {len(names)} different joints; at most {MAX_JOINTS} are read")
    return names, np.asarray(encoded.indices.to_numpy(zero_copy_only=False), np.int64)


def _people(frame: IntArray, ids: IntArray, joint: IntArray) -> tuple[IntArray, IntArray]:
    """Which person each line is of, and the first line of each person, sorted by frame.

    A person is a frame and an id; people without ids are told apart by their joints coming again.
    """
    line = np.arange(len(frame))
    order = np.lexsort((line, joint, ids, frame))
    keys = np.stack([frame, ids, joint])[:, order]
    new = np.append(True, (np.diff(keys) != 0).any(axis=0))[: len(line)]
    again = np.empty_like(line)
    again[order] = line - np.maximum.accumulate(np.where(new, line, 0))
    people = np.stack([frame, ids, again], axis=1)
    _, first, person = np.unique(people, axis=0, return_index=True, return_inverse=True)
    rank = np.lexsort((first, frame[first]))
    place = np.empty_like(rank)
    place[rank] = np.arange(len(rank))
    return place[person.ravel()], first[rank]


def _refuse_repeated(frame: IntArray, ids: IntArray, path: Path) -> None:
    """Refuse an identity that two people of one frame have: a joint of theirs comes twice."""
    people = np.stack([frame, ids], axis=1)[ids >= 0]
    found, counts = np.unique(people, axis=0, return_counts=True)
    if (counts > 1).any():
        where, who = found[counts > 1][0]
        raise FormatError(f"{path}: frame {where}, track_id {who}: a joint comes twice")


def _source(table: Any, path: Path) -> str:
    if "video" not in table.column_names or not table.num_rows:
        return path.stem
    names = table.column("video").unique().to_pylist()
    if len(names) > 1:
        raise FormatError(f"{path}: {len(names)} videos in one table; only tables of one are read")
    return str(names[0])


def _states(table: Any, points: DoubleArray, person: IntArray, joint: IntArray, path: Path) -> Any:
    """(R, K) states of the joints; None where they only repeat what the positions tell."""
    told = states_of(points)
    if "visible" not in table.column_names:
        return None
    visible = integers(table, "visible", path)
    if len(visible) and not 0 <= visible.min() <= visible.max() <= 2:
        raise FormatError(f"{path}: visible must be 0, 1 or 2")
    found = np.zeros_like(told)
    found[person, joint] = visible
    # A joint without a place is absent, whatever the column says.
    found[told == 0] = 0
    return None if (found == told).all() else found
