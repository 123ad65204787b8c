"""Computes how similar poses are: COCO's object keypoint similarity, in [0, 1], 1 for equal.

Not here: other similarities of people (:mod:`posetube.tracker.similarity`).
"""

import numpy as np
import numpy.typing as npt

from posetube.boxes import area
from posetube.errors import InputError
from posetube.structures import DoubleArray

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
    return mean_of_known(alike)


def scale_of(boxes: Floats) -> DoubleArray:
    """Size of each person: square root of the box's area, at least 1 pixel; (..., 4) to (...)."""
    return np.asarray(np.sqrt(np.maximum(area(boxes), 1)), np.float64)


def mean_of_known(values: Floats) -> DoubleArray:
    """Mean over the last axis without NaN; NaN where nothing is known."""
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
