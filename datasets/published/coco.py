"""COCO's people: photographs with boxes, joints and masks, or the frames of videos.

Layout: ``annotations/person_keypoints_train2017.json`` beside ``train2017/000000391895.jpg``; where
only ``instances_train2017.json`` is there, people have boxes and masks alone. About half of the
people have no joints labelled. A crowd is no person but a region to ignore, given as
the box around it. Images of one ``video_id`` are the frames of a video, in the order of their
``frame_id``, called as ``videos`` has it; every other one is a video of a single frame.

Source: Lin et al., "Microsoft COCO", ECCV 2014, and COCO's data format page.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.masks import decode_mask
from posetube.skeletons import Skeleton
from posetube.structures import BoolArray

from ..annotated_video import SPLITS, AnnotatedVideo, Counts, Split
from ..files.checked_values import relative_path
from ..files.json_files import decode, read_bytes
from ..formats.annotation_rows import AnnotationRows, located
from ..formats.coco import recognise as is_coco
from ..formats.coco_file import (
    CocoAnnotation,
    CocoFile,
    CocoImage,
    Regions,
    add_annotation,
    frame_table,
    people_in,
    size_of,
    skeleton_in,
)
from ..formats.coco_masks import mask_in
from .release_files import first_file, holds, root_of

NAMED = ("annotations/person_keypoints_*.json", "person_keypoints_*.json")
FILES = (*NAMED, "annotations/*.json", "*.json")
"""Where annotations are looked for; beside those with a name of their own there may be others."""

PREFIXES = ("person_keypoints_", "instances_")
"""Names of files that end in that of their folder of pictures."""

MAX_SIDE = 20_000
"""Larger pictures are refused when masks are drawn."""


OWN = (
    "annotations/person_keypoints_*.json",
    "person_keypoints_*.json",
    "annotations/instances_*.json",
)
"""Files that no other data set has."""


def recognise(root: Path) -> bool:
    """Whether a folder has COCO's own files, or a folder of annotations in its form."""
    file = first_file(root, ("annotations/*.json",))
    return holds(*OWN)(root) or (file is not None and is_coco(file))


