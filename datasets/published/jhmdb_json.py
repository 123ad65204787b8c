"""Reads mmpose's JSON of sub-JHMDB: ``Sub{1,2,3}_{train,test}.json`` beside folders of pictures.

COCO's form, but positions and boxes count from 1, as in the original files. Clips are told apart
by ``vid_id``.

Not here: the original files (:mod:`posetube.datasets.published.jhmdb`).
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from posetube import boxes as box
from posetube.errors import FormatError
from posetube.skeletons import JHMDB15
from posetube.structures import FrameTable

from ..annotated_video import AnnotatedVideo, Counts, Split, table
from ..files.checked_values import numbers, relative_path
from ..files.json_files import Identity, decode, read_bytes
from .release_files import find_file

FILES = ("Sub[123]_*.json", "annotations/Sub[123]_*.json", "*jhmdb*sub*.json")


class _Image(msgspec.Struct):
    id: Identity
    file_name: str
    vid_id: str
    frame_id: Identity
    width: int | None = None
    height: int | None = None


class _Annotation(msgspec.Struct):
    image_id: Identity
    keypoints: list[float]
    bbox: list[float]
    track_id: Identity = 0


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


@dataclass(frozen=True, kw_only=True)
class JhmdbJson:
    """One file with its pictures."""

    root: Path
    """Folder with the file and, if the pictures are there, a folder per clip."""

    name: ClassVar[str] = "sub-jhmdb-json"
    whole: ClassVar[Counts | None] = None

    @cached_property
    def _file(self) -> tuple[_File, Path]:
        path = find_file(self.root, FILES, dataset="sub-JHMDB")
        return decode(read_bytes(path), _File, path=path), path

    @cached_property
    def _clips(self) -> dict[str, list[_Image]]:
        found: dict[str, list[_Image]] = {}
        for image in self._file[0].images:
            found.setdefault(image.vid_id, []).append(image)
        return found

    def videos(self) -> tuple[str, ...]:
        """Numbers of the clips, such as ``00228``."""
        return tuple(self._clips)

    def read(self, video: str) -> AnnotatedVideo:
        """The frames of one clip that the file lists."""
        file, path = self._file
        if video not in self._clips:
            raise FormatError(f"{path}: no clip {video!r}")
        images = sorted(self._clips[video], key=lambda image: image.frame_id)
        names = tuple(relative_path(image.file_name, where=str(path)) for image in images)
        place = {image.id: i for i, image in enumerate(images)}
        people = [p for p in file.annotations if p.image_id in place]
        known = re.search(r"_(train|test)$", path.stem)
        split: Split = "train" if known and known[1] == "train" else "test"
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=split,
            media=path.parent if (path.parent / names[0]).is_file() else self.root,
            metric="pck-box",
            tracks=table(
                source=str(Path(names[0]).parent),
                size=_size(images[0]),
                skeleton=JHMDB15,
                frames=FrameTable(
                    times=np.full(len(images), np.nan),
                    names=names,
                    ids=np.array([image.id for image in images], np.int64),
                ),
                frame=np.array([place[p.image_id] for p in people], np.int64),
                **_rows(people, where=str(path)),
            ),
        )


def _size(image: _Image) -> tuple[int, int] | None:
    return None if not image.height or not image.width else (image.height, image.width)


def _rows(people: list[_Annotation], *, where: str) -> dict[str, Any]:
    """The arguments of :func:`table` that have one entry per person and frame."""
    for person in people:
        if len(person.keypoints) != 45 or len(person.bbox) != 4:
            raise FormatError(f"{where}: image {person.image_id}: expected 45 keypoints, 4 of bbox")
    rows = len(people)
    triples = np.array([p.keypoints for p in people], np.float64).reshape(rows, 15, 3)
    triples = numbers(triples, shape=(rows, 15, 3), where=f"{where}: keypoints")
    frames = numbers(
        np.array([p.bbox for p in people], np.float64).reshape(rows, 4),
        shape=(rows, 4),
        where=f"{where}: bbox",
    )
    return {
        "track_ids": np.array([p.track_id for p in people], np.int64),
        "keypoints": triples[..., :2] - 1,
        "joint_states": triples[..., 2] > 0,
        "boxes": box.from_xywh(frames - [1, 1, 0, 0]),
    }
