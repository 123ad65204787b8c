"""Checks of settings: every range, one wording."""

import math
from dataclasses import dataclass
from typing import Any, Literal

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
