"""Fills short gaps in series of values."""

from dataclasses import dataclass

import numpy as np

from posetube.quantities import Seconds
from posetube.setting_checks import check_numbers
from posetube.structures import DoubleArray

from .checked import Floats, series


@dataclass(frozen=True, kw_only=True, slots=True)
class GapConfig:
    """Which joints that are missing for a moment are filled in."""

    longest: Seconds = 0.25
    """From the last frame before the gap to the first one after it, seconds, 0 or more."""

    def __post_init__(self) -> None:
        check_numbers(self, "longest", low=0)


def fill_gaps(times: Floats, values: Floats, *, max_gap: float) -> DoubleArray:
    """Interpolate short gaps linearly in time.

    Args:
        times: (F,) seconds, strictly rising.
        values: (F, ...), NaN where not seen.
        max_gap: Longest gap to fill, from the last value before it to the first value after it,
            seconds.

    Returns:
        (F, ...); NaN before the first value, after the last, and in longer gaps.
    """
    times, values = series("fill_gaps", times, values)
    if not len(values):
        return values
    flat = values.reshape(len(values), -1)
    frames = np.arange(len(flat))[:, None]
    seen = ~np.isnan(flat)
    before = np.maximum.accumulate(np.where(seen, frames, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, frames, len(flat))[::-1], axis=0)[::-1]
    inside = ~seen & (before >= 0) & (after < len(flat))
    one, two = np.where(inside, before, 0), np.where(inside, after, 0)
    length = times[two] - times[one]
    # Rounded times may make a gap of just the longest a little longer.
    short = inside & (length <= max_gap * (1 + 1e-9))
    share = (times[:, None] - times[one]) / np.where(short, length, 1)
    series_of = np.arange(flat.shape[1])
    line = (1 - share) * flat[one, series_of] + share * flat[two, series_of]
    return np.where(short, line, flat).reshape(values.shape)
