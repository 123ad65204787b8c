"""What a worker does, wherever it runs: loads the network once, then does one task after another.

Not here: who gets which task (:mod:`.scheduler`), what carries tasks and answers to and fro
(:mod:`.process_pool`, :mod:`.ray_pool`).
"""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import TYPE_CHECKING

from posetube.errors import InputError

from ..failures import Interrupted
from ..interrupt import Interrupt
from ..loaded_model import LoadedModel
from ..progress import Event, Listener
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from ..tracking.batch import InputOutcome, outcome_of
from ..tracking.detect_stage import Gap
from ..tracking.stretches import StretchDone, fill_stretch, stretches_of
from ..tracking.track_input import TrackTask, opened_run
from ..watch import Watch

if TYPE_CHECKING:
    from ..tracking.opened_boxes import BoxSource

EVENT_INTERVAL = 0.2
"""Seconds between two events of progress that a worker sends: each frame's would be too many."""


LOCK_PATIENCE = 120
"""Seconds to wait for the lock of a worker that died."""


@dataclass(frozen=True, kw_only=True)
class WorkerSetup:
    """What a worker is told at its start; goes from process to process."""

    load: Callable[[], LoadedModel]
    """Loads the network."""

    threads: int
    """How many frames it may look at side by side: its share of the machine's cores."""

    boxes: "Callable[[], BoxSource] | None" = None
    """Opens the boxes from outside; None: the network finds people itself."""

    def opened_boxes(self) -> "BoxSource | None":
        """The boxes from outside, for all videos."""
        return None if self.boxes is None else self.boxes()


@dataclass(frozen=True, kw_only=True)
class VideoTask:
    """A whole video to track, or what is left of it."""

    track: TrackTask
    most_stretches: int = 0
    """In how many stretches it may be cut."""

    notes: tuple[str, ...] = ()
    """Warnings of those who looked at its stretches."""

    spent: float = 0.0
    """Seconds that they took."""

    again: bool = False
    """Whether somebody who died has left it."""


@dataclass(frozen=True, kw_only=True)
class StretchTask:
    """A stretch of a video whose frames are to be looked at."""

    track: TrackTask
    stretch: Gap
    name: str
    """What progress calls it."""


WorkerTask = VideoTask | StretchTask


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The worker has its network, and wants a task."""

    process: str
    """What people call the worker."""

    model: str
    """The network and its device, for people."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The worker cannot load its network, or is in the wrong place."""

    error: Exception


@dataclass(frozen=True, kw_only=True)
class CutVideo:
    """The video is long: these stretches of it are to be done first."""

    stretches: tuple[Gap, ...]


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """The worker has left its task, as it was asked to, and ended."""


@dataclass(frozen=True, kw_only=True)
class Died:
    """The worker is gone, and nobody had asked it to go."""

    how: str
    """For people: ``was killed (SIGKILL)``."""

    killed: bool = False
    """Whether somebody else did it, as the system does where memory runs out."""


Message = Event | Loaded | Refused | InputOutcome | CutVideo | StretchDone | Stopped | Died


def work(
    setup: WorkerSetup,
    *,
    receive: Callable[[], WorkerTask | None],
    send: Callable[[Message], object],
    interrupt: Interrupt,
) -> None:
    """Do tasks until there are no more, or somebody asks to stop.

    Args:
        setup: What to work with.
        receive: Waits for a task; None: there are no more.
        send: Takes events, and an answer per task.
        interrupt: Whether somebody asked to stop.
    """
    try:
        model, boxes = opened(setup)
    except Exception as error:
        send(Refused(error=error))
        return
    send(Loaded(process=f"process {os.getpid()} on {platform.node()}", model=model.headline))
    watch = Watch(listener=thinned(send), interrupt=interrupt)
    while (task := receive()) is not None:
        try:
            send(_done(task, model, boxes, watch))
        except Interrupted:
            send(Stopped())
            return


def opened(setup: WorkerSetup) -> "tuple[LoadedModel, BoxSource | None]":
    """The network with the worker's share of the cores, and the boxes from outside."""
    model = setup.load()
    # each would take all cores, and all together would wait for one another
    return replace(model, workers=min(model.workers, setup.threads)), setup.opened_boxes()


def _done(
    task: WorkerTask, model: LoadedModel, boxes: "BoxSource | None", watch: Watch
) -> InputOutcome | CutVideo | StretchDone:
    """Do a task.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    watch.interrupt.check()
    if isinstance(task, StretchTask):
        return _stretch(task, model, boxes, watch)
    if task.again:
        _wait_for_lock(task.track.run)
    cut: list[Gap] = []

    def track() -> Manifest:
        with opened_run(task.track, model, boxes=boxes, watch=watch) as opened:
            cut.extend(stretches_of(opened, most=task.most_stretches))
            if cut:
                return opened.session.manifest
            return opened.finish(notes=task.notes, spent=task.spent)

    outcome = outcome_of(task.track, track)
    return CutVideo(stretches=tuple(cut)) if cut else outcome


def _wait_for_lock(run: RunDirectory) -> None:
    """Wait until the lock of a dead worker is gone; a shared disk may take a minute to notice."""
    for _ in range(LOCK_PATIENCE):
        with suppress(InputError), run.locked():
            return
        sleep(1)


def _stretch(
    task: StretchTask, model: LoadedModel, boxes: "BoxSource | None", watch: Watch
) -> StretchDone:
    try:
        return fill_stretch(
            task.track, task.stretch, model, boxes=boxes, name=task.name, watch=watch
        )
    except (Interrupted, BrokenPipeError):
        raise
    except Exception:  # whoever finishes the run meets it again, and says so
        return StretchDone()


def thinned(
    listener: Callable[[Event], object], *, clock: Callable[[], float] = monotonic
) -> Listener:
    """A listener that passes events on, and progress only now and then."""
    last = -float("inf")

    def listen(event: Event) -> None:
        nonlocal last
        if event.event == "progress" and event.done != event.total:
            if clock() - last < EVENT_INTERVAL:
                return
            last = clock()
        listener(event)

    return listen
