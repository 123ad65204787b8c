"""Reads and writes JSON Lines: a line about the video, then one per frame with everybody in it.

Holds all of a :class:`posetube.structures.VideoTracks`, and can be read while it grows:

    {"format": "posetube-tracks", "version": 1, "source": "walk", "size": [360, 640], "skeleton":
     "coco17", "joints": ["nose", ...], "edges": [["nose", "left_eye"], ...]}
    {"time": 0.04, "people": [{"track_id": 1, "box": [x1, y1, x2, y2], "score": 0.9, "keypoints":
     [[x, y], null, ...], "keypoint_scores": [0.8, ...], "visible": [2, 0, ...]}]}

What is not known is null or left out.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from posetube.errors import FormatError, InputError
from posetube.file_reading import reading
from posetube.skeletons import described
from posetube.structures import DoubleArray, FrameTable, VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.checked_values import MAX_PIXEL
from ..files.json_files import T, parse, plain
from ..files.text_encoding import utf8_stream
from .numbers import or_none

FORMAT, VERSION = "posetube-tracks", 1
MAX_LINE = 64 * 2**20
"""Longer lines are refused."""

MAX_BYTES = 1 << 30
"""Larger files are refused."""

Pixel = Annotated[float, msgspec.Meta(ge=-MAX_PIXEL, le=MAX_PIXEL)]
Point = tuple[Pixel, Pixel]
Box = tuple[Pixel, Pixel, Pixel, Pixel]
Byte = Annotated[int, msgspec.Meta(ge=0, le=2)]
Whole = Annotated[int, msgspec.Meta(ge=-1, le=(1 << 53) - 1)]


class _Header(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The first line."""

    format: str
    version: int
    source: str
    size: tuple[int, int] | None = None
    skeleton: str
    joints: list[str]
    edges: list[tuple[str, str]] = []
    columns: list[str] = []
    """Optional columns of the table that it has, even if no row fills them."""

    track_names: dict[int, str] = {}
    """What the source called people, by id."""


