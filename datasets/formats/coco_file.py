"""Finds in a file of COCO's form which annotations are people, and what their joints are called.

People belong to the categories that name joints; where none does, to those with joints or called
``person``, and may have boxes and masks alone. Joints are those that the category names.
COCO-WholeBody's files name 17 and give 133, together or in ``foot_kpts``, ``face_kpts``,
``lefthand_kpts`` and ``righthand_kpts``; others that give more than they name, or name none, have
joints with numbers for names. Left out: boxes of face and hands.

Not here: one video's file (:mod:`posetube.datasets.formats.coco`), the data set of
pictures (:mod:`posetube.datasets.published.coco`).

Source: COCO's and COCO-WholeBody's descriptions of their files, and mmpose's samples of both.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import COCO17, WHOLE_BODY133, Skeleton
from posetube.structures import DoubleArray, FrameTable, Polygon

from ..files.checked_values import MAX_PIXEL
from ..files.json_files import Identity
from .annotation_rows import NO_JOINTS, AnnotationRows, corners, skeleton_of
from .coco_masks import mask_in

PARTS = {"foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
"""Where COCO-WholeBody keeps the joints that COCO lacks, in their order, and how many they are."""

MAX_JOINTS = 1_000
"""Files that give a person more joints are refused."""


NO_MASK = msgspec.Raw()
"""This very object, as which msgspec knows it, is not written."""


class CocoImage(msgspec.Struct, omit_defaults=True):
    """A frame, or a picture of a data set."""

    id: Identity
    file_name: str
    height: int | None = None
    width: int | None = None
    time: float | None = None
    video_id: int | None = None
    frame_id: int | None = None


class CocoAnnotation(msgspec.Struct, omit_defaults=True):
    """A person in a frame."""

    image_id: Identity
    id: int | str | None = 0
    category_id: int = msgspec.field(default=0)
    keypoints: list[float | None] | None = []
    num_keypoints: int | None = 0
    bbox: list[float] | None = []
    area: float | None = 0.0
    iscrowd: int | bool | None = msgspec.field(default=-1)
    track_id: int | str | None = None
    attributes: dict[str, Any] | None = {}
    score: float | None = None
    keypoint_scores: list[float | None] | None = None
    segmentation: msgspec.Raw = NO_MASK
    foot_kpts: list[float | None] | None = []
    face_kpts: list[float | None] | None = []
    lefthand_kpts: list[float | None] | None = []
    righthand_kpts: list[float | None] | None = []


class CocoCategory(msgspec.Struct, omit_defaults=True):
    """A kind of thing, with the names of its joints."""

    id: int
    name: str
    supercategory: str = ""
    keypoints: list[str] = []
    skeleton: list[tuple[int, int]] = []


class VideoEntry(msgspec.Struct):
    """What images of one ``video_id`` are frames of."""

    id: Identity
    name: str = ""


class CocoFile(msgspec.Struct):
    """A whole file."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]
    videos: list[VideoEntry] = []


def people_in(file: CocoFile, path: Path) -> set[int]:
    """Categories of people; where there is one category, whatever annotations say is it.

    Raises:
        FormatError: If no category names joints, has them or is called a person.
    """
    given = {annotation.category_id for annotation in file.annotations}
    jointed = {annotation.category_id for annotation in file.annotations if annotation.keypoints}
    persons = {category.id for category in file.categories if category.keypoints} or {
        c.id for c in file.categories if c.id in jointed or c.name.lower() == "person"
    }
    if not persons:
        raise FormatError(f"{path}: no category names its keypoints, and none is called 'person'")
    return persons | given if len(file.categories) == 1 else persons


def skeleton_in(file: CocoFile, path: Path) -> Skeleton:
    """The joints of people, with the edges that their category lists; none where all have none.

    Raises:
        FormatError: If no category is of people, a joint is named twice, or there are too many.
    """
    ids = people_in(file, path)
    category = next(category for category in file.categories if category.id in ids)
    named = tuple(category.keypoints)
    if len(set(named)) < len(named):
        raise FormatError(f"{path}: category {category.id} names a joint twice")
    joints = _joints(named, (p for p in file.annotations if p.category_id in ids))
    if not joints:
        return NO_JOINTS
    if len(joints) > MAX_JOINTS:
        raise FormatError(f"{path}: {len(joints)} joints; at most {MAX_JOINTS} are read")
    known = WHOLE_BODY133 if joints == WHOLE_BODY133.joints else skeleton_of(joints, name=path.stem)
    places = range(1, len(joints) + 1)
    listed = [(a, b) for a, b in category.skeleton if a in places and b in places]
    edges = tuple((joints[a - 1], joints[b - 1]) for a, b in listed)
    return known if known.edges else replace(known, edges=edges)


