"""Measures boxes by the protocols ``clean`` and ``posetrack21``, where the truth has no joints.

``clean`` does not count people whose box has its middle in an ignore region. ``posetrack21``
leaves out unmatched predictions in ignore regions, and measures MOTA and IDF1 on whole
pixels, as the published kit does; the kit does so in frames with true people only, which
``strict`` repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from posetube.errors import InputError
from posetube.structures import DoubleArray, VideoTracks

from ...datasets.annotated_video import AnnotatedVideo, Dataset
from ...datasets.people import PeopleSource
from ...tracker.metrics import box_tracking
from ...tracker.metrics.hota import HotaCounts
from ...tracker.metrics.identity import IdentityCounts, idf1
from ...tracker.metrics.mota import ClearCounts, TrackingEvent, clear_metrics
from ...tracker.metrics.protocols import event_row, hota_values, protocol
from ...tracker.metrics.report import EvalReport, Values
from .evaluate_config import EvaluateConfig
from .evaluation_pairs import VideoPair, in_processes, pair_videos, shown
from .frame_matching import check_people

BOX = ("box",)
"""What stands for joints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Result:
    """What is kept of a sequence."""

    name: str
    frames: int
    clear: ClearCounts
    identity: IdentityCounts
    hota: HotaCounts
    events: tuple[TrackingEvent, ...]


def evaluate_boxes(predictions: PeopleSource, truth: Dataset, config: EvaluateConfig) -> EvalReport:
    """Compare boxes, sequence by sequence; the truth has no joints.

    Raises:
        InputError: If an input is not there, or the protocol knows no boxes.
        FormatError: If a file is broken; names it.
    """
    if config.protocol not in ("clean", "posetrack21") or config.upper_bound != "none":
        raise InputError(
            f"{shown(truth)} has boxes and no joints: use the protocol clean or posetrack21, and "
            f"no upper bound, got {config.protocol} and {config.upper_bound}"
        )
    pairs = pair_videos(predictions, truth, split=config.split, skip_missing=config.skip_missing)
    found = list(in_processes(partial(_measure, config=config), pairs, config.workers))
    metrics, hota = _metrics(found)
    return EvalReport(
        protocol=f"{config.protocol} (boxes)",
        frames=sum(result.frames for result in found),
        sequences=len(found),
        metrics=metrics,
        per_sequence={
            result.name: EvalReport(
                protocol=f"{config.protocol} (boxes)",
                frames=result.frames,
                sequences=1,
                metrics=_metrics([result])[0],
            )
            for result in found
        },
        events=tuple(event_row(e, result.name, BOX) for result in found for e in result.events),
        curves={"hota": {"total": hota}},
    )


def _measure(pair: VideoPair, *, config: EvaluateConfig) -> _Result:
    found, truth = (side.read() for side in pair)
    for side in (found, truth):
        check_people(side, protocol("clean"))
    scene = box_tracking.box_sequence(*_comparable(truth, found), name=pair[1].name)
    events: list[TrackingEvent] | None = [] if config.events else None
    regions = truth.tracks.frames.ignore_regions
    if config.protocol == "posetrack21":
        clean = partial(
            box_tracking.without_ignored, regions=regions, every_frame=not config.strict
        )
        # The kit rounds boxes for MOTA and IDF1, and measures HOTA on exact ones.
        tracked, scene = clean(box_tracking.whole_pixels(scene)), clean(scene)
    else:
        tracked = scene = box_tracking.outside_regions(scene, regions)
    clear, identity = box_tracking.count(tracked, events=events)
    return _Result(
        name=scene.name,
        frames=len(scene.frames),
        clear=clear,
        identity=identity,
        hota=box_tracking.hota(scene),
        events=tuple(events or ()),
    )


def _comparable(*sides: AnnotatedVideo) -> list[VideoTracks]:
    """The sides' people, their boxes as written where all count pixels alike, as MOTChallenge's."""
    tracks = [
        replace(side.tracks, boxes=side.boxes_as_written)
        for side in sides
        if side.boxes_as_written is not None
    ]
    return tracks if len(tracks) == len(sides) else [side.tracks for side in sides]


def _metrics(found: Sequence[_Result]) -> tuple[dict[str, Values], DoubleArray]:
    """The metrics, and HOTA by threshold."""
    clear = ClearCounts.total(result.clear for result in found)
    identity = IdentityCounts.total(result.identity for result in found)
    ratios = clear_metrics(clear)
    metrics = {
        name: _total(getattr(ratios, name)) for name in ("mota", "motp", "precision", "recall")
    }
    metrics["idf1"] = _total(idf1(identity))
    for name in ("misses", "false_positives", "switches", "objects", "matches"):
        metrics[name] = {"total": int(getattr(clear, name)[0])}
    values, curves = hota_values([result.hota for result in found], BOX, combined=True)
    metrics |= {name: {"total": cells["total"]} for name, cells in values.items()}
    return metrics, curves["total"]


def _total(values: DoubleArray) -> Values:
    return {"total": None if np.isnan(values[0]) else float(100 * values[0])}
