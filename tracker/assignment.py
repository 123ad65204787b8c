"""Pairs rows with columns: the cheapest set of pairs below a gate.

A pair is allowed if its cost is below the limit. Each pair made saves ``limit - cost``, and the set
that saves most wins. A row without an affordable column stays alone.

Ties follow one rule, whichever library solves: among all cheapest sets, the first row takes the
lowest column that any of them gives it (any column rather than none), then the second row, and so
on. The greedy solver takes the cheapest pair first; among equals, the lowest row, then the lowest
column. Only groups of more than :data:`MANY` rows, as in a whole video, are exempt from this rule.

Not here: what a pair costs (:mod:`.link_cost`), the published tracker's solver without a gate
(:mod:`.paper`).
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Literal

import numpy as np

from posetube.errors import InputError
from posetube.shortage import require_memory
from posetube.structures import BoolArray, DoubleArray, IntArray

try:
    import lap
except ImportError:
    lap = None

Library = Literal["lap", "scipy"]
Solver = Callable[[DoubleArray], IntArray]

TIE = 1e-9
"""Costs that differ by less count as equal."""

MANY = 1000
"""Groups with more rows than this (more than people in a frame) go to SciPy's sparse solver, which
breaks ties its own way. Its memory grows with the pairs, not with the square of the rows."""

SCIPY = 1 << 27
"""Bytes that SciPy maps when it is loaded."""

SCIPY_THREAD = 40 << 20
"""Bytes that its linear algebra maps for each processor. It waits for ever where it gets none."""

PASSES = 10
"""How often to look for certain pairs: each pass may make more pairs certain in the next."""


def solve(
    cost: DoubleArray, *, limit: float, library: Library | None = None
) -> tuple[IntArray, IntArray]:
    """Pair rows and columns so that as much as possible is saved below the limit.

    Args:
        cost: (N, M); inf or NaN forbids a pair.
        limit: The gate: only pairs that cost less are made. Finite.
        library: The solver; None: lap if it is installed, otherwise SciPy.

    Returns:
        Rows, rising, and the column of each: at most min(N, M) pairs.

    Raises:
        InputError: If the cost is not a matrix, the limit is not finite, or lap is asked for but
            not installed.
        ResourceError: If there is too little memory to load SciPy.

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
    rows: IntArray,
    columns: IntArray,
    cost: DoubleArray,
    *,
    limit: float,
    library: Library | None = None,
) -> IntArray:
    """Do the same as :func:`solve` for a sparse matrix, given as a list of pairs.

    Args:
        rows: (P,) row of each pair, rising; columns rise within a row.
        columns: (P,) its column.
        cost: (P,) its cost.
        limit: The gate.
        library: See :func:`solve`.

    Returns:
        Indices of the pairs that are made, rising.

    Raises:
        InputError: If the limit is not finite, or lap is asked for but not installed.
        ResourceError: If there is too little memory to load SciPy.
    """
    if not np.isfinite(limit):
        raise InputError(f"solve: the limit must be finite, got {limit}")
    if library == "lap" and lap is None:
        raise InputError("solve: library 'lap' is not installed; pip install lap, or use 'scipy'")
    dense = _by_scipy if library == "scipy" or lap is None else _by_lap
    allowed = np.flatnonzero(cost < limit - TIE)
    if len(allowed) < 2:
        return allowed
    # Most pairs are obvious. What is left falls into small groups, so that the time grows with the
    # number of pairs rather than with the cube of the rows.
    made, allowed = _certain(rows, columns, cost - limit, allowed)
    for group in _groups(rows[allowed], columns[allowed]):
        pairs = allowed[group]
        made.append(pairs[_chosen(rows[pairs], columns[pairs], cost[pairs] - limit, dense)])
    return np.sort(np.concatenate(made))


