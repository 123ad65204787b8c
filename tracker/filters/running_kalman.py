"""Smooths series with a Kalman filter, frame by frame, by what was seen so far, against outliers.

The model is that of the smoother in :mod:`.kalman`, which also knows the future: nearly constant
velocity, noise by confidence, errors with heavy tails. A value far from where it was expected is
hardly believed, but the longer nothing was believed the wider is what is expected.

Source: Kalman, A New Approach to Linear Filtering and Prediction Problems, 1960; the weights of far
values as in :mod:`.kalman`.
"""

import numpy as np

from posetube.structures import DoubleArray

from .checked import Floats, positive
from .kalman import DOUBT, LEAST_CONFIDENCE, LEAST_STEP, REWEIGHTINGS


class RunningKalman:
    """A running filter over any number of values at once, frame by frame.

    Args:
        noise: Standard deviation of a sure value, in the unit of the values.
        restlessness: Standard deviation of the change of speed in one second, in units per second;
            of the speed itself when a value is first seen.
        tail: Degrees of freedom of the errors; see :class:`.kalman.KalmanConfig`.

    Raises:
        InputError: If one of them is not positive.
    """

    def __init__(
        self, *, noise: float = 2.0, restlessness: float = 100.0, tail: float = 4.0
    ) -> None:
        positive("running_kalman", noise=noise, restlessness=restlessness, tail=tail)
        self._noise, self._jolt, self._tail = noise**2, restlessness**2, tail
        # place, speed, and their variances: of the place, of both together, of the speed
        self._known: DoubleArray | None = None
        self._time = 0.0

    def update(
        self, value: Floats, *, time: float, confidence: Floats | float = 1.0
    ) -> DoubleArray:
        """Filter the values of one frame.

        Args:
            value: Any shape, the same each time; NaN where not seen.
            time: Seconds, rising.
            confidence: In [0, 1], broadcast against the values; see
                :func:`.kalman.kalman_smoother`.

        Returns:
            The same shape; NaN where not seen.
        """
        seen: DoubleArray = np.array(value, np.float64)
        variance = self._noise / np.clip(confidence, LEAST_CONFIDENCE, 1) ** (2 * DOUBT)
        nothing = np.zeros(seen.shape)
        found = np.stack(
            np.broadcast_arrays(seen, nothing, variance, nothing, nothing + self._jolt)
        )
        if self._known is not None:
            expected = self._expected(time)
            again = self._corrected(expected, seen, variance)
            # Who is first seen has no expectation, who is not seen has nothing else.
            found = np.where(np.isnan(expected[0]), found, again)
            found = np.where(np.isnan(seen), expected, found)
        self._known, self._time = found, time
        return np.where(np.isnan(seen), np.nan, found[0])

    def _expected(self, time: float) -> DoubleArray:
        """What is known of a frame before it is seen."""
        assert self._known is not None
        place, speed, place_variance, both, speed_variance = self._known
        step = max(time - self._time, LEAST_STEP)
        return np.stack(
            [
                place + step * speed,
                speed,
                place_variance
                + step * (2 * both + step * (speed_variance + step * self._jolt / 3)),
                both + step * (speed_variance + step * self._jolt / 2),
                speed_variance + step * self._jolt,
            ]
        )

    def _corrected(
        self, expected: DoubleArray, value: DoubleArray, variance: DoubleArray
    ) -> DoubleArray:
        """What is known after values were seen."""
        place, speed, place_variance, both, speed_variance = expected
        surprise, noise = value - place, variance
        for _ in range(REWEIGHTINGS):
            # By what the correction leaves: a far value counts as a noisier one, as the weights of
            # a t distribution have it, and so pulls less.
            left = surprise * noise / (place_variance + noise)
            noise = variance * (self._tail + left**2 / variance) / (self._tail + 1)
        gain, of_speed = place_variance / (place_variance + noise), both / (place_variance + noise)
        return np.stack(
            [
                place + gain * surprise,
                speed + of_speed * surprise,
                gain * noise,
                of_speed * noise,
                speed_variance - of_speed * both,
            ]
        )
