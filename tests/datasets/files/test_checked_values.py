"""Values of somebody else's file: what they must be, and what is said where they are not."""

import numpy as np
import pytest

from posetube.datasets.files.checked_values import (
    entries,
    number,
    numbers,
    relative_path,
    structs,
    text,
    variable,
)
from posetube.errors import FormatError


@pytest.mark.parametrize("name", ["a/b.jpg", "./a/b.jpg", "a\\b.jpg"])
def test_a_name_under_the_folder_is_kept(name: str) -> None:
    assert relative_path(name, where="x") == "a/b.jpg"


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../up.jpg", "a/../../up.jpg", "..\\up.jpg", "C:/x.jpg", "C:\\x.jpg",
     "a\0b", "a\nb", "a" * 2000, "\\\\server\\share"],
)  # fmt: skip
def test_a_name_that_leaves_the_folder_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="not a file under the data set's folder"):
        relative_path(name, where="x")


def test_trailing_axes_that_matlab_drops_come_back() -> None:
    assert numbers(np.ones((2, 7)), shape=(2, 7, -1), where="x").shape == (2, 7, 1)
    assert numbers(3.0, shape=(1, 1), where="x").tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((2, 3)), "x: expected 2 x 2 numbers, got 2 x 3 numbers"),
        ("text", "x: expected numbers, got 'text'"),
        (np.array([[1, np.nan], [1, 1]]), "x: a number is not finite, or beyond 1e.06"),
        (np.full((2, 2), 1e7), "x: a number is not finite, or beyond 1e.06"),
        (np.ones((2, 2)) * 1j, "x: expected numbers, got 2 x 2 numbers"),
    ],
)
def test_numbers_of_another_kind_are_refused(value: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        numbers(value, shape=(2, 2), where="x")


def test_unknown_numbers_may_be_allowed() -> None:
    assert np.isnan(numbers(np.full((1, 2), np.nan), shape=(1, 2), where="x", finite=False)).all()


def test_a_number_has_bounds() -> None:
    with pytest.raises(FormatError, match=r"x: expected a number in \[0, 5\], got 6"):
        number(6.0, where="x", low=0, high=5)


def test_empty_arrays_are_no_entries_and_no_text() -> None:
    empty = np.zeros((0, 0))

    assert entries(empty, where="x") == []
    assert structs(empty, "a", where="x") == []
    assert text(empty, where="x") == ""


def test_what_is_missing_is_named() -> None:
    array = np.empty((1, 1), object)
    array[0, 0] = {"a": 1}

    with pytest.raises(FormatError, match="x, entry 1: no field b, c"):
        structs(array, "a", "b", "c", where="x")
    with pytest.raises(FormatError, match="x: expected a list of entries, got 5"):
        entries(5, where="x")
    with pytest.raises(FormatError, match="x: no variable 'b'; the file has a"):
        variable({"a": 1}, "b", where="x")
    with pytest.raises(FormatError, match="x: expected a text, got 5"):
        text(5, where="x")