def solve_greedy(cost: DoubleArray, *, limit: float) -> tuple[IntArray, IntArray]:
    """Take the cheapest remaining pair again and again.

    Args:
        cost: (N, M); inf or NaN forbids a pair.
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


def margins(cost: DoubleArray, rows: IntArray, columns: IntArray, *, limit: float) -> DoubleArray:
    """How clearly each pair beat its runner-up, the next best cost in its row or column.

    Args:
        cost: (N, M) as given to :func:`solve`.
        rows: (P,) rows of the pairs, each at most once.
        columns: (P,) their columns, each at most once.
        limit: The gate; a cost at or above it is no rival.

    Returns:
        (P,) cost of the runner-up less that of the pair: negative if the best total gave up a
        cheaper pair, inf if there was no rival.
    """
    rivals = np.where(cost < limit, cost, np.inf)
    own = rivals[rows, columns]
    # Each row and column has one pair at most, so what is left of them are its rivals.
    rivals[rows, columns] = np.inf
    best = np.minimum(
        rivals.min(axis=1, initial=np.inf)[rows], rivals.min(axis=0, initial=np.inf)[columns]
    )
    return np.asarray(best - own)


def _certain(
    rows: IntArray, columns: IntArray, gain: DoubleArray, allowed: IntArray
) -> tuple[list[IntArray], IntArray]:
    """Find the pairs that every best set contains, and the pairs that are still open then.

    A pair is certain if it saves more than its best rival in the row and its best rival in the
    column together: a set without the pair improves when it takes their place. In a whole video,
    people who are missed now and then link into long chains; certain pairs cut these into small
    groups, which the dense solver can handle.
    """
    made: list[IntArray] = []
    for _ in range(PASSES):
        row, column, own = rows[allowed], columns[allowed], gain[allowed]
        sure = own < _best_rival(row, own) + _best_rival(column, own) - TIE
        made.append(allowed[sure])
        allowed = allowed[_open(row, sure) & _open(column, sure)]
        if not sure.any() or not len(allowed):
            break
    return made, allowed


def _open(line: IntArray, sure: BoolArray) -> BoolArray:
    """For each pair, whether no sure pair is in its line (row or column)."""
    taken = np.zeros(line.max(initial=-1) + 1, np.bool_)
    taken[line[sure]] = True
    return ~taken[line]


def _best_rival(line: IntArray, gain: DoubleArray) -> DoubleArray:
    """For each pair, the best gain of another pair in its line (row or column); 0 if alone."""
    order, places = np.lexsort((gain, line)), np.arange(len(line))
    lines, gains = np.append(line[order], -1), np.append(gain[order], 0.0)
    best = np.searchsorted(lines[:-1], lines[:-1])
    # the rival of a line's best pair is the one behind it, that of all others the best
    rival = np.where(best == places, places + 1, best)
    out = np.empty(len(line))
    out[order] = np.where(lines[rival] == lines[:-1], gains[rival], 0)
    return out


def _groups(rows: IntArray, columns: IntArray) -> list[IntArray]:
    """Split pairs into groups that share no row and no column, the first pair's group first."""
    if not len(rows):
        return []
    leader, known = np.arange(len(rows)), np.empty(0, np.int64)
    while not np.array_equal(leader, known):
        known = leader  # of each pair, the first one that it is known to meet
        for line in (rows, columns):
            first = np.full(line.max() + 1, len(line))
            np.minimum.at(first, line, leader)
            leader = first[line]
        leader = leader[leader]  # who that one meets: long chains need few rounds
    order = np.argsort(leader, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(leader[order])) + 1)


def _chosen(rows: IntArray, columns: IntArray, gain: DoubleArray, dense: Solver) -> IntArray:
    """Select the pairs of a group that save most together; all gains are negative."""
    _, row = np.unique(rows, return_inverse=True)
    _, column = np.unique(columns, return_inverse=True)
    # One row or one column is by far the most frequent case and needs no solver: take the cheapest
    # pair, the first of equals.
    if row[-1] == 0 or column.max() == 0:
        return np.flatnonzero(gain <= gain.min() + TIE)[:1]
    if row[-1] >= MANY:
        return _by_sparse_scipy(row, column, gain)
    # Forbidden pairs and added rows or columns save 0: choosing them means to stay alone.
    square = np.zeros((max(row[-1], column.max()) + 1,) * 2)
    square[row, column] = gain
    best = _settle_ties(square, dense(square))
    return np.flatnonzero(best[row] == column)


