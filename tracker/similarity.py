"""Computes how similar people are: by joints, appearance and tubes.

Similarities are in [0, 1], 1 for equal; a cost is ``1 - similarity``. If a pair cannot be compared
(no joint known in both, a box that is NaN), its similarity is NaN, so that :func:`weighted` can
leave the measure out for that pair. Box overlap is :func:`posetube.boxes.iou`.

Not here: which pairs are linked (:mod:`.assignment`), the published tracker's variants with
inclusive boxes and an asymmetric PCK (:mod:`.paper`).
"""

from collections.abc import Sequence

import numpy as np

from posetube.boxes import iou
from posetube.errors import InputError
from posetube.keypoint_similarity import Floats, mean_of_known
from posetube.structures import DoubleArray


def cosine(first: Floats, second: Floats) -> DoubleArray:
    """Cosine similarity of appearance vectors; below 0 it is 0, as for strangers.

    Args:
        first: (N, D).
        second: (M, D).

    Returns:
        (N, M) in [0, 1]; NaN where a vector is zero or not finite.
    """
    lengths = [np.linalg.norm(group, axis=1, keepdims=True) for group in (first, second)]
    with np.errstate(invalid="ignore", divide="ignore"):
        one, two = first / lengths[0], second / lengths[1]
        return np.asarray(np.clip(one @ two.T, 0, 1), np.float64)


def tube_overlap(first: Floats, second: Floats) -> DoubleArray:
    """Mean box overlap over the frames that two groups of tubes share.

    Args:
        first: (N, T, 4) boxes on the T shared frames, pixels; NaN where the person is absent.
        second: (M, T, 4) boxes on the same frames.

    Returns:
        (N, M); NaN where no frame is shared.
    """
    frames = range(first.shape[1])
    overlap = np.stack([iou(first[:, t], second[:, t]) for t in frames], axis=-1)
    one, two = (np.asarray(np.isfinite(group).all(axis=-1)) for group in (first, second))
    return mean_of_known(np.where(one[:, None] & two[None], overlap, np.nan))


def weighted(similarities: Sequence[Floats], weights: Sequence[float | DoubleArray]) -> DoubleArray:
    """Weighted mean of several similarities, for each pair over those that are known.

    Args:
        similarities: Arrays of one shape, NaN where not known.
        weights: One per array, 0 or more; a number, or an array of the same shape.

    Returns:
        The same shape; NaN where no similarity with a weight is known.

    Raises:
        InputError: If the numbers of arrays and weights differ, or a weight is negative.
    """
    if len(similarities) != len(weights) or any(np.less(weight, 0).any() for weight in weights):
        raise InputError(
            f"weighted: expected {len(similarities)} weights of 0 or more, got {list(weights)}"
        )
    total, mass = np.zeros(np.shape(similarities[0])), np.zeros(np.shape(similarities[0]))
    for similarity, weight in zip(similarities, weights, strict=True):
        known = ~np.isnan(similarity)
        total += weight * np.where(known, similarity, 0)
        mass += weight * known
    with np.errstate(invalid="ignore"):
        return np.asarray(total / mass)
