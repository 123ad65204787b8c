import os
import signal

import pytest

from posetube.pipelines.progress import Event
from posetube.pipelines.watch import Watch, print_result, watching


def test_a_command_tells_how_far_it_is_and_signals_stop_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with watching("json") as watch, watch.interrupt.deferred():
        watch.listener(Event(event="warning", run="clip", text="frame 3 is damaged"))
        os.kill(os.getpid(), signal.SIGINT)

        assert watch.interrupt.requested
    assert "frame 3 is damaged" in capsys.readouterr().out


def test_nobody_watches_unless_told_otherwise() -> None:
    first, second = Watch(), Watch()
    first.listener(Event(event="end", run="clip"))
    first.interrupt.requested = True

    assert not second.interrupt.requested


def test_a_result_is_not_among_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_result("runs/clip", "auto")
    assert capsys.readouterr().out == "runs/clip\n"

    print_result("runs/clip", "json")
    assert capsys.readouterr() == ("", "runs/clip\n")
