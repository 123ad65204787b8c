"""Leeds Sports Pose and its extended training set: photographs of one person, 14 joints.

Layout: ``joints.mat`` beside ``images``. The first set has (3, 14, 2000), every joint placed, the
third number 1 where it is hidden, and its first 1000 pictures are for training; the extended one
has (14, 3, 10000), the third number 1 where a joint is labelled, and junk elsewhere.

Source: Johnson and Everingham, BMVC 2010 and CVPR 2011; of the extended set the published file; of
the first one descriptions by others, which take its third number for a mark of hidden joints.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import LSP14
from posetube.structures import JointState

from ..annotated_video import Counts
from ..files.checked_values import numbers, variable
from ..files.mat_files import read_mat
from ..formats.person_list import ListedPictures, Person, Picture, PictureList
from .release_files import find_file

FILES = ("joints.mat", "joints*.mat", "*/joints.mat")
TRAINING_PICTURES = 1000
"""How many pictures of the first set, from its start, are for training."""


@dataclass(frozen=True, kw_only=True)
class Lsp(ListedPictures):
    """The first or the extended set in a folder."""

    root: Path
    """Folder with ``joints.mat`` and, if the pictures are there, ``images``."""

    name: Literal["lsp", "lspet"] = "lsp"
    """As on the command line."""

    @property
    def whole(self) -> Counts:
        """Pictures of the complete release."""
        count = 10_000 if self.name == "lspet" else 2000
        return Counts(videos=count, frames=count)

    @cached_property
    def _list(self) -> PictureList:  # type: ignore[override]
        path = find_file(self.root, FILES, dataset="LSP")
        value = variable(read_mat(path), "joints", where=str(path))
        extended = np.shape(value)[:2] == (14, 3)
        if not extended and np.shape(value)[:2] != (3, 14):
            got = np.shape(value)
            raise FormatError(f"{path}: joints: expected (3, 14, N) or (14, 3, N), got {got}")
        if extended != (self.name == "lspet"):
            raise FormatError(f"{path}: this is the {'extended' if extended else 'first'} set; "
                              f"call it {'lspet' if extended else 'lsp'}")  # fmt: skip
        joints = numbers(value, shape=(*np.shape(value)[:2], -1), where=f"{path}: joints")
        people = joints.transpose((2, 0, 1) if extended else (2, 1, 0))  # (N, 14, 3)
        third = people[..., 2] > 0
        if extended:
            states = np.where(third, JointState.VISIBLE, JointState.ABSENT)
        else:
            states = np.where(third, JointState.OCCLUDED, JointState.VISIBLE)
        digits = 5 if extended else 4
        return PictureList(
            dataset=self.name,
            root=self.root,
            skeleton=LSP14,
            metric="pck-torso",
            pictures=tuple(
                Picture(
                    name=f"images/im{i + 1:0{digits}d}.jpg",
                    people=(Person(points=person[:, :2], states=state.astype(np.uint8)),),
                    split="train" if extended or i < TRAINING_PICTURES else "test",
                )
                for i, (person, state) in enumerate(zip(people, states, strict=True))
            ),
        )
