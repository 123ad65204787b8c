"""Which predicted joint is which true joint in a frame, each joint of the skeleton on its own.

Nearly always nobody has two candidates; such joints are settled all at once, and only the others
are given to the assignment solver.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posetube.structures import BoolArray, DoubleArray, IntArray


class Pairs(NamedTuple):
    """M pairs of one frame."""

    truth: IntArray
    """(M,) place of the true person in the frame."""

    found: IntArray
    """(M,) place of the predicted person in the frame."""

    joint: IntArray
    """(M,) which joint."""


def contested(candidates: BoolArray) -> IntArray:
    """Joints of which somebody has more than one candidate.

    Args:
        candidates: (G, P, J) who may be paired with whom.

    Returns:
        Rising indices of joints.
    """
    if not candidates.size:
        return np.zeros(0, np.int64)
    several = (candidates.sum(axis=0) > 1).any(axis=0) | (candidates.sum(axis=1) > 1).any(axis=0)
    return np.flatnonzero(several)


def settled(candidates: BoolArray, without: IntArray) -> Pairs:
    """The pairs of all joints but the contested ones."""
    if len(without):
        candidates = candidates.copy()
        candidates[..., without] = False
    return Pairs(*np.nonzero(candidates))


def assign(table: npt.NDArray[np.floating], *, maximize: bool = False) -> tuple[IntArray, IntArray]:
    """Pair rows with columns, as many as there can be, for the least or the largest sum.

    Args:
        table: (G, P), finite.
        maximize: Ask for the largest sum.

    Returns:
        (M,) rows and (M,) columns.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, seldom needed

    rows, columns = linear_sum_assignment(table, maximize=maximize)
    return rows, columns


def nearest_pairs(candidates: BoolArray, distance: DoubleArray) -> tuple[IntArray, IntArray]:
    """As many pairs as possible, and of those choices the one with the least total distance.

    Args:
        candidates: (G, P).
        distance: (G, P), finite where there are candidates, not negative.

    Returns:
        (M,) rows and (M,) columns.
    """
    if not candidates.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # one pair more outweighs any sum of distances
    too_far = distance[candidates].max() * min(candidates.shape) * 2 + 1
    rows, columns = assign(np.where(candidates, distance, too_far))
    chosen = candidates[rows, columns]
    return rows[chosen], columns[chosen]


def likest_pairs(similarity: DoubleArray) -> tuple[IntArray, IntArray]:
    """The pairs with the largest total similarity.

    Args:
        similarity: (G, P), not negative.

    Returns:
        (M,) rows and (M,) columns of pairs that are at all alike.
    """
    rows, columns = assign(similarity, maximize=True)
    alike = similarity[rows, columns] > 0
    return rows[alike], columns[alike]
