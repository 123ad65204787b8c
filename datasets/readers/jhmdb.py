"""JHMDB and sub-JHMDB: 928 short clips of 21 actions, 15 joints of a puppet laid over one person.

Layout: ``joint_positions/<action>/<clip>/joint_positions.mat`` with ``pos_img`` (2, 15, F) counted
from 1, ``puppet_mask/<action>/<clip>/puppet_mask.mat`` with ``part_mask`` (H, W, F), pictures
``Rename_Images/<action>/<clip>/00001.png``, three divisions into training and test. All joints are
always placed, hidden ones and those outside the picture too, and the files do not tell which, so
all count as visible. sub-JHMDB is the 316 clips in which the whole body is in view.

Not here: mmpose's JSON of sub-JHMDB (:mod:`posetube.datasets.readers.jhmdb_json`).

Source: Jhuang et al., "Towards understanding action recognition", ICCV 2013, and the files.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.skeletons import JHMDB15
from posetube.structures import BoolArray, DoubleArray, JointState

from ..files.checked_values import numbers, text, variable
from ..files.mat_files import read_mat
from .annotated_video import (
    AnnotatedVideo,
    Counts,
    Problem,
    Split,
    folder_if_there,
    numbered_frames,
    table,
)

SIZE = (240, 320)
"""Height and width of every clip."""

PARTS: dict[str, Split] = {"1": "train", "2": "test"}
"""How the lists write them; clips marked 0 belong to neither."""

LINE = re.compile(r"(.+)\.avi\s+([012])\s*")


@dataclass(frozen=True, kw_only=True)
class Jhmdb:
    """The data set in a folder, divided in one of the three ways."""

    root: Path
    """Folder with ``joint_positions`` and what else there is."""

    division: Literal[1, 2, 3] = 1
    """Which of the three divisions into training and test."""

    sub: bool = False
    """sub-JHMDB: only the clips of ``sub_splits``."""

    def __post_init__(self) -> None:
        if self.division not in (1, 2, 3):
            raise InputError(f"Jhmdb.division must be 1, 2 or 3, got {self.division}")

    @property
    def name(self) -> str:
        """As on the command line."""
        return "sub-jhmdb" if self.sub else "jhmdb"

    @property
    def whole(self) -> Counts:
        """Clips and frames of the complete release; sub-JHMDB's authors give no frames."""
        return Counts(videos=316, frames=0) if self.sub else Counts(videos=928, frames=31_838)

    def videos(self) -> tuple[str, ...]:
        """Names such as ``catch/<clip>`` whose joint positions are there."""
        folder = self.root / "joint_positions"
        found = [path.parent.relative_to(folder).as_posix()
                 for path in folder.glob("*/*/joint_positions.mat")]  # fmt: skip
        if not found:
            raise FormatError(f"{self.root}: no joint_positions/<action>/<clip> of JHMDB")
        return tuple(sorted(name for name in found if not self.sub or name in self.division_of))

    @cached_property
    def division_of(self) -> dict[str, Split]:
        """Part of each clip in the chosen division; empty where the lists are not there."""
        folder, gap = ("sub_splits", "_") if self.sub else ("splits", "")
        pattern = f"*_test_split{gap}{self.division}.txt"
        paths = sorted((self.root / folder).glob(pattern))
        if self.sub and not paths:
            raise FormatError(f"{self.root}: sub-JHMDB needs {folder}/{pattern}")
        parts: dict[str, Split] = {}
        for path in paths:
            action = path.name.partition("_test_split")[0]
            for clip, part in read_division(path).items():
                parts[f"{action}/{clip}"] = part
        return parts

    def read(self, video: str) -> AnnotatedVideo:
        """One clip; one row per frame, boxes around the puppet where masks are there."""
        path = self.root / "joint_positions" / video / "joint_positions.mat"
        content = read_mat(path)
        value = variable(content, "pos_img", where=str(path))
        places = numbers(value, shape=(2, 15, -1), where=f"{path}: pos_img").transpose(2, 1, 0) - 1
        rows = len(places)
        masks = self.puppet_masks(video)
        problems = self._compare(video, rows=rows, masks=masks)
        pictures = folder_if_there(self.root / "Rename_Images" / video)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=self.division_of.get(video, ""),
            action=video.partition("/")[0],
            viewpoint=text(content.get("viewpoint", ""), where=f"{path}: viewpoint"),
            media=self.root if pictures else self._video_file(video),
            metric="pck-box",
            problems=problems,
            tracks=table(
                source=video,
                size=SIZE if masks is None else masks.shape[1:],
                skeleton=JHMDB15,
                frames=numbered_frames(
                    rows, folder=f"Rename_Images/{video}", digits=5, suffix=".png"
                ),
                frame=np.arange(rows),
                track_ids=np.ones(rows, np.int64),
                keypoints=places,
                joint_states=np.full((rows, 15), JointState.VISIBLE, np.uint8),
                boxes=None if masks is None else _boxes_of(masks, rows=rows),
            ),
        )

    def puppet_masks(self, video: str) -> BoolArray | None:
        """(F, H, W) where the puppet covers the picture; None where the file is not there."""
        path = self.root / "puppet_mask" / video / "puppet_mask.mat"
        if not path.is_file():
            return None
        value = variable(read_mat(path), "part_mask", where=str(path))
        masks = np.asarray(value)
        masks = masks[..., None] if masks.ndim == 2 else masks
        if masks.ndim != 3 or masks.dtype.kind not in "iufb":
            raise FormatError(f"{path}: part_mask: expected (H, W, F), got {masks.shape}")
        return masks.transpose(2, 0, 1) > 0

    def _video_file(self, video: str) -> Path | None:
        folders = ("ReCompress_Videos", "videos")
        files = (self.root / folder / f"{video}.avi" for folder in folders)
        return next((file for file in files if file.is_file()), None)

    def _compare(self, video: str, *, rows: int, masks: BoolArray | None) -> tuple[Problem, ...]:
        found = []
        if masks is not None and len(masks) != rows:
            what = f"{len(masks)} masks for {rows} frames; boxes are given where there is a mask"
            file = f"puppet_mask/{video}/puppet_mask.mat"
            found.append(Problem(file=file, where="", what=what))
        folder = f"Rename_Images/{video}"
        pictures = sum(1 for _ in (self.root / folder).glob("*.png"))
        if pictures > rows:
            what = f"{pictures} pictures for {rows} frames with joints; the last are left out"
            found.append(Problem(file=folder, where="", what=what))
        return tuple(found)


def read_division(path: Path) -> dict[str, Split]:
    """One list of clips: those for training and those for test.

    Raises:
        FormatError: If a line is not ``<clip>.avi 1`` or ``2``.
    """
    parts: dict[str, Split] = {}
    for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1):
        found = LINE.fullmatch(line.strip())
        if line.strip() and not found:
            raise FormatError(
                f"{path}, line {number}: expected '<clip>.avi 1|2', got {line[:80]!r}"
            )
        if found and found[2] in PARTS:
            parts[found[1]] = PARTS[found[2]]
    return parts


def _boxes_of(masks: BoolArray, *, rows: int) -> DoubleArray:
    """(F, 4) boxes around the covered pixels, NaN where there are none."""
    boxes = np.full((rows, 4), np.nan)
    for i, mask in enumerate(masks[:rows]):
        columns, lines = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        if len(columns):
            boxes[i] = columns[0], lines[0], columns[-1] + 1, lines[-1] + 1
    return boxes
