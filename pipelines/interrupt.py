"""Handles Ctrl-C and SIGTERM: the first lets the job finish its part, the second stops it now."""

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

    def check(self) -> None:
        """Leave the job if somebody asked for that.

        Raises:
            Interrupted: If so.
        """
        if self.requested:
            raise Interrupted("interrupted, what is done is kept")

    def on_signal(self, number: int, _: FrameType | None) -> None:
        """Note the first signal; leave at the second."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
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
