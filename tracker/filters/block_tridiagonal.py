"""Solves many block tridiagonal systems at once by cyclic reduction.

Every second pair of unknowns meets only its two neighbours, so that all of these are eliminated
together. What is left is block tridiagonal again, with half the pairs: the number of rounds is the
logarithm of the length, and each is a few operations on whole arrays. This is Cholesky's method in
another order, and as exact.

Source: Heller, Some Aspects of the Cyclic Reduction Algorithm for Block Tridiagonal Linear Systems,
1976.
"""

from typing import NamedTuple

import numpy as np

from posetube.structures import DoubleArray


class _Factors(NamedTuple):
    """Lower triangles C of blocks C C', as what solving takes; each (N, S)."""

    first: DoubleArray
    """1 / C00."""

    below: DoubleArray
    """C10."""

    second: DoubleArray
    """1 / C11."""


def solve_block_tridiagonal(
    diagonal: DoubleArray, coupling: DoubleArray, right: DoubleArray
) -> DoubleArray:
    """Solve S symmetric positive definite systems of N pairs of unknowns each.

    Args:
        diagonal: (2, 2, N, S) blocks on the diagonal, each symmetric.
        coupling: (2, 2, N - 1, S) blocks above it: rows of a pair, columns of the next pair.
        right: (2, N, S) right sides.

    Returns:
        (2, N, S) unknowns.

    Raises:
        numpy.linalg.LinAlgError: If rounding leaves a system that is not positive definite.
    """
    with np.errstate(all="ignore"):  # the root of a negative pivot is NaN, which _last refuses
        return _solved(np.concatenate([diagonal, right[:, None]], axis=1), coupling)


def _solved(rows: DoubleArray, coupling: DoubleArray) -> DoubleArray:
    """(2, N, S) unknowns of (2, 3, N, S) rows: the diagonal's blocks, then the right side."""
    count = rows.shape[2]
    if count == 1:
        return _last(rows)
    factors, panel = _eliminated(rows[:, :, 1::2], coupling)
    unknowns = np.empty((2, *rows.shape[2:]))
    kept = unknowns[:, ::2] = _solved(*_reduced(rows[:, :, ::2], panel))
    unknowns[:, 1::2] = _between(factors, panel, kept)
    return unknowns


def _last(rows: DoubleArray) -> DoubleArray:
    """(2, 1, S) unknowns of the last pair, which a pivot that is NaN has reached from anywhere."""
    factors = _factors(rows)
    if not np.isfinite(factors).all():
        raise np.linalg.LinAlgError("a system is not positive definite")
    return _upward(factors, _downward(factors, rows[:, 2].copy()))


def _eliminated(rows: DoubleArray, coupling: DoubleArray) -> tuple[_Factors, DoubleArray]:
    """Factors C of the M pairs that go, and C^-1 times what else their rows hold.

    Returns:
        The second is (2, 5, M, S): columns of the pair before, of the pair after (0 where none
        is), and the right side.
    """
    factors = _factors(rows)
    panel = np.empty((2, 5, *rows.shape[2:]))
    panel[:, :2] = coupling[:, :, ::2].swapaxes(0, 1)
    after = coupling[:, :, 1::2]
    panel[:, 2:4, : after.shape[2]] = after
    panel[:, 2:4, after.shape[2] :] = 0
    panel[:, 4] = rows[:, 2]
    return factors, _downward(factors, panel)


def _reduced(rows: DoubleArray, panel: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Rows and coupling of the pairs that stay, without those of the panel between them."""
    rows = rows.copy()
    gone, after = panel.shape[2], rows.shape[2] - 1  # pairs that are gone; those with one after
    before = _inner(panel[:, :2], panel)
    rows[:, :2, :gone] -= before[:, :2]
    rows[:, 2, :gone] -= before[:, 4]
    rows[:, :, 1:] -= _inner(panel[:, 2:4, :after], panel[:, 2:, :after])
    return rows, -before[:, 2:4, :after]


def _between(factors: _Factors, panel: DoubleArray, kept: DoubleArray) -> DoubleArray:
    """(2, M, S) unknowns of the pairs that went, from those of their neighbours; uses the panel."""
    gone, after = panel.shape[2], kept.shape[1] - 1
    right = panel[:, 4]
    right -= panel[:, 0] * kept[0, :gone]
    right -= panel[:, 1] * kept[1, :gone]
    right[:, :after] -= panel[:, 2, :after] * kept[0, 1:]
    right[:, :after] -= panel[:, 3, :after] * kept[1, 1:]
    return _upward(factors, right)


def _factors(rows: DoubleArray) -> _Factors:
    first = 1 / np.sqrt(rows[0, 0])
    below = rows[1, 0] * first
    return _Factors(first, below, 1 / np.sqrt(rows[1, 1] - below * below))


def _downward(factors: _Factors, rows: DoubleArray) -> DoubleArray:
    """C^-1 times (2, ..., M, S) rows, in place."""
    rows[0] *= factors.first
    rows[1] -= factors.below * rows[0]
    rows[1] *= factors.second
    return rows


def _upward(factors: _Factors, rows: DoubleArray) -> DoubleArray:
    """C'^-1 times (2, M, S) rows, in place."""
    rows[1] *= factors.second
    rows[0] -= factors.below * rows[1]
    rows[0] *= factors.first
    return rows


def _inner(left: DoubleArray, right: DoubleArray) -> DoubleArray:
    """(A, B, M, S) products of (2, A, M, S) columns and (2, B, M, S) columns."""
    products: DoubleArray = left[0][:, None] * right[0]
    products += left[1][:, None] * right[1]
    return products
