"""Opens whatever holds people: a result or label file, a folder of them, a data set, tracks.

:func:`open_people` is the one way in, for every command. It gives named videos, each read when it
is asked for, with the facts that their form adds (:class:`.annotated_video.AnnotatedVideo`).

Not here: the formats (:mod:`posetube.datasets.formats.format_table`) and data sets
(:mod:`posetube.datasets.published.dataset_table`) that there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from posetube.errors import FormatError, InputError, MissingFileError
from posetube.file_names import SUMMARY
from posetube.structures import VideoTracks

from .annotated_video import AnnotatedVideo, Counts, Dataset, Split, is_dataset
from .files.opened_file import OpenedFile
from .formats.file_format import FileFormat
from .formats.format_table import FORMATS, find_format, format_names, recognise
from .formats.frame_order import mixed_videos
from .picture_names import times_of
from .published.dataset_table import dataset_names, find_dataset, recognise_dataset
from .published.sequence_files import SequenceFiles

PeopleSource = VideoTracks | Sequence[VideoTracks] | str | Path | Dataset
"""A file, a folder, tracks in memory, or what is open already."""

SHOWN = 5
"""How many names an error lists."""

MEMORY = "memory"
"""What stands for the format of tracks that come from no file."""


def open_people(
    given: PeopleSource,
    *,
    form: str | FileFormat | None = None,
    formats: Sequence[FileFormat] = FORMATS,
) -> Dataset:
    """The videos of a file, a folder, a data set, or in memory.

    Args:
        given: Where they are; what is open already stays as it is.
        form: Name of the format or of the data set, or a format of the caller's own; None: told by
            names and content.
        formats: The formats to choose from.

    Raises:
        InputError: If there is nothing of the name, or nothing that is understood.
        FormatError: If a file is of no format.
    """
    if isinstance(given, VideoTracks):
        given = [given]
    if is_dataset(given):
        return given
    if not isinstance(given, str | Path):
        return _in_memory(given)
    path = Path(given)
    named = _named_dataset(path, form, formats)
    if named is not None:
        return named
    if not path.exists():
        raise MissingFileError(f"{path}: no such file or folder")
    if not (path.is_file() or path.is_dir()):  # opening a pipe waits until somebody writes to it
        raise InputError(f"{path}: a pipe or a device; name a file or a folder")
    if isinstance(form, str):
        form = find_format(form, formats=formats)
    file = OpenedFile(path)
    if not path.is_dir():
        return PeopleFile(file=file, form=form or recognise(file, formats=formats))
    return _in_folder(file, form, formats)


def _named_dataset(
    path: Path, form: str | FileFormat | None, formats: Sequence[FileFormat]
) -> Dataset | None:
    """The data set of a name; some have the name of a format, which files then are of.

    Raises:
        InputError: If the name is neither a format's nor a data set's, or there is no such folder.
    """
    if not isinstance(form, str):
        return None
    is_format = any(known.name == form for known in formats)
    entry = find_dataset(form)
    if entry is None:
        if is_format:
            return None
        raise InputError(
            f"no data set is called {form!r}; there are {dataset_names()}; and no format is called "
            f"{form!r}; there are {format_names(formats=formats)}"
        )
    # Penn Action and JHMDB are both: a folder is the data set, a file one clip of it.
    if is_format and not path.is_dir():
        return None
    if path.is_file():
        raise InputError(f"{path}: no such folder; {entry.name} is one, and this is a file")
    if not path.is_dir():
        raise MissingFileError(f"{path}: no such folder")
    return entry.open(path)


def _in_memory(given: object) -> "PeopleInMemory":
    if not isinstance(given, Sequence) or not all(isinstance(t, VideoTracks) for t in given):
        raise InputError(f"expected a path or VideoTracks, got {type(given).__name__}")
    return PeopleInMemory(tracks=tuple(given))


def _in_folder(file: OpenedFile, form: FileFormat | None, formats: Sequence[FileFormat]) -> Dataset:
    """A folder that is one video, else a data set, else a folder of files."""
    root = file.path
    # First: a folder of OpenPose would pass for a folder of videos, a frame each.
    alone = _folder_format(file, formats if form is None else (form,))
    if alone is not None:
        return PeopleFile(file=file, form=alone)
    entry = recognise_dataset(root) if form is None else None
    if entry is not None:
        return entry.open(root)
    files = _files_in(root, formats if form is None else (form,))
    if not files:
        raise InputError(
            f"{root}: nothing that holds people is recognised in this folder; say which data set "
            f"it is: {dataset_names()}; or name a file: {format_names(formats=formats)}"
        )
    return PeopleFolder(root=root, files=files, form=form, formats=tuple(formats))


def _folder_format(file: OpenedFile, formats: Sequence[FileFormat]) -> FileFormat | None:
    """The format of a folder that holds one video, such as OpenPose's."""
    known = (form for form in formats if "" in form.suffixes)
    return next((form for form in known if form.recognise(file)), None)


