"""Measures by the protocol ``coco``: average precision of joints, boxes and masks.

COCO's own files are taken as they are; anything else that has joints (PoseTrack's JSON, runs,
tracks in memory) is turned into the same form, its labelled frames as pictures and the joints of
the predictions into the truth's, by name.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.structures import IntArray, VideoTracks

from ...datasets.files.opened_file import OpenedFile
from ...datasets.formats import coco_results
from ...datasets.formats.annotation_rows import MAX_PEOPLE
from ...datasets.formats.coco_masks import mask_in
from ...datasets.formats.joint_sets import losses, with_joints
from ...datasets.people import PeopleSource
from ...tracker.metrics.coco import CocoResult, coco_metrics, kind_of
from ...tracker.metrics.report import EvalReport, Values
from .evaluate_config import EvaluateConfig
from .evaluation_pairs import pair_videos, shown
from .frame_matching import match_frames


def evaluate_coco(
    predictions: PeopleSource, truth: PeopleSource, config: EvaluateConfig
) -> EvalReport:
    """Compare results with COCO truth, or tracks with tracks; of the settings the shape matters.

    Raises:
        InputError: If an input is not there.
        FormatError: If a file is broken; names it.
    """
    notes: list[str] = []
    files = _coco_files(predictions, truth)
    if files is not None:
        own, results, notes = files
        _refuse_crowds(own, where=str(truth))
        sequences = 1
    else:
        videos, found, notes = _as_tracks(predictions, truth)
        if config.shape == "segm":
            notes += _missing_masks(found, where=shown(predictions))
        own = coco_results.as_truth(videos)
        results = coco_results.as_results(found, videos, shape=config.shape)
        sequences = len(videos)
    kind = config.shape or kind_of(results)
    try:
        if files is not None and kind == "segm":
            _refuse_broken_masks(own["annotations"], own, where="truth: annotations")
            _refuse_broken_masks(results, own, where="results")
        result = coco_metrics(own, results, kind=kind)
    except FormatError as error:
        where = f"{shown(predictions)} against {shown(truth, 'truth')}"
        raise FormatError(f"{where}: {error}") from None
    return EvalReport(
        protocol="coco",
        frames=len(own["images"]),
        sequences=sequences,
        metrics=_metrics(result),
        notes=(f"pycocotools, {kind}", *notes),
    )


def _coco_files(
    predictions: PeopleSource, truth: PeopleSource
) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]] | None:
    """COCO's own truth and results, and notes; None where one side is no such file."""
    if not isinstance(truth, str | Path) or not isinstance(predictions, str | Path):
        return None
    file = OpenedFile(truth)
    if not (file.path.is_file() and coco_results.is_truth(file)):
        return None
    if OpenedFile(predictions).suffix != ".json":
        return None
    own = coco_results.read_truth(file)
    if not own["annotations"]:
        raise FormatError(f"{shown(truth)}: no annotations, so there is nothing to compare with")
    results, lines = coco_results.read_results_of(own, predictions)
    return own, results, [f"predictions: {line}" for line in lines]


def _refuse_crowds(truth: dict[str, Any], *, where: str) -> None:
    """Nothing is asked of results: pycocotools looks at the first of each picture only."""
    crowds = Counter(annotation.get("image_id") for annotation in truth["annotations"])
    for image, count in crowds.most_common(1):
        if count > MAX_PEOPLE:
            raise FormatError(
                f"{where}: image {image}: {count} annotations, no picture may have more than "
                f"{MAX_PEOPLE}"
            )


def _refuse_broken_masks(
    entries: list[dict[str, Any]], truth: dict[str, Any], *, where: str
) -> None:
    """Pycocotools looks for the end of damaged run lengths for ever."""
    sizes = {
        image.get("id"): (image.get("height"), image.get("width")) for image in truth["images"]
    }
    for number, entry in enumerate(entries):
        mask, size = entry.get("segmentation"), sizes.get(entry.get("image_id"))
        if mask is None or size is None:
            continue  # what is missing is told where it is needed
        if not all(isinstance(side, int) for side in size):
            raise FormatError(f"{where}[{number}]: its image has no width and height")
        try:
            mask_in(msgspec.Raw(msgspec.json.encode(mask)), size)
        except FormatError as error:
            raise FormatError(f"{where}[{number}]: {error}") from None


def _as_tracks(
    predictions: PeopleSource, truth: PeopleSource
) -> tuple[list[VideoTracks], list[VideoTracks], list[str]]:
    """The truth's videos, the predictions in its order of frames and joints, and what that cost."""
    videos, found, notes = [], [], dict[str, None]()
    for theirs, ours in pair_videos(predictions, truth):
        true, predicted = ours.read(), theirs.read()
        frame_of = match_frames(predicted, true, by_position=False)
        # By name: of two joint sets of 17, the same place may be another joint.
        tracks, plan = with_joints(predicted.tracks, true.tracks.skeleton)
        videos.append(true.tracks)
        found.append(_reordered(tracks, frame_of, true.tracks))
        notes |= dict.fromkeys(f"predictions: {line}" for line in losses(plan))
    return videos, found, list(notes)


def _missing_masks(found: list[VideoTracks], *, where: str) -> list[str]:
    """How many predicted people have no mask, a line; none where all have.

    Raises:
        FormatError: If there are people, and nobody has.
    """
    people = sum(len(tracks.frame) for tracks in found)
    drawn = sum(sum(map(bool, tracks.masks)) for tracks in found if tracks.masks is not None)
    if people and not drawn:
        raise FormatError(f"{where}: nobody has a mask; `posetube track --masks` keeps them")
    return [] if drawn == people else [f"predictions: {people - drawn} of {people} have no mask"]


def _reordered(tracks: VideoTracks, frame_of: IntArray, truth: VideoTracks) -> VideoTracks:
    frame = frame_of[tracks.frame]
    rows = np.flatnonzero(frame >= 0)
    rows = rows[np.argsort(frame[rows], kind="stable")]
    return replace(tracks.select(rows), frame=frame[rows], frames=truth.frames)


def _metrics(result: CocoResult) -> dict[str, Values]:
    """By pycocotools' names; AP also by category."""
    metrics: dict[str, Values] = {n: {"total": _percent(v)} for n, v in result.stats.items()}
    by_category = {name: _percent(value) for name, value in result.categories.items()}
    return metrics | {"ap": by_category | dict(metrics["ap"])}


def _percent(value: float) -> float | None:
    return None if np.isnan(value) else 100 * value
