"""Refuses a sequence's result file that PoseTrack's evaluation servers would refuse, or score as 0.

The readers of the two forms take what people have; the servers' tools take what they were written
for, match frames by their place in the file and stop at the rest. Here a file is read as they do.

Not here: which sequences there must be (:mod:`posetube.pipelines.evaluation.submission`).

Source: poseval (``convert.py``, ``eval_helpers.py``) and PoseTrack21's kit, see
:mod:`posetube.tracker.metrics.protocols`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, TypeVar

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable

from ..files.json_files import decode, read_bytes
from .posetrack18_writer import MAX_TRACK_ID, SEQUENCE_NAME

T = TypeVar("T")

MAX_FRAME = 9_999
"""The largest number that a frame's name may be."""

JOINT_COUNTS = (15, 17)
"""Joints of a person in PoseTrack18's form: without ears, or with places for them."""

One = Annotated[list[T], msgspec.Meta(min_length=1, max_length=1)]
"""A value in a list, as MATLAB writes it."""

TrackId = Annotated[int, msgspec.Meta(ge=0, le=MAX_TRACK_ID)]


class _Image(msgspec.Struct):
    id: int
    file_name: str


class _Person(msgspec.Struct):
    image_id: int
    track_id: TrackId
    keypoints: list[float]
    scores: list[float]
    bbox: Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)] | None = None


class _Category(msgspec.Struct):
    name: str
    keypoints: list[str]


class _File18(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Person]
    categories: One[_Category]


class _Name(msgspec.Struct):
    name: str


class _Point(msgspec.Struct):
    id: One[Annotated[int, msgspec.Meta(ge=0, lt=len(POSETRACK15))]]
    x: One[float]
    y: One[float]
    score: One[float]


class _Points(msgspec.Struct):
    point: list[_Point]


class _Rect(msgspec.Struct):
    track_id: One[TrackId]
    annopoints: Annotated[list[_Points], msgspec.Meta(max_length=1)]


class _Frame(msgspec.Struct):
    image: One[_Name]
    annorect: list[_Rect]