def _files_in(root: Path, formats: Sequence[FileFormat]) -> dict[str, Path]:
    """Files and folders of one video each, by name: those of the first ending that is there.

    Others lie beside them: a README.txt is no video where there is JSON.
    """
    entries = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    entries = [path for path in entries if path.name != SUMMARY]
    folders = {
        path.name: path
        for path in entries
        if path.is_dir() and _folder_format(OpenedFile(path), formats)
    }
    endings = dict.fromkeys(ending for form in formats for ending in form.suffixes if ending)
    for ending in endings:
        files = {p.stem: p for p in entries if p.suffix.lower() == ending and p.is_file()}
        if files:
            return dict(sorted((folders | files).items()))
    return folders


@dataclass(frozen=True, kw_only=True)
class PeopleInMemory:
    """Tracks that come from no file, each called by its source."""

    tracks: tuple[VideoTracks, ...]
    """The videos."""

    name: str = MEMORY
    whole: Counts | None = None

    def videos(self) -> tuple[str, ...]:
        """Names of the videos; two may have the same."""
        return tuple(tracks.source for tracks in self.tracks)

    def read(self, video: str) -> AnnotatedVideo:
        """The first video of this name."""
        found = next((tracks for tracks in self.tracks if tracks.source == video), None)
        if found is None:
            raise FormatError(f"no tracks are called {video!r}")
        return AnnotatedVideo(name=video, dataset=MEMORY, tracks=found, where=video)


@dataclass(frozen=True, kw_only=True)
class PeopleFile:
    """One file, or one folder that a format takes for a file."""

    file: OpenedFile
    """The file, with what recognising has read of it."""

    form: FileFormat
    """How it is read."""

    whole: Counts | None = None

    @property
    def root(self) -> Path:
        """Where it lies."""
        return self.file.path

    @property
    def name(self) -> str:
        """Name of the format."""
        return self.form.name

    @cached_property
    def _read(self) -> dict[str, AnnotatedVideo]:
        """The videos of the file, read at once."""
        return {video.name: video for video in _read_file(self.file, self.form)}

    def videos(self) -> tuple[str, ...]:
        """Name of the file without its ending; where it holds several videos, their names."""
        if self.form.read_videos is None:
            return (_name_of(self.file),)
        return tuple(self._read)

    def read(self, video: str) -> AnnotatedVideo:
        """One video of the file."""
        if video not in self._read:
            raise FormatError(f"{self.file.path}: no video {video!r} in it")
        return self._read[video]


@dataclass(frozen=True, kw_only=True)
class PeopleFolder:
    """A folder of files, or of folders, with a video each."""

    root: Path
    """The folder."""

    files: dict[str, Path]
    """Where each video lies, by name."""

    form: FileFormat | None
    """How they are read; None: each file is recognised."""

    formats: tuple[FileFormat, ...] = FORMATS
    """The formats to choose from."""

    whole: Counts | None = None

    @cached_property
    def name(self) -> str:
        """Name of the first file's format."""
        return self._first_form.name

    @cached_property
    def _first_form(self) -> FileFormat:
        return self.form or self._form_of(OpenedFile(next(iter(self.files.values()))))

    def holds_boxes(self) -> bool:
        """Whether the first file is of a format of boxes; opens it only where its ending may be."""
        ending = OpenedFile(next(iter(self.files.values()))).suffix
        possible = any(form.boxes_only and ending in form.suffixes for form in self.formats)
        return possible and self._first_form.boxes_only

    def videos(self) -> tuple[str, ...]:
        """Names of the files without their ending, in order."""
        return tuple(self.files)

    def read(self, video: str) -> AnnotatedVideo:
        """The video of one file."""
        if video not in self.files:
            raise FormatError(f"{self.root}: no file of a video {video!r}")
        file = OpenedFile(self.files[video])
        found = _read_file(file, self.form or self._form_of(file))
        if len(found) != 1:
            raise FormatError(
                f"{file.path}: frames of several sequences; in a folder each has a file of its own"
            )
        return replace(found[0], name=video, media=self._media(found[0]))

    def _form_of(self, file: OpenedFile) -> FileFormat:
        alone = _folder_format(file, self.formats) if file.path.is_dir() else None
        return alone or recognise(file, formats=self.formats)

    def _media(self, video: AnnotatedVideo) -> Path | None:
        """The folder, where pictures of the frames' names lie below it."""
        names = [Path(name) for name in video.tracks.frames.names]
        inside = [p for p in names if not p.is_absolute() and ".." not in p.parts]
        return self.root if any((self.root / path).is_file() for path in inside) else None


