"""Reads and writes CVAT for video 1.1: a track of skeletons per person, to correct by hand.

Holds positions, which joints are hidden or absent, identities, and the number and size of the
frames; neither scores nor boxes nor times. A person who is not in a frame, or of whom no joint is
known there, is ``outside``. CVAT follows no masks over frames, but polygons: of a person's mask the
outline of its largest piece is written, as a track of its own, and not read.

Source: CVAT's documentation of its XML format, the section on tracks.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as Xml
from xml.sax.saxutils import quoteattr

import numpy as np

from posetube.errors import FormatError
from posetube.file_reading import reading
from posetube.masks import mask_outlines
from posetube.structures import IntArray, JointState, VideoTracks

from ..annotated_video import MAX_FRAMES
from ..files.checked_values import MAX_PIXEL
from .annotation_rows import AnnotationRows, located, refuse_nameless, skeleton_of
from .numbers import joint_states, shortest

MAX_BYTES = 512 * 2**20
"""Larger files are refused."""

LABEL = "person"
"""Name of the skeleton's label; the joints are its sub-labels."""

OUTLINE = "outline"
"""Name of the label of masks' outlines."""

NEAR = 1.0
"""An outline may leave out corners that lie so few pixels beside it."""


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people.

    Raises:
        InputError: If a row has no identity.
    """
    refuse_nameless(tracks, where=path)
    with Path(path).open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _document(tracks))


def _document(tracks: VideoTracks) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield "<annotations><version>1.1</version>"
    yield from _meta(tracks)
    states, points = joint_states(tracks), shortest(tracks.keypoints)
    for track in tracks:
        rows = np.flatnonzero(tracks.track_ids == track.track_id)
        yield f'<track id="{track.track_id}" label="{LABEL}" source="auto">'
        around = pairwise([*track.frames.tolist(), len(tracks.frames)])
        for row, (frame, following) in zip(rows, around, strict=True):
            yield _skeleton(frame, tracks, points[row], states[row])
            if frame + 1 < following:  # the person is gone in the frame after it
                nowhere = np.full_like(states[row], JointState.ABSENT)
                yield _skeleton(frame + 1, tracks, points[row], nowhere)
        yield "</track>"
    yield from _outlines(tracks)
    yield "</annotations>"


def _outlines(tracks: VideoTracks) -> Iterator[str]:
    """The tracks of the masks' outlines."""
    if tracks.masks is None:
        return
    last = int(tracks.track_ids.max(initial=0))
    for track in tracks:
        masks = tracks.masks[tracks.track_ids == track.track_id]
        drawn = [(frame, _outline(mask)) for frame, mask in zip(track.frames, masks, strict=True)]
        known = [(int(frame), points) for frame, points in drawn if points]
        if not known:
            continue
        yield f'<track id="{last + track.track_id + 1}" label="{OUTLINE}" source="auto">'
        around = pairwise([*(frame for frame, _ in known), len(tracks.frames)])
        for (_, points), (frame, following) in zip(known, around, strict=True):
            yield _polygon(frame, points, outside=False)
            if frame + 1 < following:
                yield _polygon(frame + 1, points, outside=True)
        yield "</track>"


def _outline(mask: bytes) -> str:
    """The corners of a mask's largest piece, x,y;x,y; nothing where there are fewer than three."""
    largest = max(mask_outlines(mask, near=NEAR), key=_area, default=None)
    if largest is None:
        return ""
    # OpenCV's places are the middles of pixels
    return ";".join(f"{x + 0.5},{y + 0.5}" for x, y in largest.tolist())


def _area(outline: IntArray) -> float:
    x, y = outline.T.astype(np.float64)
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def _polygon(frame: int, points: str, *, outside: bool) -> str:
    flags = f'outside="{outside:d}" occluded="0" keyframe="1"'
    return f'<polygon frame="{frame}" {flags} points="{points}" z_order="0"/>'


def _meta(tracks: VideoTracks) -> Iterator[str]:
    def text(value: object) -> str:
        return quoteattr(str(value), {'"': "&quot;"})[1:-1]

    yield f"<meta><task><name>{text(tracks.source)}</name><size>{len(tracks.frames)}</size>"
    yield "<mode>interpolation</mode><labels>"
    yield f"<label><name>{LABEL}</name><type>skeleton</type></label>"
    if tracks.masks is not None:
        yield f"<label><name>{OUTLINE}</name><type>polygon</type></label>"
    for joint in tracks.skeleton.joints:
        label = f"<name>{text(joint)}</name><type>points</type><parent>{LABEL}</parent>"
        yield f"<label>{label}</label>"
    yield "</labels>"
    if tracks.size is not None:
        height, width = tracks.size
        size = f"<width>{width}</width><height>{height}</height>"
        yield f"<original_size>{size}</original_size>"
    yield "</task></meta>"


