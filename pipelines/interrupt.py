"""Handles Ctrl-C and SIGTERM: the first lets the job finish its part, the second stops it now.

Where no part is at hand (a video is opened, another process holds the lock) the first stops it.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .failures import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ANNOUNCEMENT = b"\nfinishing the part at hand; press Ctrl-C again to stop at once\n"


class Interrupt:
    """Whether somebody asked the job to stop."""

    def __init__(self) -> None:
        self.requested = False
        self._at_work = False

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Within the block, the job looks itself whether somebody asked it to stop."""
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False

    def check(self) -> None:
        """Leave the job if somebody asked for that.

        Raises:
            Interrupted: If so.
        """
        if self.requested:
            raise Interrupted("interrupted, what is done is kept")

    def on_signal(self, number: int, _: FrameType | None) -> None:
        """Note the first signal, where the job will look; leave otherwise, and at the second."""
        if self.requested or not self._at_work:
            raise KeyboardInterrupt
        self.requested = True
        # Not by sys.stderr: the signal may have come in the middle of its own writing.
        os.write(2, ANNOUNCEMENT)


@contextmanager
def catching_interrupts() -> Iterator[Interrupt]:
    """Within the block, let signals set a flag instead of stopping the program.

    Outside the main thread, where no signals arrive, the flag keeps its value.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt.on_signal) for number in SIGNALS}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
