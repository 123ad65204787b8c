import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from posetube import boxes

corners = arrays(np.float64, (5, 2, 2), elements=st.floats(-1e3, 1e3))


def _ordered(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sort(points, axis=1).reshape(-1, 4)


@given(corners, corners)
def test_overlap_is_symmetric_and_in_range(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> None:
    a, b = _ordered(first), _ordered(second)

    overlap = boxes.iou(a, b)

    np.testing.assert_allclose(overlap, boxes.iou(b, a).T)
    assert ((overlap >= 0) & (overlap <= 1 + 1e-12)).all()


@given(corners)
def test_left_top_width_height_and_back(points: NDArray[np.float64]) -> None:
    given_boxes = _ordered(points)

    np.testing.assert_allclose(boxes.from_xywh(boxes.to_xywh(given_boxes)), given_boxes, atol=1e-9)


def test_a_box_overlaps_itself_wholly_and_an_empty_one_nothing() -> None:
    one = np.array([[1.0, 2, 4, 6]])
    empty = np.array([[1.0, 2, 1, 6]])
    unknown = np.full((1, 4), np.nan)

    assert boxes.iou(one, one).item() == pytest.approx(1)
    assert boxes.iou(one, empty).item() == 0
    assert boxes.iou(empty, empty).item() == 0
    assert boxes.iou(one, unknown).item() == 0


def test_area_of_a_box_turned_inside_out_is_zero() -> None:
    assert boxes.area(np.array([[4.0, 0, 1, 5]])).item() == 0


def test_clip_keeps_boxes_in_the_picture() -> None:
    inside = boxes.clip(np.array([[-3.0, 4, 50, 60]]), height=40, width=30)

    assert inside.tolist() == [[0, 4, 30, 40]]


def test_box_around_points_skips_unknown_ones() -> None:
    points = np.array([[[1.0, 2], [np.nan, np.nan], [3, 8]], np.full((3, 2), np.nan)])

    found = boxes.around(points, scale=2)

    assert found[0].tolist() == [0, -1, 4, 11]
    assert np.isnan(found[1]).all()


def test_empty_boxes_say_nothing() -> None:
    given = np.array([[0.0, 0, 0, 0], [5, 5, 4, 9], [np.nan] * 4, [0, 0, 2, 2]], np.float32)

    found = boxes.with_area(given)

    assert np.isnan(found[:3]).all()
    assert found[3].tolist() == [0, 0, 2, 2]
    assert found.dtype == np.float32


def test_box_around_no_points_is_not_known() -> None:
    assert np.isnan(boxes.around(np.zeros((2, 0, 2)))).all()
    assert boxes.around(np.zeros((0, 0, 2))).shape == (0, 4)
