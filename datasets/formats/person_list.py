"""Gathers a list of people in single pictures into videos of one frame each.

Not here: how each data set writes its list.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import Skeleton
from posetube.structures import ByteArray, DoubleArray, FrameTable, VideoTracks

from ..annotated_video import AnnotatedVideo, Metric, Split, table

NO_BOX = np.full(4, np.nan)


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """One person in one picture."""

    points: DoubleArray
    """(K, 2) pixels; what absent joints hold does not matter."""

    states: ByteArray
    """(K,) :class:`posetube.structures.JointState`."""

    box: DoubleArray | None = None
    """(4,) pixels."""

    head_box: DoubleArray | None = None
    """(4,) pixels."""

    metric_scale: float = np.nan
    """Length that the official score divides by, pixels."""

    joints_3d: DoubleArray | None = None
    """(K, 3) metres."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture and the people in it."""

    name: str
    """File, relative to the data set's folder."""

    people: tuple[Person, ...]
    """Those who are labelled."""

    split: Split = ""
    """Part of the data set."""

    labeled: bool = True
    """Whether anybody labelled the picture."""

    size: tuple[int, int] | None = None
    """(H, W) pixels, where known."""


@dataclass(frozen=True, kw_only=True)
class PictureList:
    """What a list of pictures has to say about each of them."""

    dataset: str
    """Name of the data set, as on the command line."""

    root: Path
    """The folder that the pictures' names start from."""

    skeleton: Skeleton
    """The K joints."""

    metric: Metric
    """The official score."""

    pictures: tuple[Picture, ...]
    """Each picture once."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures, in the list's order."""
        return tuple(picture.name for picture in self.pictures)

    @cached_property
    def _by_name(self) -> dict[str, Picture]:
        return {picture.name: picture for picture in self.pictures}

    def video(self, name: str) -> AnnotatedVideo:
        """One picture as a video of one frame.

        Raises:
            FormatError: If the list has no such picture.
        """
        if name not in self._by_name:
            raise FormatError(f"{self.root}: no picture {name!r} in {self.dataset}")
        picture = self._by_name[name]
        scales = np.array([person.metric_scale for person in picture.people], np.float64)
        return AnnotatedVideo(
            name=name,
            dataset=self.dataset,
            split=picture.split,
            media=self.root if (self.root / name).is_file() else None,
            metric=self.metric,
            metric_scale=None if np.isnan(scales).all() else scales,
            joints_3d=_depth(picture.people, joints=len(self.skeleton)),
            tracks=self._tracks((picture,), source=name),
        )

    def frames(self, source: str) -> VideoTracks:
        """All pictures as the frames of one video, as formats of one file have them."""
        return self._tracks(self.pictures, source=source)

    def _tracks(self, pictures: tuple[Picture, ...], *, source: str) -> VideoTracks:
        people = [person for picture in pictures for person in picture.people]
        rows, joints = len(people), len(self.skeleton)
        sizes = {picture.size for picture in pictures}
        return table(
            source=source,
            size=sizes.pop() if len(sizes) == 1 else None,
            skeleton=self.skeleton,
            frames=FrameTable(
                times=np.full(len(pictures), np.nan),
                names=tuple(picture.name for picture in pictures),
                labeled=np.array([picture.labeled for picture in pictures], np.bool_),
            ),
            frame=np.repeat(np.arange(len(pictures)), [len(p.people) for p in pictures]),
            track_ids=np.full(rows, -1),
            keypoints=np.array([p.points for p in people]).reshape(rows, joints, 2),
            joint_states=np.array([p.states for p in people], np.uint8).reshape(rows, joints),
            boxes=_boxes(person.box for person in people),
            head_boxes=_boxes(person.head_box for person in people),
        )


class ListedPictures:
    """A data set of single pictures that one list describes; it is read when somebody asks."""

    _list: PictureList

    def videos(self) -> tuple[str, ...]:
        """Names of the pictures, such as ``images/im00001.jpg``."""
        return self._list.names

    def read(self, video: str) -> AnnotatedVideo:
        """One picture, as a video of one frame."""
        return self._list.video(video)


def _boxes(boxes: Iterable[DoubleArray | None]) -> DoubleArray:
    return np.array([NO_BOX if box is None else box for box in boxes]).reshape(-1, 4)


def _depth(people: tuple[Person, ...], *, joints: int) -> DoubleArray | None:
    if all(person.joints_3d is None for person in people):
        return None
    unknown = np.full((joints, 3), np.nan)
    return np.array([unknown if p.joints_3d is None else p.joints_3d for p in people])


def merged(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    """Each picture once, with everybody whom a list names for it, in order of appearance."""
    found: dict[str, Picture] = {}
    people: dict[str, list[Person]] = {}
    for picture in pictures:
        found.setdefault(picture.name, picture)
        people.setdefault(picture.name, []).extend(picture.people)
    return tuple(replace(found[name], people=tuple(group)) for name, group in people.items())
