"""Single pictures of Human3.6M in mmpose's files: ``.npz``, ``*h36m*.json``, found joints ``.npy``.

``imgname, part, S`` of an ``.npz`` are picture, joints (K, 3: x, y, labelled) and joints before the
camera (K, 4: metres, labelled), with 17 joints or with the 24 of programs that fit bodies; the same
17 stand in ``keypoints`` and ``keypoints_3d`` of a JSON in COCO's form. The order of its joints
decides, not their names, which call the right hip the left one but leave the arms as they are. An
``.npy`` is (N, 17, 3), what a network found in N pictures that it does not name.

Not here: the release (:mod:`posetube.datasets.published.human36m`).

Source: mmpose's test files; Kolotouros et al., "SPIN", ICCV 2019, for the 24 joints.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import H36M17, LSP14, Skeleton
from posetube.structures import DoubleArray, JointState, VideoTracks

from ..annotated_video import Split, table
from ..files.checked_values import numbers, relative_path
from ..files.json_files import Identity, decode, read_bytes
from ..files.npz_files import read_npy, read_npz
from ..files.opened_file import OpenedFile
from .person_list import Person, Picture, PictureList, merged

FARTHEST = 1e5
"""A joint farther than this many metres or millimetres is refused."""

SPIN24 = Skeleton(
    name="spin24",
    joints=(
        *LSP14.joints, "pelvis", "thorax", "spine", "jaw", "head", "nose",
        "left_eye", "right_eye", "left_ear", "right_ear",
    ),
    edges=LSP14.edges,
)  # fmt: skip
"""LSP's joints, then others of MPII, Human3.6M and COCO; Human3.6M's pictures have 17 of them."""

Named = Iterator[tuple[str, Person]]


def recognise(file: OpenedFile) -> bool:
    """Any of NumPy's files; of JSON those with joints in space."""
    return file.suffix != ".json" or "keypoints_3d" in file.first_of("annotations")


def read(path: Path | str) -> VideoTracks:
    """Read one file, every picture as a frame of one video.

    Raises:
        FormatError: If the file is damaged, or something else; names the picture.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    return _read_found(path) if path.suffix == ".npy" else human36m_pictures(path).frames(path.stem)


def human36m_pictures(path: Path, *, root: Path | None = None) -> PictureList:
    """The pictures of an ``.npz`` or ``.json``, under a folder, by default that of the file."""
    split: Split = "test" if "test" in path.stem or "valid" in path.stem else ""
    skeleton, people = _read_json(path) if path.suffix == ".json" else _read_npz(path)
    return PictureList(
        dataset="human36m",
        root=root or path.parent,
        skeleton=skeleton,
        metric="mpjpe",
        pictures=merged(
            Picture(name=name, people=(person,), split=split) for name, person in people
        ),
    )


def _read_npz(path: Path) -> tuple[Skeleton, Named]:
    arrays = read_npz(path, "imgname", "part", "S")
    joints = SPIN24 if arrays["part"].shape[1:2] == (len(SPIN24),) else H36M17
    return joints, _people(arrays, len(joints), path=path)


def _people(arrays: dict[str, Any], joints: int, *, path: Path) -> Named:
    names = np.atleast_1d(arrays["imgname"])
    part = numbers(arrays["part"], shape=(len(names), joints, 3), where=f"{path}: part")
    shape = (len(names), joints, 4)
    deep = numbers(arrays["S"], shape=shape, where=f"{path}: S", limit=FARTHEST)
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


def _read_json(path: Path) -> tuple[Skeleton, Named]:
    return H36M17, _people_of_json(path)


def _people_of_json(path: Path) -> Named:
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
    """(K, 3) x y seen, and (K, 4) x y z known in metres."""
    states = np.where(part[:, 2] > 0, JointState.VISIBLE, JointState.ABSENT).astype(np.uint8)
    known = np.where(deep[:, 3:] > 0, deep[:, :3], np.nan)
    return Person(points=part[:, :2], states=states, joints_3d=known)


def _read_found(path: Path) -> VideoTracks:
    """Joints that a network found; the third number of each is its score."""
    found = numbers(read_npy(path), shape=(-1, 17, 3), where=str(path))
    tracks = table(
        source=path.stem,
        skeleton=H36M17,
        frames=len(found),
        track_ids=np.full(len(found), -1),
        keypoints=found[..., :2],
    )
    return replace(tracks, keypoint_scores=found[..., 2].astype(np.float32))
