"""Reads JHMDB's poses as DD-Net publishes them: ``GT_train_1.pkl``, ``GT_test_1.pkl`` and so on.

A pickle holds ``pose``, an array (F, 15, 2) for each clip, and ``label``, its action. The poses are
``pos_world`` of the original files, centred and divided by picture height and person's scale, which
is not in the pickle: places here are those at scale 1, in a picture of 320 x 240. Clips have
numbers for names; all joints are placed, and count as visible.

Not here: the data set's own files (:mod:`posetube.datasets.published.jhmdb`).

Source: Yang et al., "Make Skeleton-based Action Recognition Model Smaller, Faster and Better",
2019; the published files.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from posetube.errors import FormatError
from posetube.restricted_pickle import load_plain
from posetube.skeletons import JHMDB15
from posetube.structures import DoubleArray

from ..annotated_video import MAX_FRAMES, AnnotatedVideo, Counts, Split, table
from ..files.checked_values import numbers, text
from ..formats.jhmdb import SIZE

NAME = re.compile(r"(?:.*_)?GT_(train|test)_[123]")
FARTHEST = 100.0
"""A joint farther from the middle than so many heights of the picture is refused."""


@dataclass(frozen=True, kw_only=True)
class JhmdbDdnet:
    """All of DD-Net's pickles in a folder."""

    root: Path
    """Folder with them."""

    name: ClassVar[str] = "jhmdb-ddnet"
    whole: ClassVar[Counts | None] = None

    @cached_property
    def _clips(self) -> dict[str, tuple[DoubleArray, str, Split]]:
        """Poses, action and part of each clip by its name."""
        paths = [path for path in sorted(self.root.glob("*.pkl")) if NAME.fullmatch(path.stem)]
        if not paths:
            raise FormatError(f"{self.root}: no poses of DD-Net; looked for *GT_train_1.pkl ...")
        return {name: clip for path in paths for name, clip in _read_pickle(path).items()}

    def videos(self) -> tuple[str, ...]:
        """Names such as ``GT_test_1/0000``."""
        return tuple(self._clips)

    def read(self, video: str) -> AnnotatedVideo:
        """One clip; nobody knows its name or where its pictures are."""
        if video not in self._clips:
            raise FormatError(f"{self.root}: no clip {video!r} in DD-Net's poses")
        poses, action, split = self._clips[video]
        height, width = SIZE
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=split,
            action=action,
            metric="pck-torso",
            tracks=table(
                source=video,
                size=SIZE,
                skeleton=JHMDB15,
                frames=len(poses),
                keypoints=poses * height + [width / 2 - 1, height / 2 - 1],
            ),
        )


def _read_pickle(path: Path) -> dict[str, tuple[DoubleArray, str, Split]]:
    content = load_plain(path)
    lists: list[Any] = [content.get(key) if isinstance(content, dict) else None
                        for key in ("pose", "label")]  # fmt: skip
    if not all(isinstance(values, list) for values in lists) or len(lists[0]) != len(lists[1]):
        raise FormatError(f"{path}: expected 'pose' and 'label', two lists of one length")
    found = NAME.fullmatch(path.stem)
    split: Split = "train" if found and found[1] == "train" else "test"
    clips = {}
    for i, (poses, label) in enumerate(zip(*lists, strict=True)):
        where = f"{path}: clip {i}"
        places = numbers(poses, shape=(-1, 15, 2), where=where, limit=FARTHEST)
        if len(places) > MAX_FRAMES:
            raise FormatError(f"{where}: {len(places)} frames; at most {MAX_FRAMES} are read")
        clips[f"{path.stem}/{i:04d}"] = places, text(label, where=where), split
    return clips
