"""Lets one of several processes tell of an error that all of them have.

Settings that are refused are refused by every process that reads them. The first one leaves its
line in the store by which the processes found each other (``torchrun`` opens it before they begin),
and tells it; one that fails with the same line ends without a word. One that fails in another way,
or alone, tells of that itself, and so do all of them where nobody opened a store for them.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from time import sleep

from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]

from posetube.errors import PoseTubeError

from ..failures import explain
from .training_processes import is_first_process

PATIENCE = timedelta(seconds=30)
"""How long a process that fails waits for the first one to fail, too."""

GREETING = 5.0
"""Seconds in which a store answers that somebody wants to talk to it."""

GRACE = 1.0
"""Seconds that it then leaves the first one to tell: ``torchrun`` ends the others with any."""

LINE = "posetube/refusal"
"""The first process's line in the store."""


@contextmanager
def told_once() -> Iterator[None]:
    """Let the first process tell of errors within the block that it shares with others.

    Raises:
        SystemExit: In another process that has the first one's error, with its exit code.
    """
    try:
        yield
    except PoseTubeError as error:
        failure = explain(error)
        if first_tells(failure.line):
            sys.exit(failure.exit_code)
        raise


def first_tells(line: str) -> bool:
    """Whether this process is not the first of several, and that one tells the same.

    Returns later in the others than in the first one, which is to tell after this.
    """
    same = False
    with suppress(RuntimeError):  # nobody wrote there in time
        store = _shared_store()
        if store is not None and is_first_process():
            store.set(LINE, line)
        elif store is not None:
            same = store.get(LINE).decode() == line
    if same:
        sleep(GRACE)
    return same


def _shared_store() -> Store | None:
    """The store of the processes that were started together; None: there is none, or one alone."""
    address, port = os.environ.get("MASTER_ADDR"), os.environ.get("MASTER_PORT")
    if not (address and port) or int(os.environ.get("WORLD_SIZE", 1)) < 2:
        return None
    try:  # what there is, is there from the start; torch would try for a minute, and be loud
        socket.create_connection((address, int(port)), timeout=GREETING).close()
    except OSError:
        return None
    store = TCPStore(address, int(port), is_master=False, timeout=PATIENCE, wait_for_workers=False)
    # processes that torchrun has started again do not hear of the earlier ones
    return PrefixStore(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"), store)
