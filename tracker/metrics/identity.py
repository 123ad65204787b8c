"""Computes IDF1: the share of the truth covered if each true identity gets one predicted identity.

Source: Ristani et al. 2016, as py-motmetrics computes it: of all one-to-one pairings of identities,
the one with the most frames in which the two are near each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from posetube.structures import BoolArray, DoubleArray, IntArray

from .eval_sequence import EvalSequence
from .joint_pairing import assign


class Overlaps:
    """Counts the frames in which a joint of two identities is near enough, for one sequence.

    Args:
        sequence: The sequence, with J joints.
    """

    def __init__(self, sequence: EvalSequence) -> None:
        truths, predictions = (
            len(people.identities[0]) for people in (sequence.truth, sequence.found)
        )
        self._shape = (sequence.truth.points.shape[1], truths, predictions)
        self._keys: list[IntArray] = []

    def add(self, near: BoolArray, truth: IntArray, found: IntArray) -> None:
        """Count one frame.

        Args:
            near: (G, P, J) which joints are near enough.
            truth: (G,) places of the true identities in the sequence's list.
            found: (P,) places of the predicted identities in the sequence's list.
        """
        rows, columns, joints = np.nonzero(near)
        self._keys.append(np.ravel_multi_index((joints, truth[rows], found[columns]), self._shape))

    def true_positives(self) -> DoubleArray:
        """(J,) number of frames covered by the best one-to-one pairing of identities."""
        best = np.zeros(self._shape[0])
        keys = np.concatenate([np.zeros(0, np.int64), *self._keys])
        pairs, frames = np.unique(keys, return_counts=True)
        joint, truth, found = np.unravel_index(pairs, self._shape)
        edges = np.searchsorted(joint, np.arange(self._shape[0] + 1))
        for j, (start, stop) in enumerate(pairwise(edges)):
            part = slice(start, stop)
            best[j] = _largest_cover(truth[part], found[part], frames[part])
        return best


def _largest_cover(truth: IntArray, found: IntArray, frames: IntArray) -> float:
    rows, row = np.unique(truth, return_inverse=True)
    columns, column = np.unique(found, return_inverse=True)
    # If every identity is in one pair only, there is nothing to decide.
    if len(rows) == len(truth) and len(columns) == len(found):
        return float(frames.sum())
    table = np.zeros((len(rows), len(columns)))
    table[row, column] = frames
    return float(table[assign(table, maximize=True)].sum())


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentityCounts:
    """Counts behind IDF1, for J joints."""

    true_positives: DoubleArray
    """(J,) see :meth:`Overlaps.true_positives`."""

    objects: DoubleArray
    """(J,) true joints."""

    predictions: DoubleArray
    """(J,) predicted joints."""

    @classmethod
    def total(cls, parts: Iterable["IdentityCounts"]) -> "IdentityCounts":
        """The sum over sequences; ratios are computed from sums, not averaged."""
        found = list(parts)
        return cls(
            **{name: np.sum([getattr(p, name) for p in found], axis=0) for name in cls.__slots__}
        )


def idf1(counts: IdentityCounts) -> DoubleArray:
    """(J,) 2 true positives / (true joints + predicted joints); NaN where there are neither."""
    with np.errstate(invalid="ignore"):
        return 2 * counts.true_positives / (counts.objects + counts.predictions)
