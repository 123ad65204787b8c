"""Reads the labels of MPII Human Pose, which three kinds of files carry.

They are the authors' ``mpii_human_pose_v1_u12_1.mat``, the JSON of the
training programs (``image, joints, joints_vis``), and the HDF5 of the stacked-hourglass program
(``imgname, part, visible``). All count positions from 1. Missing joints are left out of the first,
(-1, -1) in the second, (0, 0) in the third. Only the first has head boxes; the third has the head
size that the official score divides by.

Not here: where the data set keeps them (:mod:`posetube.datasets.published.mpii`).

Source: Andriluka et al., "2D Human Pose Estimation", CVPR 2014, and the published files.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import MPII16
from posetube.structures import JointState, VideoTracks

from ..annotated_video import SPLITS, Split
from ..files.checked_values import number, numbers, relative_path, structs, text, variable
from ..files.json_files import decode, read_bytes
from ..files.mat_files import read_mat
from ..files.opened_file import OpenedFile
from .hourglass import read_hourglass
from .person_list import Person, Picture, PictureList, merged

HEAD = ("x1", "y1", "x2", "y2")


class _Entry(msgspec.Struct):
    """One person of the JSON."""

    image: str
    joints: list[tuple[float, float]]
    joints_vis: list[float]


def recognise(file: OpenedFile) -> bool:
    """Whether a JSON is a list of people with ``joints_vis``."""
    first = file.first()
    return isinstance(first, dict) and "joints_vis" in first


def read(path: Path | str) -> VideoTracks:
    """Read one of the three files, every picture as a frame of one video.

    Raises:
        FormatError: If the file is damaged, or something else; names the person.
        InputError: If it cannot be opened.
    """
    path = Path(path)
    return mpii_pictures(path, root=path.parent).frames(path.stem)


def mpii_pictures(path: Path, *, root: Path) -> PictureList:
    """The pictures of one of the three files, under a folder."""
    folder = "images/" if (root / "images").is_dir() else ""
    readers = {".mat": _read_original, ".json": _read_json, ".h5": _read_hourglass}
    if path.suffix not in readers:
        raise FormatError(f"{path}: labels of MPII end in {', '.join(readers)}")
    return PictureList(
        dataset="mpii",
        root=root,
        skeleton=MPII16,
        metric="pckh",
        pictures=merged(readers[path.suffix](path, folder)),
    )


def _read_json(path: Path, folder: str) -> Iterator[Picture]:
    split = _split_of(path)
    for i, entry in enumerate(decode(read_bytes(path), list[_Entry], path=path)):
        where = f"{path}: person {i}"
        name = folder + relative_path(entry.image, where=where)
        points = numbers(entry.joints, shape=(16, 2), where=f"{where}: joints")
        seen = numbers(entry.joints_vis, shape=(16,), where=f"{where}: joints_vis") > 0
        states = _states(missing=(points < 0).all(axis=-1), seen=seen)
        yield Picture(name=name, people=(Person(points=points - 1, states=states),), split=split)


def _read_hourglass(path: Path, folder: str) -> Iterator[Picture]:
    file, split = read_hourglass(path, joints=len(MPII16), sizes=True), _split_of(path)
    missing = (file.points == 0).all(axis=-1) | np.isnan(file.points).any(axis=-1)
    states = _states(missing=missing, seen=file.seen)
    for i, name in enumerate(file.names):
        person = Person(points=file.points[i] - 1, states=states[i], metric_scale=file.sizes[i])
        yield Picture(name=folder + name, people=(person,), split=split)


def _states(*, missing: Any, seen: Any) -> Any:
    placed = np.where(seen, JointState.VISIBLE, JointState.OCCLUDED)
    return np.where(missing, JointState.ABSENT, placed).astype(np.uint8)


def _split_of(path: Path) -> Split:
    return next((part for word, part in SPLITS.items() if path.stem.startswith(word)), "")


def _read_original(path: Path, folder: str) -> Iterator[Picture]:
    release = structs(
        variable(read_mat(path), "RELEASE", where=str(path)),
        "annolist",
        "img_train",
        where=f"{path}: RELEASE",
    )
    if len(release) != 1:
        raise FormatError(f"{path}: RELEASE: expected one struct, got {len(release)}")
    images = structs(release[0]["annolist"], "image", "annorect", where=f"{path}: annolist")
    training = np.ravel(release[0]["img_train"])
    if len(training) != len(images):
        raise FormatError(f"{path}: img_train has {len(training)} entries for {len(images)}")
    for i, (image, train) in enumerate(zip(images, training, strict=True)):
        where = f"{path}: picture {i + 1}"
        yield _picture(image, training=bool(train), folder=folder, where=where)


def _picture(image: dict[str, Any], *, training: bool, folder: str, where: str) -> Picture:
    name = text(structs(image["image"], "name", where=where)[0]["name"], where=where)
    rects = structs(image["annorect"], where=where) if np.size(image["annorect"]) else []
    people = [_person(rect, where=where) for rect in rects]
    found = tuple(person for person in people if person is not None)
    return Picture(
        name=folder + relative_path(name, where=where),
        people=found,
        split="train" if training else "test",
        labeled=bool(found),
    )


def _person(rect: dict[str, Any], *, where: str) -> Person | None:
    """One person; None where only a rough place is given, as for the test pictures."""
    if not np.size(rect.get("annopoints", ())):
        return None
    points = np.full((16, 2), np.nan)
    states = np.full(16, JointState.ABSENT, np.uint8)
    pose = structs(rect["annopoints"], "point", where=f"{where}: annopoints")[0]
    for point in structs(pose["point"], "x", "y", "id", where=f"{where}: point"):
        joint = int(number(point["id"], where=f"{where}: id", low=0, high=15))
        points[joint] = [number(point[axis], where=f"{where}: {axis}") - 1 for axis in ("x", "y")]
        hidden = _flag(point.get("is_visible", "")) == "0"
        states[joint] = JointState.OCCLUDED if hidden else JointState.VISIBLE
    head = None
    if all(np.size(rect.get(side, ())) for side in HEAD):
        head = np.array([number(rect[side], where=f"{where}: {side}") for side in HEAD]) - 1
    return Person(points=points, states=states, head_box=head)


def _flag(value: Any) -> str:
    """``is_visible`` as text: the file has numbers, texts and empty arrays."""
    return "" if isinstance(value, np.ndarray) else str(value).strip().removesuffix(".0")
