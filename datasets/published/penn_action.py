"""Penn Action: 2326 clips of one person who does sports, 13 joints in every frame.

Layout: ``labels/0001.mat`` with ``frames/0001/000001.jpg`` beside it. Positions are stored as drawn
on rescaled pictures (the smallest are 0.67 to 1), so nothing is subtracted. A joint that is not
visible holds the annotators' guess, or (1, 1) where they made none: it is not labelled, unless the
guesses are asked for.

Source: Zhang, Zhu and Derpanis, "From Actemes to Action", ICCV 2013, and the files themselves.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from posetube.errors import FormatError

from ..annotated_video import AnnotatedVideo, Counts
from ..files.opened_file import OpenedFile
from ..formats.penn_action import read_clip
from .release_files import numbered_frames


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
        clip = read_clip(OpenedFile(self.root / "labels" / f"{video}.mat"), guesses=self.guesses)
        count = len(clip.tracks.frames)
        frames = numbered_frames(count, f"frames/{video}/", digits=6, suffix=".jpg")
        return replace(
            clip,
            where="",
            media=self.root if (self.root / "frames" / video).is_dir() else None,
            tracks=replace(clip.tracks, frames=frames),
        )
