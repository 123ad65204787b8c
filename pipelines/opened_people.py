"""Opens whatever holds people, runs included: the door of every command.

Not here: all that is no run (:mod:`posetube.datasets.people`).
"""

from pathlib import Path

from posetube.errors import InputError
from posetube.structures import VideoTracks

from ..datasets.annotated_video import AnnotatedVideo, Dataset
from ..datasets.files.opened_file import OpenedFile
from ..datasets.formats.file_format import FileFormat
from ..datasets.formats.format_table import FORMATS
from ..datasets.formats.frame_order import mixed_videos
from ..datasets.people import PeopleFile, PeopleSource, open_people


def _is_run(file: OpenedFile) -> bool:
    return (file.path / "run.json").is_file()


def _read_run(path: Path) -> VideoTracks:
    from .storage import tracks_store  # brings pyarrow along

    return tracks_store.read_tracks(path)


RUN = FileFormat(
    name="run",
    suffix="",
    read=_read_run,
    recognise=_is_run,
    holds="a run's directory",
)
"""A run's directory, read like a file of its tracks."""


LISTS = ("coco", "alphapose")
"""Formats of lists of pictures that tell videos apart by the pictures' names, if at all."""


def open_people_or_run(given: PeopleSource, *, form: str | FileFormat | None = None) -> Dataset:
    """The videos of a run, a file, a folder, a data set, or in memory.

    Args:
        given: Where they are; a run's ``run.json`` and ``tracks.parquet`` stand for the run.
        form: Name of the format or of the data set, or a format of the caller's own; None: told by
            names and content.

    Raises:
        InputError: If there is nothing of the name, or nothing that is understood.
        FormatError: If a file is of no format.
    """
    if form is None and isinstance(given, str | Path):
        given = _run_of(Path(given))
    return open_people(given, form=form, formats=(RUN, *FORMATS))


def _run_of(path: Path) -> Path:
    """The run's directory where one of the files is named that only the run reads."""
    own = path.name in ("run.json", "tracks.parquet") and path.is_file()
    return path.parent if own and _is_run(OpenedFile(path.parent)) else path


def only_video(people: Dataset, *, where: object) -> AnnotatedVideo:
    """The only video of what was opened.

    Raises:
        InputError: If there are several, or pictures of several in one list.
    """
    names = people.videos()
    if len(names) != 1:
        some = ", ".join([*names[:2], *["..."] * (len(names) > 2)])
        raise InputError(f"{where}: holds {len(names)} videos: {some}; name the file of one")
    video = people.read(names[0])
    refuse_mixed_videos(people, video, where=where)
    return video


def refuse_mixed_videos(people: Dataset, video: AnnotatedVideo, *, where: object) -> None:
    """Refuse a list of pictures of several videos, whose people would be together in one.

    Raises:
        InputError: If it is one, and does not say itself which video a picture is of.
    """
    if not isinstance(people, PeopleFile) or people.name not in LISTS:
        return
    mixed = mixed_videos(video.tracks.frames.names)
    if mixed and people.file.first_of("images").get("video_id") is None:
        raise InputError(
            f"{where}: pictures of several videos, {mixed[0]!r} and {mixed[1]!r}, have the same "
            "numbers; put those of each into a file of its own"
        )
