"""Converts a data set to another format, video by video, one of them in memory at a time.

Formats that hold many videos become one file, the others a folder with a file for each video.
Names and leaves out a video that cannot be read or written; says once what all videos lose.

Not here: where a video's file goes (:mod:`posetube.datasets.formats.video_places`), the command
(:mod:`.convert`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import numpy as np

from posetube.atomic_files import replacing, replacing_folder
from posetube.errors import FormatError, InputError, MediaError
from posetube.skeletons import Skeleton
from posetube.structures import VideoTracks

from ...datasets.annotated_video import AnnotatedVideo, Dataset, Split
from ...datasets.formats.file_format import FileFormat
from ...datasets.formats.format_table import find_written_format
from ...datasets.formats.joint_sets import losses, with_joints
from ...datasets.formats.mot import write_sequence_info
from ...datasets.formats.video_places import VideoPlace, place_video, rename_frames, sequence_names
from ..failures import one_line
from .export import prepared, with_readable_names, write_whole
from .picture_links import make_links, picture_links

Errors = tuple[type[Exception], ...]

REFUSED: Errors = (FormatError, InputError, MediaError)
"""What is wrong with one video and no other; a full disk is not."""

UNREADABLE: Errors = (*REFUSED, OSError)

BEYOND = {
    "joints_3d": "joints in metres",
    "action": "actions",
    "viewpoint": "viewpoints",
    "metric_scale": "scales of the official score",
    "person_ids": "who people are in other videos",
}
"""What a video may have around its people, which no format has a place for."""

MASKS = ("masks", "puppet_masks")
"""What readers call the function that gives masks, where a data set has some."""


@dataclass(kw_only=True)
class ConvertedDataset:
    """What became of a data set."""

    videos: int = 0
    """Videos that were written."""

    frames: int = 0
    """Their frames."""

    poses: int = 0
    """People, once in every frame."""

    left_out: int = 0
    """Videos that could not be read or written."""

    mended: int = 0
    """Videos of which the reader had to mend something."""

    beyond: set[str] = field(default_factory=set)
    """What was left behind, see :data:`BEYOND`."""

    splits: set[str] = field(default_factory=set)
    """Parts that the videos belong to."""

    passed_over: set[str] = field(default_factory=set)
    """Parts of the videos that were not asked for."""


def convert_dataset(
    dataset: Dataset,
    *,
    to: str,
    out: Path,
    split: Split = "",
    videos: Sequence[str] = (),
    pictures: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> ConvertedDataset:
    """Write a data set in another format, whole or not at all.

    Args:
        dataset: From :func:`..opened_people.open_people_or_run`.
        to: Name of the format.
        out: The file of a format that holds many videos, else a folder that is new or empty.
        split: Only videos of this part; empty: all.
        videos: Only those of these names; empty: all.
        pictures: Link the pictures where the new layout looks for them.
        say: Receives a line for each video that is left out, and once what is lost.

    Raises:
        InputError: If no video is chosen, ``out`` is there already, or the format needs joints.
        FormatError: If the folder does not hold this data set, or none of its videos can be
            converted.
    """
    names = chosen_names(dataset, videos)
    form = find_written_format(to)
    job = _Job(dataset=dataset, form=form, split=split, names=names, say=_once(say))
    if form.write_videos is None:
        job.write_folder(out, pictures=pictures)
    else:
        job.write_file(out)
    return job.outcome


def chosen_names(dataset: Dataset, videos: Sequence[str]) -> tuple[str, ...]:
    """The videos asked for, in the data set's order; all where none is.

    Raises:
        InputError: If there is no video of a name.
    """
    known = dataset.videos()
    for video in videos:
        if video not in known:
            like = get_close_matches(video, known) or known[:3]
            raise InputError(f"{dataset.name} has no video {video!r}; there is {', '.join(like)}")
    return tuple(name for name in known if name in videos) if videos else known


def _once(say: Callable[[str], None]) -> Callable[[str], None]:
    """Says each line a single time."""
    said = set[str]()

    def saying(line: str) -> None:
        if line not in said:
            said.add(line)
            say(line)

    return saying


def _identified(tracks: VideoTracks, form: FileFormat) -> VideoTracks:
    """The same people; those of a single picture get identities where a format asks for them."""
    # In one picture nobody has to be found again, so that any identity is a true one.
    nameless = len(tracks.frames) == 1 and (tracks.track_ids < 0).all()
    if form.needs_identities and nameless:
        return replace(tracks, track_ids=np.arange(1, len(tracks.frame) + 1))
    return tracks


@dataclass(kw_only=True)
class _Job:
    """A conversion, and what has become of it so far."""

    dataset: Dataset
    form: FileFormat
    split: Split
    names: Sequence[str]
    say: Callable[[str], None]
    outcome: ConvertedDataset = field(default_factory=ConvertedDataset)

    def write_file(self, out: Path) -> None:
        """All videos into one file."""
        form = self.form
        assert form.write_videos is not None
        with replacing(out) as aside:
            form.write_videos(aside, self._alike())
        if form.loses:
            self.say(f"the format has no place for {form.loses}")
        if len(self.outcome.splits) > 1:
            parts = ", ".join(sorted(part or "(none)" for part in self.outcome.splits))
            self.say(f"the file does not tell the parts {parts} apart; --split chooses one")

    def _alike(self) -> Iterator[VideoTracks]:
        """The people of every video with the joints of the first, named as in the data set."""
        joints: Skeleton | None = None
        for video in self._videos():
            # One file has one set of joints; the first video decides.
            joints = joints or self.form.skeleton_for(video.tracks.skeleton)
            tracks, plan = with_joints(video.tracks, joints)
            for line in losses(plan):
                self.say(line)
            yield with_readable_names(replace(tracks, source=video.name))
            self._count(video)
        self._check_some()

    def write_folder(self, out: Path, *, pictures: bool) -> None:
        """Each video into a file of its own."""
        form, sequences = self.form, sequence_names(self.dataset.videos())
        taken: set[str] = set()
        with replacing_folder(out) as aside:
            for video in self._videos():
                with self._leaving_out(video.name, REFUSED):
                    if form.write_clips is not None:
                        self._write_clips(video, folder=aside, pictures=pictures)
                        self._count(video)
                        continue
                    sequence = sequences[video.name]
                    at = place_video(video, form=form.name, suffix=form.suffix, sequence=sequence)
                    if str(at.file).casefold() in taken:
                        raise InputError(f"another video has the file {at.file} already")
                    taken.add(str(at.file).casefold())
                    links = picture_links(video, at, out=aside) if pictures else []
                    self._write(video, at, folder=aside)
                    make_links(links)
                    self._count(video)
            self._check_some()

    def _write_clips(self, video: AnnotatedVideo, *, folder: Path, pictures: bool) -> None:
        """Each person of a video as a clip of one data set."""
        form = self.form
        assert form.write_clips is not None
        tracks = prepared(_identified(video.tracks, form), form, say=self.say)
        people = replace(video, tracks=tracks, joints_3d=None)
        for clip in form.write_clips(folder, people):
            at = VideoPlace(file=PurePosixPath(clip.name), frames=clip.pictures)
            if pictures and video.media is not None and video.media.is_dir():
                make_links(picture_links(video, at, out=folder))

    def _write(self, video: AnnotatedVideo, at: VideoPlace, *, folder: Path) -> None:
        tracks = _identified(rename_frames(video.tracks, at), self.form)
        write_whole(tracks, self.form, folder / at.file, say=self.say)
        if self.form.name == "mot":
            sequence = folder / at.file.parent.parent
            write_sequence_info(sequence / "seqinfo.ini", tracks, name=sequence.name)

    def _videos(self) -> Iterator[AnnotatedVideo]:
        """The chosen videos that can be read."""
        for name in self.names:
            video = None
            with self._leaving_out(name, UNREADABLE):
                video = self.dataset.read(name)
                video.refuse_mixed()
            if video is None:
                continue
            if self.split not in ("", video.split):
                self.outcome.passed_over.add(video.split)
                continue
            if not len(video.tracks.skeleton) and not self.form.boxes_only:
                raise InputError(
                    f"{self.dataset.name} holds boxes only; {self.form.name} needs joints"
                )
            yield video

    @contextmanager
    def _leaving_out(self, name: str, errors: Errors) -> Iterator[None]:
        """Go on without a video that is broken."""
        try:
            yield
        except errors as error:
            self.outcome.left_out += 1
            self.say(f"{name}: {one_line(error)}; left out")

    def _count(self, video: AnnotatedVideo) -> None:
        outcome = self.outcome
        outcome.videos += 1
        outcome.frames += len(video.tracks.frames)
        outcome.poses += len(video.tracks.frame)
        outcome.mended += bool(video.problems)
        outcome.splits.add(video.split)
        for name, what in BEYOND.items():
            value = getattr(video, name)
            if name not in self.form.keeps and (isinstance(value, np.ndarray) or value):
                outcome.beyond.add(what)
        written = video.tracks.masks is not None and self.form.masks
        if any(hasattr(self.dataset, name) for name in MASKS) and not written:
            outcome.beyond.add("masks")

    def _check_some(self) -> None:
        """Refuse to write nothing."""
        outcome = self.outcome
        if outcome.videos:
            return
        if outcome.left_out:
            raise FormatError(f"none of the {outcome.left_out} videos can be converted")
        there = ", ".join(sorted(part or "(none)" for part in outcome.passed_over))
        raise InputError(
            f"{self.dataset.name} has no video of part {self.split!r}; there is {there}"
        )
