"""Measures a network on videos that it was not trained on, by what users run: track, evaluate.

Not here: photographs (:mod:`.picture_scores`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path

from posetube.errors import InputError
from posetube.structures import Frame, VideoTracks

from ...datasets.annotated_video import AnnotatedVideo, Dataset, Split
from ...datasets.training.clip_reader import MAX_PIXELS
from ...datasets.video.frame_folder import RATE
from ...datasets.video.picture import read_picture
from ..api.track import track
from ..evaluation.evaluate import evaluate
from ..evaluation.evaluate_config import EvaluateConfig
from ..evaluation.protocol_table import find_evaluation
from ..loaded_model import LoadedModel, load_model
from ..opened_people import open_people_or_run

SHOWN = ("mota", "ap", "idf1", "pck")
"""Of what an evaluation measures, what a training run reports."""


@dataclass(frozen=True, kw_only=True)
class HeldOutConfig:
    """Labelled videos to measure on, never to train on."""

    root: Path
    """Folder of a data set, or of label files with their videos."""

    dataset: str = ""
    """Name of the data set or of the files' format; empty: recognised by the files."""

    split: Split = ""
    """Only videos of this part; empty: all."""

    protocol: str = "clean"
    """By which rules, as ``posetube evaluate --protocol`` knows them."""


def check_held_out(config: HeldOutConfig, *, root: Path) -> None:
    """Refuse videos that cannot be measured on, before training begins.

    Args:
        config: Which videos.
        root: Folder that relative paths of the settings start from.

    Raises:
        InputError: If there is no video of the part, or no such protocol.
        FormatError: If labels cannot be read.
    """
    find_evaluation(EvaluateConfig(protocol=config.protocol, split=config.split, skip_missing=True))
    people = open_people_or_run(root / config.root, form=config.dataset or None)
    if not any(True for _ in _videos(people, config)):
        raise _nothing_there(config, root)


def score_videos(
    weights: Path, config: HeldOutConfig, *, root: Path, device: str
) -> dict[str, float]:
    """Track the videos with a file of weights and compare with the truth.

    Args:
        weights: The network's.
        config: Which videos.
        root: Folder that relative paths of the settings start from.
        device: Any of torch's.

    Returns:
        ``videos_mota``, ``videos_ap`` ..., in percent, as far as the protocol measures them.

    Raises:
        InputError: If there is no video of the part.
        FormatError: If labels cannot be read.
        MediaError: If a video cannot be read.
    """
    people = open_people_or_run(root / config.root, form=config.dataset or None)
    model = load_model(str(weights), device=device)
    found = [*_tracked(people, config, model)]
    if not found:
        raise _nothing_there(config, root)
    report = evaluate(
        found, people, protocol=config.protocol, split=config.split, skip_missing=True
    )
    totals = {name: report.total(name) for name in SHOWN}
    return {f"videos_{name}": round(v, 3) for name, v in totals.items() if v is not None}


def _nothing_there(config: HeldOutConfig, root: Path) -> InputError:
    return InputError(
        f"{root / config.root}: no labelled video that is there to measure on"
        f"{config.split and f', part {config.split}'}"
    )


def _videos(people: Dataset, config: HeldOutConfig) -> Iterator[tuple[str, AnnotatedVideo]]:
    """Names and labels of those that are there."""
    for name in people.videos():
        video = people.read(name)
        if video.media is not None and config.split in ("", video.split):
            yield name, video


def _tracked(people: Dataset, config: HeldOutConfig, model: LoadedModel) -> Iterator[VideoTracks]:
    for name, video in _videos(people, config):
        assert video.media is not None
        pictures = video.media if video.media.is_file() else _pictures(video)
        yield replace(track(pictures, model=model), source=name)


def _pictures(video: AnnotatedVideo) -> Iterator[Frame]:
    """The pictures of a video whose frames are files."""
    for frame, time in enumerate(video.tracks.frames.times.tolist()):
        path = video.picture(frame)
        if path is not None:
            image = read_picture(path, max_pixels=MAX_PIXELS)[0]
            yield Frame(index=frame, time=frame / RATE if isnan(time) else time, image=image)
