"""JHMDB and sub-JHMDB: 928 short clips of 21 actions, 15 joints of a puppet laid over one person.

Layout: ``joint_positions/<action>/<clip>/joint_positions.mat`` with ``pos_img`` (2, 15, F) counted
from 1, ``puppet_mask/<action>/<clip>/puppet_mask.mat`` with ``part_mask`` (H, W, F), pictures
``Rename_Images/<action>/<clip>/00001.png``, three divisions into training and test. All joints are
always placed, hidden ones and those outside the picture too, and the files do not tell which, so
all count as visible. sub-JHMDB is the 316 clips in which the whole body is in view. Where no joint
positions are there, clips have the boxes of Action Tubes.

Not here: mmpose's JSON of sub-JHMDB (:mod:`posetube.datasets.published.jhmdb_json`), DD-Net's poses
(:mod:`posetube.datasets.published.jhmdb_ddnet`).

Source: Jhuang et al., "Towards understanding action recognition", ICCV 2013, and the files.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from posetube.errors import FormatError, InputError
from posetube.structures import BoolArray, DoubleArray

from ..annotated_video import AnnotatedVideo, Counts, Problem, Split, table
from ..files.checked_values import variable
from ..files.mat_files import read_mat
from ..files.opened_file import OpenedFile
from ..formats.annotation_rows import NO_JOINTS
from ..formats.jhmdb import SIZE, read_clip
from .jhmdb_boxes import read_boxes
from .jhmdb_divisions import read_divisions
from .release_files import first_path, numbered_frames

BOXES = "*jhmdb_annot.mat"
"""File of Action Tubes."""


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
        """Names such as ``catch/<clip>`` whose joint positions are there, or else whose boxes."""
        folder = self.root / "joint_positions"
        positions = folder.glob("*/*/joint_positions.mat")
        found = [path.parent.relative_to(folder).as_posix() for path in positions]
        # Without joints, the boxes that Action Tubes published of the same clips will do.
        found = found or list(self._boxes)
        if not found:
            raise FormatError(
                f"{self.root}: no joint_positions/<action>/<clip> of JHMDB, nor {BOXES}"
            )
        return tuple(sorted(name for name in found if not self.sub or name in self.division_of))

    @cached_property
    def division_of(self) -> dict[str, Split]:
        """Part of each clip in the chosen division; empty where the lists are not there."""
        return read_divisions(self.root, division=self.division, sub=self.sub)

    @cached_property
    def _boxes(self) -> dict[str, DoubleArray]:
        """Boxes of Action Tubes, if they are there, by clip."""
        path = first_path(self.root, [BOXES])
        return {} if path is None else read_boxes(path)

    def read(self, video: str) -> AnnotatedVideo:
        """One clip; one row per frame, boxes around the puppet where masks are there."""
        path = self.root / "joint_positions" / video / "joint_positions.mat"
        if not path.is_file() and video in self._boxes:
            return self._read_boxes(video)
        clip = read_clip(OpenedFile(path))
        rows, tracks = len(clip.tracks.frames), clip.tracks
        masks = self.puppet_masks(video)
        problems = self._compare(video, rows=rows, masks=masks)
        folder = f"Rename_Images/{video}"
        if masks is not None:
            boxes = _boxes_of(masks, rows=rows)[tracks.frame].astype(np.float32)
            height, width = masks.shape[1:]
            tracks = replace(tracks, boxes=boxes, size=(height, width))
        frames = numbered_frames(rows, f"{folder}/", digits=5, suffix=".png")
        return replace(
            clip,
            name=video,
            dataset=self.name,
            split=self.division_of.get(video, ""),
            media=self.root if (self.root / folder).is_dir() else self._video_file(video),
            where="",
            problems=problems,
            tracks=replace(tracks, source=video, frames=frames),
        )

    def _read_boxes(self, video: str) -> AnnotatedVideo:
        boxes = self._boxes[video]
        frame = np.flatnonzero(~np.isnan(boxes).any(axis=1))
        folder, rows = f"Rename_Images/{video}", len(frame)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=self.division_of.get(video, ""),
            action=video.partition("/")[0],
            media=self.root if (self.root / folder).is_dir() else self._video_file(video),
            metric="pck-box",
            tracks=table(
                source=video,
                size=SIZE,
                skeleton=NO_JOINTS,
                frames=numbered_frames(len(boxes), f"{folder}/", digits=5, suffix=".png"),
                frame=frame,
                keypoints=np.zeros((rows, 0, 2)),
                joint_states=np.zeros((rows, 0), np.uint8),
                boxes=boxes[frame],
            ),
        )

    def puppet_masks(self, video: str) -> BoolArray | None:
        """(F, H, W) where the puppet covers the picture; None where the file is not there."""
        path = self.root / "puppet_mask" / video / "puppet_mask.mat"
        if not path.is_file():
            return None
        value = variable(read_mat(path), "part_mask", where=str(path))
        masks = np.asarray(value)
        # MATLAB drops the last axis of a clip of one frame.
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


def _boxes_of(masks: BoolArray, *, rows: int) -> DoubleArray:
    """(F, 4) boxes around the covered pixels, NaN where there are none."""
    boxes = np.full((rows, 4), np.nan)
    for i, mask in enumerate(masks[:rows]):
        columns, lines = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        if len(columns):
            boxes[i] = columns[0], lines[0], columns[-1] + 1, lines[-1] + 1
    return boxes
