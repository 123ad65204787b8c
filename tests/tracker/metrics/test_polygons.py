"""Points in polygons and boxes over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.tracker.metrics.polygons import inside, overlap, polygon_area

SQUARE = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
BOWTIE = np.array([[0.0, 0], [4, 4], [4, 0], [0, 4]])


def test_the_border_is_outside() -> None:
    points = np.array([[2.0, 2], [0, 0], [4, 2], [2, 0], [5, 2], [np.nan, 1]])
    assert inside(points, SQUARE).tolist() == [True, False, False, False, False, False]


def test_a_polygon_that_crosses_itself_is_inside_by_the_even_odd_rule() -> None:
    points = np.array([[0.5, 2], [3.5, 2], [2, 0.5], [2, 2]])
    assert inside(points, BOWTIE).tolist() == [True, True, False, False]


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_inside_a_square_is_between_its_sides(x: float, y: float) -> None:
    assert inside(np.array([x, y]), SQUARE) == (0 < x < 4 and 0 < y < 4)


@given(st.floats(0, 4), st.floats(0, 4))
def test_a_box_within_overlaps_by_its_own_share(width: float, height: float) -> None:
    box = np.array([0, 0, width, height])
    assert overlap(box, SQUARE) == pytest.approx(width * height / 16)


def test_a_concave_polygon_is_cut_right() -> None:
    notch = np.array([[0.0, 0], [4, 0], [4, 4], [2, 1], [0, 4]])
    assert polygon_area(notch) == pytest.approx(10)
    assert overlap(np.array([0.0, 0, 4, 4]), notch) == pytest.approx(10 / 16)
    assert overlap(np.array([9.0, 9, 10, 10]), notch) == 0