def _name_of(file: OpenedFile) -> str:
    return file.path.resolve().name if file.path.is_dir() else file.path.stem


def _read_file(file: OpenedFile, form: FileFormat) -> Sequence[AnnotatedVideo]:
    """The videos of a file; forgets what recognising kept of it."""
    name, where = _name_of(file), str(file.path)
    try:
        if form.read_videos is not None:
            videos = form.read_videos(file)
        else:
            tracks = form.read(file.path)
            videos = [AnnotatedVideo(name=name, dataset=form.name, tracks=tracks, where=where)]
        if form.lists_pictures:
            videos = [_with_names_read(video, file) for video in videos]
    finally:
        # Whoever goes through a folder would hold the bytes of every file.
        file.forget()
    return videos


def _with_names_read(video: AnnotatedVideo, file: OpenedFile) -> AnnotatedVideo:
    """The video with what its pictures' names tell: whether it is two, and when they were taken."""
    frames = video.tracks.frames
    times = times_of(frames.names) if np.isnan(frames.times).all() else None
    if times is not None:
        tracks = replace(video.tracks, frames=replace(frames, times=times))
        video = replace(video, tracks=tracks)
    return replace(video, mixed=_mixed(file, video.tracks))


def _mixed(file: OpenedFile, tracks: VideoTracks) -> tuple[str, str] | None:
    """Two videos of a list, unless it says itself which one a picture is of."""
    found = mixed_videos(tracks.frames.names)
    if found is None or file.suffix != ".json":
        return found
    return found if file.first_of("images").get("video_id") is None else None


def one_video(people: Dataset, *, where: object, video: str | None = None) -> AnnotatedVideo:
    """One video of what was opened, to follow people in.

    Args:
        people: From :func:`open_people`.
        where: What errors call it.
        video: Name of the video; None: the only one.

    Raises:
        InputError: If there are several to choose from, none of this name, or pictures of several
            in one list.
        FormatError: If the file is damaged.
    """
    names = people.videos()
    if video is None and len(names) == 1:
        video = names[0]
    if video not in names:
        some = ", ".join(names[:SHOWN]) + (" ..." if len(names) > SHOWN else "")
        wanted = "say which one as video=" if video is None else f"none is called {video!r}"
        raise InputError(f"{where}: holds {len(names)} videos, {wanted}; there are {some}")
    found = people.read(video)
    found.refuse_mixed()
    return found


def evaluated_videos(people: Dataset, split: Split = "") -> tuple[str, ...]:
    """Names of the videos that are evaluated: of a data set its test part, if it has one.

    Args:
        people: What was opened.
        split: Another part; empty: that one.

    Raises:
        InputError: If it has no video of this part.
    """
    if split:
        return videos_of(people, split)
    names = people.videos()
    if isinstance(people, PeopleFile | PeopleFolder):
        return names
    entry = find_dataset(people.name)
    if entry is None:
        return names
    splits = {name: _split_of(people, name) for name in names}
    for part in entry.evaluated:
        found = tuple(name for name in names if splits[name] == part)
        if found:
            return found
    return names


def videos_of(people: Dataset, split: Split) -> tuple[str, ...]:
    """Names of the videos of one part; empty: of all.

    Raises:
        InputError: If there is none.
    """
    names = people.videos()
    found = tuple(name for name in names if split in ("", _split_of(people, name)))
    if not found:
        there = ", ".join(sorted({_split_of(people, name) or "(none)" for name in names}))
        raise InputError(f"{people.name} has no video of part {split!r}; there is {there}")
    return found


def names_sequences(people: Dataset) -> bool:
    """Whether a video's name is its own without the folder of its part, see ``sequences``."""
    entry = find_dataset(people.name)
    return entry is not None and entry.sequences


def _split_of(people: Dataset, video: str) -> Split:
    if isinstance(people, SequenceFiles):  # tells it without reading the file
        return people.split(video)
    return people.read(video).split


def holds_boxes_only(people: Dataset) -> bool:
    """Whether people have boxes and no joints; a folder is judged by its format alone."""
    if isinstance(people, PeopleInMemory):
        return all(not len(tracks.skeleton) for tracks in people.tracks)
    if isinstance(people, PeopleFile):
        return all(not len(people.read(video).tracks.skeleton) for video in people.videos())
    if isinstance(people, PeopleFolder):
        return people.holds_boxes()
    return any(form.name == people.name and form.boxes_only for form in FORMATS)
