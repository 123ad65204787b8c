"""Protocol ``coco``: average precision of joints, boxes and masks, by pycocotools.

COCO's own files are taken as they are; anything else that has joints (PoseTrack's JSON, runs,
tracks in memory) is turned into the same form, its labelled frames as pictures.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import IntArray, VideoTracks

from ...datasets.files.json_files import read_bytes
from ...datasets.readers import coco
from ...datasets.readers.annotation_rows import MAX_PEOPLE
from ...tracker.metrics.coco import CocoResult, coco_metrics, kind_of
from ...tracker.metrics.report import EvalReport
from .evaluation_inputs import Input, load, pair, shown
from .frame_matching import match_frames


def evaluate_coco(predictions: Input, truth: Input) -> EvalReport:
    """Compare results with COCO truth, or tracks with tracks.

    Raises:
        InputError: If an input is not there.
        FormatError: If a file is broken; names it.
    """
    if _is_coco(truth) and isinstance(predictions, str | Path):
        own, results = coco.read_truth(Path(str(truth))), coco.read_results(predictions)
        _refuse_crowds(own, where=str(truth))
        sequences = 1
    else:
        videos, found = _as_tracks(predictions, truth)
        own, results = coco.as_truth(videos), coco.as_results(found, videos)
        sequences = len(videos)
    kind = kind_of(results)
    try:
        result = coco_metrics(own, results, kind=kind)
    except FormatError as error:
        where = f"{shown(predictions)} against {shown(truth, 'truth')}"
        raise FormatError(f"{where}: {error}") from None
    return _report(result, kind, pictures=len(own["images"]), sequences=sequences)


def _is_coco(truth: Input) -> bool:
    if not isinstance(truth, str | Path) or not Path(truth).is_file():
        return False
    return coco.is_truth(read_bytes(Path(truth)), path=Path(truth))


def _refuse_crowds(truth: dict[str, Any], *, where: str) -> None:
    """Nothing is asked of results: pycocotools looks at the first of each picture only."""
    crowds = Counter(annotation.get("image_id") for annotation in truth["annotations"])
    for image, count in crowds.most_common(1):
        if count > MAX_PEOPLE:
            raise FormatError(
                f"{where}: image {image}: {count} annotations, no picture may have more than "
                f"{MAX_PEOPLE}"
            )


def _as_tracks(predictions: Input, truth: Input) -> tuple[list[VideoTracks], list[VideoTracks]]:
    """The truth's videos, and the predictions with their frames in the truth's order."""
    videos, found = [], []
    for theirs, ours in pair(predictions, truth):
        true, predicted = load(ours), load(theirs)
        frame_of = match_frames(predicted, true, by_position=False)
        videos.append(true.tracks)
        found.append(_reordered(predicted.tracks, frame_of, true.tracks))
    return videos, found


def _reordered(tracks: VideoTracks, frame_of: IntArray, truth: VideoTracks) -> VideoTracks:
    frame = frame_of[tracks.frame]
    rows = np.flatnonzero(frame >= 0)
    rows = rows[np.argsort(frame[rows], kind="stable")]
    frame = frame[rows]
    return VideoTracks(
        source=tracks.source,
        size=tracks.size,
        skeleton=tracks.skeleton,
        frames=truth.frames,
        frame=frame,
        track_ids=tracks.track_ids[rows],
        boxes=tracks.boxes[rows],
        scores=tracks.scores[rows],
        keypoints=tracks.keypoints[rows],
        keypoint_scores=tracks.keypoint_scores[rows],
    )


def _report(result: CocoResult, kind: str, *, pictures: int, sequences: int) -> EvalReport:
    metrics = {
        name: {"total": None if np.isnan(value) else 100 * value}
        for name, value in result.stats.items()
    }
    metrics["ap"] = {
        name: None if np.isnan(value) else 100 * value for name, value in result.categories.items()
    } | metrics["ap"]
    return EvalReport(
        protocol="coco",
        frames=pictures,
        sequences=sequences,
        metrics=metrics,
        notes=(f"pycocotools, {kind}",),
    )
