"""BBC Pose and its extension: 92 videos of sign-language interpreters, 7 joints of the upper body.

Layout: ``bbcpose.mat`` with a struct per video; frames that the authors' program cuts from their
videos lie in ``<number of the video>/<number of the frame>.jpg``. Videos 1 to 20 are BBC Pose (10
for training, 5 and 5 with labels by hand), 21 to 92 the extension. The labels of training frames
come from a tracker. Positions count from 1; a negative one is not labelled.

Source: Charles et al., "Upper body pose estimation with temporal sequential forests", BMVC 2014;
two public readers of the file. No original file was at hand.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posetube.errors import FormatError
from posetube.skeletons import BBC7
from posetube.structures import DoubleArray, FrameTable, IntArray

from ..annotated_video import MAX_FRAMES, SPLITS, AnnotatedVideo, Counts, table
from ..files.checked_values import numbers, structs, text, variable
from ..files.mat_files import read_mat
from .release_files import find_file

FILES = ("bbcpose.mat", "*/bbcpose.mat")
FOLDERS = ("", "bbcpose/", "frames/")
"""Where the numbered folders of frames are looked for."""


@dataclass(frozen=True, kw_only=True)
class BbcPose:
    """The data set in a folder."""

    root: Path
    """Folder with ``bbcpose.mat`` and, if they have been cut, the frames."""

    name: ClassVar[str] = "bbc-pose"
    whole: ClassVar[Counts] = Counts(videos=92, frames=0)

    def videos(self) -> tuple[str, ...]:
        """Numbers of the videos, from ``1``."""
        return tuple(str(i + 1) for i in range(len(self._entries[0])))

    def read(self, video: str) -> AnnotatedVideo:
        """The labelled frames of one video; their ids are their numbers in it."""
        entries, path = self._entries
        if video not in self.videos():
            raise FormatError(f"{path}: no video {video!r}; there are {len(entries)}")
        entry, where = entries[int(video) - 1], f"{path}: video {video}"
        split = SPLITS.get(text(entry["type"], where=f"{where}: type"), "")
        numbers_of, joints = _labels(entry, manual=split in ("val", "test"), where=where)
        prefix = next((f for f in FOLDERS if (self.root / f / video).is_dir()), None)
        count = len(numbers_of)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=split,
            media=None if prefix is None else self.root,
            metric="pixels",
            tracks=table(
                source=text(entry["videoName"], where=f"{where}: videoName"),
                skeleton=BBC7,
                frames=FrameTable(
                    times=np.full(count, np.nan),
                    names=tuple(f"{prefix or ''}{video}/{number}.jpg" for number in numbers_of),
                    ids=numbers_of,
                ),
                keypoints=joints - 1,
                joint_states=np.asarray((joints >= 0).all(axis=-1)),
            ),
        )

    @cached_property
    def _entries(self) -> tuple[list[dict[str, Any]], Path]:
        path = find_file(self.root, FILES, dataset="BBC Pose")
        value = variable(read_mat(path), "bbcpose", where=str(path))
        fields = ("videoName", "type", "train_frames", "train_joints", "test_frames", "test_joints")
        return structs(value, *fields, where=f"{path}: bbcpose"), path


def _labels(entry: dict[str, Any], *, manual: bool, where: str) -> tuple[IntArray, DoubleArray]:
    """(F,) frame numbers, rising, and (F, 7, 2) joints: those made by hand where there are some."""
    # The joints for training come from a tracker; those for testing were placed by hand.
    kinds = ("test", "train") if manual else ("train", "test")
    kind = next((k for k in kinds if np.size(entry[f"{k}_frames"])), kinds[0])
    if not np.size(entry[f"{kind}_frames"]):
        return np.zeros(0, np.int64), np.zeros((0, 7, 2))
    listed = numbers(entry[f"{kind}_frames"], shape=(1, -1), where=f"{where}: {kind}_frames")[0]
    joints = numbers(entry[f"{kind}_joints"], shape=(2, 7, -1), where=f"{where}: {kind}_joints")
    if joints.shape[2] != len(listed) or len(listed) > MAX_FRAMES:
        raise FormatError(f"{where}: {joints.shape[2]} poses for {len(listed)} frames")
    order = np.argsort(listed, kind="stable")
    return listed[order].astype(np.int64), joints.transpose(2, 1, 0)[order]
