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
from ..datasets.people import PeopleSource, open_people


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


def open_people_or_run(given: PeopleSource, *, form: str | FileFormat | None = None) -> Dataset:
    """The videos of a run, a file, a folder, a data set, or in memory.

    Args:
        given: Where they are.
        form: Name of the format or of the data set, or a format of the caller's own; None: told by
            names and content.

    Raises:
        InputError: If there is nothing of the name, or nothing that is understood.
        FormatError: If a file is of no format.
    """
    return open_people(given, form=form, formats=(RUN, *FORMATS))


def only_video(people: Dataset, *, where: object) -> AnnotatedVideo:
    """The only video of what was opened.

    Raises:
        InputError: If there are several.
    """
    names = people.videos()
    if len(names) != 1:
        some = ", ".join(names[:2])
        raise InputError(
            f"{where}: holds {len(names)} videos, {some} and others; name the file of one"
        )
    return people.read(names[0])
