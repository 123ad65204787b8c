"""Reads and writes PoseTrack17's JSON: one ``annolist`` per sequence, each number in a list.

A frame's people are its ``annorect``; a joint is there where ``annopoints`` has a point with its
id, of several the first, and hidden where its ``is_visible`` is 0. ``x1 y1 x2 y2`` is the box of
the head. Not here: the MATLAB files that the labels were first published as
(:mod:`posetube.datasets.formats.posetrack17_mat`, which :func:`read` calls).

Source: the published files, poseval's README and ``eval_helpers.py``.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube import skeletons
from posetube.errors import FormatError
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, JointState, Polygon, VideoTracks

from ..annotated_video import AnnotatedVideo
from ..files.json_files import parse, plain
from ..files.opened_file import OpenedFile
from . import posetrack17_mat, posetrack18
from .annotation_rows import NO_BOX, AnnotationRows, refuse_nameless
from .ignore_regions import polygons
from .numbers import joint_states
from .posetrack18_writer import accepted_ids

JOINTS = len(POSETRACK15)

Number = list[float] | float | None
"""As the files have it: in a list of its own; a bare number is understood too."""


class _Point(msgspec.Struct):
    """A joint."""

    x: Number
    y: Number
    id: Number = None
    score: Number = None
    is_visible: object = None


class _Points(msgspec.Struct):
    """A person's joints."""

    point: list[_Point] = []


class _Rect(msgspec.Struct):
    """A person."""

    track_id: Number = None
    x1: Number = None
    y1: Number = None
    x2: Number = None
    y2: Number = None
    score: Number = None
    annopoints: list[_Points] = []


class _Name(msgspec.Struct):
    """A picture."""

    name: str


class _Corner(msgspec.Struct):
    """Of a region."""

    x: Number
    y: Number


class _Region(msgspec.Struct):
    """Where people are not labelled."""

    point: list[_Corner] = []


class _Frame(msgspec.Struct):
    """A frame with its people still as text."""

    image: list[_Name]
    annorect: list[msgspec.Raw] = []
    is_labeled: Number = None
    ignore_regions: list[_Region] = []


class _File(msgspec.Struct):
    """A sequence."""

    annolist: list[_Frame]


def recognise(file: OpenedFile) -> bool:
    """Whether a JSON has the list that the files are named after."""
    return "annolist" in file.parts


def read_videos(file: OpenedFile) -> tuple[AnnotatedVideo, ...]:
    """The sequences of a file, which are several in some conversions."""
    return posetrack18.by_sequence(read_video(file))


def read_video(file: OpenedFile) -> AnnotatedVideo:
    """Read one sequence, going on from what recognising has read."""
    mat = file.suffix == ".mat"
    video = AnnotatedVideo(
        name=file.path.stem,
        dataset="posetrack17",
        tracks=posetrack17_mat.read(file.path) if mat else _read_json(file),
        metric="posetrack",
        where=str(file.path),
        posetrack="posetrack17",
    )
    return posetrack18.in_frame_order(video)


def read(path: Path | str) -> VideoTracks:
    """Read one sequence, annotations or predictions.

    Args:
        path: A ``.json`` file, or a ``.mat`` file as the labels were first published.

    Returns:
        Frames in the order of the numbers in their names, folder by folder. Rows in the file's
        order within each frame, people without joints among them; track ids -1,
        scores and head boxes NaN where the file has none.

    Raises:
        FormatError: If the file is not of this format; names the file, and frame and person where
            one is to blame.
        InputError: If the file cannot be opened.
    """
    return read_video(OpenedFile(path)).tracks


def _read_json(file: OpenedFile) -> VideoTracks:
    path = file.path
    frames = file.parse(_File).annolist
    rows = AnnotationRows(POSETRACK15)
    for index, frame in enumerate(frames):
        # One person after the other, so that an error can name the one.
        for number, raw in enumerate(frame.annorect):
            try:
                _add(parse(raw, _Rect), rows, frame=index)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise FormatError(
                    f"{path}: frame {_name(frame)}, person in annorect[{number}]: {plain(error)}"
                ) from None
    return rows.table(path, _frame_table(frames, path=path))


