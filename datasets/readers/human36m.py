"""Human3.6M: actors before four cameras, 17 of the 32 joints of a motion-capture suit.

Three layouts: the release (``S1/MyPoseFeatures/D2_Positions/<Action>.<camera>.cdf``, projected
joints in pixels, ``D3_Positions_mono`` in millimetres before the camera, ``S1/Videos``), and the
files of mmpose that name single pictures, ``*.npz`` with ``imgname, part, S`` and ``*h36m*.json``
with ``keypoints_3d``. The order of mmpose's joints decides, not the names in its JSON, which call
the right hip the left one but leave the arms as they are.

Source: Ionescu et al., "Human3.6M", PAMI 2014; mmpose's test files. No original file was at hand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import H36M17
from posetube.structures import DoubleArray, FrameTable, JointState

from ..files.cdf_files import read_pose, reader
from ..files.checked_values import numbers, relative_path
from ..files.json_files import Identity, decode, read_bytes
from ..files.npz_files import read_npz
from ..files.reader_process import ReaderProcess
from .annotated_video import MAX_FRAMES, AnnotatedVideo, Counts, Split, table
from .person_list import Person, Picture, PictureList, merged

KEPT = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
"""The 17 joints among the suit's 32; the others repeat a place or are fingers and toes."""

HEIGHTS = {"54138969": 1002, "55011271": 1000, "58860488": 1000, "60457274": 1002}
"""Height of each camera's pictures; they are 1000 wide."""

TEST_ACTORS = ("S9", "S11")
FARTHEST = 1e5
"""A joint farther than this many metres or millimetres is refused."""


@dataclass(frozen=True, kw_only=True)
class Human36m:
    """The data set in a folder: the release if it is there, otherwise a list of pictures."""

    root: Path
    """Folder with ``S1`` and so on, or with an ``.npz`` or ``*h36m*.json``."""

    name: ClassVar[str] = "human36m"
    whole: ClassVar[Counts | None] = None

    @cached_property
    def _features(self) -> dict[str, Path]:
        """File of the projected joints of each video."""
        paths = sorted(self.root.glob("S*/MyPoseFeatures/D2_Positions/*.cdf"))
        return {f"{path.parents[2].name}/{path.stem}": path for path in paths}

    @cached_property
    def _list(self) -> PictureList:
        for path in [*sorted(self.root.glob("*body3d*.npz")), *sorted(self.root.glob("*.npz"))]:
            return self._pictures(path, _read_npz(path))
        for path in sorted(self.root.glob("*h36m*.json")):
            return self._pictures(path, _read_json(path))
        raise FormatError(
            f"{self.root}: nothing of Human3.6M; looked for S*/MyPoseFeatures/D2_Positions/*.cdf, "
            "*.npz, *h36m*.json"
        )

    def _pictures(self, path: Path, people: Iterator[tuple[str, Person]]) -> PictureList:
        split: Split = "test" if "test" in path.stem or "valid" in path.stem else ""
        return PictureList(
            dataset=self.name,
            root=self.root,
            skeleton=H36M17,
            metric="mpjpe",
            pictures=merged(
                Picture(name=name, people=(person,), split=split) for name, person in people
            ),
        )

    def videos(self) -> tuple[str, ...]:
        """Names such as ``S1/Directions 1.54138969``, or of pictures."""
        return tuple(self._features) or self._list.names

    def read(self, video: str) -> AnnotatedVideo:
        """One video or picture; 3D joints in metres, before the camera."""
        if not self._features:
            return self._list.video(video)
        if video not in self._features:
            raise FormatError(f"{self.root}: no video {video!r} in Human3.6M")
        return self._read_features(video, self._features[video])

    def _read_features(self, video: str, path: Path) -> AnnotatedVideo:
        points = self._pose(path, axes=2)
        deep = path.parents[1] / "D3_Positions_mono" / path.name
        joints_3d = self._pose(deep, axes=3) / 1000 if deep.is_file() else None
        if joints_3d is not None and len(joints_3d) != len(points):
            raise FormatError(f"{deep}: {len(joints_3d)} frames, {path.name} has {len(points)}")
        actor, camera = video.partition("/")[0], path.stem.rpartition(".")[2]
        media = path.parents[2] / "Videos" / f"{path.stem}.mp4"
        rows = len(points)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split="test" if actor in TEST_ACTORS else "train",
            action=path.stem.partition(".")[0].rstrip(" 0123456789"),
            media=media if media.is_file() else None,
            metric="mpjpe",
            joints_3d=joints_3d,
            tracks=table(
                source=video,
                size=(HEIGHTS[camera], 1000) if camera in HEIGHTS else None,
                skeleton=H36M17,
                frames=FrameTable(times=np.full(rows, np.nan)),
                frame=np.arange(rows),
                track_ids=np.ones(rows, np.int64),
                keypoints=points,
                joint_states=np.full((rows, 17), JointState.VISIBLE, np.uint8),
            ),
        )

    def _pose(self, path: Path, *, axes: int) -> DoubleArray:
        """(F, 17, axes) of a CDF file's ``Pose`` (1, F, 32 * axes)."""
        value = read_pose(path, self._process)
        pose = numbers(value, shape=(1, -1, 32 * axes), where=f"{path}: Pose", limit=FARTHEST)[0]
        if len(pose) > MAX_FRAMES:
            raise FormatError(f"{path}: {len(pose)} frames; at most {MAX_FRAMES} are read")
        kept: DoubleArray = pose.reshape(len(pose), 32, axes)[:, KEPT]
        return kept

    @cached_property
    def _process(self) -> ReaderProcess:
        return reader()


