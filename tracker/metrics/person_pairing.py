"""Computes distances between joints, and pairs predicted with true people in a frame.

Source: poseval (``eval_helpers.py``) for the distance, the threshold and the way people are paired.
"""

import numpy as np
import numpy.typing as npt

from posetube.structures import BoolArray, DoubleArray, IntArray

from .eval_sequence import EvalSequence

THRESHOLD = 0.5
"""A joint is right if it is at most this far from the true one, in head sizes."""


def joint_distances(truth: DoubleArray, found: DoubleArray, sizes: DoubleArray) -> DoubleArray:
    """Distance of every joint of every pair, in head sizes of the true person.

    Args:
        truth: (G, J, 2) pixels, NaN where absent.
        found: (P, J, 2) pixels, NaN where absent.
        sizes: (G,) head sizes, pixels; with a size of 0 or NaN, nothing is near.

    Returns:
        (G, P, J), infinite where either joint is absent.
    """
    offset = truth[:, None] - found[None]
    distance = np.sqrt(offset[..., 0] ** 2 + offset[..., 1] ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance /= sizes[:, None, None]
    # An absent joint, and 0 / 0 for a head of no size: neither may count as near.
    distance[np.isnan(distance)] = np.inf
    return distance


def frame_distances(sequence: EvalSequence, index: int) -> DoubleArray:
    """:func:`joint_distances` in one frame of a sequence."""
    truth, found = sequence.truth.frame(index), sequence.found.frame(index)
    return joint_distances(
        sequence.truth.points[truth], sequence.found.points[found], sequence.truth.sizes[truth]
    )


def pair_people(right: BoolArray, annotated: npt.NDArray[np.integer]) -> IntArray:
    """Pair people by the share of joints that are right, as poseval does.

    Each prediction chooses the true person of whom it has the largest share right (the first of
    equals). A true person keeps the prediction with the largest share. There is no second round:
    the other predictions stay alone, even if they would fit another person.

    Args:
        right: (..., G, P, J) which joints are near enough; each of the first axes is paired by
            itself.
        annotated: (G,) number of joints of each true person.

    Returns:
        (..., P) index of the true person, -1 for none.
    """
    *others, truths, predictions, _ = right.shape
    pairs = np.full((*others, predictions), -1)
    if not truths or not predictions:
        return pairs
    fraction = right.sum(axis=-1) / np.maximum(annotated, 1)[:, None]
    best = fraction.argmax(axis=-2)
    # The rest is 0, so that a true person can only win a prediction that chose it.
    chose = best[..., None, :] == np.arange(truths)[:, None]
    only_best = np.where(chose, fraction, 0)
    winner = only_best.argmax(axis=-1)
    wins = only_best.max(axis=-1) > 0
    *places, truth = np.nonzero(wins)
    pairs[(*places, winner[wins])] = truth
    return pairs
