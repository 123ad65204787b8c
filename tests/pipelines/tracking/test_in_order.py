import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.pipelines.tracking.in_order import WAITING, in_order


@given(count=st.integers(0, 30), workers=st.integers(1, 4))
def test_results_keep_the_order_whoever_is_ready_first(count: int, workers: int) -> None:
    def work(item: int) -> int:
        time.sleep(0.0005 * ((7 * item) % 4))
        return item * item

    assert list(in_order(range(count), work, workers=workers)) == [i * i for i in range(count)]


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_items_are_taken_than_fit(workers: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(100):
            taken = item + 1
            yield item

    for given_back, _ in enumerate(in_order(items(), lambda item: item, workers=workers)):
        assert taken - given_back <= (1 if workers == 1 else WAITING * workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_stream_loses_nothing_that_came_before(workers: int) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise ValueError("damaged")

    results: list[int] = []
    with pytest.raises(ValueError, match="damaged"):
        results.extend(in_order(items(), lambda item: item, workers=workers))
    assert results == [0, 1, 2]


@pytest.mark.parametrize("workers", [1, 2])
def test_work_that_fails_is_told_in_its_turn(workers: int) -> None:
    results: list[int] = []
    with pytest.raises(ZeroDivisionError):
        results.extend(in_order([1, 2, 0, 4], lambda item: 4 // item, workers=workers))
    assert results == [4, 2]