class _File17(msgspec.Struct):
    annolist: list[_Frame]


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmittedCounts:
    """What a file holds."""

    frames: int
    """Its frames."""

    people: int
    """Its people, once in every frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Submitted:
    """One person of a file, read."""

    frame: int
    where: str
    track_id: int
    numbers: list[float]


def check_submission(path: Path, *, form: str, wanted: FrameTable | None = None) -> SubmittedCounts:
    """Refuse a file that the server would refuse.

    Args:
        path: The file of one sequence, called as the sequence.
        form: ``posetrack17``, ``posetrack18`` or ``posetrack21``.
        wanted: The frames of the sequence in the order of the server's file; None: not known.

    Raises:
        FormatError: Names the file, and frame and person where one is to blame.
    """
    if not SEQUENCE_NAME.match(path.stem):
        raise FormatError(
            f"{path}: the server wants a file called like its sequence, 000123_mpii_test.json, "
            "with mpii, bonn or mpiinew"
        )
    if form == "posetrack21" and "_test" not in path.name:
        raise FormatError(f"{path}: PoseTrack21's kit looks for files with _test in their name")
    names, ids, people = (_read17 if form == "posetrack17" else _read18)(path)
    _check_frames(path, names, ids, wanted)
    _check_people(path, people, names)
    return SubmittedCounts(frames=len(names), people=len(people))


Read = tuple[list[str], list[int] | None, list[_Submitted]]
"""Names and ids of the frames, and the people."""


def _read18(path: Path) -> Read:
    content = decode(read_bytes(path), _File18, path=path)
    [category] = content.categories
    joints = len(category.keypoints)
    missing = [joint for joint in POSETRACK15.joints if joint not in category.keypoints]
    if category.name != "person" or missing or joints not in JOINT_COUNTS:
        what = f"without {missing[0]}" if missing else f"{category.name!r} with {joints} joints"
        raise FormatError(
            f"{path}: categories[0]: the server wants one category, person, with PoseTrack's 15 "
            f"or 17 joints, got {what}"
        )
    places = {image.id: index for index, image in enumerate(content.images)}
    people = []
    for number, person in enumerate(content.annotations):
        where = f"annotations[{number}]"
        if person.image_id not in places:
            raise FormatError(f"{path}: {where}: no image has the id {person.image_id}")
        for name, count in (("keypoints", 3 * joints), ("scores", joints)):
            found = len(getattr(person, name))
            if found != count and (found or any(person.keypoints)):
                raise FormatError(
                    f"{path}: {where}: {name}: expected {count} numbers for {joints} joints, got "
                    f"{found}"
                )
        people.append(
            _Submitted(
                frame=places[person.image_id],
                where=where,
                track_id=person.track_id,
                numbers=[*person.keypoints, *person.scores, *(person.bbox or ())],
            )
        )
    names = [image.file_name for image in content.images]
    return names, [image.id for image in content.images], people


def _read17(path: Path) -> Read:
    content = decode(read_bytes(path), _File17, path=path)
    people = []
    for index, frame in enumerate(content.annolist):
        for number, rect in enumerate(frame.annorect):
            points = [point for part in rect.annopoints for point in part.point]
            where = f"annolist[{index}].annorect[{number}]"
            joints = [point.id[0] for point in points]
            if len(set(joints)) < len(joints):
                raise FormatError(f"{path}: {where}: a joint is there twice, got {sorted(joints)}")
            people.append(
                _Submitted(
                    frame=index,
                    where=where,
                    track_id=rect.track_id[0],
                    numbers=[n for point in points for n in (*point.x, *point.y, *point.score)],
                )
            )
    return [frame.image[0].name for frame in content.annolist], None, people


def _check_frames(
    path: Path, names: list[str], ids: list[int] | None, wanted: FrameTable | None
) -> None:
    if not names:
        raise FormatError(f"{path}: no frames; the server wants all of the sequence's")
    for name in names:
        folder, stem = PurePosixPath(name).parent.name, PurePosixPath(name).stem
        if folder != path.stem:
            raise FormatError(
                f"{path}: frame {name}: not of the sequence that the file is called by"
            )
        if not stem.isascii() or not stem.isdigit() or int(stem) > MAX_FRAME:
            raise FormatError(
                f"{path}: frame {name}: the server wants a number up to {MAX_FRAME} as its name"
            )
    for what, values in (("name", names), ("id", ids or range(len(names)))):
        if len(set(values)) < len(values):
            raise FormatError(f"{path}: two frames have the same {what}")
    if wanted is None:
        return
    if len(names) != len(wanted):
        raise FormatError(
            f"{path}: {len(names)} frames, the server's sequence has {len(wanted)}; it wants all, "
            "also those without labels and without people"
        )
    _check_same(path, "frame", names, wanted.names)
    if ids is not None and wanted.ids is not None:
        _check_same(path, "image id", ids, wanted.ids.tolist())


def _check_same(path: Path, what: str, given: Sequence[object], wanted: Sequence[object]) -> None:
    for place, (ours, theirs) in enumerate(zip(given, wanted, strict=True), start=1):
        if ours != theirs:
            raise FormatError(f"{path}: {what} {place} is {ours}, the server's is {theirs}")


def _check_people(path: Path, people: Sequence[_Submitted], names: list[str]) -> None:
    seen: set[tuple[int, int]] = set()
    for person in people:
        where = f"{path}: frame {names[person.frame]}, {person.where}"
        if not np.isfinite(person.numbers).all():
            raise FormatError(f"{where}: a number is not finite")
        if (person.frame, person.track_id) in seen:
            raise FormatError(f"{where}: track id {person.track_id} is there twice in this frame")
        seen.add((person.frame, person.track_id))
