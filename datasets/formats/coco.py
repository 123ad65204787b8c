"""Reads and writes COCO's keypoints: frames are the images, people the annotations.

One file holds one video, a data set of pictures, or several videos, written one after the other
so that memory does not grow with them. Videos are listed as other programs of video data do:
``videos`` with id and name, ``video_id`` and ``frame_id`` (from 0) in each image.

Identities stand as ``track_id`` in each annotation and in its ``attributes``, where CVAT looks for
them, masks as ``segmentation``. A joint has v 0 where absent, 1 where hidden, 2 where seen. What
COCO has no place for is added under names of its own, which other programs skip: ``time`` of an
image, ``score`` and ``keypoint_scores`` of a person. A person without a box gets the joints'
extent, because COCO's programs cannot do without one.

Not here: who in a file is a person, and which joints it has
(:mod:`posetube.datasets.formats.coco_file`); a data set of single pictures
(:mod:`posetube.datasets.published.coco`); the values that pycocotools evaluates
(:mod:`posetube.datasets.formats.coco_results`).
"""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import msgspec
import numpy as np

from posetube import boxes as box
from posetube.errors import FormatError, InputError
from posetube.masks import mask_area
from posetube.skeletons import Skeleton
from posetube.structures import (
    FrameTable,
    IntArray,
    JointState,
    VideoTracks,
)

from ..files.json_files import decode, read_bytes
from ..files.opened_file import OpenedFile
from .annotation_rows import AnnotationRows, located
from .coco_file import (
    NO_MASK,
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoImage,
    Regions,
    add_annotation,
    frame_table,
    people_in,
    size_of,
    skeleton_in,
)
from .frame_order import sorted_places
from .numbers import joint_states, or_none, shortest


def write_tracks(path: Path | str, tracks: VideoTracks) -> None:
    """Write one video's people."""
    write_videos(path, [tracks])


def write_videos(path: Path | str, videos: Iterable[VideoTracks]) -> None:
    """Write the people of several videos, or of many pictures, into one file.

    Identities are numbered through, so that nobody is in two videos; frames keep their numbers
    unless another video has them already. Those of the first video stay as they are.

    Args:
        path: Where to write.
        videos: One is held in memory at a time; a video of one frame counts as a picture.

    Raises:
        InputError: If there is no video, or two have different joints.
    """
    path = Path(path)
    with path.open("wb") as images, TemporaryFile(dir=path.parent) as people:
        stream = _Stream(images, people)
        for tracks in videos:
            stream.add(tracks, path)
        stream.end(path)


class _Stream:
    """A file that is being written: images go to it, people to a second one."""

    def __init__(self, images: BinaryIO, people: BinaryIO) -> None:
        self._images, self._people = images, people
        self._image_ids: set[int] = set()
        self._rows = self._next_track = 0
        self._videos: list[dict[str, Any]] = []
        self._joints: Skeleton | None = None
        # Images and people grow together, and a JSON has one list after the other.
        images.write(b'{"images":[')

    def add(self, tracks: VideoTracks, path: Path) -> None:
        """Append one video."""
        self._joints = self._joints or tracks.skeleton
        if tracks.skeleton.joints != self._joints.joints:
            raise InputError(f"{path}: {tracks.source} has other joints than the videos before it")
        ids = self._numbered(tracks.frames)
        video = None
        if len(tracks.frames) > 1:
            video = len(self._videos) + 1
            self._videos.append({"id": video, "name": tracks.source})
        _append(self._images, _images(tracks, ids, video), first=not self._image_ids)
        self._image_ids.update(ids.tolist())
        known = tracks.track_ids >= 0
        # Identities go on behind those of the videos before: nobody is in two of them.
        own = np.where(known, tracks.track_ids + self._next_track, -1)
        self._next_track = max(self._next_track, int(own.max(initial=-1)) + 1)
        annotations = _annotations(replace(tracks, track_ids=own), ids, first=self._rows + 1)
        _append(self._people, annotations, first=not self._rows)
        self._rows += len(annotations)

    def _numbered(self, frames: FrameTable) -> IntArray:
        """Ids of the frames that no other image of the file has."""
        given = frames.ids
        if given is not None and len(set(given.tolist()) - self._image_ids) == len(given):
            return given
        start = max(self._image_ids, default=0) + 1
        return np.arange(start, start + len(frames))

    def end(self, path: Path) -> None:
        """Join the two files and add what concerns all videos."""
        if self._joints is None:
            raise InputError(f"{path}: there is no video to write")
        self._images.write(b'],\n"annotations":[')
        self._people.seek(0)
        shutil.copyfileobj(self._people, self._images)
        last: dict[str, Any] = {"categories": [_category(self._joints)]}
        if self._videos:
            last["videos"] = self._videos
        self._images.write(b"],\n" + msgspec.json.encode(last)[1:])


