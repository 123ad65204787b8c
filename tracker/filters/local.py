"""Smooths series over a window around each frame: Savitzky-Golay and median; zero-phase.

Windows are measured in seconds, so that dropped frames and variable rates do no harm.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from posetube.errors import InputError
from posetube.quantities import Seconds
from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray

from .checked import Floats, positive, series


@dataclass(frozen=True, kw_only=True, slots=True)
class SavitzkyGolayConfig:
    """How strongly the Savitzky-Golay filter smooths."""

    window: Seconds = 0.25
    """Width of the window, seconds, above 0."""

    order: int = 2
    """Order of the polynomial, 0 or more."""

    def __post_init__(self) -> None:
        check_numbers(self, "window", above=0)
        check_numbers(self, "order", low=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class MedianConfig:
    """How strongly the median smooths."""

    window: Seconds = 0.25
    """Width of the window, seconds, above 0."""

    def __post_init__(self) -> None:
        check_numbers(self, "window", above=0)


def savitzky_golay(
    times: Floats, values: Floats, *, window: float = 0.3, order: int = 2
) -> DoubleArray:
    """Fit a polynomial in time around each frame, and return its value there.

    Args:
        times: (F,) seconds, strictly rising.
        values: (F, ...), NaN where not seen.
        window: Width of the window, seconds.
        order: Order of the polynomial; it is lower where too few values are seen.

    Returns:
        (F, ...), NaN where not seen.

    Raises:
        InputError: If the window is not positive, or the order negative.

    Source: Savitzky and Golay, 1964. Here by weighted least squares, because times may be uneven
    and values missing. On even, complete series it equals SciPy's filter, except at the ends.
    """
    times, values = series("savitzky_golay", times, values)
    positive("savitzky_golay", window=window)
    if order < 0:
        raise InputError(f"savitzky_golay: order must be 0 or more, got {order}")
    flat = values.reshape(len(values), -1)
    seen = ~np.isnan(flat)
    out = np.full(flat.shape, np.nan)
    for frame, rows in _windows(times, window):
        offset = (times[rows] - times[frame]) / window
        powers = offset[:, None] ** np.arange(order + 1)
        counted = seen[rows].astype(np.float64)
        out[frame] = _fitted(powers, np.nan_to_num(flat[rows]), counted)
    return np.where(seen, out, np.nan).reshape(values.shape)


def median(times: Floats, values: Floats, *, window: float = 0.2) -> DoubleArray:
    """Take the median around each frame, which removes single outliers and keeps steps.

    Args:
        times: (F,) seconds, strictly rising.
        values: (F, ...), NaN where not seen.
        window: Width of the window, seconds.

    Returns:
        (F, ...), NaN where not seen.

    Raises:
        InputError: If the window is not positive.
    """
    times, values = series("median", times, values)
    positive("median", window=window)
    flat = values.reshape(len(values), -1)
    out = np.full(flat.shape, np.nan)
    for frame, rows in _windows(times, window):
        seen = np.flatnonzero(~np.isnan(flat[frame]))
        out[frame, seen] = np.nanmedian(flat[rows, seen], axis=0)
    return out.reshape(values.shape)


def _windows(times: DoubleArray, width: float) -> Iterator[tuple[int, slice]]:
    """Each frame with the frames at most half a window away."""
    slack = width / 2 * (1 + 1e-9)
    low = np.searchsorted(times, times - slack, side="left")
    high = np.searchsorted(times, times + slack, side="right")
    for frame, (first, last) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        yield frame, slice(first, last)


def _fitted(powers: DoubleArray, values: DoubleArray, counted: DoubleArray) -> DoubleArray:
    """Value at offset 0 of the polynomials fitted to W values of S series, (W, S) to (S,)."""
    products = np.einsum("ws,wp,wq->spq", counted, powers, powers)
    # A tiny regularisation that grows with the power: where there are too few values for the order,
    # the high powers go to 0 instead of making the system singular.
    products += np.diag(1e-9 * 10.0 ** np.arange(powers.shape[1]) - 1e-9)
    right = np.einsum("ws,ws,wp->sp", counted, values, powers)
    empty = counted.sum(axis=0) == 0
    products[empty] = np.eye(powers.shape[1])
    return np.asarray(np.linalg.solve(products, right[..., None])[:, 0, 0])
