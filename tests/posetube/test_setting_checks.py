"""Checks of settings: every range, one wording."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import posetube
from posetube.errors import InputError
from posetube.setting_checks import check_choice, check_numbers


@dataclass
class ZoomConfig:
    """Any setting."""

    zoom: Any
    step: float | None = None


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        (2, {"low": 0, "high": 1}, "ZoomConfig.zoom must be in \\[0, 1\\], got 2"),
        (0, {"above": 0, "high": 1}, "must be in \\(0, 1\\], got 0"),
        (1, {"low": 0, "below": 1}, "must be in \\[0, 1\\), got 1"),
        (0.5, {"low": 1}, "must be 1 or more, got 0.5"),
        (0, {"above": 0}, "must be above 0, got 0"),
        (math.nan, {}, "must be finite, got nan"),
        ((), {"low": 0}, "must be 0 or more, got \\(\\)"),
        (((1, 2), (3, -1)), {"low": 0}, "must be 0 or more, got"),
        ((1, 0), {"above": 0}, "must be above 0, got \\(1, 0\\)"),
        ("1.5s", {"low": 0}, "must be a number, got '1.5s'"),
        (None, {"low": 0}, "must be a number, got None"),
        (math.inf, {"low": 0}, "must be 0 or more, got inf"),
    ],
)
def test_what_is_out_of_range_is_said(
    value: object, limits: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_numbers(ZoomConfig(value), "zoom", **limits)


@dataclass
class CountConfig:
    """Whole numbers."""

    count: int | None = None
    sides: tuple[int, int] = (1, 1)


@pytest.mark.parametrize("count", [1.5, 4.0, math.nan, "3"])
def test_a_count_is_a_whole_number(count: Any) -> None:
    check_numbers(CountConfig(), "count", "sides", low=1)
    check_numbers(CountConfig(np.int64(3)), "count", low=1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="CountConfig.count must be"):
        check_numbers(CountConfig(count), "count", low=1)
    with pytest.raises(InputError, match="CountConfig.sides must be"):
        check_numbers(CountConfig(sides=(1, count)), "sides", low=1)


@pytest.mark.parametrize(
    ("config", "name", "value"),
    [
        (posetube.OverlayConfig, "sure_joint", math.nan),
        (posetube.OverlayConfig, "trail", -1),
        (posetube.DetectConfig, "quality", "ultra"),
        (posetube.DetectConfig, "runtime", None),
        (posetube.LinkConfig, "confirm_frames", "5"),
        (posetube.VideoConfig, "start", -1),
        (posetube.VideoConfig, "end", 0),
    ],
)
def test_settings_of_runs_are_checked(config: Any, name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"{config.__name__}.{name} must be"):
        config(**{name: value})


@given(st.floats(0, 1))
def test_what_is_in_range_passes(value: float) -> None:
    check_numbers(ZoomConfig(value), "zoom", low=0, high=1)
    check_numbers(ZoomConfig((value, value)), "zoom", low=0, high=1)
    check_numbers(ZoomConfig(((value,), value)), "zoom", "step", low=0, high=1)


def test_a_word_is_one_of_some() -> None:
    check_choice(ZoomConfig("in"), "zoom", Literal["in", "out"])
    with pytest.raises(InputError, match="ZoomConfig.zoom must be one of in, out, got 'up'"):
        check_choice(ZoomConfig("up"), "zoom", Literal["in", "out"])


def test_a_duration_with_a_unit_is_for_the_command_line() -> None:
    with pytest.raises(InputError, match="LinkConfig.max_gap must be a number, got '1.5s'"):
        posetube.LinkConfig(max_gap="1.5s")  # type: ignore[arg-type]
