"""Measures sequences and whole data sets by a named pose tracking protocol.

``poseval``       the reference tool of PoseTrack17 and 18, including its habits
``poseval2017``   the copy of it that the Detect-and-Track paper used
``posetrack21``   PoseTrack21's kit, with its empty-frame defect corrected unless ``strict``
``clean``         every labelled frame counts, with its real misses

The numbers of one protocol are not comparable with those of another.

Source: poseval at 4258a15, its copy in DetectAndTrack, PoseTrack21 at 3e61960.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from posetube.errors import InputError

from . import report
from .average_precision import RankedJoints, average_precision, rank_joints
from .eval_sequence import EvalSequence, Rules
from .hota import HotaCounts, hota_metrics, hota_of_sequence, hota_over_sequences
from .hota_reid import ReidMatches, match_identities, reid_hota
from .identity import IdentityCounts, Overlaps, idf1
from .mota import (
    ClearCounts,
    EmptyFrames,
    FrameJoints,
    TrackingEvent,
    clear_metrics,
    last_populated,
    track_joints,
)
from .report import EvalReport, EventRow, Values


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A set of rules, and the metrics that go with it."""

    name: str
    """Name, printed with every number."""

    counts: str
    """What counts, for the user."""

    rules: Rules = field(default_factory=Rules)
    """Which frames, people and joints count."""

    clear: bool = True
    """Measure MOTA, MOTP, precision and recall."""

    identity: bool = False
    """Measure IDF1."""

    hota: bool = False
    """Measure HOTA and its parts."""

    reid: bool = False
    """Measure HOTA with identities over all sequences, if the people have such ids."""

    empty: EmptyFrames = "count"
    """What MOTA counts in frames with nobody on one side."""

    drop_last: bool = False
    """Leave the last frame of every sequence out of MOTA."""

    strict: bool = False
    """Repeat defects of the reference that are corrected by default."""

    undefined_recall: float = np.nan
    """AP of a joint that is predicted but never labelled."""

    nan_total: bool = False
    """One undefined joint makes the total undefined."""

    by_position: bool = False
    """Match frames by their order in the file, as the reference does; otherwise by name or id."""

    format_matters: bool = False
    """Drop people without joints from PoseTrack17's files but not from PoseTrack18's, as the
    reference does."""

    scores_needed: bool = False
    """Refuse predicted joints without a score."""


# poseval first drops frames without true people. It compares frames in file order and measures only
# joints that are given. MOTA counts a dummy in frames that are empty by then, and leaves the last
# frame out. Ids are below 10,000, because 10,000 times the number of the sequence is added to them.
POSEVAL = Protocol(
    name="poseval",
    counts="PoseTrack17's and 18's tool (4258a15), its habits included",
    rules=Rules(frames="with people", estimate_joints=False, max_track_id=9_999),
    empty="one dummy",
    drop_last=True,
    by_position=True,
    format_matters=True,
)

PROTOCOLS: Mapping[str, Protocol] = {
    "poseval": POSEVAL,
    # The copy in Detect-and-Track's repository is older: a frame with nobody on one side repeats
    # the matches of the previous frame, even across sequences.
    "poseval2017": replace(
        POSEVAL,
        name="poseval2017",
        counts="the copy of it in Detect-and-Track, by which that paper was measured",
        rules=Rules(
            frames="with people", estimate_joints=False, max_track_id=999, unique_ids=False
        ),
        empty="repeat",
        nan_total=True,
        scores_needed=True,
    ),
    # PoseTrack21's kit ignores the visibility of a joint and asks only whether x > 0 and y > 0. It
    # measures MOTA of boxes, not of joints.
    "posetrack21": Protocol(
        name="posetrack21",
        counts="PoseTrack21's kit (3e61960): AP, HOTA; HOTA over identities of people where every "
        "sequence is a file of its own with `person_id`; `--strict` repeats its defect",
        rules=Rules(estimate_joints=False, positive_only=True),
        clear=False,
        hota=True,
        reid=True,
        undefined_recall=0.0,
    ),
    "clean": Protocol(
        name="clean",
        counts="every labelled frame, every miss; AP, MOTA, MOTP, precision, recall, IDF1, HOTA "
        "per joint",
        identity=True,
        hota=True,
    ),
}
"""Every pose tracking protocol."""


