"""Reads tables with a row per person and frame, as ``VideoTracks.to_pandas()`` makes them.

Columns ``frame, track_id`` and, as far as they are there, ``time`` (seconds), ``name``, ``x1, y1,
x2, y2``, ``score``, and for every joint ``<joint>_x``, ``_y`` (pixels), ``_score``; others are left
out. The table may be CSV or Parquet, with an index in front, in any order of rows. It knows neither
the picture's size nor frames without people.
"""

from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import FrameTable, VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.opened_file import OpenedFile
from .annotation_rows import skeleton_of
from .table_columns import floats, identities, integers, read_cells

CORNERS = ("x1", "y1", "x2", "y2")
NEEDED = {"frame", "track_id"}


def recognise(file: OpenedFile) -> bool:
    """Whether a text's first line names such columns."""
    return is_wide(file.first_cells)


def is_wide(columns: tuple[str, ...]) -> bool:
    """Whether columns are those of such a table: people with joints or boxes."""
    return {*columns} >= NEEDED and bool(joints_of(columns) or {*columns} >= {*CORNERS})


def joints_of(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The joints that have places, in the order of their columns."""
    return tuple(
        name.removesuffix("_x")
        for name in columns
        if name.endswith("_x") and f"{name.removesuffix('_x')}_y" in columns
    )


def read(path: Path | str) -> VideoTracks:
    """Read one video's people from a text.

    Raises:
        FormatError: If the file is not such a table.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    table, _ = read_cells(path, {"track_id": "string", "name": "string"}, what="people")
    return tracks_of(table, path)


def tracks_of(table: Any, path: Path) -> VideoTracks:
    """The people of a table.

    Args:
        table: pyarrow's, with the columns of this module.
        path: Where it came from, for messages.

    Raises:
        FormatError: If a column does not hold what it should, or somebody is twice in a frame.
    """
    import pyarrow as pa

    try:
        table = table.set_column(
            table.column_names.index("track_id"), "track_id", table["track_id"].cast(pa.string())
        )
        return _read(table, path)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise FormatError(
            f"{path}: not a table of people: {' '.join(str(error).split())}"
        ) from None


def _read(table: Any, path: Path) -> VideoTracks:
    names = tuple(table.column_names)
    frame, (ids, people) = integers(table, "frame", path), identities(table, path)
    if len(frame) and not (frame.min() >= 0 and frame.max() < MAX_FRAMES and ids.min() >= -1):
        raise FormatError(f"{path}: a frame is outside [0, {MAX_FRAMES}), or an id below -1")
    rows = np.argsort(frame, kind="stable")
    joints = joints_of(names)

    def stack(columns: list[str]) -> Any:
        found = [floats(table, name, path)[rows] for name in columns]
        return np.stack(found, axis=-1) if found else np.empty((len(rows), 0))

    times = np.full(int(frame.max(initial=-1)) + 1, np.nan)
    times[frame] = floats(table, "time", path)
    points = np.stack([stack([f"{joint}_{axis}" for joint in joints]) for axis in "xy"], axis=-1)
    points[np.isnan(points).any(axis=-1)] = np.nan  # half a position is none
    return VideoTracks(
        source=path.stem,
        size=None,
        skeleton=skeleton_of(joints, name=path.stem),
        frames=FrameTable(times=times),
        frame=frame[rows],
        track_ids=ids[rows],
        boxes=stack([*CORNERS]).astype(np.float32),
        scores=floats(table, "score", path)[rows].astype(np.float32),
        keypoints=points.astype(np.float32),
        keypoint_scores=stack([f"{joint}_score" for joint in joints]).astype(np.float32),
        track_names=people or _names(table, ids),
    )


def _names(table: Any, ids: Any) -> dict[int, str]:
    """What the column ``name`` calls people; a number is no name."""
    if "name" not in table.column_names:
        return {}
    said = zip(ids.tolist(), table["name"].to_pylist(), strict=True)
    return {track: str(name) for track, name in said if name and not str(name).isdigit()}
