"""FLIC: frames of Hollywood films, one person labelled in each entry, 11 joints of the upper body.

Two files carry the labels: the authors' ``examples.mat`` (29 columns, NaN where not labelled, of
which 11 are used) and the HDF5 of the stacked-hourglass program. A picture can occur in several
entries: each is another person of it.

The sides are the observer's: the left shoulder always lies right of the right one, so that the
sides of people seen from behind are exchanged. Only ``*_personcentric.h5`` has the person's own.

Source: Sapp and Taskar, "MODEC", CVPR 2013; the published files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posetube.skeletons import FLIC11
from posetube.structures import DoubleArray, JointState

from ..annotated_video import Counts, Split
from ..files.checked_values import number, numbers, relative_path, structs, text, variable
from ..files.mat_files import read_mat
from ..formats.hourglass import read_hourglass
from ..formats.person_list import ListedPictures, Person, Picture, PictureList, merged
from .release_files import find_file

FILES = ("examples.mat", "*/examples.mat", "*.h5", "annot*/*.h5")
COLUMNS = (
    "lsho", "lelb", "lwri", "rsho", "relb", "rwri", "lhip", "lkne", "lank", "rhip", "rkne", "rank",
    "leye", "reye", "lear", "rear", "nose",
)  # fmt: skip
"""Names of the first columns of ``coords``; the others are never labelled."""

USED = [i for i, name in enumerate(COLUMNS) if name[1:] not in ("kne", "ank", "ear")]
"""The column of each of the 11 joints."""


@dataclass(frozen=True, kw_only=True)
class Flic(ListedPictures):
    """The data set in a folder: the first of the two files that is found."""

    root: Path
    """Folder with the labels and, if the pictures are there, ``images``."""

    name: ClassVar[str] = "flic"
    whole: ClassVar[Counts | None] = None  # 5003 entries, of which some show the same picture

    @cached_property
    def _list(self) -> PictureList:  # type: ignore[override]
        path = find_file(self.root, FILES, dataset="FLIC")
        folder = "images/" if (self.root / "images").is_dir() else ""
        entries = _read_original if path.suffix == ".mat" else _read_hourglass
        return PictureList(
            dataset=self.name,
            root=self.root,
            skeleton=FLIC11,
            metric="pck-torso",
            pictures=merged(entries(path, folder)),
        )


def _picture(
    name: str, points: DoubleArray, *, split: Split, size: tuple[int, int] | None = None
) -> Picture:
    missing = np.isnan(points).any(axis=-1)
    states = np.where(missing, JointState.ABSENT, JointState.VISIBLE).astype(np.uint8)
    return Picture(
        name=name, people=(Person(points=points, states=states),), split=split, size=size
    )


def _read_original(path: Path, folder: str) -> Iterator[Picture]:
    value = variable(read_mat(path), "examples", where=str(path))
    fields = ("coords", "filepath", "istrain", "istest")
    for i, entry in enumerate(structs(value, *fields, where=f"{path}: examples")):
        where = f"{path}: entry {i + 1}"
        coords = numbers(entry["coords"], shape=(2, -1), where=f"{where}: coords", finite=False)
        padded = np.full((2, len(COLUMNS)), np.nan)
        width = min(coords.shape[1], len(COLUMNS))
        padded[:, :width] = coords[:, :width]
        yield _picture(
            folder + relative_path(text(entry["filepath"], where=where), where=where),
            padded[:, USED].T,
            split=_split(entry, where=where),
            size=_size(entry.get("imgdims", np.zeros((0, 0))), where=f"{where}: imgdims"),
        )


def _split(entry: dict[str, Any], *, where: str) -> Split:
    if number(entry["istrain"], where=f"{where}: istrain"):
        return "train"
    return "test" if number(entry["istest"], where=f"{where}: istest") else ""


def _size(value: Any, *, where: str) -> tuple[int, int] | None:
    if not np.size(value):
        return None
    dims = numbers(value, shape=(1, -1), where=where)[0]
    return (int(dims[0]), int(dims[1])) if len(dims) >= 2 else None


def _read_hourglass(path: Path, folder: str) -> Iterator[Picture]:
    file = read_hourglass(path, joints=len(FLIC11))
    split: Split = "train" if path.stem.startswith("train") else "test"
    places = np.where(file.seen[..., None], file.points, np.nan)
    for name, points in zip(file.names, places, strict=True):
        yield _picture(folder + name, points, split=split)