def _append(file: BinaryIO, records: list[Any], *, first: bool) -> None:
    for place, record in enumerate(records):
        file.write((b"" if first and not place else b",\n") + msgspec.json.encode(record))


def _images(tracks: VideoTracks, ids: IntArray, video: int | None) -> list[CocoImage]:
    names, times = tracks.frames.names, or_none(tracks.frames.times)
    height, width = tracks.size or (None, None)
    return [
        CocoImage(
            id=number,
            file_name=names[i] if names else f"{tracks.source}/{i:06d}.jpg",
            height=height,
            width=width,
            time=times[i],
            video_id=video,
            frame_id=None if video is None else i,
        )
        for i, number in enumerate(ids.tolist())
    ]


def _category(joints: Skeleton) -> CocoCategory:
    return CocoCategory(
        id=1,
        name="person",
        supercategory="person",
        keypoints=list(joints.joints),
        skeleton=[(int(a) + 1, int(b) + 1) for a, b in joints.edge_indices],
    )


def _annotations(tracks: VideoTracks, ids: IntArray, *, first: int) -> list[CocoAnnotation]:
    """The people of a video, numbered from ``first``; ``ids`` are those of its frames."""
    states = joint_states(tracks)
    points = np.nan_to_num(shortest(tracks.keypoints))
    triples = np.concatenate([points, states[..., None]], axis=-1)
    triples[states == JointState.ABSENT] = 0
    # The joints' extent where there is no box.
    boxes = np.nan_to_num(box.or_around(shortest(tracks.boxes), shortest(tracks.keypoints)))
    masks = [b""] * len(tracks.frame) if tracks.masks is None else tracks.masks.tolist()
    areas = [
        mask_area(mask) if mask else area
        for mask, area in zip(masks, box.area(boxes).tolist(), strict=True)
    ]
    flat = box.to_xywh(boxes).tolist()
    scores, joints = or_none(tracks.scores), or_none(tracks.keypoint_scores)
    return [
        CocoAnnotation(
            id=first + row,
            image_id=int(ids[frame]),
            category_id=1,
            keypoints=triples[row].ravel().tolist(),
            num_keypoints=int((states[row] > 0).sum()),
            bbox=flat[row],
            area=areas[row],
            iscrowd=0,
            track_id=None if track_id < 0 else track_id,
            # CVAT looks for identities among the attributes, other programs beside the box.
            attributes={} if track_id < 0 else {"track_id": track_id},
            score=scores[row],
            keypoint_scores=None if set(joints[row]) <= {None} else joints[row],
            segmentation=msgspec.Raw(masks[row]) if masks[row] else NO_MASK,
        )
        for row, (frame, track_id) in enumerate(
            zip(tracks.frame.tolist(), tracks.track_ids.tolist(), strict=True)
        )
    ]


def recognise(file: OpenedFile) -> bool:
    """Whether a JSON lists images, of which people are no joints in space."""
    return "images" in file.parts and "keypoints_3d" not in file.first_of("annotations")


def read(path: Path | str) -> VideoTracks:
    """Read a file of one video's frames; of several videos all frames, one after the other.

    A crowd is no person but a region to ignore; a file may hold boxes without joints.

    Raises:
        FormatError: If the file is not of this format; names the annotation.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    file = decode(read_bytes(path), CocoFile, path=path)
    skeleton, people = skeleton_in(file, path), people_in(file, path)
    images = _in_order(file.images)
    place = {image.id: i for i, image in enumerate(images)}
    if len(place) < len(file.images):
        raise FormatError(f"{path}: two images have the same id")
    rows = AnnotationRows(skeleton)
    regions: Regions = {}
    for i, person in enumerate(file.annotations):
        if person.category_id not in people:
            continue
        if person.image_id not in place:
            raise FormatError(f"{path}: annotations[{i}]: no image has id {person.image_id}")
        with located(f"{path}: annotations[{i}]"):
            frame = place[person.image_id]
            size = size_of(images[frame])
            add_annotation(rows, regions, person, frame=frame, size=size)
    frames = frame_table(images, names=tuple(i.file_name for i in images), regions=regions)
    return rows.table(path, frames, size=size_of(images[0]) if images else None)


def _in_order(images: list[CocoImage]) -> list[CocoImage]:
    """Frames of a video by their numbers, of which programs write them in any order."""
    if any(image.frame_id is None for image in images):
        return [images[place] for place in sorted_places([image.file_name for image in images])]
    videos = list(dict.fromkeys(image.video_id for image in images))
    return sorted(images, key=lambda image: (videos.index(image.video_id), image.frame_id or 0))
