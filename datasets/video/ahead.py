"""Work ahead in a thread: an iterator's next items are made while the last one is used.

Not here: what is made (frames, for :mod:`.`).
"""

from collections.abc import Generator
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")

_STEP = 0.1
"""Seconds between two looks at whether to stop."""

_PATIENCE = 5.0
"""Seconds to wait for the thread to end; only a source that does not answer needs longer."""


class _End:
    """Comes after the last item, with the error that ended it, if one did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(source: Generator[Item, None, None], *, depth: int) -> Generator[Item, None, None]:
    """The items of ``source``, made up to ``depth`` ahead in a thread of its own.

    Closing this iterator (or dropping it) ends the thread, which closes ``source``. An error in
    ``source`` is raised here, after the items that came before it.

    Args:
        source: Runs in the thread; nobody else may touch it.
        depth: Items that may wait, 1 or more.
    """
    waiting: Queue[Item | _End] = Queue(depth)
    stop = Event()

    def put(item: Item | _End) -> bool:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=_STEP)
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
            source.close()
            put(_End(error))

    thread = Thread(target=work, name="decode ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stop.set()
        thread.join(_PATIENCE)
