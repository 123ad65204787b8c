"""Smooths series with a Kalman filter and a Rauch-Tung-Striebel smoother, from past and future.

The model is nearly constant velocity; a measurement's noise follows from its confidence. The
smoother is zero-phase: nothing lags.

Source: Rauch, Tung and Striebel, 1965, for the model of Bar-Shalom et al., Estimation with
Applications to Tracking and Navigation, 2001 (white noise acceleration).
"""

import numpy as np

from posetube.errors import InputError
from posetube.structures import DoubleArray

from .checked import Floats, positive, series

UNKNOWN = 1e6
"""Variance of the first state, before anything is known, as a multiple of the largest noise."""


def kalman_smoother(
    times: Floats,
    values: Floats,
    *,
    confidence: Floats | None = None,
    noise: float = 2.0,
    restlessness: float = 100.0,
) -> DoubleArray:
    """Smooth finished series.

    Args:
        times: (F,) seconds, strictly rising.
        values: (F, ...), NaN where not seen.
        confidence: (F, ...) in [0, 1], broadcast against the values; a confidence of 0.25 doubles
            the noise. None: all 1.
        noise: Standard deviation of a sure value, in the unit of the values.
        restlessness: Standard deviation of the change of speed in one second, in units per second.
            Larger values follow faster movement, smaller ones are smoother.

    Returns:
        (F, ...), NaN where not seen.

    Raises:
        InputError: If noise or restlessness is not positive, or the shapes do not fit.
    """
    times, values = series("kalman_smoother", times, values)
    positive("kalman_smoother", noise=noise, restlessness=restlessness)
    flat = values.reshape(len(values), -1)
    variance = _variances(values, confidence, noise).reshape(flat.shape)
    steps = np.diff(times, prepend=times[:1])
    states, spreads, guesses, doubts = _forward(flat, variance, steps, restlessness**2)
    for frame in range(len(flat) - 2, -1, -1):
        step = _transition(steps[frame + 1])
        gain = spreads[frame] @ step.T @ np.linalg.inv(doubts[frame + 1])
        states[frame] += _times(gain, states[frame + 1] - guesses[frame + 1])
        spreads[frame] += gain @ (spreads[frame + 1] - doubts[frame + 1]) @ gain.swapaxes(-1, -2)
    return np.where(np.isnan(flat), np.nan, states[..., 0]).reshape(values.shape)


def _variances(values: DoubleArray, confidence: Floats | None, noise: float) -> DoubleArray:
    if confidence is None:
        return np.full(values.shape, noise**2)
    try:
        sure = np.broadcast_to(np.clip(confidence, 1e-3, 1), values.shape)
    except ValueError:
        raise InputError(
            f"kalman_smoother: confidence of shape {np.shape(confidence)} does not fit values of "
            f"shape {values.shape}"
        ) from None
    return np.asarray(noise**2 / np.nan_to_num(sure, nan=1e-3))


def _forward(
    values: DoubleArray, variance: DoubleArray, steps: DoubleArray, jolt: float
) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Filter forward: (F, S, 2) states and (F, S, 2, 2) spreads after and before each value."""
    frames, count = values.shape
    states, guesses = np.zeros((2, frames, count, 2))
    spreads, doubts = np.zeros((2, frames, count, 2, 2))
    seen = ~np.isnan(values)
    first = np.where(seen.any(axis=0), seen.argmax(axis=0), 0)
    state = np.stack([np.nan_to_num(values[first, np.arange(count)]), np.zeros(count)], axis=-1)
    unsure = variance.max() * UNKNOWN
    spread = np.broadcast_to(np.diag([unsure, unsure]), (count, 2, 2))
    for frame, seconds in enumerate(steps):
        step = _transition(seconds)
        state = _times(step, state)
        spread = step @ spread @ step.T + jolt * _jolt(seconds)
        guesses[frame], doubts[frame] = state, spread
        gain = spread[..., 0] / (spread[..., 0, 0] + variance[frame])[:, None]
        gain = gain * seen[frame][:, None]
        state = state + gain * np.nan_to_num(values[frame] - state[:, 0])[:, None]
        spread = spread - gain[..., None] * spread[..., None, 0, :]
        states[frame], spreads[frame] = state, spread
    return states, spreads, guesses, doubts


def _transition(seconds: float) -> DoubleArray:
    return np.array([[1, seconds], [0, 1]])


def _jolt(seconds: float) -> DoubleArray:
    return np.array([[seconds**3 / 3, seconds**2 / 2], [seconds**2 / 2, seconds]])


def _times(matrix: DoubleArray, vectors: DoubleArray) -> DoubleArray:
    return np.asarray((matrix @ vectors[..., None])[..., 0])
