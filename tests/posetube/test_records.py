from dataclasses import dataclass

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.records import check_shapes, join_columns, join_records, take_rows


@dataclass(frozen=True, kw_only=True)
class Marks:
    name: str
    places: np.ndarray
    sizes: np.ndarray | None = None


COLUMNS = ("places", "sizes")


def marks(name: str, *places: int, sizes: bool = True) -> Marks:
    values = np.array(places)
    return Marks(name=name, places=values, sizes=values * 10 if sizes else None)


def test_rows_are_taken_of_every_column_that_is_known() -> None:
    some = take_rows(marks("a", 1, 2, 3), np.array([True, False, True]), columns=COLUMNS)
    assert (some.name, some.places.tolist()) == ("a", [1, 3])
    assert some.sizes is not None
    assert some.sizes.tolist() == [10, 30]

    assert take_rows(marks("a", 1, sizes=False), slice(1), columns=COLUMNS).sizes is None


def test_records_are_joined_and_keep_what_the_first_one_says() -> None:
    joined = join_records([marks("a", 1), marks("b", 2, 3)], columns=COLUMNS)
    assert (joined.name, joined.places.tolist()) == ("a", [1, 2, 3])
    assert joined.sizes is not None
    assert joined.sizes.tolist() == [10, 20, 30]


def test_a_column_that_one_record_lacks_is_lacking_in_the_whole() -> None:
    columns = join_columns([marks("a", 1), marks("b", 2, sizes=False)], COLUMNS)
    assert columns["places"].tolist() == [1, 2]
    assert columns["sizes"] is None


def test_a_wrong_shape_names_the_class_and_the_field() -> None:
    with pytest.raises(InputError, match=r"Marks.places: expected shape \(2,\), got \(1,\)"):
        check_shapes(marks("a", 1, sizes=False), places=(2,), sizes=(2,))
