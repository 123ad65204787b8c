"""MOTChallenge's sequences: a folder each, with ``gt/gt.txt`` and pictures ``img1/000001.jpg``.

PoseTrack21's boxes have the same layout; there an ``image_info.json`` has names and ignore regions
of the frames. Boxes that are marked not to count (confidence 0) are left out.

Not here: a single file (:mod:`posetube.datasets.formats.mot`).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from posetube.errors import FormatError

from ..annotated_video import AnnotatedVideo, Counts
from ..files.checked_values import relative_path
from ..files.opened_file import OpenedFile
from ..formats import mot
from .release_files import numbered_frames, root_of

PATTERNS = ("*/gt/gt.txt", "*/*/gt/gt.txt", "*/gt.txt")


@dataclass(frozen=True, kw_only=True)
class MotSequences:
    """The data set in a folder."""

    root: Path
    """Folder with the sequences, or with ``train`` and ``test``."""

    name: ClassVar[str] = "mot"
    whole: ClassVar[Counts | None] = None

    @cached_property
    def _files(self) -> dict[str, Path]:
        for pattern in PATTERNS:
            paths = sorted(self.root.glob(pattern))
            if paths:
                depth = 1 if pattern == "*/gt.txt" else 2
                folders = (path.parents[depth - 1].relative_to(self.root) for path in paths)
                return {f.as_posix(): path for f, path in zip(folders, paths, strict=True)}
        raise FormatError(f"{self.root}: no sequences; looked for {', '.join(PATTERNS)}")

    def videos(self) -> tuple[str, ...]:
        """Names of the sequences."""
        return tuple(self._files)

    def read(self, video: str) -> AnnotatedVideo:
        """One sequence: boxes, no joints."""
        if video not in self._files:
            raise FormatError(f"{self.root}: no sequence {video!r}")
        path = self._files[video]
        whole = path.parent.name == "gt"  # with image_info.json beside it, if there is one
        (found,) = mot.read_videos(OpenedFile(path.parents[1] if whole else path))
        frames = found.tracks.frames
        if not frames.names:
            folder = f"{video}/img1"
            first = next((self.root / folder).glob("000001.*"), Path("000001.jpg"))
            frames = numbered_frames(len(frames), f"{folder}/", digits=6, suffix=first.suffix)
        names = [relative_path(name, where=str(path)) for name in frames.names]
        return replace(
            found,
            name=video,
            split="train" if "train" in video else "test" if "test" in video else "",
            media=root_of(self.root, names),
            tracks=replace(found.tracks, source=video, frames=frames),
        )