def _add(rect: _Rect, rows: AnnotationRows, *, frame: int) -> None:
    points = np.full((JOINTS, 3), np.nan)
    scores = np.full(JOINTS, np.nan)
    given = rect.annopoints[0].point if rect.annopoints else []
    for point in reversed(given):  # of several with one id the first stays
        joint = _first(point.id)
        if joint is not None and joint in range(JOINTS):
            hidden = point.is_visible in (0, [0])
            points[int(joint)] = _needed(point.x, "x"), _needed(point.y, "y"), -1 if hidden else 1
            score = _first(point.score)
            scores[int(joint)] = np.nan if score is None else score
    box = [_first(corner) for corner in (rect.x1, rect.y1, rect.x2, rect.y2)]
    rows.add(
        frame=frame,
        track_id=_first(rect.track_id),
        points=points.ravel().tolist(),
        scores=scores.tolist(),
        head_box=NO_BOX if None in box else [float(corner or 0) for corner in box],
        score=_first(rect.score),
    )


def _first(value: Number) -> float | None:
    """The number in a list of one."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _needed(value: Number, name: str) -> float:
    number = _first(value)
    if number is None:
        raise ValueError(f"a point has no {name}")
    return number


def _name(frame: _Frame) -> str:
    return frame.image[0].name if frame.image else "without a name"


def _frame_table(frames: list[_Frame], *, path: Path) -> FrameTable:
    told = [_first(frame.is_labeled) for frame in frames]
    regions = {
        index: _polygons(frame, where=f"{path}: frame {_name(frame)}: ignore_regions")
        for index, frame in enumerate(frames)
        if frame.ignore_regions
    }
    return FrameTable(
        times=np.full(len(frames), np.nan),
        names=tuple(_name(frame) for frame in frames),
        labeled=None if set(told) <= {None} else np.array([bool(t) for t in told], np.bool_),
        ignore_regions=regions,
    )


def _polygons(frame: _Frame, *, where: str) -> tuple[Polygon, ...]:
    try:
        xs = [[_needed(c.x, "x") for c in region.point] for region in frame.ignore_regions]
        ys = [[_needed(c.y, "y") for c in region.point] for region in frame.ignore_regions]
    except ValueError as error:
        raise FormatError(f"{where}: {error}") from None
    return polygons(xs, ys, where=where)


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write tracks or annotations, with head boxes and ignore regions where they are known.

    Raises:
        InputError: If a row has no identity, or
            :func:`~posetube.datasets.formats.posetrack18_writer.accepted_ids` refuses.
    """
    refuse_nameless(tracks, where=path)
    ids = accepted_ids(tracks.track_ids, path=path)
    plan = skeletons.convert(tracks.skeleton, POSETRACK15)
    points, scores = skeletons.apply(plan, tracks.keypoints, tracks.keypoint_scores)
    table = tracks.frames
    states = joint_states(tracks)
    hidden = (states == JointState.OCCLUDED) @ (plan.weights.T != 0)
    frames = []
    for index in range(len(table)):
        rows = range(*tracks.rows_of(index).indices(len(tracks.frame)))
        name = table.names[index] if table.names else f"{tracks.source}/{index:08d}.jpg"
        labeled = table.labeled is None or table.labeled[index]
        frames.append({
            "image": [{"name": name}],
            "imgnum": [index + 1],
            "is_labeled": [int(labeled)],
            "annorect": [
                _rect(tracks, row, ids[row], points[row], scores[row], hidden[row]) for row in rows
            ],
            "ignore_regions": [
                {"point": [{"x": [x], "y": [y]} for x, y in polygon.tolist()]}
                for polygon in table.ignore_regions.get(index, ())
            ],
        })  # fmt: skip
    Path(path).write_bytes(msgspec.json.encode({"annolist": frames}))


def _rect(
    tracks: VideoTracks,
    row: int,
    track_id: int,
    points: np.ndarray,
    scores: np.ndarray,
    hidden: np.ndarray,
) -> dict[str, Any]:
    known = np.flatnonzero(~np.isnan(points).any(axis=-1))
    placed = [
        {
            "id": [joint],
            "x": [float(points[joint, 0])],
            "y": [float(points[joint, 1])],
            "is_visible": [int(not hidden[joint])],
        }
        | ({} if np.isnan(scores[joint]) else {"score": [float(scores[joint])]})
        for joint in known.tolist()
    ]
    # Every number is a list of one: the files came from MATLAB, and the tools expect it.
    rect: dict[str, Any] = {
        "track_id": [int(track_id)],
        "annopoints": [{"point": placed}] if placed else [],
    }
    if tracks.head_boxes is not None and not np.isnan(tracks.head_boxes[row]).any():
        corners = zip(("x1", "y1", "x2", "y2"), tracks.head_boxes[row].tolist(), strict=True)
        rect |= {name: [value] for name, value in corners}
    return rect
