"""How far filters believe each joint."""

import numpy as np

from posetube.structures import ByteArray, DoubleArray, FloatArray, RowState

from .refine_config import RefineConfig


def confidences(
    scores: FloatArray | DoubleArray, states: ByteArray | None, *, config: RefineConfig
) -> DoubleArray:
    """What a filter takes for the probability that a joint is where it was found.

    Args:
        scores: (N, K) of the joints; NaN counts as 1.
        states: (N,) :class:`~posetube.structures.RowState` of the people; None: all were detected.
        config: Whether the scores say it (``kalman.by_score``).

    Returns:
        (N, K, 1) in [0, 1]; 0 for people whom nobody saw, who follow from the rows around them.
    """
    ignored = config.kalman.by_score is False
    sure = np.ones(scores.shape) if ignored else np.nan_to_num(scores, nan=1.0)
    if states is not None:
        sure = np.where(states[:, None] == RowState.INTERPOLATED, 0.0, sure)
    return np.asarray(sure[..., None], np.float64)
