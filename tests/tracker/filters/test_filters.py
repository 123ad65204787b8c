from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from posetube.errors import InputError
from posetube.tracker.filters.gaps import fill_gaps
from posetube.tracker.filters.kalman import kalman_smoother
from posetube.tracker.filters.local import median, savitzky_golay
from posetube.tracker.filters.one_euro import OneEuro
from posetube.tracker.filters.running_kalman import RunningKalman

Filter = Callable[..., Any]
TIMES = np.arange(40) / 25


def one_euro(times: Any, values: Any, **settings: Any) -> Any:
    """The running filter over a finished series."""
    running = OneEuro(**settings)
    return np.stack([running.update(v, time=t) for v, t in zip(values, times, strict=True)])


def running_kalman(times: Any, values: Any, *, confidence: Any = None, **settings: Any) -> Any:
    """Likewise."""
    running, sure = RunningKalman(**settings), np.ones(len(times))
    rows = zip(values, times, sure if confidence is None else confidence, strict=True)
    return np.stack([running.update(v, time=t, confidence=c) for v, t, c in rows])


FINISHED: list[Filter] = [kalman_smoother, savitzky_golay, median]
each_finished = pytest.mark.parametrize("smooth", FINISHED)
each_filter = pytest.mark.parametrize("smooth", [*FINISHED, one_euro, running_kalman])
each_kalman = pytest.mark.parametrize("smooth", [kalman_smoother, running_kalman])


def walk(seed: int, *, shape: tuple[int, ...] = (3, 2), noise: float = 2.0) -> Any:
    """Values on a line in time, with noise, one in ten unseen."""
    rng = np.random.default_rng(seed)
    values = 50 * TIMES.reshape(-1, *[1] * len(shape)) + rng.normal(0, noise, (40, *shape))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


@each_filter
@given(seed=st.integers(0, 50))
@settings(max_examples=8)
def test_series_do_not_mix(smooth: Filter, seed: int) -> None:
    values = walk(seed)

    together = smooth(TIMES, values)
    alone = np.stack([smooth(TIMES, values[:, k]) for k in range(3)], axis=1)

    np.testing.assert_allclose(together, alone, atol=1e-9)


@each_filter
@given(seed=st.integers(0, 50), shift=st.floats(-1000, 1000), later=st.floats(0, 1000))
@settings(max_examples=8)
def test_where_and_when_does_not_matter(
    smooth: Filter, seed: int, shift: float, later: float
) -> None:
    values = walk(seed)

    np.testing.assert_allclose(
        smooth(TIMES + later, values + shift) - shift, smooth(TIMES, values), atol=1e-4
    )


@each_filter
def test_what_was_not_seen_stays_unknown(smooth: Filter) -> None:
    values = walk(0)

    assert np.array_equal(np.isnan(smooth(TIMES, values)), np.isnan(values))


@each_filter
def test_what_stands_still_is_left_alone(smooth: Filter) -> None:
    values = np.full((40, 2), 7.0)

    np.testing.assert_allclose(smooth(TIMES, values), values, atol=1e-6)


@each_filter
def test_noise_shrinks(smooth: Filter) -> None:
    values = np.random.default_rng(0).normal(0, 1, (40, 50))

    assert np.nanstd(smooth(TIMES, values)) < 0.75


@each_filter
def test_a_series_never_seen_and_a_single_frame_do_no_harm(smooth: Filter) -> None:
    assert np.isnan(smooth(TIMES, np.full((40, 2), np.nan))).all()
    np.testing.assert_allclose(smooth(TIMES[:1], np.ones((1, 2))), 1)


@each_finished
def test_times_that_do_not_rise_are_refused(smooth: Filter) -> None:
    with pytest.raises(InputError, match="times must rise strictly"):
        smooth(np.zeros(3), np.zeros(3))
    with pytest.raises(InputError, match="expected one time per row of values"):
        smooth(np.arange(3), np.zeros(4))


@pytest.mark.parity
def test_savitzky_golay_agrees_with_scipy_away_from_the_ends() -> None:
    values = np.random.default_rng(0).normal(0, 1, (40, 3))

    ours = savitzky_golay(TIMES, values, window=8 / 25, order=2)

    theirs = savgol_filter(values, 9, 2, axis=0)
    np.testing.assert_allclose(ours[4:-4], theirs[4:-4], atol=1e-5)


def test_savitzky_golay_keeps_a_parabola_at_uneven_times() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 2, 60))

    found = savitzky_golay(times, 3 * times**2 - times, window=0.5, order=2)

    np.testing.assert_allclose(found, 3 * times**2 - times, atol=1e-4)


def test_the_median_removes_a_single_outlier() -> None:
    values = np.zeros(40)
    values[20] = 100

    assert (median(TIMES, values) == 0).all()


@each_kalman
def test_the_model_follows_a_line_through_unseen_frames(smooth: Filter) -> None:
    values = 30 * TIMES
    values[10:15] = np.nan

    found = smooth(TIMES, values)

    np.testing.assert_allclose(found[15:], 30 * TIMES[15:], atol=0.05)


@each_kalman
def test_a_doubtful_value_pulls_less(smooth: Filter) -> None:
    values = np.zeros(40)
    values[20] = 10
    confidence = np.ones(40)
    confidence[20] = 0.01

    sure = smooth(TIMES, values)[20]
    doubtful = smooth(TIMES, values, confidence=confidence)[20]

    assert doubtful < 0.2 * sure


def test_the_running_filter_lags_less_when_things_move() -> None:
    values = np.where(TIMES < 0.8, 0.0, 500.0)

    slow = one_euro(TIMES, values, speed_coefficient=0.0)
    quick = one_euro(TIMES, values, speed_coefficient=0.1)

    assert quick[25] > slow[25]