def _joints(named: tuple[str, ...], people: Iterable[CocoAnnotation]) -> tuple[str, ...]:
    """Names for as many joints as most people have numbers for, but no fewer than are named."""
    counts = Counter(_count(person) for person in people)
    # People without joints have no say.
    counts.pop(0, None)
    given = counts.most_common(1)[0][0] if counts else 0
    if given <= len(named):
        return named
    for known in (COCO17, WHOLE_BODY133):
        if given == len(known) and known.joints[: len(named)] == named:
            return known.joints
    return (*named, *(f"joint_{i}" for i in range(len(named), given)))


def _count(person: CocoAnnotation) -> int:
    whole = any(getattr(person, name) for name in PARTS)
    return len(WHOLE_BODY133) if whole else len(person.keypoints or ()) // 3


def numbers_of(person: CocoAnnotation) -> list[float | None]:
    """All joints of a person, three numbers each; those of COCO-WholeBody's parts at the end."""
    parts = {name: getattr(person, name) or [] for name in PARTS}
    if not any(parts.values()):
        return person.keypoints or []
    found = list(person.keypoints or [0.0] * (3 * len(COCO17)))
    for name, count in PARTS.items():
        if len(parts[name]) not in (0, 3 * count):
            raise ValueError(f"expected {3 * count} numbers in {name}, got {len(parts[name])}")
        found += parts[name] or [0.0] * (3 * count)
    return found


Regions = dict[int, tuple[Polygon, ...]]
"""Where people are not labelled, by frame."""


def add_annotation(
    rows: AnnotationRows,
    regions: Regions,
    person: CocoAnnotation,
    *,
    frame: int,
    size: tuple[int, int] | None,
) -> None:
    """Append one annotation, a crowd as a region; ValueError says what is wrong with it.

    Its picture is ``size`` (H, W) pixels; without a size, masks are not read.
    """
    if person.iscrowd == 1:
        regions[frame] = (*regions.get(frame, ()), _crowd_region(person))
    else:
        _add_person(rows, person, frame=frame, size=size)


def frame_table(
    images: Sequence[CocoImage], *, names: tuple[str, ...], regions: Regions
) -> FrameTable:
    """The frames of some images."""
    times = [np.nan if image.time is None else image.time for image in images]
    return FrameTable(
        times=np.array(times, np.float64),
        names=names,
        ids=np.array([image.id for image in images], np.int64),
        ignore_regions=regions,
    )


def size_of(image: CocoImage) -> tuple[int, int] | None:
    """(H, W) pixels, where the file tells."""
    return (image.height, image.width) if image.height and image.width else None


def _add_person(
    rows: AnnotationRows, person: CocoAnnotation, *, frame: int, size: tuple[int, int] | None
) -> None:
    joints = rows.joints
    triples = np.array(numbers_of(person) or [0.0] * (3 * joints), np.float64)
    if len(triples) != 3 * joints:
        raise ValueError(f"expected {3 * joints} numbers in keypoints, got {len(triples)}")
    triples = triples.reshape(joints, 3)
    absent = triples[:, 2] <= 0
    triples[absent, :2] = np.nan
    # COCO says 0 absent, 1 hidden, 2 seen; the rows want a sign: 0, below, above.
    triples[:, 2] = np.select([absent, triples[:, 2] >= 2], [0.0, 1.0], -1.0)
    described = person.attributes or {}
    track = described.get("track_id") if person.track_id is None else person.track_id
    rows.add(
        frame=frame,
        track_id=track if isinstance(track, int | float | str) else None,
        points=triples.ravel().tolist(),
        scores=person.keypoint_scores,
        box=corners(person.bbox or (), name="bbox"),
        score=person.score,
        mask=_mask(person, size),
    )


def _mask(person: CocoAnnotation, size: tuple[int, int] | None) -> bytes:
    """A person's mask; none where it is damaged, since nobody may have asked for it."""
    try:
        return b"" if size is None else mask_in(person.segmentation, size)
    except FormatError:
        return b""


def _crowd_region(crowd: CocoAnnotation) -> Polygon:
    """The box around a crowd, which is no person; ValueError says what is wrong with it."""
    x1, y1, x2, y2 = corners(crowd.bbox or (), name="bbox")
    if not max(map(abs, (x1, y1, x2, y2))) <= MAX_PIXEL:
        raise ValueError(f"a crowd needs a box of numbers up to {MAX_PIXEL:g}, got {crowd.bbox}")
    found: DoubleArray = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)
    return found
