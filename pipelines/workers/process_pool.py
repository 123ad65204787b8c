"""Workers as processes of this machine.

Each is a fresh interpreter (spawned, not forked: threads and locks of this process are none of
its own). Ctrl-C in a terminal reaches all processes; workers leave it to this one, which asks them.
Where this process dies, they notice, and stop after the part at hand.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from ..interrupt import Interrupt
from .worker_loop import Died, Message, Stopped, WorkerSetup, WorkerTask, work

PATIENCE = 10.0
"""Seconds that a worker without a task may take to end."""

STOP = "stop"
GPUS = "CUDA_VISIBLE_DEVICES"
"""The variable that says which GPUs a process sees, and in which order."""


class ProcessPool:
    """Processes of this machine, by number."""

    def __init__(self, setup: WorkerSetup, *, gpus: tuple[str, ...] = ()) -> None:
        """Nothing is started yet.

        Args:
            setup: What workers are told.
            gpus: GPUs that workers take turns to have; (): all see all.
        """
        self._setup, self._gpus = setup, gpus
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[int, SpawnProcess] = {}
        self._pipes: dict[int, Connection] = {}
        self._asked: set[int] = set()
        self._count = 0

    def start(self) -> int:
        """Begin a process; its number."""
        number, self._count = self._count, self._count + 1
        ours, theirs = self._context.Pipe()
        gpu = self._gpus[number % len(self._gpus)] if self._gpus else None
        process = self._context.Process(
            target=work_in_process, args=(theirs, self._setup, gpu), daemon=True
        )
        with _holding_back_ctrl_c():
            process.start()
        theirs.close()
        self._processes[number], self._pipes[number] = process, ours
        return number

    def give(self, worker: int, task: WorkerTask) -> None:
        """Give a process a task."""
        with suppress(OSError):  # it has died; the next message says so
            self._pipes[worker].send(task)

    def stop(self, worker: int) -> None:
        """Ask a process to stop."""
        self._asked.add(worker)
        if worker in self._pipes:
            with suppress(OSError):
                self._pipes[worker].send(STOP)

    def messages(self, timeout: float) -> Iterator[tuple[int, Message]]:
        """What processes say within so many seconds."""
        numbers = {pipe: number for number, pipe in self._pipes.items()}
        for pipe in wait(list(numbers), timeout):
            assert isinstance(pipe, Connection)
            for message in self._heard(numbers[pipe], pipe):
                yield numbers[pipe], message

    def _heard(self, number: int, pipe: Connection) -> Iterator[Message]:
        try:
            while pipe.poll():
                message = pipe.recv()
                if isinstance(message, Stopped):
                    self._asked.add(number)
                yield message
        except (EOFError, OSError):
            code = self._buried(number)
            if code or number not in self._asked:
                yield _death(code)

    def _buried(self, number: int) -> int | None:
        """The exit code of a process that has closed its pipe."""
        process = self._processes.pop(number)
        self._pipes.pop(number).close()
        process.join(PATIENCE)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        process.close()
        return code

    def close(self, *, now: bool) -> None:
        """End all processes.

        Args:
            now: Whether also those that are at work; else those who have stopped or wait.
        """
        for number in list(self._processes):
            self.stop(number)
            if now:
                self._processes[number].kill()
            self._buried(number)


@contextmanager
def process_pool(setup: WorkerSetup, *, gpus: tuple[str, ...] = ()) -> Iterator[ProcessPool]:
    """Workers for the block; where it fails, those that are at work are ended at once."""
    pool = ProcessPool(setup, gpus=gpus)
    try:
        yield pool
    except BaseException:
        pool.close(now=True)
        raise
    pool.close(now=False)


@contextmanager
def _holding_back_ctrl_c() -> Iterator[None]:
    """A process that begins within the block never sees Ctrl-C; this one sees it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _death(code: int | None) -> Died:
    if code is None or code >= 0:
        return Died(how=f"ended (exit code {code})")
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return Died(how=f"was killed ({name})", killed=name == "SIGKILL")


def work_in_process(pipe: Connection, setup: WorkerSetup, gpu: str | None) -> None:
    """The life of a worker's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if gpu is not None:  # before anything asks for GPUs
        os.environ[GPUS] = gpu
    interrupt, tasks = Interrupt(), SimpleQueue[WorkerTask | None]()

    def stop(*_: object) -> None:
        interrupt.requested = True
        tasks.put(None)

    # who ends a job often tells all of its processes; each finishes its part, as the first one does
    signal.signal(signal.SIGTERM, stop)
    Thread(target=_listen, args=(pipe, tasks, interrupt), daemon=True).start()
    with suppress(BrokenPipeError, ConnectionResetError):  # nobody wants to know any more
        work(setup, receive=tasks.get, send=pipe.send, interrupt=interrupt)


def _listen(
    pipe: Connection, tasks: "SimpleQueue[WorkerTask | None]", interrupt: Interrupt
) -> None:
    """Put tasks into a queue until somebody asks to stop, or the other end is gone."""
    with suppress(EOFError, OSError):
        while (said := pipe.recv()) != STOP:
            tasks.put(said)
    interrupt.requested = True
    tasks.put(None)


def usable_gpus() -> tuple[str, ...]:
    """GPUs that processes can take turns to have; () where there is one, or nobody knows of any."""
    said = os.environ.get(GPUS)
    found = said.split(",") if said else _driver_gpus()
    return tuple(found) if len(found) > 1 else ()


def _driver_gpus() -> list[str]:
    """Numbers of the GPUs that NVIDIA's driver knows; to ask torch would take seconds."""
    folder = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number, _ in enumerate(folder.iterdir())] if folder.is_dir() else []
