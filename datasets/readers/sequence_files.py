"""Data sets that keep one annotation file per sequence: PoseTrack17, 18 and 21.

Not here: what such a file holds (:mod:`posetube.datasets.readers.posetrack17`, ``posetrack18``).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from posetube.errors import FormatError
from posetube.structures import IntArray, VideoTracks

from ..files.checked_values import relative_path
from .annotated_video import AnnotatedVideo, Counts, Split

SPLITS: dict[str, Split] = {"train": "train", "val": "val", "test": "test"}
PART = re.compile(r"(?:.*_)?(train|val|test)(?:_.*)?")
"""A folder of one part: ``val``, ``PoseTrackV1.0_Annots_val_json``."""


@dataclass(frozen=True, kw_only=True)
class SequenceFiles:
    """Annotation files in a folder, and the pictures that they name."""

    root: Path
    """The folder that the frames' names start from."""

    name: str
    """As on the command line."""

    patterns: tuple[str, ...]
    """Where the annotation files are looked for; the first pattern that matches counts."""

    reader: Callable[[Path], VideoTracks]
    """Reads one annotation file."""

    people: Callable[[Path], IntArray] | None = None
    """Tells who each row of a file is in all sequences, where the data set knows."""

    whole: Counts | None = None
    """What the complete release holds."""

    @cached_property
    def _files(self) -> dict[str, Path]:
        for pattern in self.patterns:
            paths = sorted(path for path in self.root.glob(pattern) if path.is_file())
            if paths:
                first = Path(pattern).parts[0]
                folder = "" if "*" in first else first
                names = (p.relative_to(self.root / folder).with_suffix("") for p in paths)
                return {name.as_posix(): path for name, path in zip(names, paths, strict=True)}
        raise FormatError(
            f"{self.root}: no annotations of {self.name}; looked for {', '.join(self.patterns)}"
        )

    def videos(self) -> tuple[str, ...]:
        """Names such as ``val/000342_mpii_test``."""
        return tuple(self._files)

    def read(self, video: str) -> AnnotatedVideo:
        """One sequence."""
        if video not in self._files:
            raise FormatError(f"{self.root}: no sequence {video!r} in {self.name}")
        path = self._files[video]
        tracks = self.reader(path)
        names = [relative_path(name, where=str(path)) for name in tracks.frames.names]
        there = any((self.root / name).is_file() for name in names)
        return AnnotatedVideo(
            name=video,
            dataset=self.name,
            split=self._split(path),
            media=self.root if there else _video_beside(path),
            metric="posetrack",
            tracks=tracks,
            person_ids=None if self.people is None else self.people(path),
        )

    def _split(self, path: Path) -> Split:
        """By the nearest folder that tells; a sequence's own name tells MPII's split, not this."""
        folders = path.relative_to(self.root).parts[:-1][::-1]
        found = next((match[1] for folder in folders if (match := PART.fullmatch(folder))), "")
        return SPLITS.get(found or self.root.name, "")


def _video_beside(path: Path) -> Path | None:
    video = path.with_suffix(".mp4")
    return video if video.is_file() else None
