"""Checks a folder of result files before it goes to PoseTrack's server.

Each sequence of the part has its file, and nothing else lies there. Not here: what a file must hold
(:mod:`posetube.datasets.formats.posetrack_submission`).
"""

from pathlib import Path

from posetube.errors import InputError, MissingFileError

from ...datasets.annotated_video import Split
from ...datasets.files.opened_file import OpenedFile
from ...datasets.formats import posetrack17
from ...datasets.formats.posetrack_submission import check_submission
from ...datasets.people import evaluated_videos
from ..opened_people import open_people_or_run
from .evaluation_pairs import last_part

FORMS = ("posetrack17", "posetrack18", "posetrack21")
"""Data sets with a server, each with a form of its own."""


def check_submission_folder(
    folder: Path, truth: Path | None, *, dataset: str | None = None, split: Split = ""
) -> str:
    """Refuse what the server would refuse.

    Args:
        folder: With a file for each sequence.
        truth: The data set, labelled or only with the names of its frames; None: whether all
            sequences and frames are there is not checked.
        dataset: Which data set it is; None: recognised.
        split: Which part the server scores; empty: that which is evaluated.

    Returns:
        A line for the user.

    Raises:
        MissingFileError: If there is no such folder.
        InputError: If the data set has no server, or a sequence is absent or too many.
        FormatError: If a file would be refused.
    """
    files = _files(folder)
    if truth is None:
        form = _form_of(next(iter(files.values()))) if dataset is None else dataset
        counts = [check_submission(path, form=form) for path in files.values()]
        rest = "; name the data set to check that all sequences and frames are there"
    else:
        people = open_people_or_run(truth, form=dataset)
        form, rest = people.name, ""
        if form not in FORMS:
            raise InputError(f"{truth}: {form}; servers score {', '.join(FORMS)}")
        wanted = {last_part(video): video for video in evaluated_videos(people, split)}
        _check_sequences(folder, set(files), wanted)
        counts = []
        for name, video in wanted.items():
            frames = people.read(video).in_file_order().tracks.frames
            counts.append(check_submission(files[name], form=form, wanted=frames))
    return (
        f"{folder}: {len(counts)} sequences, {sum(one.frames for one in counts)} frames, "
        f"{sum(one.people for one in counts)} poses, as {form} wants them{rest}"
    )


def _files(folder: Path) -> dict[str, Path]:
    """The folder's files by the names of their sequences."""
    if not folder.is_dir():
        raise MissingFileError(f"{folder}: no such folder")
    entries = sorted(folder.iterdir())
    for entry in entries:
        if entry.is_dir() or entry.suffix != ".json":
            raise InputError(
                f"{entry}: the server wants a .json for each sequence, in no folder, nothing else"
            )
    if not entries:
        raise InputError(f"{folder}: the folder is empty")
    return {path.stem: path for path in entries}


def _form_of(path: Path) -> str:
    return "posetrack17" if posetrack17.recognise(OpenedFile(path)) else "posetrack18"


def _check_sequences(folder: Path, given: set[str], wanted: dict[str, str]) -> None:
    for names, what in (
        (sorted(wanted.keys() - given), "no file of sequence"),
        (sorted(given - wanted.keys()), "the server has no sequence"),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise InputError(f"{folder}: {what} {', '.join(names[:3])}{more}")
