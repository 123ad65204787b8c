import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from posetube.tracker.munkres import munkres


@given(seed=st.integers(0, 1000), n=st.integers(1, 12), m=st.integers(1, 12))
@settings(max_examples=80)
def test_the_total_is_the_least_there_is(seed: int, n: int, m: int) -> None:
    cost = np.random.default_rng(seed).uniform(0, 1, (n, m)).round(1)

    rows, columns = munkres(cost)

    assert len(rows) == len(set(columns)) == min(n, m)
    assert cost[rows, columns].sum() == pytest.approx(cost[linear_sum_assignment(cost)].sum())


def test_among_equals_low_rows_take_low_columns() -> None:
    rows, columns = munkres(np.zeros((2, 3)))

    assert (rows.tolist(), columns.tolist()) == ([0, 1], [0, 1])
