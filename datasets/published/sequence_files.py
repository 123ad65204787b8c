"""Opens data sets that keep one annotation file per sequence, as PoseTrack17, 18 and 21 do.

A file outside the folder of a part may hold several sequences, as conversions for mmpose do; each
of them is a video of its own.

Not here: where each of them keeps its files (``posetrack.py`` beside this file), and what such a
file holds (:mod:`posetube.datasets.formats`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from posetube.errors import FormatError

from ..annotated_video import SPLITS, AnnotatedVideo, Counts, Split
from ..files.checked_values import relative_path
from ..files.opened_file import OpenedFile
from ..formats import posetrack18
from .release_files import root_of

DETECTIONS = "human_detections"
"""How the names of files end that mmpose keeps beside the annotations, and that are none."""

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

    reader: Callable[[OpenedFile], AnnotatedVideo]
    """Reads all frames of one annotation file."""

    merged: bool = False
    """Whether a file outside the folder of a part may hold several sequences."""

    whole: Counts | None = None
    """What the complete release holds."""

    @cached_property
    def _files(self) -> dict[str, Path]:
        for pattern in self.patterns:
            files = (path for path in self.root.glob(pattern) if path.is_file())
            paths = sorted(path for path in files if not path.stem.endswith(DETECTIONS))
            if paths:
                first = Path(pattern).parts[0]
                folder = "" if "*" in first else first
                names = (p.relative_to(self.root / folder).with_suffix("") for p in paths)
                return {name.as_posix(): path for name, path in zip(names, paths, strict=True)}
        raise FormatError(
            f"{self.root}: no annotations of {self.name}; looked for {', '.join(self.patterns)}"
        )

    @cached_property
    def _places(self) -> dict[str, tuple[Path, str]]:
        """File of each video, and the name that it has in there where the file holds several."""
        places = {}
        for name, path in self._files.items():
            sequences = self._sequences(path)
            if len(sequences) < 2:
                places[name] = (path, "")
            else:
                places |= {f"{name}/{sequence}": (path, sequence) for sequence in sequences}
        return places

    def _sequences(self, path: Path) -> list[str]:
        """Those of a file that may hold several."""
        in_part = path.parent != self.root and PART.fullmatch(path.parent.name)
        if in_part or not self.merged:
            return []
        try:
            return posetrack18.folders(path)
        except FormatError:  # told when the file is read
            return []

    @cached_property
    def _parts(self) -> Callable[[Path], dict[str, AnnotatedVideo]]:
        """Reads a file of several sequences; the last one is kept, as all of it is asked for."""

        @lru_cache(maxsize=1)
        def parts(path: Path) -> dict[str, AnnotatedVideo]:
            whole = self.reader(OpenedFile(path))
            return {video.name: video for video in posetrack18.by_sequence(whole)}

        return parts

    def videos(self) -> tuple[str, ...]:
        """Names such as ``val/000342_mpii_test``."""
        return tuple(self._places)

    def read(self, video: str) -> AnnotatedVideo:
        """One sequence."""
        if video not in self._places:
            raise FormatError(f"{self.root}: no sequence {video!r} in {self.name}")
        path, sequence = self._places[video]
        found = self._parts(path)[sequence] if sequence else self.reader(OpenedFile(path))
        names = [relative_path(name, where=str(path)) for name in found.tracks.frames.names]
        beside = path.with_suffix(".mp4")
        return replace(
            found,
            name=video,
            dataset=self.name,
            split=self.split(video),
            media=root_of(self.root, names) or (beside if beside.is_file() else None),
        )

    def split(self, video: str) -> Split:
        """Part of a video, by the nearest folder that tells.

        A sequence's own name tells MPII's split, not this.
        """
        path, merged = self._places[video]
        folders = path.relative_to(self.root).with_suffix("").parts[: None if merged else -1][::-1]
        found = next((match[1] for folder in folders if (match := PART.fullmatch(folder))), "")
        return SPLITS.get(found or self.root.name, "")