def _skeleton(frame: int, tracks: VideoTracks, points: np.ndarray, states: np.ndarray) -> str:
    lines = []
    for joint, (x, y), state in zip(tracks.skeleton.joints, points.tolist(), states, strict=True):
        absent, hidden = state == JointState.ABSENT, state == JointState.OCCLUDED
        place = "0,0" if absent else f"{x!r},{y!r}"
        flags = f'outside="{absent:d}" occluded="{hidden:d}" keyframe="1"'
        lines.append(f"<points label={quoteattr(joint)} {flags} points={quoteattr(place)}/>")
    return f'<skeleton frame="{frame}" keyframe="1" z_order="0">{"".join(lines)}</skeleton>'


def read(path: Path | str) -> VideoTracks:
    """Read one video's people.

    Raises:
        FormatError: If the file is not of this format; names track and frame.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    root = _parse(path)
    joints = _joints(root, path)
    place = {joint: i for i, joint in enumerate(joints)}
    rows, last = AnnotationRows(skeleton_of(joints, name=path.stem)), -1
    for number, track in enumerate(root.iter("track")):
        for skeleton in track.iter("skeleton"):
            where = f"{path}: track {track.get('id', number)}, frame {skeleton.get('frame')}"
            frame = _whole(skeleton.get("frame"), where=where)
            last = max(last, frame)
            triples = np.tile([np.nan, np.nan, 0.0], (len(joints), 1))
            for points in skeleton.iter("points"):
                triples[place[points.get("label", "")]] = _point(points, where=where)
            if triples[:, 2].any():
                track_id = _whole(track.get("id"), where=where)
                with located(where):
                    rows.add(frame=frame, track_id=track_id, points=triples.ravel().tolist())
    task = root.find("meta/task")
    count = last + 1 if task is None else max(last + 1, _declared(task, "size") or 0)
    if count > MAX_FRAMES:
        raise FormatError(f"{path}: {count} frames; at most {MAX_FRAMES} are read")
    height, width = (
        None if task is None else _declared(task, f"original_size/{side}")
        for side in ("height", "width")
    )
    source = "" if task is None else task.findtext("name") or ""
    size = (height, width) if height and width else None
    return rows.table(path, count, source=source, size=size)


def _parse(path: Path) -> Xml.Element:
    with reading(path, most=MAX_BYTES):
        content = path.read_bytes()
    if b"<!" in content.replace(b"<!--", b""):  # a document type can define entities that explode
        raise FormatError(f"{path}: refused: it has a document type or a CDATA section")
    try:
        return Xml.fromstring(content)
    except (Xml.ParseError, ValueError, LookupError) as error:
        raise FormatError(f"{path}: not valid XML: {error}") from None


def _joints(root: Xml.Element, path: Path) -> tuple[str, ...]:
    """Names of the joints: the sub-labels that the file lists, then others in order of use."""
    listed = [label.findtext("name") or "" for label in root.iter("label")
              if label.find("parent") is not None]  # fmt: skip
    used = [points.get("label", "") for points in root.iter("points")]
    joints = tuple(dict.fromkeys([*listed, *used]))
    if not joints or len(joints) > 1000:
        raise FormatError(f"{path}: {len(joints)} joints; expected tracks of skeletons")
    return joints


def _point(points: Xml.Element, *, where: str) -> tuple[float, float, float]:
    """x, y and 1 where seen, -1 where hidden; NaN and 0 where absent."""
    if points.get("outside", "0") == "1":
        return np.nan, np.nan, 0.0
    try:
        x, y = (float(number) for number in points.get("points", "").split(","))
    except ValueError:
        given = points.get("points", "")[:40]
        raise FormatError(f"{where}: expected points of the form x,y, got {given!r}") from None
    if not (abs(x) <= MAX_PIXEL and abs(y) <= MAX_PIXEL):
        raise FormatError(f"{where}: a position is not finite, or beyond {MAX_PIXEL:g}")
    return x, y, -1.0 if points.get("occluded", "0") == "1" else 1.0


def _whole(value: str | None, *, where: str) -> int:
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 15:
        raise FormatError(f"{where}: expected a whole number from 0, got {value!r}")
    return int(value)


def _declared(task: Xml.Element, name: str) -> int | None:
    text = task.findtext(name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