def _by_lap(square: DoubleArray) -> IntArray:
    _, columns, _ = lap.lapjv(square)
    return np.asarray(columns, np.int64)


@cache
def _require_room_for_scipy() -> None:
    require_memory(SCIPY + SCIPY_THREAD * (os.cpu_count() or 1))


def _by_scipy(square: DoubleArray) -> IntArray:
    _require_room_for_scipy()
    from scipy.optimize import linear_sum_assignment

    return np.asarray(linear_sum_assignment(square)[1], np.int64)


def _by_sparse_scipy(row: IntArray, column: IntArray, gain: DoubleArray) -> IntArray:
    """Select the pairs that save most together, for large groups."""
    _require_room_for_scipy()
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    # One extra column per row lets the row stay alone.
    n, m = row[-1] + 1, column.max() + 1
    rows, columns = np.append(row, np.arange(n)), np.append(column, m + np.arange(n))
    # The sparse format drops zeros, so all weights are shifted above zero. Every full matching has
    # the same number of pairs, so that the shift does not change which one is cheapest.
    weights = np.append(gain, np.zeros(n)) - gain.min() + 1
    graph = csr_array((weights, (rows, columns)), shape=(n, m + n))
    _, best = min_weight_full_bipartite_matching(graph)
    return np.flatnonzero(best[row] == column)


def _settle_ties(square: DoubleArray, columns: IntArray) -> IntArray:
    """Find the first of all cheapest assignments, given one of them.

    By duality, an assignment is cheapest exactly if it uses only tight cells: those whose cost
    equals the sum of their row's and their column's price. So the prices are computed first, and
    then each row in turn tries the tight columns before its own.
    """
    rows = np.arange(len(square))
    # Prices of the columns by the method of Bellman and Ford: they fall until no row could save by
    # moving to another column.
    price = np.zeros(len(square))
    for _ in rows:
        lower = np.minimum(
            price, ((price[columns] - square[rows, columns])[:, None] + square).min(0)
        )
        if np.array_equal(lower, price):
            break
        price = lower
    tight = square - price <= (square[rows, columns] - price[columns])[:, None] + TIE
    made = square < 0  # other cells only fill the square up: they mean "stays alone"
    for row in rows.tolist():
        current = columns[row] if made[row, columns[row]] else len(square)
        for column in np.flatnonzero(tight[row, :current] & made[row, :current]).tolist():
            found = _moved(tight, columns, row, column)
            if found is not None:
                columns = found
                break
        # The decision for this row stands: later rows must not change it.
        paired = made[row, columns[row]]
        tight[row] = rows == columns[row] if paired else tight[row] & ~made[row]
    return columns


def _moved(tight: BoolArray, columns: IntArray, row: int, column: int) -> IntArray | None:
    """Another assignment of tight cells, with the row in the column.

    Args:
        tight: (N, N) cells.
        columns: (N,) column of each row: an assignment of tight cells.
        row: Who moves.
        column: Where to.

    Returns:
        (N,) the assignment; None if those in the way have nowhere to go.
    """
    owner: list[int] = np.argsort(columns).tolist()
    came = {column: row}  # of each column on the way, who moves there
    displaced = [owner[column]]
    for one in displaced:  # it grows: whoever is displaced may displace others
        for place in np.flatnonzero(tight[one]).tolist():
            if place not in came:
                came[place] = one
                displaced.append(owner[place])
        if int(columns[row]) in came:  # which the row leaves
            return _along(came, columns, row)
    return None


def _along(came: dict[int, int], columns: IntArray, row: int) -> IntArray:
    """The assignment after the moves that free a column for the row and end in the one it had."""
    moved, place = columns.copy(), int(columns[row])
    while (one := came[place]) != row:
        moved[one], place = place, int(columns[one])
    moved[row] = place
    return moved
