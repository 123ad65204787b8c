"""Who watches a job: a listener that is told how far it is, and somebody who may ask it to stop."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .interrupt import Interrupt, catching_interrupts
from .progress import Listener, ProgressKind, showing_progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Who watches a job: nobody, unless told otherwise."""

    listener: Listener = lambda event: None
    """Is told how far it is."""

    interrupt: Interrupt = field(default_factory=Interrupt)
    """Whether somebody asked to stop."""


@contextmanager
def watching(progress: ProgressKind) -> Iterator[Watch]:
    """Watch a job as commands do: with the progress that was asked for, signals stop it."""
    with showing_progress(progress) as listener, catching_interrupts() as interrupt:
        yield Watch(listener=listener, interrupt=interrupt)


def print_result(result: object, progress: ProgressKind) -> None:
    """Tell what came out: on stdout, unless that is for JSON lines."""
    print(result, file=sys.stderr if progress == "json" else sys.stdout)
