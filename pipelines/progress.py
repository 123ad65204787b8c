"""Reports how far a job is: events, and listeners that show them (a bar, lines, JSON).

The job sends each :class:`Event` to every listener, and the listener decides what to show, and how
often. Text for people goes to stderr, JSON lines go to the stream that was given.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic
from typing import IO, Literal

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

ProgressKind = Literal["auto", "json", "none"]


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

    unit: Literal["frames", "pictures", "clips", "steps"] = "frames"
    """What is counted."""

    loss: float | None = None
    """What training has come to."""

    state: str | None = None
    """State of the run at its end."""

    text: str | None = None
    """What a person should know."""


Listener = Callable[[Event], None]


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
        self._began, self._first, self._last = clock(), 0, clock()

    def __call__(self, event: Event) -> None:
        """Take an event."""
        now = self._clock()
        if event.event == "stage":
            self._began, self._last, self._first = now, now, event.done or 0
            if event.unit == "steps":  # one may take a minute: the first shows that all is well
                self._last -= self._interval
        elif event.event == "warning":
            self._write(f"{event.run}: warning: {event.text}")
        elif event.event == "progress" and now - self._last >= self._interval:
            self._last = now
            self._write(self._line(event, now - self._began))

    def _line(self, event: Event, elapsed: float) -> str:
        total = "" if event.total is None else f" of {event.total}"
        pace = _pace(event, first=self._first, elapsed=elapsed)
        return f"{event.run}: {event.stage} {event.done or 0}{total} {event.unit}, {pace}"

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class Bar:
    """Draws a bar with the speed and the time left, on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._began, self._first = monotonic(), 0

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if event.event == "stage":
            self._began, self._first = monotonic(), event.done or 0
            self._end()
            self._task = self._progress.add_task(
                f"{event.run}: {event.stage}",
                total=event.total,
                completed=event.done or 0,
                rate="",
            )
        elif event.event == "progress" and self._task is not None:
            pace = _pace(event, first=self._first, elapsed=monotonic() - self._began)
            self._progress.update(self._task, completed=event.done, rate=pace)
        elif event.event == "warning":
            self._progress.console.print(
                f"{event.run}: warning: {event.text}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        elif event.event == "end":
            self._end()

    def _end(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


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


def _pace(event: Event, *, first: int, elapsed: float) -> str:
    """Speed, loss and time left, as far as they are known.

    Args:
        event: How far a stage is.
        first: What was done when it began.
        elapsed: Seconds since then.
    """
    done = event.done or 0
    rate = (done - first) / elapsed if elapsed else 0.0
    slow = event.unit == "steps" and rate
    parts = [f"{1 / rate:.1f} s/step" if slow else f"{rate:.1f} {event.unit}/s"]
    if event.loss is not None:
        parts.append(f"loss {event.loss:.4g}")
    if event.total is not None and rate:
        parts.append(f"{_clock_face((event.total - done) / rate)} left")
    return ", ".join(parts)


def _clock_face(duration: float) -> str:
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
