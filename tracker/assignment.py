"""Which row goes with which column: the cheapest set of pairs under a gate.

A pair is allowed where its cost is below the limit; every pair made saves ``limit - cost``, and the
set that saves most wins. So a person may stay alone when company would cost more than the limit.

Ties follow one rule, whichever library solves: among all cheapest sets, the first row takes the
lowest column that any of them gives it (a column before none), then the second row, and so on.
Greedy choice takes the cheapest pair first; among equals the lowest row, then the lowest column.
The rule is given up only where thousands hang together, as in a whole video (:data:`MANY`).

Not here: what a pair costs (:mod:`.link_cost`), the published tracker's solver without a gate
(:mod:`.paper`).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import (
    connected_components,
    maximum_bipartite_matching,
    min_weight_full_bipartite_matching,
)

from posetube.errors import InputError

try:
    import lap
except ImportError:
    lap = None

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Library = Literal["lap", "scipy"]
Solver = Callable[[Doubles], Ints]

TIE = 1e-9
"""Costs that differ by less are equal."""

MANY = 1000
"""Where more rows than this hang together (more than people in a frame), SciPy's sparse solver
decides, ties included: memory then grows with the pairs, not with the square of the rows."""

PASSES = 10
"""How often certain pairs are looked for: each time, those made before have freed others."""


def solve(cost: Doubles, *, limit: float, library: Library | None = None) -> tuple[Ints, Ints]:
    """Pair rows and columns so that as much as possible is saved below the limit.

    Args:
        cost: (N, M); inf or NaN where a pair is forbidden.
        limit: The gate: only pairs that cost less are made. Finite.
        library: What solves; None: lap where it is installed, otherwise SciPy.

    Returns:
        Rows, rising, and the column of each: at most min(N, M) pairs.

    Raises:
        InputError: If the cost is not a matrix, the limit not finite, or lap asked for and absent.

    Examples:
        Taking 0.1 first would leave the second row alone; 0.2 + 0.3 saves more.

        >>> rows, columns = solve(np.array([[0.1, 0.2], [0.3, 0.9]]), limit=0.8)
        >>> rows.tolist(), columns.tolist()
        ([0, 1], [1, 0])
    """
    if cost.ndim != 2:
        raise InputError(f"solve: expected a cost matrix (N, M), got {cost.shape}")
    rows, columns = np.nonzero(cost < limit)
    made = solve_pairs(rows, columns, cost[rows, columns], limit=limit, library=library)
    return rows[made], columns[made]


def solve_pairs(
    rows: Ints, columns: Ints, cost: Doubles, *, limit: float, library: Library | None = None
) -> Ints:
    """What :func:`solve` does, where only few pairs can be made.

    Args:
        rows: (P,) row of each pair, rising; columns rise within a row.
        columns: (P,) its column.
        cost: (P,) what it costs.
        limit: The gate.
        library: See :func:`solve`.

    Returns:
        Which pairs are made, rising.
    """
    if not np.isfinite(limit):
        raise InputError(f"solve: the limit must be finite, got {limit}")
    if library == "lap" and lap is None:
        raise InputError("solve: library 'lap' is not installed; pip install lap, or use 'scipy'")
    dense = _by_scipy if library == "scipy" or lap is None else _by_lap
    allowed = np.flatnonzero(cost < limit - TIE)
    made, allowed = _certain(rows, columns, cost - limit, allowed)
    for group in _groups(rows[allowed], columns[allowed]):
        pairs = allowed[group]
        made.append(pairs[_chosen(rows[pairs], columns[pairs], cost[pairs] - limit, dense)])
    return np.sort(np.concatenate(made))


def solve_greedy(cost: Doubles, *, limit: float) -> tuple[Ints, Ints]:
    """Take the cheapest pair again and again.

    Args:
        cost: (N, M); inf or NaN where a pair is forbidden.
        limit: The gate: only pairs that cost less are made.

    Returns:
        Rows, rising, and the column of each.
    """
    rows, columns = np.nonzero(cost < limit - TIE)
    column_of = np.full(len(cost), -1)
    taken = np.zeros(cost.shape[1], bool)
    for place in np.argsort(cost[rows, columns], kind="stable"):
        row, column = rows[place], columns[place]
        if column_of[row] < 0 and not taken[column]:
            column_of[row], taken[column] = column, True
    rows = np.flatnonzero(column_of >= 0)
    return rows, column_of[rows]


def margins(cost: Doubles, rows: Ints, columns: Ints, *, limit: float) -> Doubles:
    """How clearly each pair beat its runner-up: the next best cost in its row or column.

    Args:
        cost: (N, M) as given to :func:`solve`.
        rows: (P,) rows of the pairs.
        columns: (P,) their columns.
        limit: The gate; a rival beyond it is none.

    Returns:
        (P,) cost of the runner-up less that of the pair (negative where the best total gave up a
        cheaper pair); inf where there was no rival.
    """
    rivals = np.where(cost < limit, cost, np.inf)
    own = rivals[rows, columns]
    across, down = rivals[rows], rivals[:, columns].T
    across[np.arange(len(rows)), columns] = np.inf
    down[np.arange(len(rows)), rows] = np.inf
    best = np.minimum(across.min(axis=1, initial=np.inf), down.min(axis=1, initial=np.inf))
    return np.asarray(best - own)


def _certain(rows: Ints, columns: Ints, gain: Doubles, allowed: Ints) -> tuple[list[Ints], Ints]:
    """The pairs that every best set must have, and what is left to decide once they are made.

    Such a pair saves more than its best rivals in row and column together: whichever set lacks it
    becomes better by putting it in their place. This takes long chains apart, which people who are
    missed now and then would otherwise form all through a video.
    """
    made: list[Ints] = []
    for _ in range(PASSES):
        row, column, own = rows[allowed], columns[allowed], gain[allowed]
        sure = own < _best_rival(row, own) + _best_rival(column, own) - TIE
        made.append(allowed[sure])
        allowed = allowed[~np.isin(row, row[sure]) & ~np.isin(column, column[sure])]
        if not sure.any():
            break
    return made, allowed


def _best_rival(line: Ints, gain: Doubles) -> Doubles:
    """For each pair the best gain of another on the same line (row or column); 0: it is alone."""
    order = np.lexsort((gain, line))
    sorted_line, sorted_gain = line[order], np.append(gain[order], 0.0)
    first = np.append(True, sorted_line[1:] != sorted_line[:-1])[: len(line)]
    alone = np.append(first[1:], True)[: len(line)]
    best = np.flatnonzero(first)
    rival = np.repeat(sorted_gain[best], np.diff(np.append(best, len(line))))
    rival[best] = np.where(alone[best], 0, sorted_gain[best + 1])
    out = np.empty(len(line))
    out[order] = rival
    return out


def _groups(rows: Ints, columns: Ints) -> list[Ints]:
    """Split pairs into groups that have no row and no column in common."""
    if not len(rows):
        return []
    n, m = rows.max() + 1, columns.max() + 1
    links = csr_array((np.ones(len(rows)), (rows, n + columns)), shape=(n + m, n + m))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group[rows], kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[rows][order])) + 1)


def _chosen(rows: Ints, columns: Ints, gain: Doubles, dense: Solver) -> Ints:
    """Which pairs of a group save most together; all gains are negative."""
    _, row = np.unique(rows, return_inverse=True)
    _, column = np.unique(columns, return_inverse=True)
    if row[-1] == 0 or column.max() == 0:
        return np.flatnonzero(gain <= gain.min() + TIE)[:1]
    if row[-1] >= MANY:
        return _by_sparse_scipy(row, column, gain)
    square = np.zeros((max(row[-1], column.max()) + 1,) * 2)
    square[row, column] = gain
    best = _settle_ties(square, dense(square))
    return np.flatnonzero(best[row] == column)


def _by_lap(square: Doubles) -> Ints:
    _, columns, _ = lap.lapjv(square)
    return np.asarray(columns, np.int64)


def _by_scipy(square: Doubles) -> Ints:
    return np.asarray(linear_sum_assignment(square)[1], np.int64)


def _by_sparse_scipy(row: Ints, column: Ints, gain: Doubles) -> Ints:
    """Which pairs save most together; each row may stay alone, with a column of its own."""
    n, m = row[-1] + 1, column.max() + 1
    rows, columns = np.append(row, np.arange(n)), np.append(column, m + np.arange(n))
    # Only differences count, and a stored zero would be no pair.
    weights = np.append(gain, np.zeros(n)) - gain.min() + 1
    graph = csr_array((weights, (rows, columns)), shape=(n, m + n))
    _, best = min_weight_full_bipartite_matching(graph)
    return np.flatnonzero(best[row] == column)


def _settle_ties(square: Doubles, columns: Ints) -> Ints:
    """The first of all cheapest assignments, given one of them.

    Linear programming says that an assignment is cheapest exactly if it uses only tight cells:
    those whose cost equals the sum of their row's and column's prices. So the prices are found
    first, and then each row in turn tries its lower tight columns.
    """
    rows = np.arange(len(square))
    price = np.zeros(len(square))
    for _ in rows:
        lower = np.minimum(
            price, ((price[columns] - square[rows, columns])[:, None] + square).min(0)
        )
        if np.array_equal(lower, price):
            break
        price = lower
    tight = square - price <= (square[rows, columns] - price[columns])[:, None] + TIE
    made = square < 0
    for row in rows:
        current = columns[row] if made[row, columns[row]] else len(square)
        for column in np.flatnonzero(tight[row, :current] & made[row, :current]):
            trial = tight.copy()
            trial[row] = np.arange(len(square)) == column
            found = maximum_bipartite_matching(csr_array(trial), perm_type="column")
            if (found >= 0).all():
                columns = found.astype(np.int64)
                break
        paired = made[row, columns[row]]
        tight[row] = rows == columns[row] if paired else tight[row] & ~made[row]
    return columns
