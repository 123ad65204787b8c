"""The smoother's linear algebra: the most probable path, whatever was seen of each series."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import solveh_banded

from posetube.errors import InputError
from posetube.tracker.filters.kalman import AT_ONCE, kalman_smoother

NORMAL: dict[str, Any] = {"noise": 0.03, "restlessness": 4.0, "tail": 1e12}
"""Errors of a normal distribution: one system, not four."""


def banded_path(times: Any, values: Any, sure: Any, *, jolt: float) -> Any:
    """The path of one series seen in all frames: one system of all places and speeds."""
    bands = np.zeros((4, 2 * len(times)))
    bands[0, 0::2] = sure
    bands[0, 1::2] = 1e-12  # a single frame says nothing of the speed
    for start, step in zip(range(0, 2 * len(times), 2), np.diff(times), strict=False):
        cubed, squared, plain = 12 / step**3 / jolt, 6 / step**2 / jolt, 4 / step / jolt
        bands[0, start : start + 4] += cubed, plain, cubed, plain
        bands[1, start : start + 3] += squared, -squared, -squared
        bands[2, start : start + 2] += -cubed, plain / 2
        bands[3, start] += squared
    right = np.zeros(2 * len(times))
    right[0::2] = sure * values
    return solveh_banded(bands, right, lower=True)[0::2]


@pytest.mark.parity
@given(seed=st.integers(0, 1000), frames=st.integers(1, 30), unseen=st.floats(0, 0.9))
@settings(max_examples=60, deadline=None)
def test_each_series_takes_the_path_that_a_banded_solver_finds(
    seed: int, frames: int, unseen: float
) -> None:
    """However many frames it was seen in, and with waits of seconds."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.choice([1 / 60, 0.04, 3.0], frames, p=[0.45, 0.45, 0.1]))
    values = rng.normal(100, 1, (frames, 5))
    values[rng.random(values.shape) < unseen] = np.nan
    confidence = rng.uniform(0.2, 1, values.shape)

    found = kalman_smoother(times, values, confidence=confidence, **NORMAL)

    sure = (confidence**4 / NORMAL["noise"]) ** 2
    for one in range(5):
        seen = ~np.isnan(values[:, one])
        assert np.isnan(found[~seen, one]).all()
        if seen.any():
            path = banded_path(times[seen], values[seen, one], sure[seen, one], jolt=16.0)
            np.testing.assert_allclose(found[seen, one], path, atol=1e-5)


@pytest.mark.parametrize("rate", [25, 60, 1000])
def test_few_doubtful_frames_in_a_row_say_how_fast_something_is(rate: int) -> None:
    """A line costs nothing, however doubtful what is on it."""
    times = np.arange(4) / rate
    values = 30 * times

    found = kalman_smoother(times, values, confidence=np.full(4, 0.2), **NORMAL)

    np.testing.assert_allclose(found, values, atol=1e-6)


def test_more_series_than_are_smoothed_at_once_do_not_mix() -> None:
    frames = 500
    times = np.arange(frames) / 25
    values = np.random.default_rng(0).normal(0, 1, (frames, 2 * AT_ONCE // frames + 1))

    found = kalman_smoother(times, values, noise=0.03, restlessness=4.0)

    for one in range(0, values.shape[1], 16):
        alone = kalman_smoother(times, values[:, one], noise=0.03, restlessness=4.0)
        np.testing.assert_allclose(found[:, one], alone, atol=1e-9)


def test_one_series_beyond_the_digits_of_numbers_is_refused_beside_others() -> None:
    times, values = np.arange(40) / 25, np.zeros((40, 2))
    values[5:, 1] = np.nan
    confidence = np.tile([1.0, 0.2], (40, 1))
    extreme: dict[str, Any] = {"confidence": confidence, "noise": 1.0, "restlessness": 4e-4}

    kalman_smoother(times, values[:, 0], noise=1.0, restlessness=4e-4)
    with pytest.raises(InputError, match="restlessness 0.0004 is too small beside noise 1 "):
        kalman_smoother(times, values, **extreme)


@pytest.mark.parametrize("name", ["noise", "restlessness", "tail"])
@pytest.mark.parametrize("value", [1e-320, 1e-200, 1e-51, 1e50, 1e200])
def test_settings_whose_products_overflow_are_refused_by_name(name: str, value: float) -> None:
    chosen: dict[str, Any] = {"noise": 0.03, "restlessness": 4.0, name: value}
    times, values = np.arange(40) / 25, np.sin(np.arange(40))

    if name == "tail" and value > 1:  # errors of a normal distribution
        assert np.isfinite(kalman_smoother(times, values, **chosen)).all()
        return
    with pytest.raises(InputError, match=f"kalman_smoother: {name} .* is too extreme to compute"):
        kalman_smoother(times, values, **chosen)


def test_the_smoother_needs_no_scipy() -> None:
    """It would cost each process 13 MB."""
    code = (
        "import sys, numpy as np\n"
        "from posetube.tracker.refiners.joint_filters import kalman_smoother\n"
        "kalman_smoother(np.arange(9) / 25, np.zeros((9, 17, 2)))\n"
        "print('scipy' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == "False"
