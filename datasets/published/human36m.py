"""Human3.6M: actors before four cameras, 17 of the 32 joints of a motion-capture suit.

The release is read where it is there (``S1/MyPoseFeatures/D2_Positions/<Action>.<camera>.cdf``,
projected joints in pixels, ``D3_Positions_mono`` in millimetres before the camera, ``S1/Videos``),
otherwise a list of single pictures.

Not here: those lists (:mod:`posetube.datasets.formats.human36m_list`).

Source: Ionescu et al., "Human3.6M", PAMI 2014. No original file was at hand.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from posetube.errors import FormatError
from posetube.skeletons import H36M17
from posetube.structures import DoubleArray

from ..annotated_video import MAX_FRAMES, AnnotatedVideo, Counts, table
from ..files.cdf_files import read_pose, reader
from ..files.checked_values import numbers
from ..files.reader_process import ReaderProcess
from ..formats.human36m_list import FARTHEST, human36m_pictures
from ..formats.person_list import PictureList
from .release_files import first_path

KEPT = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]
"""The 17 joints among the suit's 32; the others repeat a place or are fingers and toes."""

HEIGHTS = {"54138969": 1002, "55011271": 1000, "58860488": 1000, "60457274": 1002}
"""Height of each camera's pictures; they are 1000 wide."""

TEST_ACTORS = ("S9", "S11")


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
        path = first_path(self.root, ("*body3d*.npz", "*.npz", "*h36m*.json"))
        if path is not None:
            return human36m_pictures(path, root=self.root)
        raise FormatError(
            f"{self.root}: nothing of Human3.6M; looked for S*/MyPoseFeatures/D2_Positions/*.cdf, "
            "*.npz, *h36m*.json"
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
                frames=len(points),
                keypoints=points,
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
