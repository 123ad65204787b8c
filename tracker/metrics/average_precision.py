"""Computes average precision per joint: how well scores separate right joints from wrong ones.

Every predicted joint counts once, ranked by its score. It is right if it is near the joint of the
true person that its person is paired with (:mod:`.person_pairing`). A joint that the true person
does not have is wrong.

Source: poseval (``evaluateAP.py``), PoseTrack21's ``map.py``; the area is that of PASCAL VOC since
2010. Of equal scores, the later one in the order of sequences, frames and file ranks first. poseval
does the same for up to 16 joints; for more, its order is that of an unstable sort.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posetube.structures import BoolArray, DoubleArray

from .eval_sequence import EvalSequence
from .person_pairing import THRESHOLD, frame_distances, pair_people

NO_SCORE = -9999.0
"""Score of a joint that has none, as in poseval: it ranks last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RankedJoints:
    """The predicted joints of one sequence, with J joints: scores, and which are right."""

    scores: tuple[DoubleArray, ...]
    """J arrays: score of each prediction."""

    right: tuple[BoolArray, ...]
    """J arrays: whether each prediction is right."""

    objects: DoubleArray
    """(J,) number of true joints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AveragePrecision:
    """Ratios per joint, as fractions; NaN where undefined."""

    ap: DoubleArray
    """(J,) area under the precision-recall curve."""

    precision: DoubleArray
    """(J,) precision of all predictions together."""

    recall: DoubleArray
    """(J,) recall of all predictions together."""

    curves: tuple[DoubleArray, ...]
    """J arrays (2, R): recall and precision after each prediction, by falling score."""


def rank_joints(sequence: EvalSequence) -> RankedJoints:
    """Decide for every predicted joint of a sequence whether it is right."""
    right, known = right_joints(sequence), sequence.found.known
    scores = ranking_scores(sequence)
    joints = range(scores.shape[1])
    return RankedJoints(
        scores=tuple(scores[known[:, j], j] for j in joints),
        right=tuple(right[known[:, j], j] for j in joints),
        objects=sequence.truth.known.sum(axis=0).astype(np.float64),
    )


def ranking_scores(sequence: EvalSequence) -> DoubleArray:
    """(R, J) the predicted joints' scores; :data:`NO_SCORE` where they have none."""
    scores = sequence.found.scores
    return np.where(np.isnan(scores), NO_SCORE, scores)


def right_joints(sequence: EvalSequence, *, copies: int = 1) -> BoolArray:
    """Find the predicted joints that are near those of the true person whom theirs is paired with.

    Args:
        sequence: With J joints, ``copies`` times one after the other.
        copies: Each copy is paired by itself, as if it were a sequence of its own.

    Returns:
        (R, copies * J).
    """
    truth, found = sequence.truth, sequence.found
    joints = truth.points.shape[1] // copies
    annotated = truth.known[:, :joints].sum(axis=1)
    right = np.zeros(found.scores.shape, np.bool_)
    for index in range(len(sequence.frames)):
        here, there = found.frame(index), truth.frame(index)
        near = frame_distances(sequence, index) <= THRESHOLD
        apart = near.reshape(*near.shape[:2], copies, joints)
        pairs = pair_people(np.moveaxis(apart, 2, 0), annotated[there])
        copy, paired = np.nonzero(pairs >= 0)
        # Where the true person lacks a joint, nothing is near: predicting it is a false positive.
        chosen = apart[pairs[copy, paired], paired, copy]
        right[here].reshape(-1, copies, joints)[paired, copy] = chosen
    return right


def average_precision(
    sequences: Sequence[RankedJoints], *, undefined_recall: float = np.nan
) -> AveragePrecision:
    """Compute average precision over sequences, with all their joints in one ranking.

    Args:
        sequences: One or more.
        undefined_recall: Recall, and so the area, of a joint that is predicted but never true. A
            joint that is never predicted has 0 everywhere.
    """
    objects = np.sum([sequence.objects for sequence in sequences], axis=0)
    curves = []
    for joint, count in enumerate(objects):
        scores = np.concatenate([sequence.scores[joint] for sequence in sequences])
        right = np.concatenate([sequence.right[joint] for sequence in sequences])
        # Reversing a stable ascending sort puts the later of equal scores first, as in poseval.
        hits = right[np.argsort(scores, kind="stable")[::-1]].cumsum()
        recall = hits / count if count else np.full(len(hits), undefined_recall)
        curves.append(np.stack([recall, hits / np.arange(1, len(hits) + 1)]))
    last = np.array([c[:, -1] if c.size else [0.0, 0.0] for c in curves]).reshape(-1, 2)
    return AveragePrecision(
        ap=np.array([area_under(*curve) for curve in curves]),
        recall=last[:, 0],
        precision=last[:, 1],
        curves=tuple(curves),
    )


def area_under(recall: DoubleArray, precision: DoubleArray) -> float:
    """Compute the area under a precision-recall curve, after making its precision non-increasing.

    Args:
        recall: (R,) after each prediction, not falling, in [0, 1].
        precision: (R,) after each prediction, in [0, 1].

    Returns:
        In [0, 1]; 0 without predictions, NaN where recall is.
    """
    if not len(recall):
        return 0.0
    # A later rank with better precision makes up for the ranks before it (PASCAL VOC 2010).
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
