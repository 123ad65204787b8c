"""Computes multiple object tracking accuracy (CLEAR MOT), for each joint of the skeleton by itself.

A joint that was matched keeps its match while the two stay within the threshold, even if another
prediction is nearer; the other joints are assigned in every frame. A true joint's last match
is never forgotten: if it returns under another identity, that is a switch, however long it took.

Source: Bernardin & Stiefelhagen 2008, as poseval computes it with py-motmetrics. MOTP averages over
the matched pairs only; py-motmetrics since 1.1 adds other rows to the sum, which makes poseval's
MOTP too low.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from posetube.structures import BoolArray, DoubleArray, IntArray

from .eval_sequence import EvalSequence
from .identity import Overlaps
from .joint_pairing import Pairs, contested, nearest_pairs, settled
from .person_pairing import THRESHOLD, frame_distances

Distances = Callable[[EvalSequence, int], DoubleArray]

EmptyFrames = Literal["count", "one dummy", "repeat"]
"""What a frame without true or without predicted people means. ``count``: its misses and false
positives. ``one dummy``: one person on each side that do not match, as in poseval. ``repeat``: the
previous frame once more, as in poseval of 2017."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClearCounts:
    """Counts behind tracking accuracy, for J joints."""

    misses: DoubleArray
    """(J,) true joints without a prediction."""

    false_positives: DoubleArray
    """(J,) predicted joints without a true one."""

    switches: DoubleArray
    """(J,) matches with another identity than in the last match."""

    objects: DoubleArray
    """(J,) true joints."""

    matches: DoubleArray
    """(J,) pairs, including switches."""

    distance: DoubleArray
    """(J,) sum of the pairs' distances, in head sizes."""

    @property
    def predictions(self) -> DoubleArray:
        """(J,) predicted joints."""
        return self.matches + self.false_positives

    @classmethod
    def none(cls, joints: int) -> "ClearCounts":
        """Counts of 0."""
        return cls(**{name: np.zeros(joints) for name in cls.__slots__})

    @classmethod
    def total(cls, parts: Iterable["ClearCounts"]) -> "ClearCounts":
        """The sum over sequences; ratios are computed from sums, not averaged."""
        found = list(parts)
        return cls(
            **{name: np.sum([getattr(p, name) for p in found], axis=0) for name in cls.__slots__}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackingEvent:
    """One miss, false positive or switch."""

    kind: Literal["miss", "false positive", "switch"]
    """What went wrong."""

    frame: int
    """Index of the frame in the truth's table."""

    joint: int
    """Which joint."""

    truth_id: int | None = None
    """Identity of the true person; None for a false positive."""

    found_id: int | None = None
    """Identity of the predicted person; None for a miss."""

    distance: float | None = None
    """Distance of the two, in head sizes; only for a switch."""


class FrameJoints(NamedTuple):
    """One frame's G true and P predicted people."""

    truth: IntArray
    """(G,) place of each true identity in the sequence's list."""

    found: IntArray
    """(P,) place of each predicted identity in the sequence's list."""

    distance: DoubleArray
    """(G, P, J) between their joints, in head sizes."""

    annotated: BoolArray
    """(G, J) which joints are present."""

    predicted: BoolArray
    """(P, J) which joints are present."""


@dataclass(kw_only=True)
class _Tally:
    """Counts of a sequence while its frames are processed."""

    last: IntArray
    """(G, J) the last match of each true identity, -1 before the first."""

    counts: ClearCounts
    overlaps: Overlaps | None
    events: list[TrackingEvent] | None
    truth_ids: IntArray
    found_ids: IntArray
    frame: int = 0


def track_joints(
    sequence: EvalSequence,
    *,
    distances: Distances = frame_distances,
    empty: EmptyFrames = "count",
    drop_last: bool = False,
    carried: FrameJoints | None = None,
    overlaps: Overlaps | None = None,
    events: list[TrackingEvent] | None = None,
) -> ClearCounts:
    """Count the tracking errors of one sequence.

    Args:
        sequence: The sequence.
        distances: Computes the distances of a frame's joints; joints within 0.5 may match.
        empty: What to count in a frame without true or without predicted people.
        drop_last: Leave the last frame out, as poseval does: its authors once removed it "until
            annotations are fixed", and the line stayed.
        carried: For ``empty="repeat"``: the last frame of the previous sequence, which is repeated
            until this sequence has a frame of its own.
        overlaps: Collects how often identities were near one another.
        events: Collects every error, frame by frame.
    """
    truth_ids, truth = sequence.truth.identities
    found_ids, found = sequence.found.identities
    joints = sequence.truth.points.shape[1]
    tally = _Tally(
        last=np.full((len(truth_ids), joints), -1),
        counts=ClearCounts.none(joints),
        overlaps=overlaps,
        events=events,
        truth_ids=truth_ids,
        found_ids=found_ids,
    )
    populated = _populated(sequence)
    previous: FrameJoints | None = None
    for index in range(len(sequence.frames) - drop_last):
        tally.frame = int(sequence.frames[index])
        if empty == "count" or populated[index]:
            previous = _frame_joints(sequence, index, truth, found, distances=distances)
            _update(tally, previous)
        elif empty == "one dummy":
            _count_dummy(tally.counts)
        elif previous is not None:
            _update(tally, previous)
        elif carried is not None:
            _repeat_carried(tally.counts, carried)
    return tally.counts


def _populated(sequence: EvalSequence) -> BoolArray:
    """(F,) which frames have people on both sides."""
    return (np.diff(sequence.truth.starts) > 0) & (np.diff(sequence.found.starts) > 0)


def _frame_joints(
    sequence: EvalSequence,
    index: int,
    truth: IntArray,
    found: IntArray,
    *,
    distances: Distances = frame_distances,
) -> FrameJoints:
    """One frame, given the place of each row's identity on both sides."""
    here, there = sequence.truth.frame(index), sequence.found.frame(index)
    return FrameJoints(
        truth=truth[here],
        found=found[there],
        distance=distances(sequence, index),
        annotated=~np.isnan(sequence.truth.points[here, :, 0]),
        predicted=~np.isnan(sequence.found.points[there, :, 0]),
    )


def _count_dummy(counts: ClearCounts) -> None:
    """Count one true and one predicted person that do not match, whatever the real numbers."""
    for name in ("misses", "false_positives", "objects"):
        values = getattr(counts, name)
        values += 1


def _repeat_carried(counts: ClearCounts, frame: FrameJoints) -> None:
    """Count a frame of another sequence, whose identities mean nothing here: no switches."""
    # Nobody has an old match here, so that the pairs are the nearest ones.
    nobody = np.full((frame.truth.max() + 1, len(counts.objects)), -1)
    pairs = _match(frame.distance <= THRESHOLD, frame, nobody)
    _count(counts, frame, pairs, np.zeros(len(pairs.joint), np.bool_))


def last_populated(sequence: EvalSequence) -> FrameJoints | None:
    """The last frame with true and predicted people; None if there is none."""
    populated = np.flatnonzero(_populated(sequence))
    if not len(populated):
        return None
    truth, found = sequence.truth.identities[1], sequence.found.identities[1]
    return _frame_joints(sequence, int(populated[-1]), truth, found)


def _update(tally: _Tally, frame: FrameJoints) -> None:
    near = frame.distance <= THRESHOLD
    pairs = _match(near, frame, tally.last)
    known, new = tally.last[frame.truth[pairs.truth], pairs.joint], frame.found[pairs.found]
    switched = (known >= 0) & (known != new)
    # A switch counts once: from now on the new identity is the known one.
    tally.last[frame.truth[pairs.truth], pairs.joint] = new
    _count(tally.counts, frame, pairs, switched)
    if tally.overlaps is not None:
        tally.overlaps.add(near, frame.truth, frame.found)
    if tally.events is not None:
        tally.events.extend(_errors(tally, frame, pairs, switched))


def _match(near: BoolArray, frame: FrameJoints, last: IntArray) -> Pairs:
    """Pair the joints of a frame, given (G, J) the last match of each true identity."""
    # Where nobody has two candidates, keeping old matches and assigning all agree: those joints
    # are paired all at once.
    hard = contested(near)
    parts = [settled(near, hard)]
    for joint in hard:
        rows, columns = _match_joint(
            near[..., joint], frame.distance[..., joint], last[frame.truth, joint], frame.found
        )
        parts.append(Pairs(rows, columns, np.full(len(rows), joint)))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _match_joint(
    near: BoolArray, distance: DoubleArray, last: IntArray, found: IntArray
) -> tuple[IntArray, IntArray]:
    """Pair one joint of a frame: old matches first, in the order of the true people."""
    free = near.copy()
    kept: list[tuple[int, int]] = []
    # CLEAR MOT keeps an old pair while it is near enough, even where another is nearer by
    # now: people who brush past each other would switch twice otherwise.
    for row, identity in enumerate(last):
        same = np.flatnonzero((found == identity) & free[row])
        if identity >= 0 and len(same):
            kept.append((row, int(same[0])))
            free[row] = False
            free[:, same[0]] = False
    rows, columns = nearest_pairs(free, distance)
    old = np.array(kept, np.int64).reshape(-1, 2)
    return np.concatenate([old[:, 0], rows]), np.concatenate([old[:, 1], columns])


def _count(counts: ClearCounts, frame: FrameJoints, pairs: Pairs, switched: BoolArray) -> None:
    joints = len(counts.objects)
    matches = np.bincount(pairs.joint, minlength=joints)
    annotated, predicted = frame.annotated.sum(axis=0), frame.predicted.sum(axis=0)
    distance = frame.distance[pairs.truth, pairs.found, pairs.joint]
    for total, part in (
        (counts.matches, matches),
        (counts.objects, annotated),
        (counts.misses, annotated - matches),
        (counts.false_positives, predicted - matches),
        (counts.switches, np.bincount(pairs.joint[switched], minlength=joints)),
        (counts.distance, np.bincount(pairs.joint, distance, minlength=joints)),
    ):
        total += part


def _errors(
    tally: _Tally, frame: FrameJoints, pairs: Pairs, switched: BoolArray
) -> Iterator[TrackingEvent]:
    """The errors of a frame: misses, false positives, switches."""
    missed, extra = frame.annotated.copy(), frame.predicted.copy()
    missed[pairs.truth, pairs.joint] = extra[pairs.found, pairs.joint] = False
    truth_ids, found_ids = tally.truth_ids[frame.truth], tally.found_ids[frame.found]
    event = partial(TrackingEvent, frame=tally.frame)
    for row, joint in np.argwhere(missed).tolist():
        yield event(kind="miss", joint=joint, truth_id=int(truth_ids[row]))
    for row, joint in np.argwhere(extra).tolist():
        yield event(kind="false positive", joint=joint, found_id=int(found_ids[row]))
    for place in np.flatnonzero(switched):
        row, column, joint = (int(part[place]) for part in pairs)
        yield event(
            kind="switch",
            joint=joint,
            truth_id=int(truth_ids[row]),
            found_id=int(found_ids[column]),
            distance=float(frame.distance[row, column, joint]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClearMetrics:
    """Ratios per joint, as fractions; NaN where undefined."""

    mota: DoubleArray
    """(J,) 1 - (misses + switches + false positives) / objects; may be below 0."""

    motp: DoubleArray
    """(J,) 1 - mean distance of the pairs, in head sizes; 0 without pairs."""

    precision: DoubleArray
    """(J,) pairs / predicted joints."""

    recall: DoubleArray
    """(J,) pairs / true joints."""


def clear_metrics(counts: ClearCounts) -> ClearMetrics:
    """Compute the ratios of counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = counts.misses + counts.switches + counts.false_positives
        return ClearMetrics(
            mota=np.where(counts.objects > 0, 1 - errors / counts.objects, np.nan),
            motp=np.where(counts.matches > 0, 1 - counts.distance / counts.matches, 0.0),
            precision=counts.matches / counts.predictions,
            recall=counts.matches / counts.objects,
        )
