"""Runs an iterator ahead of its consumer, in a thread."""

from collections.abc import Generator
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

_POLL = 0.1
"""Seconds between two checks of whether to stop."""

_JOIN_TIMEOUT = 5.0
"""Seconds to wait for the thread to end; only a source that does not answer needs longer."""


class _End:
    """Follows the last item; holds the error that ended the source, if there was one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch_items(
    source: Generator[Item, None, None], *, depth: int
) -> Generator[Item, None, None]:
    """The items of ``source``, made up to ``depth`` ahead in a thread.

    Closing this iterator (or dropping it) ends the thread, which closes ``source``. An error in
    ``source`` is raised here, after the items that came before it.

    Args:
        source: Runs in the thread; nothing else may use it.
        depth: Number of items that may wait, 1 or more.
    """
    queue: Queue[Item | _End] = Queue(depth)
    stop = Event()

    def put(item: Item | _End) -> bool:
        # The queue may be full and nobody reading it any more, so the wait must end now and then.
        while not stop.is_set():
            try:
                queue.put(item, timeout=_POLL)
            except Full:
                continue
            return True
        return False

    def work() -> None:
        error: BaseException | None = None
        try:
            for item in source:
                if not put(item):
                    break
        except BaseException as problem:
            error = problem
        finally:
            # Files and decoders belong to this thread, so they are closed in it.
            source.close()
            put(_End(error))

    thread = Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join(_JOIN_TIMEOUT)
