"""Pairs what is evaluated with its truth, video by video.

Both sides are opened by :func:`..opened_people.open_people_or_run`, so they may be of different
forms, and so may the videos of one side. Not here: what is measured (:mod:`.evaluate`), which frame
is which (:mod:`.frame_matching`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from typing import TypeVar

from posetube.errors import InputError

from ...datasets.annotated_video import AnnotatedVideo, Dataset, Split, is_dataset
from ...datasets.people import PeopleSource, evaluated_videos, names_sequences
from ..opened_people import open_people_or_run
from .evaluate_config import EvaluateConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluatedVideo:
    """One video of one side, not yet read."""

    name: str
    """By which both sides are paired, and by which the report calls it."""

    video: str
    """Its name in the data set."""

    dataset: Dataset
    """What it is read from."""

    where: str
    """File or folder that was given, as errors name it."""

    def read(self) -> AnnotatedVideo:
        """Everybody in it, and where errors say it lies.

        Raises:
            FormatError: If a file does not follow its format; names it.
        """
        found = self.dataset.read(self.video)
        return found if found.where else replace(found, where=self.where)


Result = TypeVar("Result")

VideoPair = tuple[EvaluatedVideo, EvaluatedVideo]
"""Predictions and truth of a video."""


def pair_videos(
    predictions: PeopleSource,
    truth: PeopleSource,
    *,
    dataset: str | None = None,
    split: Split = "",
    skip_missing: bool = False,
) -> list[VideoPair]:
    """Each video of the truth with its prediction; further predictions are left out.

    Args:
        predictions: Where they are.
        truth: Likewise; of a data set its test part, or what else is evaluated of it.
        dataset: Which data set or format the truth is; None: recognised.
        split: Another part of the truth.
        skip_missing: Leave out videos without a prediction, if others have one.

    Raises:
        InputError: If one is absent, or there twice; names both sides.
    """
    pairs = _paired(predictions, truth, dataset, split)
    absent = [video for found, video in pairs if found is None]
    if absent and not (skip_missing and len(absent) < len(pairs)):
        offer = "; --skip-missing scores the others" if len(absent) < len(pairs) else ""
        raise InputError(
            f"{shown(predictions)}: no prediction of sequence {_listed(absent)}, "
            f"which the truth has in {absent[0].where}{offer}"
        )
    return [(found, video) for found, video in pairs if found is not None]


def note_of_missing(
    predictions: PeopleSource, truth: PeopleSource, config: EvaluateConfig
) -> tuple[str, ...]:
    """What a report says of the videos that :func:`pair_videos` leaves out; nothing if none."""
    pairs = _paired(predictions, truth, config.dataset, config.split)
    absent = [video for found, video in pairs if found is None]
    if not absent:
        return ()
    return (f"{len(absent)} of {len(pairs)} sequences have no prediction: {_listed(absent)}",)


def _paired(
    predictions: PeopleSource, truth: PeopleSource, dataset: str | None, split: Split
) -> list[tuple[EvaluatedVideo | None, EvaluatedVideo]]:
    """Each video of the truth, with its prediction if there is one."""
    labelled = open_people_or_run(truth, form=dataset)
    true = _videos(labelled, truth, chosen=evaluated_videos(labelled, split))
    found = _videos(open_people_or_run(predictions), predictions)
    if not true:
        raise InputError("there is no truth to compare with: its list of tracks is empty")
    for side in (true, found):
        counts = Counter(video.name for video in side)
        for name in counts - Counter(list(counts)):
            raise InputError(f"{side[0].where}: several sequences are called {name!r}")
    # Whatever the two are called, they are meant for each other.
    if len(true) == 1 and len(found) == 1:
        return [(found[0], true[0])]
    # Whole names win over last parts.
    by_name = {last_part(video.name): video for video in found} | {v.name: v for v in found}
    return [(_partner(video, by_name), video) for video in true]


def _videos(
    dataset: Dataset, given: PeopleSource, *, chosen: Sequence[str] | None = None
) -> list[EvaluatedVideo]:
    """The videos of one side; sequences are called without the folder of their part."""
    names = dataset.videos() if chosen is None else chosen
    parted = any("/" in name for name in names)  # a folder of files need not be recognised for this
    short = parted and names_sequences(dataset)
    return [
        EvaluatedVideo(
            name=last_part(name) if short else name,
            video=name,
            dataset=dataset,
            where=shown(given, memory=name),
        )
        for name in names
    ]


def last_part(name: str) -> str:
    """``one`` of ``catch/one``: what a run or a file of the video is called."""
    return PurePosixPath(name).name


def _partner(video: EvaluatedVideo, by_name: dict[str, EvaluatedVideo]) -> EvaluatedVideo | None:
    """The prediction of a video, by its name, or by the one that it had before a conversion."""
    for name in (video.name, last_part(video.name)):
        if name in by_name:
            return by_name[name]
    return by_name.get(video.read().tracks.source)


def _listed(videos: Sequence[EvaluatedVideo]) -> str:
    names = ", ".join(video.name for video in videos[:3])
    return names if len(videos) <= 3 else f"{names} and {len(videos) - 3} more"


def shown(given: PeopleSource, memory: str = "predictions") -> str:
    """What an error calls one side, which may lie in memory."""
    if is_dataset(given):  # those from disk know where they lie
        return str(getattr(given, "root", memory))
    return str(given) if isinstance(given, str | Path) else memory


def in_processes(
    job: Callable[[VideoPair], Result], pairs: Sequence[VideoPair], workers: int
) -> Iterator[Result]:
    """Results of a job for every sequence, in order, from this or from several processes."""
    workers = min(workers, len(pairs))
    if workers < 2:
        yield from map(job, pairs)
        return
    # Spawned: a forked child can hang on a lock that another thread held.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        # Eight chunks a process: few messages, and nobody waits long for the last one.
        yield from pool.map(job, pairs, chunksize=max(1, len(pairs) // (8 * workers)))
