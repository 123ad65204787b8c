"""AlphaPose's JSON: a list with an entry per person and picture.

``{"image_id": "12.jpg", "category_id": 1, "keypoints": [x, y, score, ...], "score": 2.9, "box": [x,
y, width, height], "idx": 7}``; 17 joints in COCO's order, or 16 in MPII's. PoseFlow's form, an
object by picture, is read too. ``12.jpg`` is frame 12 of a video; other names are frames in the
order in which they come. Holds positions, scores, boxes and identities; neither states nor times
nor frames without people. A joint that is not known is 0, 0, 0.

Source: AlphaPose's description of its output.
"""

import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube import boxes as box
from posetube import skeletons
from posetube.errors import FormatError
from posetube.skeletons import COCO17, MPII16
from posetube.structures import FrameTable, VideoTracks

from ..files.json_files import decode, read_bytes
from ..readers.annotated_video import MAX_FRAMES
from ..readers.annotation_rows import AnnotationRows, corners
from .numbers import confident_triples, or_none, shortest

JOINTS = {len(skeleton) * 3: skeleton for skeleton in (COCO17, MPII16)}
VIDEO_FRAME = re.compile(r"(0|[1-9]\d{0,8})\.jpg")


class _Entry(msgspec.Struct, omit_defaults=True):
    keypoints: list[float]
    image_id: str | int = ""
    category_id: int = msgspec.field(default=0)
    score: float | None = None
    box: list[float] = []
    idx: int | float | list[float] | None = None


CONTENT: Any = list[_Entry] | dict[str, list[_Entry]]
"""The list, or PoseFlow's object by picture."""


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
    if isinstance(content, dict):
        entries = [(name, entry) for name, people in content.items() for entry in people]
    else:
        entries = [(str(entry.image_id), entry) for entry in content]
    lengths = {len(entry.keypoints) for _, entry in entries}
    if len(lengths) > 1 or not lengths <= JOINTS.keys():
        raise FormatError(f"{path}: expected 51 or 48 keypoints per person, got {sorted(lengths)}")
    skeleton = JOINTS[lengths.pop()] if lengths else COCO17
    frame_of, frames = _frames([name for name, _ in entries], path)
    rows = AnnotationRows(len(skeleton))
    for place, (name, entry) in enumerate(entries):
        try:
            _add(rows, entry, frame=frame_of[name])
        except ValueError as error:
            raise FormatError(f"{path}: entry {place}: {error}") from None
    return rows.table(path=path, source=path.stem, size=None, skeleton=skeleton, frames=frames)


def _frames(names: list[str], path: Path) -> tuple[dict[str, int], FrameTable]:
    unique = list(dict.fromkeys(names))
    numbers = [VIDEO_FRAME.fullmatch(name) for name in unique]
    if all(numbers):
        frame_of = {name: int(match[1]) for name, match in zip(unique, numbers, strict=True)
                    if match}  # fmt: skip
        named: tuple[str, ...] = ()
    else:
        frame_of, named = {name: place for place, name in enumerate(unique)}, tuple(unique)
    count = max(frame_of.values(), default=-1) + 1
    if count > MAX_FRAMES:
        raise FormatError(f"{path}: {count} frames; at most {MAX_FRAMES} are read")
    return frame_of, FrameTable(times=np.full(count, np.nan), names=named)


def _add(rows: AnnotationRows, entry: _Entry, *, frame: int) -> None:
    triples = np.array(entry.keypoints, np.float64).reshape(-1, 3)
    known = (triples != 0).any(axis=-1)
    points = np.where(known[:, None], triples[:, :2], np.nan)
    rows.add(
        frame=frame,
        track_id=_identity(entry.idx),
        points=np.column_stack([points, known]).ravel().tolist(),
        scores=np.where(known, triples[:, 2], np.nan).tolist(),
        box=corners(entry.box, name="box"),
        score=entry.score,
    )


def _identity(value: Any) -> float | None:
    first = value[0] if isinstance(value, list) and value else value
    return None if first is None or isinstance(first, list) or first < 0 else float(first)
