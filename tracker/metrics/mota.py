"""Multiple object tracking accuracy and its companions, each joint a world of its own (CLEAR MOT).

A joint that was matched keeps its match for as long as that stays within the threshold; the rest is
assigned anew in every frame. An object's last match is remembered for ever: a return under another
identity is a switch, however long it took.

Source: Bernardin & Stiefelhagen 2008 as poseval computes it with py-motmetrics; the precision
(MOTP) is that of the matched pairs alone, see the specification's note on newer motmetrics.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from posetube.structures import BoolArray, DoubleArray, IntArray

from .association import Pairs, contested, nearest_pairs, settled
from .eval_sequence import EvalSequence
from .identity import Overlaps
from .pairing import THRESHOLD, frame_distances

Distances = Callable[[EvalSequence, int], DoubleArray]

EmptyFrames = Literal["count", "one dummy", "repeat"]
"""What a frame without true or without predicted people means: ``count`` its misses and false
positives, put ``one dummy`` on either side that do not match, as poseval does, or ``repeat`` the
frame before, as poseval did in 2017."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClearCounts:
    """What tracking accuracy is made of; J joints."""

    misses: DoubleArray
    """(J,) true joints without a prediction."""

    false_positives: DoubleArray
    """(J,) predicted joints without a true one."""

    switches: DoubleArray
    """(J,) matches with another identity than the last."""

    objects: DoubleArray
    """(J,) true joints."""

    matches: DoubleArray
    """(J,) pairs, switches among them."""

    distance: DoubleArray
    """(J,) sum of the pairs' distances, in head sizes."""

    @classmethod
    def none(cls, joints: int) -> "ClearCounts":
        """Nothing counted yet."""
        return cls(**{name: np.zeros(joints) for name in cls.__slots__})

    @classmethod
    def total(cls, parts: Iterable["ClearCounts"]) -> "ClearCounts":
        """The sum over sequences: ratios are taken of sums."""
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
    """Between the two, in head sizes."""


class FrameJoints(NamedTuple):
    """One frame's G true and P predicted people."""

    truth: IntArray
    """(G,) places of their identities in the sequence's list."""

    found: IntArray
    """(P,) likewise."""

    distance: DoubleArray
    """(G, P, J) between their joints, in head sizes."""

    annotated: BoolArray
    """(G, J) which joints there are."""

    predicted: BoolArray
    """(P, J) which joints there are."""


@dataclass(kw_only=True)
class _Tally:
    """Counts of a sequence while its frames are looked at."""

    last: IntArray
    """(G, J) the last match of each true identity, -1 before the first."""

    counts: ClearCounts
    overlaps: Overlaps | None
    events: list[TrackingEvent] | None
    truth_ids: IntArray
    found_ids: IntArray
    carried: FrameJoints | None
    frame: int = 0
    previous: FrameJoints | None = None


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
        distances: Of the joints of a frame's pairs; a pair within 0.5 may match.
        empty: What frames are worth in which there is nobody on one side.
        drop_last: Leave the last frame out, as poseval does.
        carried: The frame that is repeated before the sequence has one of its own: the last one of
            the sequence before.
        overlaps: Where to note which identities were near one another.
        events: Where to note every error, by rising frame.
    """
    joints = sequence.truth.points.shape[1]
    truth_ids, truth = np.unique(sequence.truth.ids, return_inverse=True)
    found_ids, found = np.unique(sequence.found.ids, return_inverse=True)
    tally = _Tally(
        last=np.full((len(truth_ids), joints), -1),
        counts=ClearCounts.none(joints),
        overlaps=overlaps,
        events=events,
        truth_ids=truth_ids,
        found_ids=found_ids,
        carried=carried,
    )
    annotated, predicted = sequence.truth.known, sequence.found.known
    for index in range(len(sequence.frames) - drop_last):
        here, there = sequence.truth.frame(index), sequence.found.frame(index)
        tally.frame = int(sequence.frames[index])
        if empty != "count" and (here.start == here.stop or there.start == there.stop):
            _empty_frame(tally, empty)
            continue
        tally.previous = FrameJoints(
            truth[here],
            found[there],
            distances(sequence, index),
            annotated[here],
            predicted[there],
        )
        _update(tally, tally.previous)
    return tally.counts


def _empty_frame(tally: _Tally, empty: EmptyFrames) -> None:
    if empty == "repeat":
        if tally.previous is not None:
            _update(tally, tally.previous)
        elif tally.carried is not None:
            _repeat_carried(tally.counts, tally.carried)
        return
    for name in ("misses", "false_positives", "objects"):
        values = getattr(tally.counts, name)
        values += 1


def _repeat_carried(counts: ClearCounts, frame: FrameJoints) -> None:
    """Its identities are nobody's here, so that nothing of it is remembered or switched."""
    nobody = np.full((frame.truth.max() + 1, len(counts.objects)), -1)
    pairs = _match(frame.distance <= THRESHOLD, frame, nobody)
    _count(counts, frame, pairs, np.zeros(len(pairs.joint), np.bool_))


