"""Pairs predicted with true joints in a frame, each joint of the skeleton by itself.

Nearly always nobody has two candidates. Such joints are paired all at once, and only the others go
to the assignment solver.
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
    """Find the joints for which somebody has more than one candidate.

    Args:
        candidates: (G, P, J) which pairs are allowed.

    Returns:
        Indices of joints, rising.
    """
    if not candidates.size:
        return np.zeros(0, np.int64)
    several = (candidates.sum(axis=0) > 1).any(axis=0) | (candidates.sum(axis=1) > 1).any(axis=0)
    return np.flatnonzero(several)


def settled(candidates: BoolArray, without: IntArray) -> Pairs:
    """All pairs of the joints that are not contested; ``without`` names the contested ones."""
    if len(without):
        candidates = candidates.copy()
        candidates[..., without] = False
    return Pairs(*np.nonzero(candidates))


def assign(table: npt.NDArray[np.floating], *, maximize: bool = False) -> tuple[IntArray, IntArray]:
    """Pair as many rows and columns as possible, for the smallest or the largest sum.

    Args:
        table: (G, P), finite.
        maximize: Whether to look for the largest sum.

    Returns:
        (M,) rows and (M,) columns.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import, rarely needed

    # Not by lap, as in linking: of equal sums it may take others than SciPy, by which the reference
    # tools go.
    rows, columns = linear_sum_assignment(table, maximize=maximize)
    return rows, columns


def nearest_pairs(candidates: BoolArray, distance: DoubleArray) -> tuple[IntArray, IntArray]:
    """Find as many pairs as possible; of equally many, those with the smallest total distance.

    Args:
        candidates: (G, P) which pairs are allowed.
        distance: (G, P), 0 or more, finite for candidates.

    Returns:
        (M,) rows and (M,) columns.
    """
    if not candidates.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # One pair more must outweigh any sum of distances.
    too_far = distance[candidates].max() * min(candidates.shape) * 2 + 1
    rows, columns = assign(np.where(candidates, distance, too_far))
    chosen = candidates[rows, columns]
    return rows[chosen], columns[chosen]


def most_similar_pairs(similarity: DoubleArray) -> tuple[IntArray, IntArray]:
    """Find the pairs with the largest total similarity.

    Args:
        similarity: (G, P), 0 or more.

    Returns:
        (M,) rows and (M,) columns; pairs with similarity 0 are left out.
    """
    rows, columns = assign(similarity, maximize=True)
    alike = similarity[rows, columns] > 0
    return rows[alike], columns[alike]
