"""Works on the items of a stream side by side in threads, and gives the results in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WAITING = 2
"""Items per worker that have begun or wait: with one only, a worker would idle while its result is
taken; more only take memory."""


def in_order(
    items: Iterable[Item], work: Callable[[Item], Result], *, workers: int
) -> Iterator[Result]:
    """The result of every item, in the items' order.

    Items are taken in the caller's thread, no more than ``WAITING`` per worker ahead of the result
    that is given next. With one worker the caller's thread does the work too, and nothing is taken
    ahead.

    Args:
        items: What to work on.
        work: Is called in several threads at a time.
        workers: How many.

    Raises:
        Exception: What ``work`` raises, in its item's turn; what ``items`` raises, after the
            results of all items before.
    """
    if workers == 1:
        yield from map(work, items)
        return
    pending: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="in-order")
    source, failure = iter(items), None
    try:
        while failure is None:
            try:
                pending.append(pool.submit(work, next(source)))
            except Exception as error:  # StopIteration too; the results before it come first
                failure = error
            # a result that is there does not wait for the next item: a camera's may take its time
            while pending and (len(pending) >= WAITING * workers or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
    if not isinstance(failure, StopIteration):
        raise failure
