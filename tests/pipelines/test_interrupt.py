import os
import signal

import pytest

from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import catching_interrupts


def test_the_first_signal_waits_for_the_part_at_hand_and_the_second_does_not() -> None:
    with catching_interrupts() as interrupt, interrupt.deferred():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted):
            interrupt.check()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_where_no_part_is_at_hand_the_first_signal_stops_the_job() -> None:
    with catching_interrupts() as interrupt:
        with interrupt.deferred():
            pass
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
