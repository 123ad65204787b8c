"""Reads and writes AlphaPose's JSON: a list with an entry per person and picture.

``{"image_id": "12.jpg", "category_id": 1, "keypoints": [x, y, score, ...], "score": 2.9, "box": [x,
y, width, height], "idx": 7}``; 17 joints in COCO's order, 16 in MPII's or 26 in Halpe's; of whole
bodies (133, 136) the face and the hands are left out. ``12.jpg`` is frame 12 of a video; pictures
of other names are sorted by their numbers (:mod:`posetube.datasets.formats.frame_order`). Holds
positions, scores, boxes and identities; neither states nor times nor frames without people. A joint
that is not known is 0, 0, 0.

Three more forms are read: PoseFlow's, an object by picture; AlphaPose's ``cmu`` and ``open``,
objects by picture too, with the 18 joints of OpenPose's older model; and COCO's list of results,
which calls box and identity ``bbox`` and ``track_id`` and may have boxes alone.

Source: AlphaPose's description of its output, its ``write_json``, and PoseFlow's general tracker.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube import boxes as box
from posetube import skeletons
from posetube.errors import FormatError
from posetube.skeletons import COCO17, HALPE26, MPII16
from posetube.structures import VideoTracks

from ..files.json_files import decode, read_bytes
from .annotation_rows import NO_JOINTS, AnnotationRows, corners, located
from .frame_order import Name, frames_of_results
from .numbers import confident_triples, or_none, shortest
from .openpose import BODY18

JOINTS = {
    0: NO_JOINTS,
    48: MPII16,
    51: COCO17,
    54: BODY18,
    78: HALPE26,
    399: COCO17,  # COCO-WholeBody
    408: HALPE26,  # Halpe's whole body
}
"""The joints at the start of so many numbers."""


class _Entry(msgspec.Struct, omit_defaults=True):
    keypoints: list[float | None] | None = []
    image_id: str | int = ""
    category_id: int = msgspec.field(default=0)
    score: float | None = None
    scores: float | None = None
    box: list[float] | None = []
    bbox: list[float] | None = []
    idx: Any = None
    track_id: Any = None


class _Body(msgspec.Struct):
    joints: list[float | None] | None = []
    pose_keypoints_2d: list[float | None] | None = []


class _Picture(msgspec.Struct):
    """A picture of ``cmu`` (bodies) or ``open`` (people)."""

    version: str | float
    bodies: list[_Body] = []
    people: list[_Body] = []


CONTENT: Any = list[_Entry] | dict[str, list[_Entry] | _Picture]
"""The list, or an object by picture."""


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people."""
    target = MPII16 if tracks.skeleton.joints == MPII16.joints else COCO17
    plan = skeletons.convert(tracks.skeleton, target)
    points, scores = skeletons.apply(plan, tracks.keypoints, tracks.keypoint_scores)
    numbers = confident_triples(shortest(points), shortest(scores))
    boxes = box.to_xywh(shortest(tracks.boxes))
    names = tracks.frames.names
    entries = [
        _Entry(
            image_id=names[frame] if names else f"{frame}.jpg",
            category_id=1,
            keypoints=numbers[row].ravel().tolist(),
            score=score,
            box=[] if np.isnan(boxes[row]).any() else boxes[row].tolist(),
            idx=None if track_id < 0 else track_id,
        )
        for row, (frame, track_id, score) in enumerate(
            zip(tracks.frame.tolist(), tracks.track_ids.tolist(), or_none(tracks.scores),
                strict=True)
        )
    ]  # fmt: skip
    Path(path).write_bytes(msgspec.json.encode(entries))


def read(path: Path | str) -> VideoTracks:
    """Read one video's people.

    Raises:
        FormatError: If the file is not of this format; names the entry.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    content = decode(read_bytes(path), CONTENT, path=path)
    if content == {}:
        raise FormatError(f"{path}: nothing in it, read as an object by picture")
    names, entries = _by_picture(content)
    lengths = {len(entry.keypoints) for _, entry in entries if entry.keypoints is not None}
    if entries and not lengths:
        # Nobody has joints, known or not: a list of boxes.
        lengths = {0}
    if len(lengths) > 1 or not lengths <= JOINTS.keys():
        known = ", ".join(map(str, list(JOINTS)[1:]))
        raise FormatError(
            f"{path}: expected as many keypoints for every person, {known}; got {sorted(lengths)}"
        )
    skeleton = JOINTS[lengths.pop()] if lengths else COCO17
    frame_of, frames = frames_of_results(names, path=path)
    rows = AnnotationRows(skeleton)
    for place, (name, entry) in enumerate(entries):
        with located(f"{path}: entry {place}"):
            _add(rows, entry, frame=frame_of[name])
    return rows.table(path, frames)


def _by_picture(content: Any) -> tuple[list[Name], list[tuple[Name, _Entry]]]:
    """Names of the pictures, and each person with that of its picture."""
    if isinstance(content, list):
        return [e.image_id for e in content], [(e.image_id, e) for e in content]
    found: list[tuple[Name, _Entry]] = []
    for name, people in content.items():
        if isinstance(people, _Picture):
            bodies = [body.joints or body.pose_keypoints_2d for body in
                      people.bodies or people.people]  # fmt: skip
            people = [_Entry(keypoints=body) for body in bodies]
        found += [(name, person) for person in people]
    return list(content), found


def _add(rows: AnnotationRows, entry: _Entry, *, frame: int) -> None:
    box = entry.box or entry.bbox or ()
    if not box and entry.keypoints is not None and not entry.keypoints:
        raise ValueError("neither keypoints nor a box")
    numbers = [0.0] * (3 * rows.joints) if entry.keypoints is None else entry.keypoints
    triples = np.array(numbers, np.float64).reshape(-1, 3)[: rows.joints]
    # Three zeros are an absent joint; 0, 0 with a score is one in the corner.
    known = (triples != 0).any(axis=-1) & ~np.isnan(triples[:, :2]).any(axis=-1)
    points = np.where(known[:, None], triples[:, :2], np.nan)
    rows.add(
        frame=frame,
        track_id=_identity(entry.track_id if entry.idx is None else entry.idx),
        points=np.column_stack([points, known]).ravel().tolist(),
        scores=np.where(known, triples[:, 2], np.nan).tolist(),
        box=corners(box, name="box"),
        # PoseFlow calls it "scores".
        score=entry.scores if entry.score is None else entry.score,
    )


def _identity(value: Any) -> float | str | None:
    """The first one, however many lists it is in: people who were merged have several."""
    while isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str) and value:
        return value
    known = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return float(value) if known else None