def _read_npz(path: Path) -> Iterator[tuple[str, Person]]:
    arrays = read_npz(path, "imgname", "part", "S")
    names = arrays["imgname"]
    part = numbers(arrays["part"], shape=(len(names), 17, 3), where=f"{path}: part")
    deep = numbers(arrays["S"], shape=(len(names), 17, 4), where=f"{path}: S", limit=FARTHEST)
    for i, name in enumerate(names):
        yield relative_path(str(name), where=f"{path}: imgname {i}"), _person(part[i], deep[i])


class _Image(msgspec.Struct):
    id: Identity
    file_name: str


class _Annotation(msgspec.Struct):
    image_id: Identity
    keypoints: list[float]
    keypoints_3d: list[float] = []


class _Coco(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]


def _read_json(path: Path) -> Iterator[tuple[str, Person]]:
    file = decode(read_bytes(path), _Coco, path=path)
    names = {image.id: image.file_name for image in file.images}
    for i, entry in enumerate(file.annotations):
        where = f"{path}: annotations[{i}]"
        if entry.image_id not in names:
            raise FormatError(f"{where}: no image has id {entry.image_id}")
        if len(entry.keypoints) != 51 or len(entry.keypoints_3d) not in (0, 68):
            raise FormatError(f"{where}: expected 51 keypoints and 68 keypoints_3d or none")
        part = numbers(np.reshape(entry.keypoints, (17, 3)), shape=(17, 3), where=where)
        deep = np.reshape(entry.keypoints_3d or [np.nan] * 68, (17, 4))
        deep = numbers(deep, shape=(17, 4), where=where, limit=FARTHEST, finite=False)
        yield relative_path(names[entry.image_id], where=where), _person(part, deep)


def _person(part: DoubleArray, deep: Any) -> Person:
    """(17, 3) x y seen, and (17, 4) x y z known in metres."""
    states = np.where(part[:, 2] > 0, JointState.VISIBLE, JointState.ABSENT).astype(np.uint8)
    known = np.where(deep[:, 3:] > 0, deep[:, :3], np.nan)
    return Person(points=part[:, :2], states=states, joints_3d=known)