def last_populated(sequence: EvalSequence) -> FrameJoints | None:
    """The last frame with true and predicted people; None if there is none."""
    both = (np.diff(sequence.truth.starts) > 0) & (np.diff(sequence.found.starts) > 0)
    if not both.any():
        return None
    index = int(np.flatnonzero(both)[-1])
    here, there = sequence.truth.frame(index), sequence.found.frame(index)
    return FrameJoints(
        np.unique(sequence.truth.ids, return_inverse=True)[1][here],
        np.unique(sequence.found.ids, return_inverse=True)[1][there],
        frame_distances(sequence, index),
        sequence.truth.known[here],
        sequence.found.known[there],
    )


def _update(tally: _Tally, frame: FrameJoints) -> None:
    near = frame.distance <= THRESHOLD
    pairs = _match(near, frame, tally.last)
    known, new = tally.last[frame.truth[pairs.truth], pairs.joint], frame.found[pairs.found]
    switched = (known >= 0) & (known != new)
    tally.last[frame.truth[pairs.truth], pairs.joint] = new
    _count(tally.counts, frame, pairs, switched)
    if tally.overlaps is not None:
        tally.overlaps.add(near, frame.truth, frame.found)
    if tally.events is not None:
        _note(tally, frame, pairs, switched)


def _match(near: BoolArray, frame: FrameJoints, last: IntArray) -> Pairs:
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
    """Old matches first, in the order of the true people; then the rest."""
    free = near.copy()
    kept: list[tuple[int, int]] = []
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


def _note(tally: _Tally, frame: FrameJoints, pairs: Pairs, switched: BoolArray) -> None:
    missed, extra = frame.annotated.copy(), frame.predicted.copy()
    missed[pairs.truth, pairs.joint] = extra[pairs.found, pairs.joint] = False
    truth_ids, found_ids = tally.truth_ids[frame.truth], tally.found_ids[frame.found]
    assert tally.events is not None
    for row, joint in np.argwhere(missed).tolist():
        tally.events.append(
            TrackingEvent(kind="miss", frame=tally.frame, joint=joint, truth_id=int(truth_ids[row]))
        )
    for row, joint in np.argwhere(extra).tolist():
        tally.events.append(
            TrackingEvent(
                kind="false positive", frame=tally.frame, joint=joint, found_id=int(found_ids[row])
            )
        )
    for place in np.flatnonzero(switched):
        row, column, joint = (int(part[place]) for part in pairs)
        tally.events.append(
            TrackingEvent(
                kind="switch",
                frame=tally.frame,
                joint=joint,
                truth_id=int(truth_ids[row]),
                found_id=int(found_ids[column]),
                distance=float(frame.distance[row, column, joint]),
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClearMetrics:
    """Per joint, as fractions; NaN where undefined."""

    mota: DoubleArray
    """(J,) 1 - (misses + switches + false positives) / objects; may be below 0."""

    motp: DoubleArray
    """(J,) 1 - mean distance of the pairs, in head sizes; 0 without pairs."""

    precision: DoubleArray
    """(J,) pairs / predicted joints."""

    recall: DoubleArray
    """(J,) pairs / true joints."""


def clear_metrics(counts: ClearCounts) -> ClearMetrics:
    """The ratios of counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = counts.misses + counts.switches + counts.false_positives
        return ClearMetrics(
            mota=np.where(counts.objects > 0, 1 - errors / counts.objects, np.nan),
            motp=np.where(counts.matches > 0, 1 - counts.distance / counts.matches, 0.0),
            precision=counts.matches / (counts.matches + counts.false_positives),
            recall=counts.matches / counts.objects,
        )
