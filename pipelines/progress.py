"""Reports how far a job is: events, and listeners that show them (a bar, lines, JSON).

The job sends each :class:`Event` to every listener, and the listener decides what to show, and how
often. Text for people goes to stderr, JSON lines go to the stream that was given.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from time import monotonic
from typing import IO, Literal, TypeVar

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
)

from ..datasets.files.json_files import encode

Item = TypeVar("Item")

ProgressKind = Literal["auto", "json", "none"]


SHOWN = 4
"""Of many runs at work, how many a line names."""


Unit = Literal["frames", "pictures", "clips", "steps", "videos"]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened to a run."""

    event: Literal["stage", "progress", "warning", "end"]
    """``stage``: one began; ``progress``: frames were done; ``end``: the run is over."""

    run: str
    """Name of the run's input."""

    stage: str | None = None
    """``detect``, ``link``, ``render``, or ``track`` for the first two; ``draw`` or ``train``."""

    done: int | None = None
    """Frames of the stage that are done."""

    total: int | None = None
    """Frames that the stage is expected to have; None where nobody knows."""

    unit: Unit = "frames"
    """What is counted."""

    loss: float | None = None
    """What training has come to."""

    state: str | None = None
    """State of the run at its end."""

    text: str | None = None
    """What a person should know."""


Listener = Callable[[Event], None]

ALL = "all"
"""The run of events that say how many of several videos are done."""


class JsonLines:
    """Writes events as JSON objects, one per line, and progress not more than once a second."""

    def __init__(
        self, stream: IO[str], *, interval: float = 1.0, clock: Callable[[], float] = monotonic
    ) -> None:
        """Listen.

        Args:
            stream: Where the lines go.
            interval: Seconds between two lines of progress.
            clock: Gives seconds.
        """
        self._stream, self._interval, self._clock = stream, interval, clock
        self._last = -float("inf")

    def __call__(self, event: Event) -> None:
        """Take an event."""
        now = self._clock()
        if event.event == "progress" and event.done != event.total:
            if now - self._last < self._interval:
                return
            self._last = now
        self._stream.write(encode(event).decode() + "\n")
        self._stream.flush()


class Lines:
    """Writes a line for people every now and then: for logs, where a bar would be a mess."""

    def __init__(
        self, stream: IO[str], *, interval: float = 30.0, clock: Callable[[], float] = monotonic
    ) -> None:
        """Listen.

        Args:
            stream: Where the lines go.
            interval: Seconds between two of them.
            clock: Gives seconds.
        """
        self._stream, self._interval, self._clock = stream, interval, clock
        self._began: dict[str, tuple[float, int]] = {}
        """By run, when its stage at work began, and what was done then."""
        self._latest: dict[str, Event] = {}
        self._last = clock()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        now = self._clock()
        if event.event in ("stage", "progress"):
            self._latest[event.run] = event
        if event.event == "stage":
            self._began[event.run] = now, event.done or 0
            if event.run == ALL or ALL not in self._latest:  # of many runs, one begins all the time
                self._last = now
            if event.unit == "steps":  # one may take a minute: the first shows that all is well
                self._last -= self._interval
        elif event.event == "warning":
            self._write(f"{event.run}: warning: {event.text}")
        elif event.event == "end":
            self._latest.pop(event.run, None)
        elif event.event == "progress" and now - self._last >= self._interval:
            self._last = now
            self._write(self._line(self._latest.get(ALL, event), now))

    def _line(self, event: Event, now: float) -> str:
        since, first = self._began.get(event.run, (now, 0))
        pace = _pace(event, first=first, elapsed=now - since)
        others = [one for run, one in self._latest.items() if run != event.run]
        shown = [_done(one) for one in others[:SHOWN]] + ["..."] * (len(others) > SHOWN)
        at_work = f"; at work: {', '.join(shown)}" if event.run == ALL and others else ""
        return f"{_done(event)} {event.unit}, {pace}{at_work}"

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class Bar:
    """Draws a bar for each run at work, with the speed and the time left, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, tuple[float, int]] = {}

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event.event == "stage":
            self._end(event.run)
            self._began[event.run] = monotonic(), event.done or 0
            self._tasks[event.run] = self._progress.add_task(
                f"{event.run}: {event.stage}",
                total=event.total,
                completed=event.done or 0,
                rate="",
            )
        elif event.event == "progress" and event.run in self._tasks:
            since, first = self._began[event.run]
            pace = _pace(event, first=first, elapsed=monotonic() - since)
            self._progress.update(self._tasks[event.run], completed=event.done, rate=pace)
        elif event.event == "warning":
            self._progress.console.print(
                f"{event.run}: warning: {event.text}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        elif event.event == "end":
            self._end(event.run)

    def _end(self, run: str) -> None:
        task = self._tasks.pop(run, None)
        if task is not None:
            self._progress.remove_task(task)


@contextmanager
def showing_progress(kind: ProgressKind) -> Iterator[Listener]:
    """Give the listener that ``--progress`` asks for.

    Args:
        kind: ``auto``: a bar on a terminal or in a notebook, else a line every 30 s; ``json``: JSON
            lines on stdout; ``none``: warnings alone.
    """
    if kind == "json":
        yield JsonLines(sys.stdout)
    elif kind == "none":
        lines = Lines(sys.stderr)
        yield lambda event: lines(event) if event.event == "warning" else None
    elif bar_can_be_drawn():
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            yield Bar(progress)
    else:
        yield Lines(sys.stderr)


def bar_can_be_drawn() -> bool:
    """Whether there is a terminal, or a notebook with the library that rich draws with there."""
    notebook = Console(stderr=True).is_jupyter and find_spec("ipywidgets") is not None
    return sys.stderr.isatty() or notebook


@contextmanager
def listening(progress: bool) -> Iterator[Listener]:
    """The listener that ``progress=True`` asks for in Python; else one that tells nobody."""
    if progress:
        with showing_progress("auto") as listener:
            yield listener
    else:
        yield lambda event: None


def told(
    items: Iterable[Item],
    listener: Listener,
    *,
    run: str,
    stage: str,
    total: int | None,
    unit: Unit = "frames",
) -> Iterator[Item]:
    """The items, with an event before the first, and one after each of them."""
    event = partial(Event, run=run, stage=stage, total=total, unit=unit)
    listener(event(event="stage", done=0))
    for done, item in enumerate(items, start=1):
        yield item
        listener(event(event="progress", done=done))


def _done(event: Event) -> str:
    total = "" if event.total is None else f" of {event.total}"
    return f"{event.run}: {event.stage} {event.done or 0}{total}"


def _pace(event: Event, *, first: int, elapsed: float) -> str:
    """Speed, loss and time left, as far as they are known.

    Args:
        event: How far a stage is.
        first: What was done when it began.
        elapsed: Seconds since then.
    """
    done = event.done or 0
    rate = (done - first) / elapsed if elapsed else 0.0
    slow = event.unit in ("steps", "videos") and rate
    parts = [f"{1 / rate:.1f} s/{event.unit[:-1]}" if slow else f"{rate:.1f} {event.unit}/s"]
    if event.loss is not None:
        parts.append(f"loss {event.loss:.4g}")
    if event.total is not None and rate:
        parts.append(f"{clock_face((event.total - done) / rate)} left")
    return ", ".join(parts)


def clock_face(duration: float) -> str:
    """Seconds as minutes and seconds, with hours where there are any."""
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
