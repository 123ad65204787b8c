"""Reads PoseTrack18's and PoseTrack21's JSON: one file per sequence.

A file holds ``images`` (the frames), ``annotations`` (one per person and frame, pointing
at its image) and ``categories`` (which joint each triple of ``keypoints`` is: the names decide, not
the positions). A joint is absent where x, y and v are all 0; v is otherwise not looked at.

What :mod:`posetube.datasets.formats.posetrack18_writer` adds is understood: ``info.source``, an
image's ``time`` in seconds, a person's ``score`` and ``state``
(:class:`posetube.structures.RowState`).

Not here: PoseTrack17's ``annolist`` (:mod:`posetube.datasets.formats.posetrack17`), and what a
metric makes of a file.

Source: the published files, and what poseval's ``convert.py`` asks of them.
"""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import POSETRACK17SLOTS
from posetube.structures import FrameTable, RowState, VideoTracks

from ..annotated_video import AnnotatedVideo
from ..files.json_files import decode, parse, plain, read_bytes
from ..files.opened_file import OpenedFile
from .annotation_rows import LARGEST_ID, AnnotationRows, corners, skeleton_of
from .frame_order import sorted_places
from .ignore_regions import RegionColumn, is_flat, region_polygons
from .posetrack18_writer import write_tracks as write_tracks


class _Image(msgspec.Struct, kw_only=True):
    """One frame."""

    id: Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]
    file_name: str
    frame_id: int | None = None
    is_labeled: bool | int | None = None
    ignore_regions_x: RegionColumn = []
    ignore_regions_y: RegionColumn = []
    width: float | None = None
    height: float | None = None
    time: object = None


class _Person(msgspec.Struct, kw_only=True):
    """One person in one frame."""

    image_id: int
    keypoints: list[float | None] | None
    track_id: float | None = None
    person_id: float | None = None
    scores: list[float | None] | None = None
    bbox: list[float] | None = None
    bbox_head: list[float] | None = None
    score: float | None = None
    state: object = 0


class _Category(msgspec.Struct, kw_only=True):
    """Names of the joints."""

    keypoints: list[str] = []


class _File(msgspec.Struct, kw_only=True):
    """A file with its people still as text, to be decoded one after the other."""

    images: list[_Image]
    annotations: list[msgspec.Raw] = []
    categories: list[_Category] = []
    info: object = None


UNLABELLED = _Category(keypoints=list(POSETRACK17SLOTS.joints))
"""Joints of a file that says nothing of people."""

OWN_FIELDS = {"is_labeled", "vid_id", "nframes", "frame_id"}
"""What images have here, and seldom in COCO's files, which have the same parts."""


def recognise(file: OpenedFile) -> bool:
    """Whether a JSON has images as PoseTrack's, and people without COCO's areas."""
    person, image = file.first_of("annotations"), file.first_of("images")
    areas = "area" in person and "bbox_head" not in person
    video = "video_id" in image  # as in COCO's files of videos, which have frame_id too
    return bool(OWN_FIELDS & image.keys()) and not areas and not video


def read(path: Path | str) -> VideoTracks:
    """Read the people of a file; see :func:`read_video`."""
    return read_video(OpenedFile(path)).tracks


def read_videos(file: OpenedFile) -> tuple[AnnotatedVideo, ...]:
    """Read the sequences of a file, which are several in some conversions."""
    return by_sequence(read_video(file))


def by_sequence(video: AnnotatedVideo) -> tuple[AnnotatedVideo, ...]:
    """The sequences of a file, by the folders of its frames, each as a video called by the folder.

    People are numbered anew in each sequence, so no one is known in several of them.
    """
    folders = [_folder(name) for name in video.tracks.frames.names]
    names = list(dict.fromkeys(folders))
    if len(names) < 2:
        return (video,)
    listed = np.arange(len(folders)) if video.file_order is None else np.argsort(video.file_order)
    parts = [np.flatnonzero([folder == name for folder in folders]) for name in names]
    return tuple(
        replace(
            part := video.take_frames(frames),
            name=name,
            tracks=replace(part.tracks, source=name),
            where=f"{video.where} ({name})",
            person_ids=None,
            file_order=np.argsort(listed[frames]),
        )
        for name, frames in zip(names, parts, strict=True)
    )


