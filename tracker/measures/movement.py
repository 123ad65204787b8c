"""Speeds and distances: how people move in the picture."""

import numpy as np

from posetube.structures import BoolArray, DoubleArray, IntArray

OVER = 0.2
"""Seconds over which a step of the way is measured: what trembles within them is no way."""


def speeds(times: DoubleArray, places: DoubleArray, *, apart: BoolArray) -> DoubleArray:
    """Speed of one person in each row.

    Args:
        times: (F,) rising, seconds.
        places: (F, 2) any unit.
        apart: (F,) whether a gap lies between a row and the one before it.

    Returns:
        (F,) units per second, from the rows around each row; NaN where there are none.
    """
    found = np.full(len(times), np.nan)
    before, after = np.arange(len(times)) - 1, np.arange(len(times)) + 1
    before = np.where(apart | (before < 0), np.arange(len(times)), before)
    closed = after >= len(times)
    after = np.minimum(after, len(times) - 1)
    after = np.where(closed | apart[after], np.arange(len(times)), after)
    spent = times[after] - times[before]
    moving = spent > 0
    way = np.linalg.norm(places[after] - places[before], axis=1)
    found[moving] = way[moving] / spent[moving]
    return found


def distance(times: DoubleArray, places: DoubleArray) -> float:
    """How long a way is, in the unit of the places: straight pieces of :data:`OVER` seconds.

    Args:
        times: (F,) rising, seconds.
        places: (F, 2); rows with NaN are passed over.
    """
    known = np.isfinite(places).all(axis=1)
    times, places = times[known], places[known]
    if len(times) < 2:
        return 0.0
    marks = _every(times, OVER)
    return float(np.linalg.norm(np.diff(places[marks], axis=0), axis=1).sum())


def _every(times: DoubleArray, span: float) -> IntArray:
    """Rows that lie at least a span apart; the first and the last among them."""
    marks = [0]
    for row, time in enumerate(times):
        if time - times[marks[-1]] >= span:
            marks.append(row)
    if marks[-1] != len(times) - 1:
        marks.append(len(times) - 1)
    return np.array(marks)
