"""Block tridiagonal systems by cyclic reduction: what other solvers find, at any length."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solveh_banded

from posetube.tracker.filters.block_tridiagonal import solve_block_tridiagonal


def systems(seed: int, *, count: int, series: int) -> tuple[Any, Any, Any]:
    """Positive definite systems B B' with a lower bidiagonal B of blocks, and right sides."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 1, (2, 2, count, series)) + 3 * np.eye(2)[:, :, None, None]
    below = rng.normal(0, 1, (2, 2, count - 1, series))
    diagonal = np.einsum("ikns,jkns->ijns", own, own)
    diagonal[:, :, 1:] += np.einsum("ikns,jkns->ijns", below, below)
    coupling = np.einsum("ikns,jkns->ijns", own[:, :, :-1], below)
    return diagonal, coupling, rng.normal(0, 1, (2, count, series))


def dense(diagonal: Any, coupling: Any) -> Any:
    """(2 N, 2 N) matrix of one system."""
    count = diagonal.shape[2]
    matrix = np.zeros((2 * count, 2 * count))
    for place in range(count):
        own, after = slice(2 * place, 2 * place + 2), slice(2 * place + 2, 2 * place + 4)
        matrix[own, own] = diagonal[:, :, place]
        if place < count - 1:
            matrix[own, after] = coupling[:, :, place]
            matrix[after, own] = coupling[:, :, place].T
    return matrix


@given(seed=st.integers(0, 1000), count=st.integers(1, 40), series=st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_the_unknowns_solve_every_system(seed: int, count: int, series: int) -> None:
    """But for the last digits of the terms that are added, however near a system is to none."""
    diagonal, coupling, right = systems(seed, count=count, series=series)

    found = solve_block_tridiagonal(diagonal, coupling, right)

    for one in range(series):
        matrix = dense(diagonal[..., one], coupling[..., one])
        unknowns, sides = found[..., one].T.ravel(), right[..., one].T.ravel()
        terms = np.abs(matrix) @ np.abs(unknowns) + np.abs(sides)
        assert (np.abs(matrix @ unknowns - sides) < 1e-13 * terms.max()).all()


@pytest.mark.parity
@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 257, 1000])
def test_it_finds_what_a_banded_solver_finds(count: int) -> None:
    diagonal, coupling, right = systems(0, count=count, series=1)
    bands = np.zeros((4, 2 * count))
    for below in range(4):
        for column in range(2 * count - below):
            row = column + below
            first, second = column // 2, row // 2
            if first == second:
                bands[below, column] = diagonal[row % 2, column % 2, first, 0]
            elif second == first + 1:
                bands[below, column] = coupling[column % 2, row % 2, first, 0]

    found = solve_block_tridiagonal(diagonal, coupling, right)

    theirs = solveh_banded(bands, right[..., 0].T.ravel(), lower=True)
    np.testing.assert_allclose(found[..., 0].T.ravel(), theirs, rtol=1e-7, atol=1e-9)


@given(seed=st.integers(0, 1000), count=st.integers(1, 20), place=st.integers(0, 19))
@settings(max_examples=30, deadline=None)
def test_a_system_that_is_not_positive_definite_is_refused(
    seed: int, count: int, place: int
) -> None:
    """Wherever it is wrong, and if only one of them is."""
    diagonal, coupling, right = systems(seed, count=count, series=3)
    diagonal[1, 1, place % count, 1] *= -1

    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        solve_block_tridiagonal(diagonal, coupling, right)


def test_a_right_side_that_is_no_number_spoils_only_its_own_system() -> None:
    diagonal, coupling, right = systems(0, count=9, series=2)
    right[0, 4, 1] = np.nan

    found = solve_block_tridiagonal(diagonal, coupling, right)

    assert np.isfinite(found[..., 0]).all()
    assert np.isnan(found[..., 1]).all()


def test_what_is_given_stays_as_it_was() -> None:
    given_ones = systems(0, count=6, series=2)
    copies = [array.copy() for array in given_ones]

    solve_block_tridiagonal(*given_ones)

    for array, copy in zip(given_ones, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
