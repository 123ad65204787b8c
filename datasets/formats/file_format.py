"""Describes a format of files that hold people: its name, reading, writing, recognising.

Not here: the formats (one file each, beside this one) and the table of them
(:mod:`posetube.datasets.formats.format_table`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posetube.errors import InputError
from posetube.skeletons import COCO17, COCO19, Skeleton
from posetube.structures import VideoTracks

from ..annotated_video import AnnotatedVideo
from ..files.opened_file import OpenedFile
from .one_person import WrittenClip


def always(file: OpenedFile) -> bool:
    """Recognises every file that has the format's ending."""
    return True


def never(file: OpenedFile) -> bool:
    """Recognises nothing: the format is only read where it is named."""
    return False


def only_read(path: Path, tracks: VideoTracks) -> None:
    """Writes nothing: the format is read, not written."""
    raise InputError(f"{path}: this format is read, not written")


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """One way to write people into a file, or into a folder of files."""

    name: str
    """As on the command line."""

    suffix: str
    """Ending of the file's name as it is written; empty for a folder."""

    read: Callable[[Path], VideoTracks]
    """Reads all frames of a file, or of a folder, as one video."""

    also_read: tuple[str, ...] = ()
    """Further endings of files that are read; empty text for a folder."""

    recognise: Callable[[OpenedFile], bool] = always
    """Whether a file, which has one of the endings, or a folder is of this format. The first format
    of the table that says so gets it."""

    read_videos: Callable[[OpenedFile], Sequence[AnnotatedVideo]] | None = None
    """Reads the videos of a file, with what the format says beyond :class:`VideoTracks`; goes on
    from what recognising has read. None: the file is one video, from :attr:`read`."""

    write: Callable[[Path, VideoTracks], None] = only_read
    """Writes one video; the path comes first."""

    write_videos: Callable[[Path, Iterable[VideoTracks]], None] | None = None
    """Writes several videos into one file, where that is what the format's users expect."""

    write_clips: Callable[[Path, AnnotatedVideo], Iterator[WrittenClip]] | None = None
    """Writes each person of a video as a clip into the folder of a data set, where the format is
    the layout of one that knows one person per clip."""

    keeps: tuple[str, ...] = ()
    """Fields of :class:`AnnotatedVideo`, people aside, that :attr:`write_clips` keeps."""

    joints: tuple[Skeleton, ...] = ()
    """The joint sets that it can hold; empty: any. Others are converted to the first."""

    lists_pictures: bool = False
    """It lists pictures, which only their names tell apart: those of two videos may be in one."""

    coco17_only: bool = False
    """``coco19`` is written as ``coco17``: programs that read the format take its 17 joints for
    granted, and know how far apart their labels are."""

    boxes_only: bool = False
    """It holds boxes, and no joints."""

    masks: bool = False
    """It has a place for people's masks."""

    needs_identities: bool = False
    """Everybody must have an identity to be written, in single pictures too."""

    loses: str = ""
    """What it has no place for, for the user."""

    holds: str = ""
    """What the file is, for the user."""

    @property
    def is_written(self) -> bool:
        """Whether it can be written."""
        return self.write is not only_read

    def skeleton_for(self, own: Skeleton) -> Skeleton:
        """The joint set that people with these joints are written with."""
        if self.coco17_only and own.joints == COCO19.joints:
            return COCO17
        held = [skeleton.joints for skeleton in self.joints]
        return self.joints[0] if held and own.joints not in held else own

    @property
    def suffixes(self) -> tuple[str, ...]:
        """All endings of files that are read."""
        return (self.suffix, *self.also_read)
