"""COCO keypoints of one video: its frames are the images, its people the annotations.

Identities stand as ``track_id`` in each annotation and in its ``attributes``, where CVAT looks for
them. A joint has v 0 where absent, 1 where hidden, 2 where seen. What COCO has no place for is
added under names of its own, which other programs skip: ``time`` of an image, ``score`` and
``keypoint_scores`` of a person. A person without a box gets the joints' extent, because COCO's
programs cannot do without one.

Not here: a data set of single pictures (:mod:`posetube.datasets.readers.coco_people`), the values
that pycocotools evaluates (:mod:`posetube.datasets.readers.coco`).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube import boxes as box
from posetube.errors import FormatError
from posetube.skeletons import Skeleton
from posetube.structures import DoubleArray, FrameTable, JointState, VideoTracks

from ..files.json_files import Identity, decode, read_bytes
from ..readers.annotation_rows import AnnotationRows, corners, skeleton_of
from .numbers import joint_states, or_none, shortest


class Image(msgspec.Struct, omit_defaults=True):
    """A frame, or a picture of a data set."""

    id: Identity
    file_name: str
    height: int | None = None
    width: int | None = None
    time: float | None = None


class Annotation(msgspec.Struct, omit_defaults=True):
    """A person in a frame."""

    id: Identity
    image_id: Identity
    category_id: int = msgspec.field(default=0)
    keypoints: list[float] = []
    num_keypoints: int = 0
    bbox: list[float] = []
    area: float = 0.0
    iscrowd: int = msgspec.field(default=-1)
    track_id: int | None = None
    attributes: dict[str, Any] = {}
    score: float | None = None
    keypoint_scores: list[float | None] | None = None
    segmentation: msgspec.Raw = msgspec.Raw()


class Category(msgspec.Struct, omit_defaults=True):
    """The names of the joints."""

    id: int
    name: str
    supercategory: str = ""
    keypoints: list[str] = []
    skeleton: list[tuple[int, int]] = []


class File(msgspec.Struct):
    """A whole file."""

    images: list[Image]
    annotations: list[Annotation]
    categories: list[Category]


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people."""
    joints, frames = tracks.skeleton, tracks.frames
    height, width = tracks.size or (None, None)
    times = or_none(frames.times)
    ids = np.arange(1, len(frames) + 1) if frames.ids is None else frames.ids
    images = [
        Image(
            id=int(ids[i]),
            file_name=frames.names[i] if frames.names else f"{tracks.source}/{i:06d}.jpg",
            height=height,
            width=width,
            time=times[i],
        )
        for i in range(len(frames))
    ]
    category = Category(
        id=1,
        name="person",
        supercategory="person",
        keypoints=list(joints.joints),
        skeleton=[(int(a) + 1, int(b) + 1) for a, b in joints.edge_indices],
    )
    content = File(images=images, annotations=_annotations(tracks, ids), categories=[category])
    Path(path).write_bytes(msgspec.json.encode(content))


def _annotations(tracks: VideoTracks, ids: Any) -> list[Annotation]:
    states = joint_states(tracks)
    points = np.nan_to_num(shortest(tracks.keypoints))
    triples = np.concatenate([points, states[..., None]], axis=-1)
    triples[states == JointState.ABSENT] = 0
    boxes = _boxes(tracks)
    areas = box.area(boxes).tolist()
    flat = box.to_xywh(boxes).tolist()
    scores, joints = or_none(tracks.scores), or_none(tracks.keypoint_scores)
    return [
        Annotation(
            id=row + 1,
            image_id=int(ids[frame]),
            category_id=1,
            keypoints=triples[row].ravel().tolist(),
            num_keypoints=int((states[row] > 0).sum()),
            bbox=flat[row],
            area=areas[row],
            iscrowd=0,
            track_id=None if track_id < 0 else track_id,
            attributes={} if track_id < 0 else {"track_id": track_id},
            score=scores[row],
            keypoint_scores=None if set(joints[row]) <= {None} else joints[row],
        )
        for row, (frame, track_id) in enumerate(
            zip(tracks.frame.tolist(), tracks.track_ids.tolist(), strict=True)
        )
    ]


def _boxes(tracks: VideoTracks) -> DoubleArray:
    """(R, 4) boxes, the joints' extent where there is none, zeros where there is neither."""
    given = shortest(tracks.boxes)
    extent = box.around(shortest(tracks.keypoints))
    return np.nan_to_num(np.where(np.isnan(given).any(axis=1, keepdims=True), extent, given))


def read(path: Path | str) -> VideoTracks:
    """Read a file of one video's frames.

    Raises:
        FormatError: If the file is not of this format; names the annotation.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    file = decode(read_bytes(path), File, path=path)
    skeleton = skeleton_in(file, path)
    place = {image.id: i for i, image in enumerate(file.images)}
    if len(place) < len(file.images):
        raise FormatError(f"{path}: two images have the same id")
    rows = AnnotationRows(len(skeleton))
    for i, person in enumerate(file.annotations):
        if person.image_id not in place:
            raise FormatError(f"{path}: annotations[{i}]: no image has id {person.image_id}")
        try:
            add(rows, person, frame=place[person.image_id], joints=len(skeleton))
        except ValueError as error:
            raise FormatError(f"{path}: annotations[{i}]: {error}") from None
    first = file.images[0] if file.images else None
    return rows.table(
        path=path,
        source=path.stem,
        size=(first.height, first.width) if first and first.height and first.width else None,
        skeleton=skeleton,
        frames=FrameTable(
            times=np.array([np.nan if m.time is None else m.time for m in file.images], np.float64),
            names=tuple(image.file_name for image in file.images),
            ids=np.array([image.id for image in file.images], np.int64),
        ),
    )


def skeleton_in(file: File, path: Path) -> Skeleton:
    """The joints of the first category that has some, with the edges that it lists.

    Raises:
        FormatError: If none has.
    """
    for category in file.categories:
        joints = tuple(category.keypoints)
        if joints and len(set(joints)) == len(joints):
            known = skeleton_of(joints, name=path.stem)
            places = range(1, len(joints) + 1)
            listed = [(a, b) for a, b in category.skeleton if a in places and b in places]
            return (
                known
                if known.edges
                else replace(known, edges=tuple((joints[a - 1], joints[b - 1]) for a, b in listed))
            )
    raise FormatError(f"{path}: no category names its keypoints")


def add(rows: AnnotationRows, person: Annotation, *, frame: int, joints: int) -> None:
    """Append one annotation; ValueError says what is wrong with it."""
    triples = np.array(person.keypoints or [0.0] * (3 * joints), np.float64)
    if len(triples) != 3 * joints:
        raise ValueError(f"expected {3 * joints} numbers in keypoints, got {len(triples)}")
    triples = triples.reshape(joints, 3)
    absent = triples[:, 2] <= 0
    triples[absent, :2] = np.nan
    triples[:, 2] = np.select([absent, triples[:, 2] >= 2], [0.0, 1.0], -1.0)
    track = person.attributes.get("track_id") if person.track_id is None else person.track_id
    rows.add(
        frame=frame,
        track_id=track if isinstance(track, int | float) else None,
        points=triples.ravel().tolist(),
        scores=person.keypoint_scores,
        box=corners(person.bbox, name="bbox"),
        score=person.score,
    )
