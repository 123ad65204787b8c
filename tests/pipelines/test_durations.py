import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.errors import InputError
from posetube.pipelines.durations import parse_seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12.5", 12.5),
        ("12.5s", 12.5),
        ("800ms", 0.8),
        ("2min", 120.0),
        (" 1 h ", 3600.0),
        ("01:02.5", 62.5),
        ("1:00:00", 3600.0),
        ("00:00:00.25", 0.25),
    ],
)
def test_times_are_read_as_people_write_them(text: str, expected: float) -> None:
    assert parse_seconds(text) == pytest.approx(expected)


@given(st.integers(0, 10**6))
def test_a_clock_time_is_the_number_of_its_seconds(total: int) -> None:
    minutes, rest = divmod(total, 60)

    assert parse_seconds(f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}") == total


@pytest.mark.parametrize("text", ["", "soon", "-1", "1:2:3:4", "12 apples", "nan", "1e400x"])
def test_what_is_no_time_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InputError, match="expected a time such as 12.5s or 00:01:02, got"):
        parse_seconds(text)
