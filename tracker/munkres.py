"""Solves assignments by the textbook Hungarian method, with ties as in the published program.

The published tracker used a SciPy that worked with Munkres' starred and primed zeros. Newer SciPy
and :mod:`.assignment` use shortest paths, which are faster but choose another solution where
several cost the same. To reproduce the published ids, ties must be broken in the old order.

Source: Munkres, Algorithms for the Assignment and Transportation Problems, 1957, with the scanning
order of scipy 1.2's ``linear_sum_assignment`` (rows first, the lowest index first).
"""

import numpy as np
import numpy.typing as npt

from posetube.structures import IntArray


def munkres(cost: npt.NDArray[np.floating]) -> tuple[IntArray, IntArray]:
    """Pair as many rows and columns as possible at the lowest total cost.

    Args:
        cost: (N, M), finite.

    Returns:
        Rows, rising, and the column of each: min(N, M) pairs.
    """
    if cost.shape[0] > cost.shape[1]:
        columns, rows = munkres(cost.T)
        order = np.argsort(rows)
        return rows[order], columns[order]
    table = _Table(cost)
    while table.cover_starred_columns() < len(cost):
        while (zero := table.uncovered_zero()) is None:
            table.make_a_zero()
        while not table.prime(zero):
            while (zero := table.uncovered_zero()) is None:
                table.make_a_zero()
        table.flip_path(zero)
    rows, columns = np.nonzero(table.starred)
    return rows, columns


class _Table:
    """The reduced costs and their marks; at most as many rows as columns."""

    def __init__(self, cost: npt.NDArray[np.floating]) -> None:
        self.cost = cost - cost.min(axis=1, initial=np.inf, keepdims=True)
        self.starred = np.zeros(cost.shape, bool)
        self.primed = np.zeros(cost.shape, bool)
        self.open_rows = np.ones(cost.shape[0], bool)
        self.open_columns = np.ones(cost.shape[1], bool)
        for row, column in np.argwhere(self.cost == 0):
            if not self.starred[row].any() and not self.starred[:, column].any():
                self.starred[row, column] = True

    def cover_starred_columns(self) -> int:
        """Start a round, and return the number of pairs so far."""
        self.primed[:] = False
        self.open_rows[:] = True
        self.open_columns[:] = ~self.starred.any(axis=0)
        return int(self.starred.sum())

    def uncovered_zero(self) -> tuple[int, int] | None:
        """Find the first uncovered zero, row by row."""
        zeros = (self.cost == 0) & self.open_rows[:, None] & self.open_columns
        if not zeros.any():
            return None
        row, column = np.unravel_index(np.argmax(zeros), zeros.shape)
        return int(row), int(column)

    def make_a_zero(self) -> None:
        """Shift the costs by the lowest uncovered one."""
        least = self.cost[np.ix_(self.open_rows, self.open_columns)].min()
        self.cost[~self.open_rows] += least
        self.cost[:, self.open_columns] -= least

    def prime(self, zero: tuple[int, int]) -> bool:
        """Mark a zero; return True if its row has no star, so that a longer path begins here."""
        row, column = zero
        self.primed[row, column] = True
        stars = np.flatnonzero(self.starred[row])
        if not len(stars):
            return True
        self.open_rows[row] = False
        self.open_columns[stars[0]] = True
        return False

    def flip_path(self, zero: tuple[int, int]) -> None:
        """Swap stars and primes along the path that ends in this prime, which adds one pair."""
        row, column = zero
        while True:
            above = np.flatnonzero(self.starred[:, column])
            self.starred[row, column] = True
            if not len(above):
                return
            row = int(above[0])
            self.starred[row, column] = False
            column = int(np.flatnonzero(self.primed[row])[0])
