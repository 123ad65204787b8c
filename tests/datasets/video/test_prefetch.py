import threading
import time
from collections.abc import Generator

import pytest

from posetube.datasets.video.prefetch import prefetch_items
from posetube.errors import MediaError


def counting(limit: int, made: list[int]) -> Generator[int, None, None]:
    try:
        for i in range(limit):
            made.append(i)
            yield i
    finally:
        made.append(-1)


def threads() -> int:
    return sum(thread.name == "decode ahead" for thread in threading.enumerate())


def test_items_come_in_order_and_the_thread_ends() -> None:
    made: list[int] = []

    assert list(prefetch_items(counting(50, made), depth=3)) == list(range(50))

    assert made[-1] == -1
    assert threads() == 0


def test_no_more_is_made_than_may_wait() -> None:
    made: list[int] = []
    items = prefetch_items(counting(50, made), depth=3)

    next(items)
    time.sleep(0.2)

    assert len(made) <= 1 + 3 + 1  # taken, waiting, and one that finds no room
    items.close()


def test_closing_early_ends_the_thread_and_closes_the_source() -> None:
    made: list[int] = []
    items = prefetch_items(counting(10**9, made), depth=2)
    next(items)

    items.close()

    assert made[-1] == -1
    assert threads() == 0


def test_an_error_comes_after_the_items_before_it() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise MediaError("clip.mp4: broken")

    items = prefetch_items(failing(), depth=1)

    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(MediaError, match="clip.mp4: broken"):
        next(items)
    assert threads() == 0
