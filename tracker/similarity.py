"""Computes how similar people are: by joints, appearance and tubes.

Similarities are in [0, 1], 1 for equal; a cost is ``1 - similarity``. If a pair cannot be compared
(no joint known in both, a box that is NaN), its similarity is NaN, so that :func:`weighted` can
leave the measure out for that pair. Box overlap is :func:`posetube.boxes.iou`.

Not here: which pairs are linked (:mod:`.assignment`), the published tracker's variants with
inclusive boxes and an asymmetric PCK (:mod:`.paper`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from posetube.boxes import area, iou
from posetube.errors import InputError
from posetube.structures import BoolArray, DoubleArray

Floats = npt.NDArray[np.floating]


def oks(
    first: Floats, second: Floats, *, scales: Floats, sigmas: Floats, spread: Floats | None = None
) -> DoubleArray:
    """Object keypoint similarity of every first pose with every second one.

    Args:
        first: (N, K, 2) pixels, NaN where a joint is not known.
        second: (M, K, 2) pixels.
        scales: (N,) size of each first person: square root of the box's area, pixels.
        sigmas: (K,) spread of each joint as a fraction of the scale.
        spread: (N, K) extra variance of each first joint, for example of a prediction, square
            pixels.

    Returns:
        (N, M) mean over the joints known in both; NaN where there is none.

    Raises:
        InputError: If the two groups or the sigmas have different joints.

    Source: COCO's keypoint task. COCO takes the scale from the annotated area, we from the box.
    """
    _check_poses("oks", first, second)
    if len(sigmas) != first.shape[1]:
        raise InputError(f"oks: {len(sigmas)} sigmas for poses of {first.shape[1]} joints")
    extra = None if spread is None else spread[:, None]
    return pose_similarity(
        first[:, None], second[None], scales=scales[:, None], sigmas=sigmas, spread=extra
    )


def pose_similarity(
    first: Floats,
    second: Floats,
    *,
    scales: Floats,
    sigmas: Floats,
    spread: Floats | None = None,
) -> DoubleArray:
    """:func:`oks` of pairs of poses: (..., K, 2) each to (...)."""
    shift = first - second
    squared = shift[..., 0] ** 2 + shift[..., 1] ** 2
    variance = (2 * sigmas * np.asarray(scales)[..., None]) ** 2
    if spread is not None:
        variance = variance + spread
    alike = np.exp(-squared / (2 * np.maximum(variance, 1e-9)))
    return _mean_of_known(alike)


def cosine(first: Floats, second: Floats) -> DoubleArray:
    """Cosine similarity of appearance vectors, mapped from [-1, 1] to [0, 1].

    Args:
        first: (N, D).
        second: (M, D).

    Returns:
        (N, M); NaN where a vector is zero or not finite.
    """
    lengths = [np.linalg.norm(group, axis=1, keepdims=True) for group in (first, second)]
    with np.errstate(invalid="ignore", divide="ignore"):
        one, two = first / lengths[0], second / lengths[1]
        return np.asarray((1 + np.clip(one @ two.T, -1, 1)) / 2, np.float64)


def tube_overlap(first: Floats, second: Floats, *, present: BoolArray | None = None) -> DoubleArray:
    """Mean box overlap over the frames that two groups of tubes share.

    Args:
        first: (N, T, 4) boxes on the T shared frames, pixels; NaN where the person is absent.
        second: (M, T, 4) boxes on the same frames.
        present: (N, M, T) which frames to count; None: those where both boxes are finite.

    Returns:
        (N, M); NaN where no frame is shared.
    """
    frames = range(first.shape[1])
    overlap = np.stack([iou(first[:, t], second[:, t]) for t in frames], axis=-1)
    if present is None:
        one, two = (np.asarray(np.isfinite(group).all(axis=-1)) for group in (first, second))
        present = one[:, None] & two[None]
    return _mean_of_known(np.where(present, overlap, np.nan))


def weighted(similarities: Sequence[Floats], weights: Sequence[float]) -> DoubleArray:
    """Weighted mean of several similarities, for each pair over those that are known.

    Args:
        similarities: Arrays of one shape, NaN where not known.
        weights: One per array, 0 or more.

    Returns:
        The same shape; NaN where no similarity with a weight is known.

    Raises:
        InputError: If the numbers of arrays and weights differ, or a weight is negative.
    """
    if len(similarities) != len(weights) or any(weight < 0 for weight in weights):
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


def scale_of(boxes: Floats) -> DoubleArray:
    """Size of each person: square root of the box's area, at least 1 pixel; (..., 4) to (...)."""
    return np.asarray(np.sqrt(np.maximum(area(boxes), 1)), np.float64)


def _mean_of_known(values: Floats) -> DoubleArray:
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / known.sum(axis=-1), np.float64)


def _check_poses(name: str, first: Floats, second: Floats) -> None:
    if first.ndim != 3 or second.ndim != 3 or first.shape[1:] != second.shape[1:]:
        raise InputError(
            f"{name}: expected poses of shapes (N, K, 2) and (M, K, 2), "
            f"got {first.shape} and {second.shape}"
        )