def protocol(name: str, *, strict: bool = False) -> Protocol:
    """The protocol of this name.

    Args:
        name: A name in :data:`PROTOCOLS`.
        strict: Repeat the published tool's defect; only for ``posetrack21``.

    Raises:
        InputError: If no protocol has this name, or it has no ``strict`` form.
    """
    if name not in PROTOCOLS:
        raise InputError(f"no pose tracking protocol {name!r}; there are {', '.join(PROTOCOLS)}")
    if strict and name != "posetrack21":
        raise InputError(f"strict is for the protocol posetrack21, got {name}")
    chosen = PROTOCOLS[name]
    return replace(chosen, name="posetrack21 (strict)", strict=True) if strict else chosen


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceResult:
    """Counts of one sequence, from which the metrics of any set of sequences can be computed."""

    name: str
    """Name of the sequence."""

    frames: int
    """Number of frames that count."""

    ranked: RankedJoints
    """For average precision."""

    clear: ClearCounts | None = None
    """For MOTA; None if the protocol has none, or where the reference fails."""

    identity: IdentityCounts | None = None
    """For IDF1."""

    hota: HotaCounts | None = None
    """For HOTA."""

    reid: ReidMatches | None = None
    """For HOTA with identities over all sequences; None if the people have no such ids."""

    events: tuple[TrackingEvent, ...] = ()
    """Every error, if asked for."""

    carried: FrameJoints | None = None
    """The frame that the next sequence repeats, if the protocol repeats frames."""

    notes: tuple[str, ...] = ()
    """Facts about the people that readers of the numbers must know."""


def measure(
    sequence: EvalSequence,
    protocol: Protocol,
    *,
    tracked: EvalSequence | None = None,
    identified: EvalSequence | None = None,
    carried: FrameJoints | None = None,
    events: bool = False,
) -> SequenceResult:
    """Measure one sequence.

    Args:
        sequence: The sequence.
        protocol: What to measure.
        tracked: The sequence with other identities, for all metrics but average precision; None:
            the same.
        identified: The sequence with identities that hold in all sequences; None: there are none.
        carried: ``carried`` of the previous sequence's result.
        events: Whether to keep every error.
    """
    tracked = tracked or sequence
    noted: list[TrackingEvent] | None = [] if events else None
    overlaps = Overlaps(tracked) if protocol.identity else None
    clear = clear_counts(tracked, protocol, carried=carried, overlaps=overlaps, events=noted)
    identity = None
    if overlaps is not None and clear is not None:
        identity = IdentityCounts(
            true_positives=overlaps.true_positives(),
            objects=clear.objects,
            predictions=clear.predictions,
        )
    return SequenceResult(
        name=sequence.name,
        frames=len(sequence.frames),
        ranked=rank_joints(sequence),
        clear=clear,
        identity=identity,
        hota=hota_of_sequence(tracked, strict=protocol.strict) if protocol.hota else None,
        reid=match_identities(identified, strict=protocol.strict) if identified else None,
        events=tuple(noted or ()),
        carried=(last_populated(tracked) or carried) if protocol.empty == "repeat" else None,
    )


def clear_counts(
    sequence: EvalSequence,
    protocol: Protocol,
    *,
    carried: FrameJoints | None = None,
    overlaps: Overlaps | None = None,
    events: list[TrackingEvent] | None = None,
) -> ClearCounts | None:
    """Tracking errors; None where the protocol counts none, or poseval fails."""
    # poseval leaves the last frame out, and raises an IndexError if there is no other.
    if not protocol.clear or (protocol.drop_last and len(sequence.frames) == 1):
        return None
    return track_joints(
        sequence,
        empty=protocol.empty,
        drop_last=protocol.drop_last and len(sequence.frames) > 0,
        carried=carried,
        overlaps=overlaps,
        events=events,
    )


def summarize(results: Iterable[SequenceResult], protocol: Protocol) -> EvalReport:
    """Combine sequences: counts are added before ratios are computed, joints ranked in one list.

    Args:
        results: Results of one or more sequences; their order decides between equal scores.
        protocol: The protocol by which they were measured.
    """
    found = list(results)
    metrics, curves = _metrics(found, protocol, combined=True)
    joints = protocol.rules.joints.joints
    people = [result.reid for result in found if result.reid is not None]
    if people and len(people) == len(found):
        values, _ = hota_values([reid_hota(people)], joints, combined=False, prefix="reid_")
        metrics |= values
    return EvalReport(
        protocol=protocol.name,
        frames=sum(result.frames for result in found),
        sequences=len(found),
        metrics=metrics,
        per_sequence={
            result.name: EvalReport(
                protocol=protocol.name,
                frames=result.frames,
                sequences=1,
                metrics=_metrics([result], protocol, combined=False)[0],
            )
            for result in found
        },
        events=tuple(
            event_row(event, result.name, joints) for result in found for event in result.events
        ),
        curves=curves,
        notes=tuple(_notes(found, protocol)),
    )


