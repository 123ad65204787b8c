"""Penn Action: 2326 clips of one person who does sports, 13 joints in every frame.

Layout: ``labels/0001.mat`` with ``frames/0001/000001.jpg`` beside it. Positions are stored as drawn
on rescaled pictures (the smallest are 0.67 to 1), so nothing is subtracted. A joint that is not
visible holds the annotators' guess, or (1, 1) where they made none: it is not labelled, unless the
guesses are asked for.

Source: Zhang, Zhu and Derpanis, "From Actemes to Action", ICCV 2013, and the files themselves.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import PENN13
from posetube.structures import ByteArray, DoubleArray, JointState

from ..annotated_video import AnnotatedVideo, Counts, Problem, table
from ..files.checked_values import number, numbers, text, variable
from ..files.mat_files import read_mat
from .release_files import folder_if_there, numbered_frames

UNPLACED = 1.0
"""Both coordinates of a joint for which the annotators made no guess."""


@dataclass(frozen=True, kw_only=True)
class PennAction:
    """The data set in a folder."""

    root: Path
    """Folder with ``labels`` and, if the pictures are there, ``frames``."""

    guesses: bool = False
    """Keep the guessed places of joints that cannot be seen, as occluded ones."""

    name: ClassVar[str] = "penn-action"
    whole: ClassVar[Counts] = Counts(videos=2326, frames=163_841)

    def videos(self) -> tuple[str, ...]:
        """Numbers of the clips whose labels are there, such as ``0001``."""
        found = tuple(sorted(path.stem for path in (self.root / "labels").glob("*.mat")))
        if not found:
            raise FormatError(f"{self.root}: no labels/*.mat of Penn Action")
        return found

    def read(self, video: str) -> AnnotatedVideo:
        """One clip; one row per frame, boxes included."""
        path = self.root / "labels" / f"{video}.mat"
        where, content = str(path), read_mat(path)

        def field(name: str) -> Any:
            return variable(content, name, where=where)

        x = numbers(field("x"), shape=(-1, 13), where=f"{where}: x")
        y = numbers(field("y"), shape=x.shape, where=f"{where}: y")
        seen = numbers(field("visibility"), shape=x.shape, where=f"{where}: visibility") > 0
        size = numbers(field("dimensions"), shape=(1, 3), where=f"{where}: dimensions")[0]
        train = number(field("train"), where=f"{where}: train", low=-1, high=1)
        boxes, problems = _boxes(field("bbox"), rows=len(x), path=path)
        frames = numbered_frames(len(x), folder=f"frames/{video}", digits=6, suffix=".jpg")
        points = np.stack([x, y], axis=-1)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split="train" if train > 0 else "test",
            action=text(field("action"), where=f"{where}: action"),
            viewpoint=text(field("pose"), where=f"{where}: pose"),
            media=self.root if folder_if_there(self.root / "frames" / video) else None,
            metric="pck-box",
            problems=problems,
            tracks=table(
                source=video,
                size=(int(size[0]), int(size[1])),
                skeleton=PENN13,
                frames=frames,
                frame=np.arange(len(x)),
                track_ids=np.ones(len(x), np.int64),
                keypoints=points,
                joint_states=self._states(points, seen),
                boxes=boxes,
            ),
        )

    def _states(self, points: DoubleArray, seen: Any) -> ByteArray:
        placed = (points != UNPLACED).any(axis=-1)
        unseen = np.where(placed & self.guesses, JointState.OCCLUDED, JointState.ABSENT)
        return np.where(seen, JointState.VISIBLE, unseen).astype(np.uint8)


def _boxes(value: Any, *, rows: int, path: Path) -> tuple[DoubleArray, tuple[Problem, ...]]:
    """(F, 4) boxes with ordered corners; two of the published files lack the last row."""
    boxes = numbers(value, shape=(-1, 4), where=f"{path}: bbox")
    corners = boxes.reshape(-1, 2, 2)
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    if len(boxes) == rows:
        return boxes, ()
    if len(boxes) != rows - 1 or not len(boxes):
        raise FormatError(f"{path}: bbox has {len(boxes)} rows for {rows} frames")
    what = f"bbox has {rows - 1} rows for {rows} frames; the last one is repeated"
    problem = Problem(file=f"labels/{path.name}", where=f"frame {rows - 1}", what=what)
    return np.concatenate([boxes, boxes[-1:]]), (problem,)