class _Person(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One person in one frame."""

    track_id: Whole
    box: tuple[Pixel | None, Pixel | None, Pixel | None, Pixel | None] | None = None
    score: Pixel | None = None
    keypoints: list[tuple[Pixel | None, Pixel | None] | None]
    keypoint_scores: list[Pixel | None] | None = None
    visible: list[Byte] | None = None
    head_box: tuple[Pixel | None, Pixel | None, Pixel | None, Pixel | None] | None = None
    state: Byte = 0
    link_margin: Pixel | Literal["inf"] | None = None
    link_cost: Pixel | None = None
    link_gate: Pixel | None = None


class _Frame(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One frame."""

    time: Pixel | None = None
    name: str | None = None
    id: int | None = None
    labeled: bool | None = None
    state: Byte | None = None
    ignore_regions: list[list[Point]] = []
    people: list[_Person] = []


OPTIONAL = ("states", "link_margins", "link_costs", "link_gates", "joint_states", "head_boxes")


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people."""
    encode = msgspec.json.Encoder().encode
    with Path(path).open("wb") as file:
        for line in _lines(tracks):
            file.write(encode(line) + b"\n")


def _lines(tracks: VideoTracks) -> Iterator[_Header | _Frame]:
    joints = tracks.skeleton
    yield _Header(
        format=FORMAT,
        version=VERSION,
        source=tracks.source,
        size=tracks.size,
        skeleton=joints.name,
        joints=list(joints.joints),
        edges=list(joints.edges),
        columns=[name for name in OPTIONAL if getattr(tracks, name) is not None],
        track_names=tracks.track_names,
    )
    table, times = tracks.frames, or_none(tracks.frames.times)
    for index in range(len(table)):
        rows = tracks.rows_of(index)
        yield _Frame(
            time=times[index],
            name=table.names[index] if table.names else None,
            id=None if table.ids is None else int(table.ids[index]),
            labeled=None if table.labeled is None else bool(table.labeled[index]),
            state=None if table.states is None else int(table.states[index]),
            ignore_regions=[region.tolist() for region in table.ignore_regions.get(index, ())],
            people=_people(tracks.select(rows)) if rows.start < rows.stop else [],
        )


def _people(tracks: VideoTracks) -> list[_Person]:
    """The people of one frame."""
    rows = len(tracks.frame)
    empty: list[None] = [None] * rows
    heads, states, seen = tracks.head_boxes, tracks.states, tracks.joint_states
    margins, costs, gates = tracks.link_margins, tracks.link_costs, tracks.link_gates
    columns = zip(
        tracks.track_ids.tolist(),
        [_box(box) for box in or_none(tracks.boxes)],
        or_none(tracks.scores),
        [
            [None if p == [None, None] else p for p in person]
            for person in or_none(tracks.keypoints)
        ],
        [None if set(s) <= {None} else s for s in or_none(tracks.keypoint_scores)],
        empty if seen is None else seen.tolist(),
        empty if heads is None else [_box(box) for box in or_none(heads)],
        [0] * rows if states is None else states.tolist(),
        empty if margins is None else ["inf" if m == np.inf else m for m in or_none(margins)],
        empty if costs is None else or_none(costs),
        empty if gates is None else or_none(gates),
        strict=True,
    )
    names = _Person.__struct_fields__
    return [_Person(**dict(zip(names, values, strict=True))) for values in columns]


def _box(box: list[float | None]) -> Any:
    return None if set(box) <= {None} else box


def read(path: Path | str) -> VideoTracks:
    """Read one video's people.

    Raises:
        FormatError: If the file is not of this format; names the line.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    lines = _numbered_lines(path)
    _, first = next(lines, (0, b""))
    header = _decode(first, _Header, where=f"{path}, line 1")
    if header.format != FORMAT or header.version != VERSION:
        raise FormatError(f"{path}: expected {FORMAT} of version {VERSION}, "
                          f"got {header.format[:40]!r} of version {header.version}")  # fmt: skip
    frames = [_decode(line, _Frame, where=f"{path}, line {number}") for number, line in lines]
    for number, frame in enumerate(frames, start=2):
        _check_joints(frame, len(header.joints), where=f"{path}, line {number}")
    frames = _in_order(frames, path)
    people = [(i, person) for i, frame in enumerate(frames) for person in frame.people]
    return _video(header, frames, people, where=str(path))


def _check_joints(frame: _Frame, joints: int, *, where: str) -> None:
    for person in frame.people:
        lengths = {len(person.keypoints), len(person.keypoint_scores or person.keypoints),
                   len(person.visible or person.keypoints)}  # fmt: skip
        if lengths != {joints}:
            raise FormatError(f"{where}: a person has not {joints} joints")


def _in_order(frames: list[_Frame], path: Path) -> list[_Frame]:
    """Frames by their times, whatever the order of their lines; as they are if times never fall."""
    times = [frame.time for frame in frames if frame.time is not None]
    if times == sorted(times):
        return frames
    # A frame without a time has no place in another order.
    if len(times) < len(frames):
        raise FormatError(f"{path}: the times of its frames fall; write them in order")
    return sorted(frames, key=lambda frame: frame.time or 0.0)


def _numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with reading(path, most=MAX_BYTES), path.open("rb") as file:
        text = utf8_stream(file, where=path)
        # A line at a time, and none longer than the limit: the file is somebody else's.
        for number in range(1, MAX_FRAMES + 2):
            line = text.readline(MAX_LINE)
            if not line:
                return
            if line.strip():  # editors leave empty lines at the end
                yield number, line


def _decode(line: bytes, kind: type[T], *, where: str) -> T:
    try:
        return parse(line, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{where}: {plain(error)}") from None


def _video(
    header: _Header, frames: list[_Frame], people: list[tuple[int, _Person]], *, where: str
) -> VideoTracks:
    k = len(header.joints)
    rows = [person for _, person in people]
    nowhere = (None, None)
    optional: dict[str, Any] = {
        "states": np.array([p.state for p in rows], np.uint8),
        "link_margins": _numbers([p.link_margin for p in rows], ()).astype(np.float32),
        "link_costs": _numbers([p.link_cost for p in rows], ()).astype(np.float32),
        "link_gates": _numbers([p.link_gate for p in rows], ()).astype(np.float32),
        "joint_states": np.array([p.visible or [0] * k for p in rows], np.uint8).reshape(
            len(rows), k
        ),
        "head_boxes": _numbers([p.head_box or [None] * 4 for p in rows], (4,)),
    }
    try:
        return VideoTracks(
            source=header.source,
            size=header.size,
            skeleton=described(header.skeleton, header.joints, header.edges),
            frames=_frame_table(frames),
            frame=np.array([i for i, _ in people], np.int64),
            track_ids=np.array([p.track_id for p in rows], np.int64),
            boxes=_numbers([p.box or [None] * 4 for p in rows], (4,)).astype(np.float32),
            scores=_numbers([p.score for p in rows], ()).astype(np.float32),
            keypoints=_numbers([[x or nowhere for x in p.keypoints] for p in rows], (k, 2)),
            keypoint_scores=_numbers([p.keypoint_scores or [None] * k for p in rows], (k,)),
            **{name: optional[name] for name in header.columns if name in optional},
            track_names=header.track_names,
        )
    except (InputError, OverflowError) as error:
        raise FormatError(f"{where}: {error}") from None


def _numbers(values: Iterable[Any], shape: tuple[int, ...]) -> DoubleArray:
    """Nested lists with None as float64 of shape (N, *shape), None becoming NaN."""
    rows = list(values)
    return np.array(rows, np.float64).reshape(len(rows), *shape)  # of no joints too


def _frame_table(frames: list[_Frame]) -> FrameTable:
    def column(name: str, kind: type) -> Any:
        values = [getattr(frame, name) for frame in frames]
        return None if None in values or not frames else np.array(values, kind)

    names = [frame.name for frame in frames if frame.name is not None]
    return FrameTable(
        times=_numbers([frame.time for frame in frames], ()),
        names=tuple(names) if len(names) == len(frames) else (),
        ids=column("id", np.int64),
        labeled=column("labeled", np.bool_),
        states=column("state", np.uint8),
        ignore_regions={
            i: tuple(np.array(region, np.float64) for region in frame.ignore_regions)
            for i, frame in enumerate(frames)
            if frame.ignore_regions
        },
    )
