"""Smooths series with the Rauch-Tung-Striebel smoother, from past and future, against outliers.

The model is nearly constant velocity; a measurement's noise follows from its confidence. The
smoother is zero-phase: nothing lags.

The most probable path is found directly, as the solution of one banded linear system per series.
That gives the same numbers as a Kalman filter forward and the smoother backward, in the time of a
library call. The system holds only the frames where the value was seen: long waits in short steps
would cost it its digits. A value far from the path is likely a mistake of the detector rather than
a large error of the usual kind: errors are taken to have heavier tails than a normal distribution,
and the path is found again a few times with weights that follow from its distance to each value.

Source: Rauch, Tung and Striebel, 1965, for the model of Bar-Shalom et al., Estimation with
Applications to Tracking and Navigation, 2001 (white noise acceleration); Lange, Little and Taylor,
Robust Statistical Modeling Using the t Distribution, 1989.
"""

from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray

from .checked import Floats, positive, series

DOUBT = 4
"""The noise grows with the inverse of a value's confidence to this power: chosen on sixteen drawn
clips, where joints that are hidden gained most from it, and 5 was worse."""

LEAST_CONFIDENCE = 0.2
"""Lower confidences count as this, six hundred times the noise: the path stays defined where
nothing is sure."""

LEAST_STEP = 1e-3
"""Shorter steps count as this, seconds: the system grows with their inverse cube, and its digits
run out. Only films of over 1000 frames per second notice."""

REWEIGHTINGS = 3
"""How often the weights are computed; more changes less than a thousandth of the noise."""

STILL = 1e-9
"""Weight of a speed of 0, so small that it only counts where no second value says how fast."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KalmanConfig:
    """How strongly the smoother and the running filter smooth. Lengths are in sizes of the person.

    The defaults were chosen on drawn and filmed people who walk, jump and throw: more noise or less
    restlessness is steadier at rest, but cuts the corners of quick movements.
    """

    noise: float = 0.03
    """Standard deviation of a sure joint, in sizes of the person, above 0."""

    restlessness: float = 4.0
    """Standard deviation of the change of a joint's speed in one second, in sizes per second,
    above 0."""

    limb_restlessness: float = 3.0
    """The same of a joint as seen from the person's middle; ``running-kalman`` does not use it."""

    tail: float = 4.0
    """Degrees of freedom of the errors, above 0: the fewer, the less a far value pulls; from 1000
    on errors count as normally distributed."""

    by_score: bool | None = None
    """Whether a joint with a low score counts less. That is right where scores are probabilities of
    being right, as those of the embedded model are. The height of a softmax over a map is small
    for good joints too, and joints that all seem doubtful are smoothed beyond recognition. None:
    as is right for the model; joints from a file count by their scores."""

    def __post_init__(self) -> None:
        check_numbers(self, "noise", "restlessness", "limb_restlessness", "tail", above=0)


def kalman_smoother(
    times: Floats,
    values: Floats,
    *,
    confidence: Floats | None = None,
    noise: float = 2.0,
    restlessness: float = 100.0,
    tail: float = 4.0,
) -> DoubleArray:
    """Smooth finished series.

    Args:
        times: (F,) seconds, strictly rising.
        values: (F, ...), NaN where not seen.
        confidence: (F, ...) in [0, 1], broadcast against the values; a confidence of 0.5 makes the
            noise sixteen times as large. None: all 1.
        noise: Standard deviation of a sure value, in the unit of the values.
        restlessness: Standard deviation of the change of speed in one second, in units per second.
            Larger values follow faster movement, smaller ones are smoother.
        tail: Degrees of freedom of the errors; see :class:`KalmanConfig`.

    Returns:
        (F, ...), NaN where not seen.

    Raises:
        InputError: If noise, restlessness or tail is not positive, the shapes do not fit, or the
            settings are too extreme for the digits of a number.
    """
    times, values = series("kalman_smoother", times, values)
    positive("kalman_smoother", noise=noise, restlessness=restlessness, tail=tail)
    flat = values.reshape(len(values), -1)
    seen = ~np.isnan(flat)
    sure = (_confidence(values, confidence).reshape(flat.shape) ** DOUBT / noise) ** 2
    whole = _motion_information(times, jolt=restlessness**2)
    smooth = np.full(flat.shape, np.nan)
    try:
        for one in np.flatnonzero(seen.any(axis=0)):
            rows, motion = seen[:, one], whole
            if not rows.all():
                motion = _motion_information(times[rows], jolt=restlessness**2)
            smooth[rows, one] = _robust_path(flat[rows, one], sure[rows, one], motion, tail)
    except np.linalg.LinAlgError:
        raise InputError(
            f"kalman_smoother: restlessness {restlessness:g} is too small beside noise {noise:g} "
            "to compute with; choose a larger one"
        ) from None
    return smooth.reshape(values.shape)


def _robust_path(
    values: DoubleArray, sure: DoubleArray, motion: DoubleArray, tail: float
) -> DoubleArray:
    """The most probable path of one series, (F,) values with (F,) information (1 / variance)."""
    # around the middle: the numbers stay small, and what lies far away loses no digits
    middle = values.mean()
    values = values - middle
    path = _path(values, sure, motion)
    for _ in range(REWEIGHTINGS):
        distance = sure * (values - path) ** 2
        path = _path(values, sure * (tail + 1) / (tail + distance), motion)
    return np.asarray(path + middle)


def _path(values: DoubleArray, sure: DoubleArray, motion: DoubleArray) -> DoubleArray:
    from scipy.linalg import solveh_banded  # slow to import; settings alone need no solver

    system, right = motion.copy(), np.zeros(motion.shape[1])
    system[0, 0::2] += sure
    right[0::2] = sure * values
    return np.asarray(solveh_banded(system, right, lower=True, check_finite=False)[0::2])


def _motion_information(times: DoubleArray, *, jolt: float) -> DoubleArray:
    """What the model says of places and speeds x0 v0 x1 v1 ..., before anything is seen.

    Returns:
        (4, 2 F) lower bands of the information matrix, as :func:`scipy.linalg.solveh_banded` reads
        them. It is the sum over all steps of J' Q^-1 J, J = (-1 -t 1 0; 0 -1 0 1) for a step of t
        seconds and the noise Q = jolt (t^3/3 t^2/2; t^2/2 t).
    """
    bands = np.zeros((4, 2 * len(times)))
    bands[0, 1::2] = STILL
    step = np.maximum(np.diff(times), LEAST_STEP)
    start = 2 * np.arange(len(step))
    cubed, squared, plain = 12 / step**3 / jolt, 6 / step**2 / jolt, 4 / step / jolt
    bands[0, start] += cubed
    bands[0, start + 1] += plain
    bands[0, start + 2] += cubed
    bands[0, start + 3] += plain
    bands[1, start] += squared
    bands[1, start + 1] -= squared
    bands[1, start + 2] -= squared
    bands[2, start] -= cubed
    bands[2, start + 1] += plain / 2
    bands[3, start] += squared
    return bands


def _confidence(values: DoubleArray, confidence: Floats | None) -> DoubleArray:
    if confidence is None:
        return np.ones(values.shape)
    try:
        sure = np.broadcast_to(confidence, values.shape)
    except ValueError:
        raise InputError(
            f"kalman_smoother: confidence of shape {np.shape(confidence)} does not fit values of "
            f"shape {values.shape}"
        ) from None
    return np.asarray(np.clip(np.nan_to_num(sure, nan=0.0), LEAST_CONFIDENCE, 1))