def _metrics(
    found: Sequence[SequenceResult], protocol: Protocol, *, combined: bool
) -> tuple[dict[str, Values], dict[str, Any]]:
    """Metrics, and curves, by name."""
    joints = protocol.rules.joints.joints
    metrics: dict[str, Values] = {}
    ap = average_precision(
        [result.ranked for result in found], undefined_recall=protocol.undefined_recall
    )
    for name, values in (("ap", ap.ap), ("ap_precision", ap.precision), ("ap_recall", ap.recall)):
        metrics[name] = report.percent(values, joints, nan_total=protocol.nan_total)
    curves: dict[str, Any] = {"recall_precision": dict(zip(joints, ap.curves, strict=True))}
    if protocol.clear:
        metrics |= _clear([result.clear for result in found], protocol)
    if protocol.identity:
        found_ids = [result.identity for result in found if result.identity is not None]
        metrics["idf1"] = report.percent(idf1(IdentityCounts.total(found_ids)), joints)
    if protocol.hota:
        counts = [result.hota for result in found if result.hota is not None]
        values_of_hota, curves["hota"] = hota_values(counts, joints, combined=combined)
        metrics |= values_of_hota
    return metrics, curves


def _clear(counts: Sequence[ClearCounts | None], protocol: Protocol) -> dict[str, Values]:
    joints = protocol.rules.joints.joints
    ratios = ("mota", "motp", "precision", "recall")
    sums = ("misses", "false_positives", "switches", "objects", "matches")
    present = [part for part in counts if part is not None]
    if len(present) < len(counts) or not present:
        return {name: report.undefined(joints) for name in (*ratios, *sums)}
    total = ClearCounts.total(present)
    metrics = clear_metrics(total)
    return {
        name: report.percent(getattr(metrics, name), joints, nan_total=protocol.nan_total)
        for name in ratios
    } | {name: report.counts(getattr(total, name), joints) for name in sums}


def hota_values(
    counts: Sequence[HotaCounts], joints: Sequence[str], *, combined: bool, prefix: str = ""
) -> tuple[dict[str, Values], dict[str, np.ndarray]]:
    """Compute HOTA's parts, averaged over thresholds, and HOTA by threshold.

    Args:
        counts: Counts of one or more sequences.
        joints: J names.
        combined: Whether to compute the total from total counts. Otherwise it is the mean over
            joints, as PoseTrack21's kit computes it for a single sequence.
        prefix: Prefix of the metrics' names.
    """
    total = hota_over_sequences(counts)
    metrics = hota_metrics(total)
    if not combined:
        for by_joint in metrics.values():
            by_joint[:, -1] = by_joint[:, :-1].mean(axis=1)
    values = {prefix + n: report.percent(v.mean(axis=0), joints) for n, v in metrics.items()}
    for name in ("tp", "fn", "fp"):
        values[f"{prefix}hota_{name}"] = report.counts(getattr(total, name).mean(axis=0), joints)
    by_threshold = metrics["hota"]
    return values, dict(zip([*joints, "total"], by_threshold.T, strict=True))


def event_row(event: TrackingEvent, sequence: str, joints: Sequence[str]) -> EventRow:
    """An event with names instead of numbers."""
    return EventRow(
        sequence=sequence,
        frame=event.frame,
        kind=event.kind,
        joint=joints[event.joint],
        truth_id=event.truth_id,
        predicted_id=event.found_id,
        distance=event.distance,
    )


def _notes(found: Sequence[SequenceResult], protocol: Protocol) -> list[str]:
    notes = list(dict.fromkeys(note for result in found for note in result.notes))
    short = [result.name for result in found if protocol.clear and result.clear is None]
    if not short:
        return notes
    return [
        *notes,
        f"MOTA is undefined: the last labelled frame of a sequence does not count, and "
        f"{', '.join(short)} has only one",
    ]
