"""Poses in the Wild: 30 sequences of films, every other frame, 8 joints of one upper body.

Layout: ``poses_in_the_wild_data.mat`` with a struct per frame, pictures in
``dataset/selected_seqs/seqNN/<Movie>-<clip>-<frame>.png``. Positions count from 1; (-1, -1) is not
labelled, and some hidden joints do hold a position. For evaluation only.

``piw_dataset.mat`` is read where the other is not there: the same frames sequence by sequence, as
six limbs with two ends each, ``point`` (4, 6): x, x, y, y. Each joint is the end of a limb, the
torso the middle of its own; of hidden limbs it has no place.

Source: Cherian et al., "Mixing Body-Part Sequences for Human Pose Estimation", CVPR 2014, and the
published file.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import PIW8
from posetube.structures import FrameTable, JointState

from ..annotated_video import AnnotatedVideo, Counts, table
from ..files.checked_values import numbers, relative_path, structs, text, variable
from ..files.mat_files import read_mat
from .release_files import find_file, root_of

FILES = (
    "poses_in_the_wild_data.mat",
    "*/poses_in_the_wild_data.mat",
    "piw_dataset.mat",
    "*/piw_dataset.mat",
)
MISSING = -1.0
"""Both coordinates of a joint that is not labelled; in the variant they are 0."""

FIELDS = ("im", "point", "visible")
VARIANT = "piw_dataset"
LIMBS = ((0, [1]), (2, [0]), (2, [1]), (3, [1]), (4, [0]), (4, [1]), (5, [1]), (1, [0, 1]))
"""Limb of each joint in the variant, and which of its ends: head, torso, then the arms' parts."""

NUMBER = re.compile(r"(\d+)\.\w+$")


@dataclass(frozen=True, kw_only=True)
class PosesInTheWild:
    """The data set in a folder."""

    root: Path
    """Folder with the labels and, if the pictures are there, ``dataset``."""

    name: ClassVar[str] = "poses-in-the-wild"
    whole: ClassVar[Counts] = Counts(videos=30, frames=830)

    def videos(self) -> tuple[str, ...]:
        """Names of the sequences, such as ``seq15``."""
        return tuple(self._sequences)

    def read(self, video: str) -> AnnotatedVideo:
        """One sequence; the ids of its frames are their numbers in the film's clip."""
        if video not in self._sequences:
            raise FormatError(f"{self.root}: no sequence {video!r} in Poses in the Wild")
        entries = self._sequences[video]
        where = f"{self.root}: {video}"
        points = np.array(
            [
                numbers(entry["point"], shape=(8, 2), where=f"{where}, frame {i}: point")
                for i, entry in enumerate(entries)
            ]
        )
        seen = np.array(
            [
                numbers(entry["visible"], shape=(8, 1), where=f"{where}, frame {i}: visible")[:, 0]
                > 0
                for i, entry in enumerate(entries)
            ]
        )
        missing = (points == MISSING).all(axis=-1)
        placed = np.where(seen, JointState.VISIBLE, JointState.OCCLUDED)
        names = tuple(entry["picture"] for entry in entries)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split="test",
            media=root_of(self.root, names),
            metric="pixels",
            tracks=table(
                source=video,
                skeleton=PIW8,
                frames=FrameTable(
                    times=np.full(len(names), np.nan), names=names, ids=_frame_numbers(names)
                ),
                keypoints=points - 1,
                joint_states=np.where(missing, JointState.ABSENT, placed),
            ),
        )

    @cached_property
    def _sequences(self) -> dict[str, list[dict[str, Any]]]:
        path = find_file(self.root, FILES, dataset="Poses in the Wild")
        content = read_mat(path)
        read_frames = _limb_frames if VARIANT in content else _frames
        found: dict[str, list[dict[str, Any]]] = {}
        for i, entry in enumerate(read_frames(content, path)):
            where = f"{path}: entry {i + 1}: im"
            name = relative_path(text(entry["im"], where=where), where=where)
            # Only the folders of the pictures tell where one sequence ends.
            sequence = PurePosixPath(name).parent.name or PurePosixPath(name).stem
            found.setdefault(sequence, []).append({**entry, "picture": name})
        return found


def _frames(content: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    value = variable(content, "piw_data", where=str(path))
    return structs(value, *FIELDS, where=f"{path}: piw_data")


def _limb_frames(content: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """The frames of the variant, its limbs' ends in the place of joints."""
    for whole in structs(content[VARIANT], "seqs", where=f"{path}: {VARIANT}"):
        for sequence in structs(whole["seqs"], "pose", where=f"{path}: seqs"):
            for i, entry in enumerate(structs(sequence["pose"], *FIELDS, where=f"{path}: pose")):
                where = f"{path}: pose {i + 1}"
                limbs = numbers(entry["point"], shape=(4, 6), where=f"{where}: point")
                seen = numbers(entry["visible"], shape=(1, 6), where=f"{where}: visible")[0]
                ends = limbs.reshape(2, 2, 6).transpose(2, 1, 0)  # limb, end, x or y
                points = np.array([ends[limb, parts].mean(axis=0) for limb, parts in LIMBS])
                points[(points == 0).all(axis=-1)] = MISSING
                visible = np.array([[seen[limb]] for limb, _ in LIMBS])
                yield {"im": entry["im"], "point": points, "visible": visible}


def _frame_numbers(names: tuple[str, ...]) -> Any:
    found = [NUMBER.search(name) for name in names]
    if not all(found):
        return None
    return np.array([int(match[1][:15]) for match in found if match], np.int64)
