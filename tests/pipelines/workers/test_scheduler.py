"""Who gets which task, with workers that only say what they are told to say."""

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.video.inputs import Input
from posetube.errors import WeightsError
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.progress import Event
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking.batch import InputOutcome
from posetube.pipelines.tracking.detect_stage import Gap
from posetube.pipelines.tracking.stretches import StretchDone
from posetube.pipelines.tracking.track_input import TrackTask
from posetube.pipelines.watch import Watch
from posetube.pipelines.workers.scheduler import share_out
from posetube.pipelines.workers.worker_loop import (
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

Answer = Callable[[int, WorkerTask], Message]


def ended(task: WorkerTask, code: int = 0) -> InputOutcome:
    return InputOutcome(exit_code=code, line=f"{task.track.item.name} ended", name="")


def warned(task: WorkerTask) -> Event:
    return Event(event="warning", run=task.track.item.name, text="a frame is damaged")


class ToldPool:
    """Workers whose answers come in an order of their own."""

    def __init__(self, answer: Answer, *, seed: int = 0) -> None:
        self._answer, self._random = answer, Random(seed)
        self._said: dict[int, deque[Message]] = {}
        self.given: list[WorkerTask] = []
        self.most = 0

    def start(self) -> int:
        number = len(self._said)
        self._said[number] = deque([Loaded(process=f"process {number}", model="squares")])
        return number

    def give(self, worker: int, task: WorkerTask) -> None:
        self.given.append(task)
        answer = self._answer(worker, task)
        quiet = isinstance(task, StretchTask) or isinstance(answer, CutVideo)
        self._said[worker] += [answer] if quiet else [warned(task), answer]
        self.most = max(self.most, sum(map(bool, self._said.values())))

    def stop(self, worker: int) -> None:
        if self._said[worker]:
            self._said[worker] = deque([Stopped()])

    def messages(self, timeout: float) -> Iterator[tuple[int, Message]]:
        waiting = [number for number, said in self._said.items() if said]
        if waiting:
            worker = self._random.choice(waiting)
            yield worker, self._said[worker].popleft()


def tasks(count: int) -> list[TrackTask]:
    return [
        TrackTask(
            item=Input(name=str(n), source=f"{n}.mp4", kind="video"),
            run=RunDirectory(Path(str(n))),
            config=TrackConfig(),
            on_existing="overwrite",
        )
        for n in range(count)
    ]


def told(pool: ToldPool, *, count: int = 5, workers: int = 2, **more: Any) -> list[str]:
    """Warnings and outcomes, as they come."""
    heard: list[str] = []

    def listen(event: Event) -> None:
        if event.event == "warning":
            heard.append(f"{event.run}: {event.text}")

    watch = Watch(listener=listen)
    for outcome in share_out(tasks(count), pool, workers=workers, watch=watch, **more):
        heard.append(outcome.line)
    return heard


def in_order(count: int = 5) -> list[str]:
    return [line for n in range(count) for line in (f"{n}: a frame is damaged", f"{n} ended")]


@given(
    workers=st.integers(1, 7),
    seed=st.integers(0, 1000),
    deaths=st.lists(st.booleans(), max_size=8),
    cut=st.sets(st.integers(0, 4)),
)
@settings(max_examples=60)
def test_outcomes_come_in_the_order_of_inputs_whoever_does_what_and_dies(
    workers: int, seed: int, deaths: list[bool], cut: set[int]
) -> None:
    dying, died = deque(deaths), dict.fromkeys(map(str, range(5)), 0)

    def answer(worker: int, task: WorkerTask) -> Message:
        name = task.track.item.name
        if dying and dying.popleft() and died[name] < 2:
            died[name] += 1
            return Died(how="fell")
        if isinstance(task, StretchTask):
            return StretchDone(seconds=1.0, warnings=(str(task.stretch.number),))
        if int(name) in cut and not task.spent:
            return CutVideo(stretches=tuple(Gap(number=n, first=n) for n in range(4)))
        return ended(task)

    pool = ToldPool(answer, seed=seed)
    heard = told(pool, workers=workers)

    assert [line for line in heard if "fell" not in line] == in_order()
    assert pool.most <= workers
    last = {task.track.item.name: task for task in pool.given if isinstance(task, VideoTask)}
    for name in map(str, cut):
        assert last[name].notes == ("0", "1", "2", "3")
        assert last[name].spent == 4.0
        assert last[name].track.on_existing == "resume"


def test_a_task_that_kills_its_workers_fails_and_the_others_do_not() -> None:
    def answer(worker: int, task: WorkerTask) -> Message:
        return Died(how="was killed (SIGSEGV)") if task.track.item.name == "1" else ended(task)

    pool = ToldPool(answer)
    heard = told(pool, count=3)

    assert sum(task.track.item.name == "1" for task in pool.given) == 3
    assert [line for line in heard if "process" not in line] == [
        *in_order(1),
        *("1: a frame is damaged", "2: a frame is damaged", "2 ended"),
    ]
    [failure] = [line for line in heard if "3 processes died over it" in line]
    assert failure.endswith("was killed (SIGSEGV)")


def test_killed_again_and_again_memory_is_the_likely_reason() -> None:
    pool = ToldPool(lambda worker, task: Died(how="was killed (SIGKILL)", killed=True))
    outcomes = list(share_out(tasks(1), pool, workers=1, watch=Watch()))

    assert outcomes[0].exit_code == 7
    assert "where memory runs out: use fewer of them" in outcomes[0].line


def test_a_task_begun_is_not_overwritten_by_the_next_worker() -> None:
    seen: list[str] = []

    def answer(worker: int, task: WorkerTask) -> Message:
        seen.append(task.track.on_existing)
        return ended(task) if len(seen) > 1 else Died(how="fell")

    class Begun(ToldPool):
        def give(self, worker: int, task: WorkerTask) -> None:
            super().give(worker, task)
            self._said[worker].appendleft(Event(event="stage", run="0", stage="detect"))

    told(Begun(answer), count=1)
    told(ToldPool(answer), count=1)

    assert seen == ["overwrite", "resume", "overwrite"]


def test_after_a_full_disk_nothing_more_is_begun() -> None:
    pool = ToldPool(lambda worker, task: ended(task, code=7 if task.track.item.name == "1" else 0))
    heard = told(pool, workers=1)

    assert heard == in_order(2)


def test_workers_that_cannot_load_their_network_say_why() -> None:
    class Refusing(ToldPool):
        def start(self) -> int:
            number = super().start()
            self._said[number] = deque([Refused(error=WeightsError("gone.pt: no such file"))])
            return number

    with pytest.raises(WeightsError, match=r"gone\.pt: no such file"):
        told(Refusing(lambda worker, task: ended(task)))


def test_workers_that_die_while_they_load_are_not_begun_for_ever() -> None:
    class Dying(ToldPool):
        def start(self) -> int:
            number = super().start()
            self._said[number] = deque([Died(how="was killed (SIGKILL)", killed=True)])
            return number

    with pytest.raises(Exception, match=r"a process that was loading was killed \(SIGKILL\)"):
        told(Dying(lambda worker, task: ended(task)))


def test_who_is_asked_to_stop_tells_what_is_done() -> None:
    interrupt, heard = Interrupt(), list[Event]()

    def answer(worker: int, task: WorkerTask) -> Message:
        interrupt.requested = task.track.item.name == "2"
        return ended(task)

    pool = ToldPool(answer)
    watch = Watch(listener=heard.append, interrupt=interrupt)
    outcomes = share_out(tasks(5), pool, workers=1, watch=watch)
    lines = [next(outcomes).line, next(outcomes).line]
    with pytest.raises(Interrupted, match="what is done is kept"):
        next(outcomes)

    assert lines == ["0 ended", "1 ended"]
    assert len(pool.given) == 3


def test_a_worker_that_somebody_else_stopped_is_replaced() -> None:
    told_to = [False, False, True]

    def answer(worker: int, task: WorkerTask) -> Message:
        return Stopped() if told_to.pop() else ended(task)

    heard = told(ToldPool(answer), count=2)

    [warning] = [line for line in heard if "process" in line]
    assert warning.endswith("was told to stop; another goes on from the parts that are there")
    assert [line for line in heard if "process" not in line] == in_order(2)


def test_the_network_is_named_once() -> None:
    said: list[str] = []
    told(ToldPool(lambda worker, task: ended(task)), workers=3, on_loaded=said.append)

    assert said == ["squares"]
