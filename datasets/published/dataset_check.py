"""Checks what of a data set is there, missing or broken: counts and a list of problems.

Reads every annotation, looks whether every picture is there and begins like one, and finds folders
of pictures that no annotation names. A partial download gives a report, never a crash.
Not here: how the report is shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np

from posetube.errors import PoseTubeError
from posetube.shortage import raise_shortage

from ..annotated_video import AnnotatedVideo, Dataset, Problem
from ..video.picture import is_picture


@dataclass(kw_only=True)
class DatasetReport:
    """How much a data set's folder holds, and what is wrong with it."""

    dataset: str
    """Name of the data set."""

    root: str
    """The folder."""

    videos: int = 0
    """Videos, or single pictures, whose annotation can be read."""

    frames: int = 0
    """Their frames."""

    labeled_frames: int = 0
    """Frames that somebody labelled, with people or without."""

    people: int = 0
    """People, each once in a video."""

    poses: int = 0
    """People, once in every frame."""

    pictures: int = 0
    """Frames whose picture is there, and videos whose file is."""

    problems: list[Problem] = field(default_factory=list)
    """What is missing or broken."""


def check_dataset(
    dataset: Dataset,
    *,
    root: Path,
    with_pictures: bool = True,
) -> DatasetReport:
    """Look at everything of a data set; a folder without any of it is a report of one problem.

    Args:
        dataset: Open, see :func:`posetube.datasets.people.open_people`.
        root: Its folder, or file.
        with_pictures: Whether pictures belong to it, so that it is a problem if they are missing.
    """
    report, bare = DatasetReport(dataset=dataset.name, root=str(root)), 0
    folders: set[PurePosixPath] = set()
    try:
        names = dataset.videos()
    except PoseTubeError as error:
        report.problems.append(Problem(file="", where="", what=str(error)))
        return report
    for name in names:
        try:
            video = dataset.read(name)
            video.refuse_mixed()
        except (PoseTubeError, OSError) as error:
            raise_shortage(error)
            report.problems.append(Problem(file=name, where="", what=" ".join(str(error).split())))
            continue
        _count(report, video)
        report.problems += video.problems
        bare += with_pictures and video.media is None
        folders |= {PurePosixPath(file).parent for file in video.tracks.frames.names}
        if video.media is not None:
            report.problems += _pictures(report, video)
    report.problems += _missing(report, dataset, bare=bare)
    if with_pictures:
        report.problems += _without_annotations(root, folders)
    return report


def _count(report: DatasetReport, video: AnnotatedVideo) -> None:
    tracks = video.tracks
    report.videos += 1
    report.frames += len(tracks.frames)
    report.labeled_frames += len(video.labeled_frames)
    report.people += len(tracks) + int((tracks.track_ids < 0).sum())
    report.poses += len(tracks.frame)


def _pictures(report: DatasetReport, video: AnnotatedVideo) -> Iterator[Problem]:
    """Look at a video's pictures, or at its file."""
    if video.media is not None and video.media.is_file():
        report.pictures += 1
        if not video.media.stat().st_size:
            yield Problem(file=str(video.media), where="", what="the video file is empty")
        return
    files = [video.picture(i) for i in range(len(video.tracks.frames))]
    absent = [i for i, file in enumerate(files) if file is None or not file.is_file()]
    broken = [i for i, file in enumerate(files) if file and file.is_file() and not is_picture(file)]
    report.pictures += len(files) - len(absent) - len(broken)
    for places, what in ((absent, "missing"), (broken, "empty or not a picture")):
        if places:
            shown = f"frame {places[0]}" if len(places) == 1 else f"frames {_ranges(places)}"
            text = f"{len(places)} of {len(files)} pictures {what}"
            yield Problem(file=video.name, where=shown, what=text)


def _ranges(places: list[int]) -> str:
    """``[3, 4, 5, 9]`` as ``3-5, 9``; the first few."""
    runs = np.split(np.array(places), np.flatnonzero(np.diff(places) != 1) + 1)
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:5]]
    return ", ".join([*texts, *(["..."] if len(runs) > 5 else [])])


def _missing(report: DatasetReport, dataset: Dataset, *, bare: int) -> Iterator[Problem]:
    if bare:
        what = f"{bare} of {report.videos} videos have annotations but neither pictures nor a file"
        yield Problem(file="", where="", what=what)
    whole = dataset.whole
    if whole is None:
        return
    if report.videos != whole.videos:
        what = f"{report.videos} videos are readable; the release has {whole.videos}"
        yield Problem(file="", where="", what=what)
    elif whole.frames and report.frames != whole.frames:
        what = f"{report.frames} frames; the release has {whole.frames}"
        yield Problem(file="", where="", what=what)


def _without_annotations(root: Path, named: set[PurePosixPath]) -> Iterator[Problem]:
    """Folders with pictures beside those that annotations name, one problem for each parent."""
    for parent in sorted({folder.parent for folder in named if folder.parts}):
        if not (root / parent).is_dir():
            continue
        beside = (path.name for path in sorted((root / parent).iterdir()) if path.is_dir())
        bare = [name for name in beside
                if parent / name not in named and _has_picture(root / parent / name)]  # fmt: skip
        if bare:
            shown = ", ".join(bare[:5]) + (", ..." if len(bare) > 5 else "")
            what = f"{len(bare)} folders of pictures without annotations"
            yield Problem(file=str(parent), where=shown, what=what)


def _has_picture(folder: Path) -> bool:
    return any(path.is_file() and is_picture(path) for path in islice(folder.iterdir(), 20))
