"""Measures sequences at every pair of thresholds at once: of joints, and of tracks.

At each pair the numbers are those of :func:`.protocols.measure` for what
:mod:`posetube.tracker.thresholds` leaves. A sequence is gone through once per track threshold:
the joints that the joint thresholds leave lie side by side, as if they were further joints, because
tracking errors are counted for each joint by itself.

Not here: reading files (:mod:`posetube.pipelines.evaluation.tune_thresholds`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from posetube.structures import ByteArray, DoubleArray

from ..thresholds import ThresholdConfig
from . import report
from .average_precision import RankedJoints, average_precision, ranking_scores, right_joints
from .eval_sequence import EvalSequence
from .mota import ClearCounts, clear_metrics
from .protocols import Protocol, clear_counts

LEVELS = np.round(np.arange(0, 1, 0.05), 2)
"""(L,) thresholds that are tried, of joints and of tracks alike; the first keeps everything."""

AT_ONCE = 1 << 15
"""Rows times joint thresholds that are looked at side by side; bounds memory."""

Scenes = Sequence[EvalSequence]


@dataclass(frozen=True, kw_only=True, slots=True)
class SweptSequence:
    """One sequence at L track thresholds and L joint thresholds; R people, J joints."""

    name: str
    """Name of the sequence."""

    frames: int
    """Number of frames that count."""

    objects: DoubleArray
    """(J,) number of true joints."""

    clear: ClearCounts | None
    """Counts (L, L, J); None where the protocol fails, as poseval does with a single frame."""

    scores: DoubleArray
    """(R, J) score of each predicted joint."""

    kept: tuple[ByteArray, ...]
    """L times (L, J, R / 8) which joints are there, a bit for each, see :func:`numpy.packbits`;
    where a track threshold changes nothing, the array of the one before."""

    right: tuple[ByteArray, ...]
    """L times (L, J, R / 8) which of them are right."""

    notes: tuple[str, ...] = ()
    """Facts about the people that readers of the numbers must know."""


def sweep(
    scenes: Scenes, *, track_scores: DoubleArray, protocol: Protocol, notes: Sequence[str] = ()
) -> SweptSequence:
    """Measure one sequence at every pair of thresholds.

    Args:
        scenes: L times the sequence, with the joints that each of :data:`LEVELS` leaves.
        track_scores: Score of the track of each row of the original table.
        protocol: What counts; one that counts every sequence by itself.
        notes: Of the result.
    """
    found, truth = scenes[0].found, scenes[0].truth
    results: list[_AtLevel] = []
    people: list[int] = []
    for level in LEVELS:
        above = [_above(scene, track_scores, level) for scene in scenes]
        # Fewer people are others: where nobody was left out, nothing changes.
        same = bool(people) and people == [len(scene.found.ids) for scene in above]
        results.append(results[-1] if same else _measure(above, protocol, rows=found.rows))
        people = [len(scene.found.ids) for scene in above]
    counts = [result.clear for result in results]
    return SweptSequence(
        name=scenes[0].name,
        frames=len(scenes[0].frames),
        objects=truth.known.sum(axis=0).astype(np.float64),
        clear=None if any(one is None for one in counts) else _stacked(filter(None, counts)),
        scores=ranking_scores(scenes[0]),
        kept=tuple(result.kept for result in results),
        right=tuple(result.right for result in results),
        notes=tuple(notes),
    )


def _above(scene: EvalSequence, track_scores: DoubleArray, level: float) -> EvalSequence:
    """Without the people whose track has a lower score; a track without one stays."""
    return replace(scene, found=scene.found.keep(~(track_scores[scene.found.rows] < level)))


@dataclass(frozen=True, kw_only=True, slots=True)
class _AtLevel:
    """What one track threshold leaves, at L joint thresholds."""

    clear: ClearCounts | None
    kept: ByteArray
    right: ByteArray


def _measure(scenes: Scenes, protocol: Protocol, *, rows: np.ndarray) -> _AtLevel:
    joints = scenes[0].truth.points.shape[1]
    counts: list[ClearCounts | None] = []
    kept, right = np.zeros((2, len(scenes), len(rows), joints), np.bool_)
    for group in _groups(scenes):
        whole = _side_by_side(group)
        at = np.arange(len(counts), len(counts) + len(group))
        places = _places(whole.found.rows, rows)
        kept[at[:, None], places] = _apart(whole.found.known, len(group))
        right[at[:, None], places] = _apart(right_joints(whole, copies=len(group)), len(group))
        counts += _each(clear_counts(whole, protocol), len(group))
    return _AtLevel(
        clear=None if any(one is None for one in counts) else _stacked(filter(None, counts)),
        kept=_packed(kept),
        right=_packed(right),
    )


def _places(some: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Where each of some rows is among all of them, which are in any order."""
    order = np.argsort(rows)
    return order[np.searchsorted(rows, some, sorter=order)]


