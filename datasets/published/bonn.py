"""Bonn Multi-Person PoseTrack: 60 sequences, all frames labelled, 14 joints, hidden ones flagged.

Layout: ``annolist/*annolist.mat``, a struct per sequence with a cell for each person and frame, and
pictures ``videos/<sequence>/00001.jpg``. Positions count from 1. The joints are those of PoseTrack
without the nose; so they are read as PoseTrack's 15, the nose never labelled. Many people
have no head box (5186 of the 6394 person-frames of the training file), and get an estimate.

Source: Iqbal, Milan and Gall, "PoseTrack: Joint Multi-Person Pose Estimation and Tracking", CVPR
2017, and the published files.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import POSETRACK15
from posetube.structures import JointState

from ..annotated_video import MAX_FRAMES, AnnotatedVideo, Counts, Problem, Split, table
from ..files.checked_values import entries, number, numbers, structs, text, variable
from ..files.mat_files import read_mat
from .head_boxes import filled
from .release_files import numbered_frames

JOINTS = {
    **dict(enumerate(POSETRACK15.joints[:6])),
    8: "head_bottom",
    9: "head_top",
    **dict(enumerate(POSETRACK15.joints[6:12], start=10)),
}
"""MPII's numbers of the joints, and what PoseTrack calls them."""

SLOT = {number: POSETRACK15.index(joint) for number, joint in JOINTS.items()}


@dataclass(frozen=True, kw_only=True)
class Bonn:
    """The data set in a folder."""

    root: Path
    """Folder with ``annolist`` and, if the pictures are there, ``videos``."""

    estimate_heads: bool = True
    """Give people without a head box an estimate, so that they can be evaluated."""

    name: ClassVar[str] = "bonn"
    whole: ClassVar[Counts] = Counts(videos=60, frames=3092)

    @cached_property
    def _sequences(self) -> dict[str, tuple[dict[str, Any], Path]]:
        files = sorted((self.root / "annolist").rglob("*annolist.mat"))
        if not files:
            raise FormatError(f"{self.root}: no annolist/*annolist.mat of Bonn")
        found = {}
        for path in files:
            value = variable(read_mat(path), "annolist", where=str(path))
            fields = ("name", "num_frames", "annopoints")
            for entry in _sequence_structs(value, *fields, where=str(path)):
                found[text(entry["name"], where=f"{path}: name")] = (entry, path)
        return found

    def videos(self) -> tuple[str, ...]:
        """Names of the sequences, such as ``060470979``."""
        return tuple(self._sequences)

    def read(self, video: str) -> AnnotatedVideo:
        """One sequence; track ids are the places in the file's list of people, from 0."""
        if video not in self._sequences:
            raise FormatError(f"{self.root}: no sequence {video!r} in Bonn")
        entry, path = self._sequences[video]
        where = f"{path}: {video}"
        count = int(number(entry["num_frames"], where=f"{where}: num_frames", low=0,
                           high=MAX_FRAMES))  # fmt: skip
        folder = f"videos/{video}"
        people = _people(entry["annopoints"], frames=count, where=where)
        headless = int(np.isnan(people["head_boxes"]).any(axis=1).sum())
        # PoseTrack's score divides by the head: without a box such a person could not be scored.
        if self.estimate_heads:
            joints = people["keypoints"], people["track_ids"]
            people["head_boxes"] = filled(people["head_boxes"], *joints, POSETRACK15)
        split: Split = "train" if "train" in path.relative_to(self.root).as_posix() else "test"
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=split,
            media=self.root if (self.root / folder).is_dir() else None,
            metric="posetrack",
            tracks=table(
                source=video,
                skeleton=POSETRACK15,
                frames=numbered_frames(count, f"{folder}/", digits=5, suffix=".jpg"),
                **people,
            ),
            problems=self._headless(path, video, headless, rows=len(people["frame"])),
        )

    def _headless(self, path: Path, video: str, count: int, *, rows: int) -> tuple[Problem, ...]:
        if not count:
            return ()
        done = "they are estimated" if self.estimate_heads else "they are left out"
        what = f"{count} of {rows} poses have no head box; {done}"
        return (Problem(file=path.name, where=video, what=what),)


def _sequence_structs(value: Any, *fields: str, where: str) -> list[dict[str, Any]]:
    """Structs, each of them possibly wrapped in a cell of its own."""
    found = []
    for entry in entries(value, where=where):
        wrapped = entries(entry, where=where) if isinstance(entry, np.ndarray) else [entry]
        found += wrapped
    return structs(found, *fields, where=where)


def _people(value: Any, *, frames: int, where: str) -> dict[str, Any]:
    """Rows of everybody: the arguments of :func:`table` that have one entry per row."""
    cells = np.asarray(value)
    if cells.dtype != object and cells.size:
        raise FormatError(f"{where}: annopoints: expected a cell of people and frames")
    if cells.ndim != 2 or (cells.size and cells.shape[1] != frames):
        raise FormatError(f"{where}: annopoints of shape {cells.shape} for {frames} frames")
    present = [(int(f), int(p)) for f, p in np.argwhere(_filled(cells).T)]
    rows = len(present)
    points = np.full((rows, len(POSETRACK15), 2), np.nan)
    states = np.full((rows, len(POSETRACK15)), JointState.ABSENT, np.uint8)
    heads = np.full((rows, 4), np.nan)
    for row, (frame, person) in enumerate(present):
        place = f"{where}: person {person}, frame {frame}"
        for pose in structs(cells[person, frame], "point", "head_rect", where=place):
            _read_pose(pose, points[row], states[row], heads[row], where=place)
    return {
        "frame": np.array([frame for frame, _ in present], np.int64),
        "track_ids": np.array([person for _, person in present], np.int64),
        "keypoints": points,
        "joint_states": states,
        "head_boxes": heads,
    }


def _filled(cells: Any) -> Any:
    return np.array([[np.size(cell) > 0 for cell in row] for row in cells], np.bool_).reshape(
        cells.shape
    )


def _read_pose(pose: dict[str, Any], points: Any, states: Any, head: Any, *, where: str) -> None:
    """Fill one row's joints and head box in place."""
    for point in structs(pose["point"], "x", "y", "id", where=where):
        slot = SLOT.get(int(number(point["id"], where=f"{where}: id")))
        if slot is None:
            continue
        points[slot] = [number(point[axis], where=f"{where}: {axis}") - 1 for axis in ("x", "y")]
        hidden = np.size(point.get("is_visible", ())) and not int(
            number(point["is_visible"], where=f"{where}: is_visible")
        )
        states[slot] = JointState.OCCLUDED if hidden else JointState.VISIBLE
    if np.size(pose["head_rect"]):
        head[:] = numbers(pose["head_rect"], shape=(1, 4), where=f"{where}: head_rect")[0] - 1