def read_video(file: OpenedFile) -> AnnotatedVideo:
    """Read all frames of a file, annotations or predictions, as one video.

    Returns:
        Frames in the order of their ``frame_id``, or else of the numbers in their names, or else of
        their ids, folder by folder. Rows in the file's order within each frame, people without
        joints among them; track ids -1 and boxes NaN where the file has none. People of images that
        the file does not list are left out, as the reference tools do. ``person_ids`` are
        PoseTrack21's, the same person's in every sequence.

    Raises:
        FormatError: If the file is not of this format; names the file, and frame and person where
            one is to blame.
        InputError: If the file cannot be opened.
    """
    path = file.path
    content = file.parse(_File)
    # a test sequence as published lists its frames, and no people
    unlabelled = bool(content.images) and not content.annotations
    named = [*content.categories, *([UNLABELLED] if unlabelled else [])]
    if not named or not named[0].keypoints:
        raise FormatError(
            f"{path}: no 'categories' that name the joints, so nobody can tell which number is "
            'which; add "categories": [{"name": "person", "keypoints": [...]}]'
        )
    skeleton = skeleton_of(tuple(named[0].keypoints), name=path.stem)
    frames = _frame_table(content.images, path=path)
    rows, people = AnnotationRows(skeleton), array("q")
    places = {image.id: index for index, image in enumerate(content.images)}
    # Decoded one after the other: an error names its person, and memory holds one at a time.
    for number, raw in enumerate(content.annotations):
        try:
            _add(parse(raw, _Person), rows, people, places=places)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            where = _frame_of(raw, places=places, frames=frames)
            raise FormatError(
                f"{path}: {where}person in annotations[{number}]: {plain(error)}"
            ) from None
    tracks = rows.table(path, frames, source=_source(content.info), size=_size(content.images))
    ids = np.array(people, np.int64)[rows.order]
    video = AnnotatedVideo(
        name=path.stem,
        dataset="posetrack18",
        tracks=tracks,
        metric="posetrack",
        where=str(path),
        posetrack="posetrack18",
        person_ids=ids if (ids >= 0).any() else None,
        flat_regions=next((i.file_name for i in content.images if _flat(i)), ""),
    )
    return in_frame_order(video, frame_ids=[image.frame_id for image in content.images])


def in_frame_order(
    video: AnnotatedVideo, *, frame_ids: Sequence[int | None] = ()
) -> AnnotatedVideo:
    """A video as its file lists it, with the frames in order."""
    frames = video.tracks.frames
    ids = [] if frames.ids is None else frames.ids.tolist()
    order = np.array(sorted_places(frames.names, frame_ids=frame_ids, ids=ids), np.int64)
    if (np.diff(order) == 1).all():
        return video
    return replace(video.take_frames(order), file_order=np.argsort(order))


def _flat(image: _Image) -> bool:
    """Whether the only ignore region of a frame is not wrapped in a list."""
    return is_flat(image.ignore_regions_x, image.ignore_regions_y)


def _add(
    person: _Person, rows: AnnotationRows, people: "array[int]", *, places: dict[int, int]
) -> None:
    frame = places.get(person.image_id)
    # The reference tools pass over people of images that are not listed, too.
    if frame is None:
        return
    rows.add(
        frame=frame,
        track_id=person.track_id,
        points=person.keypoints,
        scores=person.scores,
        box=corners(person.bbox or (), name="bbox"),
        head_box=corners(person.bbox_head or (), name="bbox_head"),
        score=person.score,
        state=int(person.state == RowState.INTERPOLATED),
    )
    whole = person.person_id is not None and 0 <= person.person_id <= LARGEST_ID
    people.append(int(person.person_id or 0) if whole else -1)


def _source(info: object) -> str:
    """Name of the video, where this project wrote the file."""
    source = info.get("source") if isinstance(info, dict) else None
    return source if isinstance(source, str) else ""


def _frame_of(raw: msgspec.Raw, *, places: dict[int, int], frames: FrameTable) -> str:
    """``frame NAME, `` of a person that could not be read, or nothing if that is the reason."""
    try:
        return f"frame {frames.names[places[msgspec.json.decode(raw)['image_id']]]}, "
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def _size(images: list[_Image]) -> tuple[int, int] | None:
    first = images[0] if images else None
    if first is None or not first.height or not first.width:
        return None
    return int(first.height), int(first.width)


def _frame_table(images: list[_Image], *, path: Path) -> FrameTable:
    if len({image.id for image in images}) < len(images):
        raise FormatError(f"{path}: two images have the same id")
    told = any(image.is_labeled is not None for image in images)
    regions = {}
    for index, image in enumerate(images):
        if image.ignore_regions_x or image.ignore_regions_y:
            where = f"{path}: frame {image.file_name}: ignore_regions"
            regions[index] = region_polygons(
                image.ignore_regions_x, image.ignore_regions_y, where=where
            )
    return FrameTable(
        times=np.array([i.time if isinstance(i.time, int | float) else np.nan for i in images]),
        names=tuple(image.file_name for image in images),
        ids=np.array([image.id for image in images], np.int64),
        # Where one image says it, those that do not are not labelled.
        labeled=np.array([bool(i.is_labeled) for i in images], np.bool_) if told else None,
        ignore_regions=regions,
    )


class _Name(msgspec.Struct):
    """What a frame is called."""

    file_name: str


class _Names(msgspec.Struct):
    """The frames of a file, its people skipped."""

    images: list[_Name]


def folders(path: Path | str) -> list[str]:
    """Names of the folders that a file's frames lie in, in their order, people unread."""
    path = Path(path)
    images = decode(read_bytes(path), _Names, path=path).images
    return list(dict.fromkeys(_folder(image.file_name) for image in images))


def _folder(name: str) -> str:
    """``000001_mpii_test`` of a frame's name; path objects would be twenty times as slow."""
    return name.rpartition("/")[0].rpartition("/")[2]
