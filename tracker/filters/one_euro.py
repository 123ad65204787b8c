"""Smooths series causally with the One-Euro filter: strongly at rest, little during movement.

Source: Casiez, Roussel and Vogel, 1 Euro Filter, CHI 2012. Deviations: time constants follow from
real times, not from a rate; a value that was not seen leaves the state as it is.
"""

from dataclasses import dataclass

import numpy as np

from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray

from .checked import Floats, positive


@dataclass(frozen=True, kw_only=True, slots=True)
class OneEuroConfig:
    """How strongly the One-Euro filter smooths. Lengths are in sizes of the person."""

    min_cutoff: float = 3.0
    """Cut-off frequency at rest, hertz, above 0."""

    speed_coefficient: float = 20.0
    """Rise of the cut-off, hertz per size per second, 0 or more."""

    def __post_init__(self) -> None:
        check_numbers(self, "min_cutoff", above=0)
        check_numbers(self, "speed_coefficient", low=0)


class OneEuro:
    """A running filter over any number of values at once, frame by frame.

    Args:
        min_cutoff: Cut-off frequency at rest, hertz; lower is smoother and slower.
        speed_coefficient: Rise of the cut-off with speed, hertz per unit per second.
        speed_cutoff: Cut-off frequency for the speed itself, hertz.

    Raises:
        InputError: If a cut-off is not positive, or the coefficient negative.
    """

    def __init__(
        self, *, min_cutoff: float = 1.0, speed_coefficient: float = 0.01, speed_cutoff: float = 1.0
    ) -> None:
        positive("one_euro", min_cutoff=min_cutoff, speed_cutoff=speed_cutoff)
        positive("one_euro", speed_coefficient=speed_coefficient + 1)
        self._min_cutoff = min_cutoff
        self._coefficient = speed_coefficient
        self._speed_cutoff = speed_cutoff
        self._value: DoubleArray | None = None

    def update(
        self, value: Floats, *, time: float, confidence: Floats | float = 1.0
    ) -> DoubleArray:
        """Filter the values of one frame.

        Args:
            value: Any shape, the same each time; NaN where not seen.
            time: Seconds, rising.
            confidence: Does not matter to this filter.

        Returns:
            The same shape; NaN where not seen.
        """
        new: DoubleArray = np.array(value, np.float64)
        return self._filtered(new, time)

    def _filtered(self, value: DoubleArray, time: float) -> DoubleArray:
        seen = ~np.isnan(value)
        if self._value is None:
            self._value, self._speed = value, np.zeros(value.shape)
            self._time = np.full(value.shape, time)
            return np.array(value)
        first = np.isnan(self._value)
        passed = np.maximum(time - self._time, 1e-9)
        raw_speed = np.where(first, 0, (value - self._value) / passed)
        speed = self._speed + _share(passed, self._speed_cutoff) * (raw_speed - self._speed)
        cutoff = self._min_cutoff + self._coefficient * np.abs(speed)
        smooth = np.where(
            first, value, self._value + _share(passed, cutoff) * (value - self._value)
        )
        self._value = np.where(seen, smooth, self._value)
        self._speed = np.where(seen, speed, self._speed)
        self._time = np.where(seen, time, self._time)
        return np.where(seen, smooth, np.nan)


def _share(passed: DoubleArray, cutoff: DoubleArray | float) -> DoubleArray:
    """Weight of the new value in a low-pass filter, after some time."""
    turn = 2 * np.pi * cutoff * passed
    return np.asarray(turn / (turn + 1))
