"""3DPW: 60 outdoor sequences of one or two people, 24 joints of a body model in world coordinates.

Layout: ``sequenceFiles/{train,validation,test}/<sequence>.pkl``, pickles of Python 2, with pictures
``imageFiles/<sequence>/image_00000.jpg``. There are no labelled positions in the picture: the
joints are projected with the camera of each frame. Where a person's camera pose is marked as not
valid the person has no row, and the frame counts as not labelled.

Source: von Marcard et al., "Recovering Accurate 3D Human Pose in The Wild", ECCV 2018, and the
README of the release. No original file was at hand.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.restricted_pickle import load_plain
from posetube.skeletons import LIMBS, Skeleton
from posetube.structures import DoubleArray

from ..annotated_video import AnnotatedVideo, Counts, Split, table
from ..files.checked_values import numbers
from .release_files import numbered_frames

SMPL24 = Skeleton(
    name="smpl24",
    joints=(
        "pelvis", "left_hip", "right_hip", "belly", "left_knee", "right_knee", "spine",
        "left_ankle", "right_ankle", "chest", "left_foot", "right_foot", "neck",
        "left_collar", "right_collar", "head", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand",
    ),
    published_sigmas=(0.1,) * 24,
    edges=(
        ("pelvis", "belly"), ("belly", "spine"), ("spine", "chest"), ("chest", "neck"),
        ("neck", "head"), ("chest", "left_collar"), ("chest", "right_collar"),
        ("left_collar", "left_shoulder"), ("right_collar", "right_shoulder"),
        ("pelvis", "left_hip"), ("pelvis", "right_hip"), *LIMBS,
        ("left_wrist", "left_hand"), ("right_wrist", "right_hand"),
        ("left_ankle", "left_foot"), ("right_ankle", "right_foot"),
    ),
)  # fmt: skip
"""Joints of the SMPL body model. Nobody publishes their spread; OKS is not this set's score."""

FOLDERS: dict[str, Split] = {"train": "train", "validation": "val", "test": "test"}
FARTHEST = 1e4
"""A joint or camera farther than this many metres from the origin is refused."""

NEAREST = 0.01
"""A joint less than this many metres before the camera, or behind it, is not in the picture."""

FIELDS = ("jointPositions", "cam_poses", "cam_intrinsics", "campose_valid")


@dataclass(frozen=True, kw_only=True)
class ThreeDpw:
    """The data set in a folder."""

    root: Path
    """Folder with ``sequenceFiles`` and, if the pictures are there, ``imageFiles``."""

    name: ClassVar[str] = "3dpw"
    whole: ClassVar[Counts] = Counts(videos=60, frames=0)

    @cached_property
    def _files(self) -> dict[str, tuple[Path, Split]]:
        found: dict[str, tuple[Path, Split]] = {}
        for folder, split in FOLDERS.items():
            for path in sorted((self.root / "sequenceFiles" / folder).glob("*.pkl")):
                found[path.stem] = (path, split)
        if not found:
            raise FormatError(f"{self.root}: no sequenceFiles/<part>/<sequence>.pkl of 3DPW")
        return found

    def videos(self) -> tuple[str, ...]:
        """Names of the sequences."""
        return tuple(self._files)

    def read(self, video: str) -> AnnotatedVideo:
        """One sequence; 3D joints in metres, in the world."""
        if video not in self._files:
            raise FormatError(f"{self.root}: no sequence {video!r} in 3DPW")
        path, split = self._files[video]
        cameras, intrinsics, bodies, valid = _read(path)
        folder = f"imageFiles/{video}"
        frames = numbered_frames(len(cameras), f"{folder}/image_", digits=5, suffix=".jpg", first=0)
        # Only where the camera fits the body: elsewhere the projection is off.
        frame, person = np.nonzero(valid.T)
        world = bodies[person, frame]
        points, ahead = _project(world, cameras[frame], intrinsics)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=split,
            media=self.root if (self.root / folder).is_dir() else None,
            metric="mpjpe",
            joints_3d=world,
            tracks=table(
                source=video,
                # No file says it; the middle of the picture lies lower in upright ones.
                size=(1920, 1080) if intrinsics[1, 2] > intrinsics[0, 2] else (1080, 1920),
                skeleton=SMPL24,
                frames=replace(frames, labeled=valid.all(axis=0)),
                frame=frame,
                track_ids=person,
                keypoints=points,
                joint_states=ahead,
            ),
        )


def _read(path: Path) -> tuple[DoubleArray, DoubleArray, DoubleArray, Any]:
    """(F, 4, 4) cameras, (3, 3) intrinsics, (P, F, 24, 3) joints, (P, F) whether to use them."""
    content = load_plain(path)
    missing = [name for name in FIELDS if not isinstance(content, dict) or name not in content]
    if missing:
        raise FormatError(f"{path}: no {', '.join(missing)}; is this a sequence file of 3DPW?")
    where = f"{path}: cam_poses"
    cameras = numbers(content["cam_poses"], shape=(-1, 4, 4), where=where, limit=FARTHEST)
    intrinsics = numbers(content["cam_intrinsics"], shape=(3, 3), where=f"{path}: cam_intrinsics")
    people = _each(content["jointPositions"], where=f"{path}: jointPositions")
    flags = _each(content["campose_valid"], where=f"{path}: campose_valid")
    if len(people) != len(flags):
        raise FormatError(f"{path}: {len(people)} people with joints, {len(flags)} with cameras")
    bodies, valid = [], []
    for i, (joints, flag) in enumerate(zip(people, flags, strict=True)):
        where, shape = f"{path}: person {i}: jointPositions", (len(cameras), 72)
        places = numbers(joints, shape=shape, where=where, limit=FARTHEST)
        bodies.append(places.reshape(-1, 24, 3))
        where = f"{path}: person {i}: campose_valid"
        valid.append(numbers(flag, shape=(len(cameras),), where=where) > 0)
    f, p = len(cameras), len(people)
    return (
        cameras,
        intrinsics,
        np.array(bodies).reshape(p, f, 24, 3),
        np.array(valid, np.bool_).reshape(p, f),
    )


def _each(value: Any, *, where: str) -> list[Any]:
    if not isinstance(value, list | np.ndarray) or len(value) > 16:
        raise FormatError(f"{where}: expected a list with an entry per person")
    return list(value)


def _project(
    world: DoubleArray, cameras: DoubleArray, intrinsics: DoubleArray
) -> tuple[DoubleArray, Any]:
    """(R, 24, 2) pixels and (R, 24) whether the joint is before the camera."""
    seen = world @ cameras[:, :3, :3].transpose(0, 2, 1) + cameras[:, None, :3, 3]
    ahead = seen[..., 2] > NEAREST
    # Behind the camera there is no picture to be in; 1 keeps the division quiet.
    depth = np.where(ahead, seen[..., 2], 1)
    return (seen @ intrinsics.T)[..., :2] / depth[..., None], ahead
