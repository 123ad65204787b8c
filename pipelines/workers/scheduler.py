"""Gives tasks to workers, and their outcomes in the order of the inputs.

Whichever worker does what, and whoever ends first: outcomes and the warnings of each come in the
order of the inputs, each input's warnings before its outcome. A task whose worker died goes to
another one, which goes on from the parts that are there.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from posetube.errors import PoseTubeError, ResourceError

from ..failures import Interrupted
from ..progress import ALL, Event, Listener
from ..tracking.batch import InputOutcome, failed_outcome
from ..tracking.detect_stage import Gap
from ..tracking.stretches import StretchDone
from ..tracking.track_input import TrackTask
from ..watch import Watch
from .worker_loop import (
    CutVideo,
    Died,
    Loaded,
    Message,
    Refused,
    Stopped,
    StretchTask,
    VideoTask,
    WorkerTask,
)

WAIT = 0.2
"""Seconds after which to look whether somebody asked to stop."""

MOST_DEATHS = 3
"""Workers that may die over one task, or while they load: more would die, too."""

STRETCHES_PER_WORKER = 4
"""In how many stretches a long video is cut: the first to be done must find another one to do."""


class WorkerPool(Protocol):
    """Workers, by number, wherever they run."""

    def start(self) -> int:
        """Begin a worker; its number."""

    def give(self, worker: int, task: WorkerTask) -> None:
        """Give a worker that has answered its last task another one."""

    def stop(self, worker: int) -> None:
        """Ask a worker to stop after the part at hand, or to end where it has no task."""

    def messages(self, timeout: float) -> Iterable[tuple[int, Message]]:
        """What workers say within so many seconds, in the order in which each said it."""


@dataclass
class _Shared:
    """A video that was cut."""

    whole: VideoTask
    left: int
    """Stretches that are not done."""

    done: dict[int, StretchDone] = field(default_factory=dict)
    """By the number of its first part."""


def share_out(
    tasks: Sequence[TrackTask],
    pool: WorkerPool,
    *,
    workers: int,
    watch: Watch,
    on_loaded: Callable[[str], object] = lambda model: None,
    cut: bool = True,
) -> Iterator[InputOutcome]:
    """Track all inputs; how each ended, in their order.

    After an input for which disk or memory ran out no other is begun.

    Args:
        tasks: The inputs.
        pool: Where workers come from.
        workers: How many at most.
        watch: Who is told how far each is, and may ask to stop.
        on_loaded: Told once which network runs where.
        cut: Whether several workers may share a long video.

    Raises:
        PoseTubeError: If workers cannot load their network.
        Interrupted: If somebody asked to stop; the same call goes on.
    """
    interrupt = watch.interrupt
    scheduler = _Scheduler(
        tasks, pool, workers=workers, listener=watch.listener, on_loaded=on_loaded, cut=cut
    )
    with interrupt.deferred():
        try:
            while not scheduler.finished:
                scheduler.hand_out()
                for worker, message in pool.messages(WAIT):
                    if interrupt.requested:  # before a worker that was told, too, counts as lost
                        scheduler.stop()
                    scheduler.take(worker, message)
                if interrupt.requested:
                    scheduler.stop()
                yield from scheduler.settled()
        except KeyboardInterrupt:
            raise Interrupted("stopped at once, the whole parts are kept") from None
        yield from scheduler.settled(all_of_them=True)
        interrupt.check()


class _Scheduler:
    """Who does what, and what has come of it."""

    def __init__(
        self,
        tasks: Sequence[TrackTask],
        pool: WorkerPool,
        *,
        workers: int,
        listener: Listener,
        on_loaded: Callable[[str], object],
        cut: bool,
    ) -> None:
        self._pool, self._workers, self._listener = pool, workers, listener
        self._on_loaded: Callable[[str], object] | None = on_loaded
        most = STRETCHES_PER_WORKER * workers if cut and workers > 1 else 0
        videos = (VideoTask(track=task, most_stretches=most) for task in tasks)
        self._queue: deque[tuple[int, WorkerTask]] = deque(enumerate(videos))
        self._loading: set[int] = set()
        self._idle: list[int] = []
        self._at_work: dict[int, tuple[int, WorkerTask]] = {}
        self._names: dict[int, str] = {}
        self._shared: dict[int, _Shared] = {}
        self._begun: set[int] = set()  # inputs at whose frames somebody has looked
        self._warnings: dict[int, list[Event]] = {}
        self._outcomes: dict[int, InputOutcome] = {}
        self._told, self._total = 0, len(tasks)
        self._deaths: Counter[int] = Counter()  # by input; -1: while loading
        self._stopping = False
        self._tell_all("stage")

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to wait for."""
        return not self._at_work and (self._stopping or not self._queue)

    def hand_out(self) -> None:
        """Give tasks to workers that wait, and begin as many as have something to do."""
        if self._stopping:
            return
        while self._queue and self._idle:
            worker = self._idle.pop()
            self._at_work[worker] = self._queue.popleft()
            self._pool.give(worker, self._at_work[worker][1])
        there = len(self._loading) + len(self._at_work)
        for _ in range(min(self._workers - there, len(self._queue) - len(self._loading))):
            self._loading.add(self._pool.start())

    def take(self, worker: int, message: Message) -> None:
        """Take what a worker says."""
        if isinstance(message, Event):
            self._hear(worker, message)
        elif isinstance(message, Loaded):
            self._welcome(worker, message)
        elif isinstance(message, Refused):
            raise message.error
        elif isinstance(message, Died):
            self._replace(worker, message)
        elif isinstance(message, Stopped) and not self._stopping:
            self._replace(worker, Died(how="was told to stop"))
        else:
            number, task = self._at_work.pop(worker)
            if isinstance(message, Stopped):
                return
            self._idle.append(worker)
            if isinstance(message, CutVideo):
                self._cut(number, task, message.stretches)
            elif isinstance(message, StretchDone):
                self._join(number, task, message)
            else:
                self._settle(number, message)

    def stop(self) -> None:
        """Ask all workers to stop; no more tasks are given."""
        if not self._stopping:
            self._stopping = True
            for worker in (*self._loading, *self._idle, *self._at_work):
                self._pool.stop(worker)

    def settled(self, *, all_of_them: bool = False) -> Iterator[InputOutcome]:
        """Outcomes that can be told: all before them are; at the end also those behind a gap."""
        for number in range(self._told, self._total):
            if number in self._outcomes:
                for event in self._warnings.pop(number, ()):
                    self._listener(event)
                yield self._outcomes.pop(number)
            elif not all_of_them:
                return
            self._told = number + 1

    def _hear(self, worker: int, event: Event) -> None:
        if worker not in self._at_work:
            return
        number, _ = self._at_work[worker]
        if event.event == "warning":
            self._warnings.setdefault(number, []).append(event)
            return
        self._begun.add(number)
        self._listener(event)

    def _welcome(self, worker: int, loaded: Loaded) -> None:
        self._loading.discard(worker)
        self._names[worker] = loaded.process
        self._idle.append(worker)
        if self._on_loaded is not None:
            self._on_loaded(loaded.model)
            self._on_loaded = None

    def _cut(self, number: int, task: WorkerTask, stretches: Sequence[Gap]) -> None:
        """Put the stretches of a video before all other tasks: it would be the last to be done."""
        track = replace(task.track, on_existing="resume")
        self._shared[number] = _Shared(whole=VideoTask(track=track), left=len(stretches))
        count, name = len(stretches), track.item.name
        pieces = [
            StretchTask(track=track, stretch=stretch, name=f"{name} {place}/{count}")
            for place, stretch in enumerate(stretches, start=1)
        ]
        self._queue.extendleft((number, piece) for piece in reversed(pieces))

    def _join(self, number: int, task: WorkerTask, done: StretchDone) -> None:
        shared = self._shared[number]
        shared.left -= 1
        if isinstance(task, StretchTask):
            shared.done[task.stretch.number] = done
        if not shared.left:
            found = [one for _, one in sorted(shared.done.items())]
            notes = tuple(note for one in found for note in one.warnings)
            spent = sum(one.seconds for one in found)
            self._queue.appendleft((number, replace(shared.whole, notes=notes, spent=spent)))

    def _replace(self, worker: int, died: Died) -> None:
        """Have a dead worker's task done again."""
        name = self._names.get(worker, "a process that was loading")
        self._loading.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        number, task = self._at_work.pop(worker, (-1, None))
        self._deaths[number] += 1
        if task is None:
            if self._deaths[number] > MOST_DEATHS and not self._stopping:
                raise _lost(f"{name} {died.how}", died)
            return
        run = task.track.item.name
        if self._deaths[number] >= MOST_DEATHS:
            if isinstance(task, StretchTask):  # whoever finishes the video looks at these frames
                self._join(number, task, StretchDone())
            else:
                lost = _lost(
                    f"{run}: {MOST_DEATHS} processes died over it, {name} {died.how}", died
                )
                self._settle(number, failed_outcome(lost, name=run))
            return
        text = f"{name} {died.how}; another goes on from the parts that are there"
        self._listener(Event(event="warning", run=run, text=text))
        if isinstance(task, StretchTask):
            self._listener(Event(event="end", run=task.name))
        else:
            self._listener(Event(event="end", run=run))
            self._warnings.pop(number, None)  # the next one says them again
            task = replace(task, again=True)
        if number in self._begun:  # and what is there is not what on_existing was asked about
            task = replace(task, track=replace(task.track, on_existing="resume"))
        self._queue.appendleft((number, task))

    def _settle(self, number: int, outcome: InputOutcome) -> None:
        self._outcomes[number] = outcome
        if outcome.exit_code == ResourceError.exit_code:
            self._queue.clear()
        self._tell_all("progress")

    def _tell_all(self, kind: Literal["stage", "progress"]) -> None:
        done = self._told + len(self._outcomes)
        self._listener(
            Event(event=kind, run=ALL, stage="track", done=done, total=self._total, unit="videos")
        )


def _lost(line: str, died: Died) -> PoseTubeError:
    if died.killed:
        return ResourceError(
            f"{line}; the system kills processes where memory runs out: use fewer of them"
        )
    return PoseTubeError(line)
