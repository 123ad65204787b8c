"""Reads PoseTrack17's MATLAB files: the same ``annolist`` as its JSON, one file per sequence.

Positions are left as they are, like those of the JSON, so that both give the same numbers. Frames
that nobody labelled have ``is_labeled`` 0 or no people at all; a joint is hidden where it has an
``is_visible`` of 0.

Not here: the JSON (:mod:`posetube.datasets.formats.posetrack17`).

Source: the layout as Detect-and-Track's conversion program reads it. No original file was at hand.
"""

from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, Polygon, VideoTracks

from ..files.checked_values import number, structs, text, variable
from ..files.mat_files import read_mat
from .annotation_rows import NO_BOX, AnnotationRows

NOTHING = np.zeros((0, 0))
HEAD = ("x1", "y1", "x2", "y2")


def read(path: Path | str) -> VideoTracks:
    """Read one sequence of annotations.

    Returns:
        Rows in the file's order within each frame; head boxes NaN where the file has none.

    Raises:
        FormatError: If the file is not of this format; names frame and person.
    """
    path = Path(path)
    value = variable(read_mat(path), "annolist", where=str(path))
    images = structs(value, "image", where=f"{path}: annolist")
    rows = AnnotationRows(POSETRACK15)
    names, labeled, regions = [], [], {}
    for index, image in enumerate(images):
        where = f"{path}: frame {index}"
        holder = structs(image["image"], "name", where=f"{where}: image")
        names.append(text(holder[0]["name"], where=where) if holder else "")
        people = _maybe(image, "annorect", where=where)
        told = image.get("is_labeled", NOTHING)
        labeled.append(bool(number(told, where=where)) if np.size(told) else bool(people))
        if region := _regions(image, where=where):
            regions[index] = region
        for place, person in enumerate(people):
            try:
                _add(person, rows, frame=index, where=f"{where}, person {place}")
            except ValueError as error:
                message = str(error)
                at = "" if message.startswith(str(path)) else f"{where}, person {place}: "
                raise FormatError(at + message) from None
    frames = FrameTable(
        times=np.full(len(names), np.nan),
        names=tuple(names),
        labeled=np.array(labeled, np.bool_),
        ignore_regions=regions,
    )
    return rows.table(path, frames)


def _maybe(holder: dict[str, Any], name: str, *, where: str) -> list[dict[str, Any]]:
    """The structs of a field that may be absent or empty."""
    value = holder.get(name, NOTHING)
    return structs(value, where=f"{where}: {name}") if np.size(value) else []


def _add(person: dict[str, Any], rows: AnnotationRows, *, frame: int, where: str) -> None:
    points = np.full((len(POSETRACK15), 3), np.nan)
    for pose in _maybe(person, "annopoints", where=where)[:1]:
        for point in reversed(_maybe(pose, "point", where=where)):  # the first of an id stays
            joint = int(number(point.get("id", NOTHING), where=f"{where}: id"))
            if 0 <= joint < len(POSETRACK15):
                x, y = (number(point.get(axis, NOTHING), where=f"{where}: {axis}") for axis in "xy")
                seen = point.get("is_visible", NOTHING)
                hidden = np.size(seen) and not number(seen, where=f"{where}: is_visible")
                points[joint] = x, y, -1 if hidden else 1
    track = person.get("track_id", NOTHING)
    given = all(np.size(person.get(side, NOTHING)) for side in HEAD)
    rows.add(
        frame=frame,
        track_id=number(track, where=f"{where}: track_id") if np.size(track) else None,
        points=points.ravel().tolist(),
        head_box=[number(person[s], where=f"{where}: {s}") for s in HEAD] if given else NO_BOX,
    )


def _regions(image: dict[str, Any], *, where: str) -> tuple[Polygon, ...]:
    found = []
    for region in _maybe(image, "ignore_regions", where=where):
        corners = [
            [number(corner.get(axis, NOTHING), where=f"{where}: ignore_regions") for axis in "xy"]
            for corner in _maybe(region, "point", where=where)
        ]
        if corners and len(corners) < 3:
            raise FormatError(f"{where}: ignore_regions: a polygon needs at least 3 corners")
        if corners:
            found.append(np.array(corners, np.float64))
    return tuple(found)