@dataclass(frozen=True, kw_only=True)
class CocoPeople:
    """The data set in a folder: all annotation files of the first pattern that matches."""

    root: Path
    """Folder with ``annotations`` and, if the pictures are there, ``train2017`` ..."""

    name: ClassVar[str] = "coco"
    whole: ClassVar[Counts | None] = None

    @cached_property
    def _files(self) -> dict[str, tuple[CocoFile, Path]]:
        """Each annotation file by its name without the ending."""
        return self._read_files[0]

    @cached_property
    def _read_files(self) -> tuple[dict[str, tuple[CocoFile, Path]], dict[str, FormatError]]:
        for pattern in FILES:
            paths = sorted(path for path in self.root.glob(pattern) if path.is_file())
            if paths:
                return _annotation_files(paths, all_of_them=pattern in NAMED)
        raise FormatError(f"{self.root}: no annotations of COCO; looked for {', '.join(FILES)}")

    @cached_property
    def _videos(self) -> dict[str, tuple[str, list[CocoImage]]]:
        """File and frames of each video by its name; a picture is called by its file."""
        found: dict[str, tuple[str, list[CocoImage]]] = {}
        for stem, (file, path) in self._files.items():
            names = _video_names(file, stem, taken=set(found))
            for image in sorted(file.images, key=lambda image: image.frame_id or 0):
                if image.video_id is None:
                    found.setdefault(self._picture(image, path), (stem, [image]))
                else:
                    name = names.get(image.video_id, f"{stem}/{image.video_id}")
                    found.setdefault(name, (stem, []))[1].append(image)
        return found

    def _picture(self, image: CocoImage, path: Path) -> str:
        """Where an image lies below the root."""
        name = relative_path(image.file_name, where=f"{path}: image {image.id}")
        return f"{self._folder(path, name)}{name}"

    @cached_property
    def _skeletons(self) -> dict[str, Skeleton]:
        """Joints by file; to find them takes a look at everybody in it."""
        return {stem: skeleton_in(file, path) for stem, (file, path) in self._files.items()}

    @cached_property
    def _people(self) -> dict[tuple[str, int], list[CocoAnnotation]]:
        """Annotations by file and picture."""
        found: dict[tuple[str, int], list[CocoAnnotation]] = {}
        for stem, (file, path) in self._files.items():
            people = people_in(file, path)
            for annotation in file.annotations:
                if annotation.category_id in people:
                    found.setdefault((stem, annotation.image_id), []).append(annotation)
        return found

    def _folder(self, path: Path, name: str) -> str:
        """Where the pictures of a file lie: ``train2017/`` for ``..._train2017.json``."""
        candidates = (f"{path.stem.rpartition('_')[2]}/", f"images/{path.stem.rpartition('_')[2]}/",
                      "images/", "")  # fmt: skip
        there = (folder for folder in candidates if (self.root / folder / name).is_file())
        return next(there, candidates[0] if path.stem.startswith(PREFIXES) else "")

    def videos(self) -> tuple[str, ...]:
        """Names of videos, of pictures such as ``train2017/000000391895.jpg``, of broken files."""
        return (*self._videos, *self._read_files[1])

    def read(self, video: str) -> AnnotatedVideo:
        """One picture or video; people without labelled joints are rows without joints."""
        if video in self._read_files[1]:
            raise self._read_files[1][video]
        if video not in self._videos:
            raise FormatError(f"{self.root}: no picture or video {video!r} in COCO")
        stem, images = self._videos[video]
        path = self._files[stem][1]
        rows, regions = AnnotationRows(self._skeletons[stem]), Regions()
        for frame, image in enumerate(images):
            for person in self._people.get((stem, image.id), []):
                with located(f"{path}: annotation {person.id}"):
                    add_annotation(rows, regions, person, frame=frame, size=size_of(image))
        names = tuple(self._picture(image, path) for image in images)
        frames = frame_table(images, names=names, regions=regions)
        tracks = rows.table(path, frames, source=video, size=size_of(images[0]))
        if images[0].video_id is None:
            tracks = replace(tracks, track_ids=np.full(len(tracks.frame), -1))
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=_split(stem),
            media=root_of(self.root, names),
            metric="oks",
            tracks=tracks,
        )

    def masks(self, video: str) -> BoolArray:
        """(R, H, W) which pixels each person of :meth:`read` covers.

        Raises:
            FormatError: If a mask is damaged, or the file does not tell the picture's size.
        """
        stem, images = self._videos[video]
        size = size_of(images[0])
        if size is None or max(size) > MAX_SIDE:
            raise FormatError(f"{self.root}: {video}: size {size}; no masks can be drawn")
        everybody = (p for image in images for p in self._people.get((stem, image.id), []))
        people = [p for p in everybody if p.iscrowd != 1]
        masks = [_mask(p, size, where=f"{video}: annotation {p.id}") for p in people]
        return np.array(masks, np.bool_).reshape(-1, *size)


def _annotation_files(
    paths: list[Path], *, all_of_them: bool
) -> tuple[dict[str, tuple[CocoFile, Path]], dict[str, FormatError]]:
    """The files that are of people, and what is wrong with others that must be.

    Where not all must, detections and results are passed over.

    Raises:
        FormatError: If no file is as it must be.
    """
    found: dict[str, tuple[CocoFile, Path]] = {}
    broken: dict[str, FormatError] = {}
    for path in paths:
        try:
            file = decode(read_bytes(path), CocoFile, path=path)
            skeleton_in(file, path)
            found[path.stem] = file, path
        except FormatError as error:
            broken[path.stem] = error
    if not found:
        raise next(iter(broken.values()))
    return found, broken if all_of_them else {}


def _video_names(file: CocoFile, stem: str, *, taken: set[str]) -> dict[int, str]:
    """Names of the videos that a file lists; those without one of their own are numbered."""
    names: dict[int, str] = {}
    for video in file.videos:
        free = video.name and video.name not in taken
        names[video.id] = video.name if free else f"{stem}/{video.id}"
        taken.add(names[video.id])
    return names


def _mask(person: CocoAnnotation, size: tuple[int, int], *, where: str) -> BoolArray:
    """(H, W) which pixels a person covers; none where the file gives no mask."""
    try:
        mask = mask_in(person.segmentation, size)
        return decode_mask(mask) if mask else np.zeros(size, np.bool_)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None


def _split(stem: str) -> Split:
    return next((split for part, split in SPLITS.items() if part in stem), "")