def _groups(scenes: Scenes) -> Iterator[Scenes]:
    """Neighbours with the same people, as many as are looked at side by side."""
    # A joint threshold may leave out people: those of whom an ignore region took the other joints.
    begin = 0
    for place in range(1, len(scenes) + 1):
        most = max(1, AT_ONCE // max(1, len(scenes[begin].found.rows)))
        ends = place == len(scenes) or place - begin == most
        if ends or not np.array_equal(scenes[place].found.rows, scenes[begin].found.rows):
            yield scenes[begin:place]
            begin = place


def _side_by_side(scenes: Scenes) -> EvalSequence:
    """One sequence with the joints of all."""
    first, copies = scenes[0], len(scenes)
    return replace(
        first,
        truth=replace(
            first.truth,
            points=np.tile(first.truth.points, (1, copies, 1)),
            scores=np.tile(first.truth.scores, (1, copies)),
        ),
        found=replace(
            first.found,
            points=np.concatenate([scene.found.points for scene in scenes], axis=1),
            scores=np.concatenate([scene.found.scores for scene in scenes], axis=1),
        ),
    )


def _apart(marks: np.ndarray, copies: int) -> np.ndarray:
    """(copies, R, J) of marks (R, copies * J)."""
    return marks.reshape(len(marks), copies, marks.shape[1] // copies).swapaxes(0, 1)


def _packed(marks: np.ndarray) -> ByteArray:
    """(L, J, R / 8) of marks (L, R, J)."""
    return np.packbits(marks.swapaxes(1, 2), axis=-1)


def _each(counts: ClearCounts | None, copies: int) -> list[ClearCounts | None]:
    """The counts (J,) of each copy."""
    if counts is None:
        return [None] * copies
    parts = {name: np.split(getattr(counts, name), copies) for name in ClearCounts.__slots__}
    return [ClearCounts(**{n: part[i] for n, part in parts.items()}) for i in range(copies)]


def _stacked(counts: Iterable[ClearCounts]) -> ClearCounts:
    """One record of the counts, with an axis for them before all others."""
    found = list(counts)
    return ClearCounts(
        **{n: np.stack([getattr(one, n) for one in found]) for n in ClearCounts.__slots__}
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ThresholdSweep:
    """The totals of a whole data set at every pair of thresholds."""

    protocol: str
    """Name of the protocol."""

    frames: int
    """Number of frames that count."""

    sequences: int
    """Number of sequences."""

    mota: DoubleArray
    """(L, L) percent, by track threshold and joint threshold; NaN where undefined."""

    ap: DoubleArray
    """(L, L) percent, likewise."""

    notes: tuple[str, ...] = ()
    """Facts that readers of the numbers must know."""

    def best(self, measure: Literal["mota", "ap"]) -> tuple[int, int]:
        """Places of the thresholds with the highest ``mota`` or ``ap``, track first.

        Of equal values the lowest track threshold counts, then the lowest joint threshold: what
        costs nothing is kept.
        """
        values = getattr(self, measure)
        track, joint = np.unravel_index(np.nanargmax(values), values.shape)
        return int(track), int(joint)

    def thresholds(self, measure: Literal["mota", "ap"]) -> ThresholdConfig:
        """The best pair as settings."""
        track, joint = self.best(measure)
        return ThresholdConfig(min_joint=float(LEVELS[joint]), min_track=float(LEVELS[track]))


def over_sequences(swept: Sequence[SweptSequence], protocol: Protocol) -> ThresholdSweep:
    """Combine sequences as :func:`.protocols.summarize` does, at every pair of thresholds."""
    parts = [one.clear for one in swept]
    known = [part for part in parts if part is not None]
    mota = np.full((len(LEVELS), len(LEVELS), len(swept[0].objects)), np.nan)
    if len(known) == len(parts):
        mota = clear_metrics(ClearCounts.total(known)).mota
    notes = dict.fromkeys(note for one in swept for note in one.notes)
    return ThresholdSweep(
        protocol=protocol.name,
        frames=sum(one.frames for one in swept),
        sequences=len(swept),
        mota=_totals(mota, protocol),
        ap=_totals(_average_precision(swept, protocol), protocol),
        notes=tuple(notes),
    )


def _totals(values: DoubleArray, protocol: Protocol) -> DoubleArray:
    """(L, L) totals of ratios (L, L, J), as reports have them."""
    joints = protocol.rules.joints.joints
    totals = [report.percent(row, joints)["total"] for row in values.reshape(-1, len(joints))]
    return np.array([np.nan if t is None else t for t in totals]).reshape(values.shape[:2])


def _average_precision(swept: Sequence[SweptSequence], protocol: Protocol) -> DoubleArray:
    """(L, L, J) fractions."""
    objects = np.sum([one.objects for one in swept], axis=0)
    ap = np.zeros((len(LEVELS), len(LEVELS), len(objects)))
    for joint in range(len(objects)):
        scores = np.concatenate([one.scores[:, joint] for one in swept])
        # Sorted once: what thresholds leave stays in order, and sorting that again is quick.
        order = np.argsort(scores, kind="stable")
        kept, right = (_unpacked(swept, name, joint)[..., order] for name in ("kept", "right"))
        for track, level in np.ndindex(ap.shape[:2]):
            rows = kept[track, level]
            ranked = RankedJoints(
                scores=(scores[order][rows],),
                right=(right[track, level][rows],),
                objects=objects[joint : joint + 1],
            )
            one = average_precision([ranked], undefined_recall=protocol.undefined_recall)
            ap[track, level, joint] = one.ap[0]
    return ap


def _unpacked(swept: Sequence[SweptSequence], name: str, joint: int) -> np.ndarray:
    """(L, L, R of all sequences) marks of one joint."""
    parts = [
        np.unpackbits(
            np.stack([marks[:, joint] for marks in getattr(one, name)]),
            axis=-1,
            count=len(one.scores),
        )
        for one in swept
    ]
    return np.concatenate(parts, axis=-1).astype(np.bool_)
