"""Chooses thresholds of joints and of tracks for MOTA and for AP, without tracking again.

What tracks hold is measured at every pair of thresholds; ``posetube export`` then cuts tracks at
the best one. Not here: the measuring (:mod:`posetube.tracker.metrics.threshold_sweep`), the cutting
(:mod:`posetube.tracker.thresholds`).
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from posetube.errors import FormatError, InputError

from ...datasets.annotated_video import AnnotatedVideo
from ...datasets.people import PeopleSource, holds_boxes_only
from ...tracker.metrics.protocols import PROTOCOLS, Protocol, protocol
from ...tracker.metrics.threshold_sweep import (
    LEVELS,
    SweptSequence,
    ThresholdSweep,
    over_sequences,
    sweep,
)
from ...tracker.thresholds import sure_joints, track_scores
from ..opened_people import RUN, open_people_or_run
from ..thresholds_file import Measure, TunedThresholds, thresholds_text
from .evaluate_config import EvaluateConfig
from .evaluate_tracking import read_pair
from .evaluation_pairs import VideoPair, in_processes, note_of_missing, pair_videos
from .frame_matching import check_heads

MEASURES: dict[Measure, str] = {"mota": "MOTA", "ap": "AP"}
"""What thresholds are chosen for, and what it is called in tables."""

TUNED = tuple(name for name, rules in PROTOCOLS.items() if rules.clear and rules.empty != "repeat")
"""Protocols that count tracking errors, each sequence by itself."""


def tune_thresholds(
    predictions: PeopleSource, truth: PeopleSource, config: EvaluateConfig
) -> ThresholdSweep:
    """Measure predictions at every pair of thresholds.

    Args:
        predictions: Tracks as linking left them, unsure joints and people among them.
        truth: What is there.
        config: The protocol, the truth's form, and how many processes work.

    Raises:
        InputError: If an input is not there, a sequence has no prediction, the protocol does not
            count, MOTA or AP is undefined, or nothing has a score.
        FormatError: If a file is broken, or its people cannot be compared.
    """
    if config.protocol not in TUNED:
        raise InputError(f"thresholds are chosen by {' or '.join(TUNED)}, got {config.protocol}")
    rules = protocol(config.protocol)
    truth = open_people_or_run(truth, form=config.dataset)
    if holds_boxes_only(truth):
        raise InputError("the truth holds boxes only; thresholds are chosen for joints")
    pairs = pair_videos(predictions, truth, split=config.split, skip_missing=config.skip_missing)
    swept = list(in_processes(partial(_sweep, rules=rules), pairs, config.workers))
    found = over_sequences(swept, rules)
    for name, label in MEASURES.items():
        if np.isnan(getattr(found, name)).all():
            raise InputError(f"{label} is undefined by {rules.name} here: nothing to choose by")
    missing = note_of_missing(predictions, truth, config) if config.skip_missing else ()
    return replace(found, notes=(*missing, *found.notes))


def _sweep(pair: VideoPair, *, rules: Protocol) -> SweptSequence:
    sides = read_pair(pair, rules)
    tracks = sides.found.tracks
    scores = track_scores(tracks)
    if len(scores) and np.isnan(scores).all():
        raise FormatError(f"{sides.found.where}: nobody has a score, by which a threshold could go")
    scenes = [
        replace(sides, found=replace(sides.found, tracks=sure_joints(tracks, level))).scene()
        for level in LEVELS.tolist()
    ]
    check_heads(scenes[0], sides.truth)
    notes = [*sides.notes, *_cut(sides.found)]
    return sweep(scenes, track_scores=scores, protocol=rules, notes=notes)


def _cut(found: AnnotatedVideo) -> Sequence[str]:
    """Says where a run left out joints before: no threshold brings them back."""
    gone = np.isnan(found.tracks.keypoints[..., 0]) & (found.tracks.keypoint_scores > 0)
    if found.dataset != RUN.name or not gone.any():
        return ()
    return ("the runs left out unsure joints already; `track --min-joint 0` keeps all",)


def table(found: ThresholdSweep) -> str:
    """Lines for people: the best thresholds for each measure, and both measures there."""
    rows = {"as tracked": (0, 0)} | {MEASURES[name]: found.best(name) for name in MEASURES}
    lines = [
        f"protocol {found.protocol}: {found.frames} frames of {found.sequences} sequences, "
        f"thresholds {LEVELS[0]:g} to {LEVELS[-1]:g}",
        f"{'best for':<12}{'min_joint':>10}{'min_track':>10}"
        + "".join(f"{label:>8}" for label in MEASURES.values()),
    ]
    for name, (track, joint) in rows.items():
        values = (getattr(found, measure)[track, joint] for measure in MEASURES)
        cells = "".join(
            f"{'-' if np.isnan(value) else format(value, '.1f'):>8}" for value in values
        )
        lines.append(f"{name:<12}{LEVELS[joint]:>10.2f}{LEVELS[track]:>10.2f}{cells}")
    return "\n".join([*lines, *(f"note: {note}" for note in found.notes)])


def as_toml(found: ThresholdSweep) -> str:
    """A file of thresholds, which ``posetube export --thresholds`` takes."""
    about = f"protocol {found.protocol}, {found.frames} frames of {found.sequences} sequences"
    best = TunedThresholds(**{name: found.thresholds(name) for name in MEASURES})
    return thresholds_text(best, about=about)


def as_dict(found: ThresholdSweep) -> dict[str, Any]:
    """Everything that was measured, as plain values."""
    best = {name: found.best(name) for name in MEASURES}
    return {
        "protocol": found.protocol,
        "frames": found.frames,
        "sequences": found.sequences,
        "best": {
            name: {
                "min_joint": float(LEVELS[joint]),
                "min_track": float(LEVELS[track]),
                **{m: _plain(getattr(found, m)[track, joint]) for m in MEASURES},
            }
            for name, (track, joint) in best.items()
        },
        "thresholds": LEVELS.tolist(),
        "by_track_and_joint": {
            name: [[_plain(value) for value in row] for row in getattr(found, name)]
            for name in MEASURES
        },
        "notes": list(found.notes),
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
