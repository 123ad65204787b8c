import io
from functools import partial
from typing import Literal

import msgspec
import pytest
from rich.console import Console
from rich.progress import Progress

from posetube.pipelines import progress as progress_module
from posetube.pipelines.progress import (
    ALL,
    Bar,
    Event,
    JsonLines,
    Lines,
    bar_can_be_drawn,
    showing_progress,
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def event(kind: Literal["stage", "progress"], done: int, total: int | None = 100) -> Event:
    return Event(event=kind, run="clip", stage="detect", done=done, total=total)


def test_lines_come_every_so_often_with_speed_and_time_left() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, interval=30, clock=clock)
    lines(event("stage", 20))
    for second in range(1, 61):
        clock.now = second
        lines(event("progress", 20 + second))

    assert stream.getvalue().splitlines() == [
        "clip: detect 50 of 100 frames, 1.0 frames/s, 0:50 left",
        "clip: detect 80 of 100 frames, 1.0 frames/s, 0:20 left",
    ]


def test_of_many_videos_a_line_says_how_many_are_done_and_what_is_at_work() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, interval=30, clock=clock)
    lines(Event(event="stage", run=ALL, stage="track", done=0, total=60, unit="videos"))
    for second in range(1, 91):
        clock.now = second
        run, step = divmod(second, 20)
        if step == 0:
            lines(Event(event="end", run=f"clip-{run - 1}"))
            lines(
                Event(event="progress", run=ALL, stage="track", done=run, total=60, unit="videos")
            )
            lines(Event(event="stage", run=f"clip-{run}", stage="detect", total=20))
        lines(Event(event="progress", run=f"clip-{run}", stage="detect", done=step, total=20))

    assert stream.getvalue().splitlines() == [
        "all: track 1 of 60 videos, 30.0 s/video, 29:30 left; at work: clip-1: detect 10 of 20",
        "all: track 3 of 60 videos, 20.0 s/video, 19:00 left",
        "all: track 4 of 60 videos, 22.5 s/video, 21:00 left; at work: clip-4: detect 10 of 20",
    ]


def test_a_bar_for_each_of_many_runs_and_one_for_all() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress(
        "{task.description} {task.completed} {task.fields[rate]}", console=console
    ) as progress:
        bar = Bar(progress)
        bar(Event(event="stage", run=ALL, stage="track", total=60, unit="videos"))
        for run in ("one", "two"):
            bar(Event(event="stage", run=run, stage="detect", total=20))
        bar(Event(event="progress", run="one", stage="detect", done=7))
        bar(Event(event="progress", run="two", stage="detect", done=9))
        assert [(task.description, task.completed) for task in progress.tasks] == [
            *(("all: track", 0), ("one: detect", 7), ("two: detect", 9)),
        ]
        bar(Event(event="end", run="one"))
        assert [task.description for task in progress.tasks] == ["all: track", "two: detect"]


def test_a_source_without_a_length_has_no_time_left() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, interval=30, clock=clock)
    lines(event("stage", 0, None))
    clock.now = 40
    lines(event("progress", 10, None))

    assert stream.getvalue() == "clip: detect 10 frames, 0.2 frames/s\n"


def test_warnings_are_always_told() -> None:
    stream = io.StringIO()
    Lines(stream, interval=float("inf"))(Event(event="warning", run="clip", text="frame 3"))

    assert stream.getvalue() == "clip: warning: frame 3\n"


def test_json_lines_come_once_a_second_and_the_last_one_always() -> None:
    clock, stream = Clock(), io.StringIO()
    lines = JsonLines(stream, clock=clock)
    for done in range(1, 101):
        clock.now += 0.1
        lines(event("progress", done))

    told = [msgspec.json.decode(line)["done"] for line in stream.getvalue().splitlines()]
    assert told[-1] == 100
    assert 10 <= len(told) <= 12


def test_a_bar_shows_the_stage_its_frames_and_their_speed() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress(
        "{task.description} {task.completed} {task.fields[rate]}", console=console
    ) as progress:
        bar = Bar(progress)
        bar(event("stage", 0))
        bar(event("progress", 40))
        progress.refresh()
        bar(Event(event="warning", run="clip", text="frame [3] is damaged"))
        bar(Event(event="end", run="clip"))

    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "clip: detect 40" in shown
    assert "frames/s" in shown
    assert "clip: warning: frame [3] is damaged" in shown


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with showing_progress("auto") as listener:
        assert isinstance(listener, Lines)
    with showing_progress("json") as listener:
        listener(event("progress", 100))
    assert capsys.readouterr().out.startswith('{"event":"progress"')


@pytest.mark.parametrize("installed", [True, False])
def test_a_notebook_has_a_bar_where_it_can_be_drawn(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "Console", partial(Console, force_jupyter=True))
    monkeypatch.setattr(progress_module, "find_spec", lambda name: object() if installed else None)

    assert bar_can_be_drawn() == installed