def test_short_gaps_are_filled_on_the_line_in_time_and_long_ones_are_not() -> None:
    times = np.array([0.0, 0.1, 0.4, 0.5, 1.0, 2.0])
    values = np.array([0.0, np.nan, np.nan, 5.0, np.nan, 20.0])

    found = fill_gaps(times, values, max_gap=0.6)

    np.testing.assert_allclose(found, [0, 1, 4, 5, np.nan, 20])


def test_nothing_is_filled_before_the_first_and_after_the_last() -> None:
    values = np.array([np.nan, 1.0, np.nan])

    np.testing.assert_array_equal(fill_gaps(np.arange(3.0), values, max_gap=9), values)


@pytest.mark.parametrize(
    ("smooth", "setting", "message"),
    [
        (one_euro, {"min_cutoff": 0}, "one_euro: min_cutoff must be positive, got 0"),
        (running_kalman, {"tail": 0}, "running_kalman: tail must be positive, got 0"),
        (kalman_smoother, {"noise": -1}, "kalman_smoother: noise must be positive, got -1"),
        (kalman_smoother, {"confidence": np.ones(7)}, r"confidence of shape \(7,\) does not fit"),
        (savitzky_golay, {"window": 0}, "savitzky_golay: window must be positive, got 0"),
        (savitzky_golay, {"order": -1}, "savitzky_golay: order must be 0 or more, got -1"),
        (median, {"window": 0}, "median: window must be positive, got 0"),
    ],
)
def test_a_setting_out_of_range_is_refused(
    smooth: Filter, setting: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        smooth(TIMES, np.zeros((40, 2)), **setting)


def test_the_smoother_finds_the_most_probable_path() -> None:
    """The banded system against the filter and smoother of the textbook, step by step."""
    rng = np.random.default_rng(4)
    times, values = np.cumsum(rng.uniform(0.02, 0.2, 30)), rng.normal(0, 1, 30)
    confidence = rng.uniform(0.3, 1, 30)

    found = kalman_smoother(
        times, values, confidence=confidence, noise=0.3, restlessness=2.0, tail=1e12
    )

    np.testing.assert_allclose(
        found, textbook_smoother(times, values, 0.3 / confidence**4, 2.0), atol=1e-4
    )


def test_the_running_filter_ends_where_the_smoother_does() -> None:
    """How fast something is at first is told to the one and not to the other: it wears off."""
    values = np.random.default_rng(4).normal(0, 1, 30)
    settings: dict[str, Any] = {"noise": 0.3, "restlessness": 2.0, "tail": 1e12}

    found = running_kalman(TIMES[:30], values, **settings)

    for last in (20, 29):
        smooth = kalman_smoother(TIMES[: last + 1], values[: last + 1], **settings)
        assert abs(found[last] - smooth[last]) < 0.01


def textbook_smoother(times: Any, values: Any, noise: Any, restlessness: float) -> Any:
    state, spread = np.array([values[0], 0.0]), np.diag([1e6, 1e6])
    before, after = [], []
    for place, step in enumerate(np.diff(times, prepend=times[0])):
        move = np.array([[1, step], [0, 1]])
        jolt = restlessness**2 * np.array([[step**3 / 3, step**2 / 2], [step**2 / 2, step]])
        state, spread = move @ state, move @ spread @ move.T + jolt
        before.append((state, spread, move))
        gain = spread[:, 0] / (spread[0, 0] + noise[place] ** 2)
        state = state + gain * (values[place] - state[0])
        spread = spread - np.outer(gain, spread[0])
        after.append((state, spread))
    smooth = [after[-1][0]]
    for (state, spread), (guess, doubt, move) in zip(after[-2::-1], before[:0:-1], strict=True):
        smooth.append(state + spread @ move.T @ np.linalg.solve(doubt, smooth[-1] - guess))
    return np.array(smooth)[::-1, 0]


@given(rate=st.sampled_from([1, 25, 240, 480, 1000, 4000]), seen=st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_a_value_that_is_hardly_ever_seen_is_smoothed_at_any_frame_rate(
    rate: int, seen: int
) -> None:
    """A long wait in many short steps leaves no digits; such a joint stopped a whole run."""
    times = np.arange(2400) / rate
    values = np.full(2400, np.nan)
    there = np.random.default_rng(seen).choice(2400, seen, replace=False)
    values[there] = 5 + 0.2 * times[there]

    sure = np.full(2400, 0.2)
    found = kalman_smoother(times, values, confidence=sure, noise=0.03, restlessness=4.0)

    np.testing.assert_allclose(found, values, atol=1e-3)


@each_kalman
def test_an_outlier_hardly_pulls(smooth: Filter) -> None:
    values = np.random.default_rng(0).normal(0, 0.1, 40)
    values[20] = 50

    found = smooth(TIMES, values, noise=0.1, restlessness=1.0)
    believed = smooth(TIMES, values, noise=0.1, restlessness=1.0, tail=1e12)

    assert abs(found[20]) < 0.3
    assert abs(believed[20]) > 3


def test_the_running_filter_follows_somebody_who_has_really_moved() -> None:
    values = np.where(TIMES < 0.8, 0.0, 1.0)

    found = running_kalman(TIMES, values, noise=0.03, restlessness=4.0)

    assert abs(found[-1] - 1) < 0.03


def test_settings_beyond_the_digits_of_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="restlessness 1e-12 is too small beside noise 1e"):
        kalman_smoother(TIMES, np.zeros(40), noise=1e6, restlessness=1e-12)
