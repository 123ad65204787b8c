"""Checks the input and the settings of the filters."""

import numpy as np
import numpy.typing as npt

from posetube.errors import InputError
from posetube.structures import DoubleArray

Floats = npt.NDArray[np.floating]


def series(name: str, times: Floats, values: Floats) -> tuple[DoubleArray, DoubleArray]:
    """Check times and values, and return them as float64.

    Args:
        name: Of the filter, for the message.
        times: (F,) seconds, strictly rising.
        values: (F, ...).

    Raises:
        InputError: If the lengths differ or the times do not rise.
    """
    if np.ndim(times) != 1 or len(times) != len(values):
        raise InputError(
            f"{name}: expected one time per row of values, got {np.shape(times)} and "
            f"{np.shape(values)}"
        )
    if not (np.diff(times) > 0).all():
        raise InputError(f"{name}: times must rise strictly; smooth each stretch on its own")
    return np.asarray(times, np.float64), np.asarray(values, np.float64)


def positive(name: str, **settings: float) -> None:
    """Refuse settings that are not positive numbers.

    Raises:
        InputError: Names the filter, the first such setting and its value.
    """
    for setting, value in settings.items():
        if not 0 < value < np.inf:
            raise InputError(f"{name}: {setting} must be positive, got {value}")
