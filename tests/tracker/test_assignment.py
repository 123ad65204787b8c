import os
import subprocess
import sys
from itertools import permutations
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from posetube.errors import InputError
from posetube.tracker import assignment
from posetube.tracker.assignment import _groups, margins, solve, solve_greedy, solve_pairs

LIBRARIES: list[Literal["lap", "scipy"]] = ["lap", "scipy"]
TIED_COSTS = arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, np.inf]),
)


def first_best(cost: npt.NDArray[np.float64], limit: float) -> list[int]:
    """The rule, word for word: of all cheapest sets the lexicographically first, by trial."""
    n, m = cost.shape
    best: tuple[float, tuple[int, ...]] = (np.inf, ())
    for columns in set(permutations([*range(m), *[m] * n], n)):
        pairs = [(row, column) for row, column in enumerate(columns) if column < m]
        if all(cost[pair] < limit for pair in pairs):
            best = min(best, (sum(cost[pair] - limit for pair in pairs), columns))
    return [column if column < m else -1 for column in best[1]]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_best_total_beats_the_best_single_pair(library: Literal["lap", "scipy"]) -> None:
    rows, columns = solve(np.array([[0.1, 0.2], [0.3, 0.9]]), limit=1.0, library=library)

    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])


@pytest.mark.parametrize("library", LIBRARIES)
def test_pairs_at_or_beyond_the_gate_stay_alone(library: Literal["lap", "scipy"]) -> None:
    cost = np.array([[0.8, np.inf], [np.nan, 0.79]])

    rows, columns = solve(cost, limit=0.8, library=library)

    assert (rows.tolist(), columns.tolist()) == ([1], [1])


@given(cost=TIED_COSTS)
@settings(max_examples=150)
def test_ties_follow_the_stated_rule_with_either_library(cost: npt.NDArray[np.float64]) -> None:
    expected = first_best(cost, 0.7)

    for library in LIBRARIES:
        rows, columns = solve(cost, limit=0.7, library=library)
        found = np.full(len(cost), -1)
        found[rows] = columns
        assert found.tolist() == expected


@given(seed=st.integers(0, 1000), n=st.integers(1, 25), m=st.integers(1, 25))
@settings(max_examples=60)
def test_lap_and_scipy_agree(seed: int, n: int, m: int) -> None:
    cost = np.random.default_rng(seed).uniform(0, 1, (n, m)).round(2)

    by_lap, by_scipy = (solve(cost, limit=0.6, library=library) for library in LIBRARIES)

    assert [part.tolist() for part in by_lap] == [part.tolist() for part in by_scipy]


@pytest.mark.parametrize("many", [1, 2000])
@pytest.mark.parametrize("seed", range(10))
def test_a_long_chain_of_pairs_is_settled_as_well_as_all_at_once(
    monkeypatch: pytest.MonkeyPatch, seed: int, many: int
) -> None:
    monkeypatch.setattr(assignment, "MANY", many)
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(60), 3)
    columns = rows + np.tile(np.arange(3), 60)
    cost = rng.uniform(0, 6, len(rows))
    savings = np.zeros((60, 62))
    savings[rows, columns] = cost - 6

    made = solve_pairs(rows, columns, cost, limit=6.0)

    best = savings[linear_sum_assignment(savings)].sum()
    assert (cost[made] - 6).sum() == pytest.approx(best)
    assert len(set(rows[made])) == len(set(columns[made])) == len(made)


def test_greedy_takes_the_cheapest_pair_first() -> None:
    rows, columns = solve_greedy(np.array([[0.1, 0.2], [0.3, 0.9]]), limit=1.0)

    assert (rows.tolist(), columns.tolist()) == ([0, 1], [0, 1])


def test_greedy_prefers_low_rows_then_low_columns_among_equals() -> None:
    rows, columns = solve_greedy(np.full((2, 3), 0.5), limit=1.0)

    assert (rows.tolist(), columns.tolist()) == ([0, 1], [0, 1])


def test_the_margin_is_the_distance_to_the_best_rival_in_row_or_column() -> None:
    cost = np.array([[0.1, 0.4, 0.95], [0.3, 0.2, 0.95]])
    rows, columns = solve(cost, limit=0.9)

    found = margins(cost, rows, columns, limit=0.9)

    np.testing.assert_allclose(found, [0.2, 0.1])


def test_a_pair_without_a_rival_has_an_infinite_margin() -> None:
    cost = np.array([[0.1]])

    assert margins(cost, *solve(cost, limit=0.9), limit=0.9).tolist() == [np.inf]


def test_what_is_no_cost_matrix_is_refused() -> None:
    with pytest.raises(InputError, match=r"expected a cost matrix \(N, M\), got \(3,\)"):
        solve(np.zeros(3), limit=1)
    with pytest.raises(InputError, match="the limit must be finite, got inf"):
        solve(np.zeros((2, 2)), limit=np.inf)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posetube.tracker.assignment.lap", None)

    with pytest.raises(InputError, match="library 'lap' is not installed"):
        solve(np.zeros((2, 2)), limit=1, library="lap")
    assert solve(np.zeros((2, 2)), limit=1)[1].tolist() == [0, 1]


@given(cells=arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_groups_are_the_connected_parts(cells: npt.NDArray[np.bool_]) -> None:
    rows, columns = np.nonzero(cells)
    n, m = cells.shape
    links = csr_array((np.ones(len(rows)), (rows, n + columns)), shape=(n + m, n + m))
    _, part = connected_components(links, directed=False)
    expected = [np.flatnonzero(part[rows] == one).tolist() for one in np.unique(part[rows])]

    assert [group.tolist() for group in _groups(rows, columns)] == expected


def test_a_long_chain_is_one_group() -> None:
    rows = np.repeat(np.arange(50_000), 2)
    columns = np.arange(100_000) // 2 + np.tile([0, 1], 50_000)

    assert [len(group) for group in _groups(rows, columns)] == [100_000]


def test_people_who_meet_need_no_scipy() -> None:
    program = (
        "import sys; import numpy as np; from posetube.tracker.assignment import solve;"
        "print(solve(np.full((3, 3), 0.5), limit=1.0)[1]); sys.exit('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "[0 1 2]\n"), done.stderr


LITTLE_MEMORY = """
import resource
import numpy as np
from posetube.errors import ResourceError
from posetube.tracker.assignment import solve

status = dict(line.split(":", 1) for line in open("/proc/self/status"))
most = int(status["VmSize"].split()[0]) * 1024 + 100_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
try:
    solve(np.full((3, 3), 0.5), limit=1, library="scipy")
except ResourceError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")
def test_too_little_memory_to_load_the_solver_is_said_at_once() -> None:
    """SciPy's linear algebra would wait for ever."""
    there = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY],
        env=there,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.startswith("memory ran out"), done.stderr
