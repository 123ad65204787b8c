"""Opens whatever holds people, runs included: the door of every command.

Not here: all that is no run (:mod:`posetube.datasets.people`).
"""

from pathlib import Path

from posetube.structures import VideoTracks

from ..datasets.annotated_video import Dataset
from ..datasets.files.opened_file import OpenedFile
from ..datasets.formats.file_format import FileFormat
from ..datasets.formats.format_table import FORMATS, find_format
from ..datasets.people import PeopleSource, open_people

# The tables of runs are read by pyarrow, which takes a third of a second to import: only where
# there is one.


def _is_run(file: OpenedFile) -> bool:
    if (file.path / "run.json").is_file():
        return True
    # Only then: what a run's settings need takes a while to import.
    if any((file.path / name).exists() for name in ("tracks.parquet", "detections")):
        from .storage.run_directory import RunDirectory

        RunDirectory(file.path).refuse_without_manifest()
    return False


def _read_run(path: Path) -> VideoTracks:
    from .storage import tracks_store

    return tracks_store.read_tracks(path)


def _is_table(file: OpenedFile) -> bool:
    from .storage import tracks_store

    return tracks_store.is_table(file.path)


def _read_table(path: Path) -> VideoTracks:
    from .storage import tracks_store

    return tracks_store.read_table(path)


RUN = FileFormat(
    name="run",
    suffix="",
    read=_read_run,
    recognise=_is_run,
    holds="a run's directory",
)
"""A run's directory, read like a file of its tracks."""

TABLE = FileFormat(
    name="run-tracks",
    suffix=".parquet",
    read=_read_table,
    recognise=_is_table,
    holds="a run's `tracks.parquet` without its run",
)
"""The table of a run that somebody took out of it."""

_PLACE = FORMATS.index(find_format("parquet"))

KNOWN = (RUN, *FORMATS[:_PLACE], TABLE, *FORMATS[_PLACE:])
"""Every format and what runs hold; the format ``parquet`` takes what is left of its ending."""


def open_people_or_run(given: PeopleSource, *, form: str | FileFormat | None = None) -> Dataset:
    """The videos of a run, a file, a folder, a data set, or in memory.

    Args:
        given: Where they are; a run's ``run.json`` and ``tracks.parquet`` stand for the run.
        form: Name of the format or of the data set, or a format of the caller's own; None: told by
            names and content.

    Raises:
        InputError: If there is nothing of the name, or nothing that is understood.
        FormatError: If a file is of no format, or a run has lost its ``run.json``.
    """
    if form is None and isinstance(given, str | Path):
        given = run_of(Path(given)) or given
    return open_people(given, form=form, formats=KNOWN)


def run_of(path: Path) -> Path | None:
    """The run's directory that is meant: itself, or its ``run.json`` or ``tracks.parquet``."""
    if path.name in ("run.json", "tracks.parquet") and path.is_file():
        return path.parent if (path.parent / "run.json").is_file() else None
    return path if _is_run(OpenedFile(path)) else None
