"""Workers on a cluster of machines, by Ray (extra ``ray``): actors that keep their network.

They do what processes of one machine do. All machines must see inputs and results under the same
paths, on a shared disk; a worker that does not see the results' folder says so before it begins.
"""

import logging
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from uuid import uuid4

from posetube.atomic_files import UNFINISHED
from posetube.errors import InputError, MissingExtraError

from ..interrupt import Interrupt
from .ray_config import RayConfig
from .worker_loop import Died, Message, Refused, WorkerSetup, WorkerTask, work

POLL = 1.0
"""Seconds that a worker waits for something to say before it says that there is nothing."""

CALLS = 3
"""Calls that a worker answers at a time: what it says, a task, and to stop."""


class RemoteWorker:
    """The part of a worker that the cluster calls; its work goes on in a thread of its own."""

    def __init__(self, setup: WorkerSetup, folder: str, token: str) -> None:
        self._said, self._tasks = SimpleQueue[Message](), SimpleQueue[WorkerTask | None]()
        self._interrupt = Interrupt()
        if not Path(token).exists():
            self._said.put(Refused(error=_not_shared(Path(token).parent)))
            return
        if os.path.isdir(folder):  # for inputs and weights that were named from there
            os.chdir(folder)
        Thread(target=self._work, args=(setup,), daemon=True).start()

    def _work(self, setup: WorkerSetup) -> None:
        work(setup, receive=self._tasks.get, send=self._said.put, interrupt=self._interrupt)

    def give(self, task: WorkerTask) -> None:
        """Take a task."""
        self._tasks.put(task)

    def stop(self) -> None:
        """Stop after the part at hand."""
        self._interrupt.requested = True
        self._tasks.put(None)

    def messages(self) -> list[Message]:
        """What there is to say, in order; nothing after a while."""
        found: list[Message] = []
        with suppress(Empty):
            found.append(self._said.get(timeout=POLL))
            while True:
                found.append(self._said.get_nowait())
        return found


class RayPool:
    """Workers of a cluster, by number."""

    def __init__(self, ray: Any, setup: WorkerSetup, *, config: RayConfig, token: Path) -> None:
        self._ray, self._setup, self._token = ray, setup, token
        # no restarts: whoever dies is replaced by a new worker, and its task given again
        self._kind = ray.remote(RemoteWorker).options(
            num_cpus=config.cpus, num_gpus=config.gpus, max_concurrency=CALLS, max_restarts=0
        )
        self._actors: dict[int, Any] = {}
        self._asked: dict[Any, int] = {}
        self._count = 0

    def start(self) -> int:
        """Ask the cluster for a worker; its number."""
        number, self._count = self._count, self._count + 1
        actor = self._kind.remote(self._setup, os.getcwd(), str(self._token))
        self._actors[number] = actor
        self._asked[actor.messages.remote()] = number
        return number

    def give(self, worker: int, task: WorkerTask) -> None:
        """Give a worker a task."""
        self._actors[worker].give.remote(task)

    def stop(self, worker: int) -> None:
        """Ask a worker to stop."""
        self._actors[worker].stop.remote()

    def messages(self, timeout: float) -> Iterable[tuple[int, Message]]:
        """What workers say within so many seconds."""
        waiting = list(self._asked)
        if not waiting:
            return
        self._ray.wait(waiting, num_returns=1, timeout=timeout)
        ready, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        for answer in ready:
            number = self._asked.pop(answer)
            try:
                said = self._ray.get(answer)
            except self._ray.exceptions.RayError as error:
                self._ray.kill(self._actors.pop(number))
                yield number, Died(how=f"is gone ({_reason(error)})")
                continue
            self._asked[self._actors[number].messages.remote()] = number
            for message in said:
                yield number, message

    def close(self) -> None:
        """End all workers."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._actors.clear()
        self._asked.clear()


@contextmanager
def ray_pool(
    setup: WorkerSetup, *, address: str, config: RayConfig, results: Path, most: int | None
) -> Iterator[tuple[RayPool, int]]:
    """Workers of a cluster for the block, and how many there is room for.

    Args:
        setup: What workers are told.
        address: Of the cluster: ``auto`` (the one that runs here, or that RAY_ADDRESS names),
            ``local`` (one that is begun for the block), ``HOST:PORT``, or ``ray://HOST:PORT``.
        config: How much of it a worker takes.
        results: The folder that all machines must share; made if need be.
        most: Workers at most; None: as many as there is room for.

    Raises:
        MissingExtraError: If Ray is not installed.
        InputError: If there is no cluster, or none with room for a worker.
    """
    ray = _connected(address)
    results.mkdir(parents=True, exist_ok=True)
    token = results.absolute() / f"{UNFINISHED}shared-{uuid4().hex}"
    try:
        room = _room(ray.cluster_resources(), config)
        token.touch()
        pool = RayPool(ray, setup, config=config, token=token)
        try:
            yield pool, room if most is None else min(most, room)
        finally:
            pool.close()
    finally:
        token.unlink(missing_ok=True)
        ray.shutdown()


def _connected(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machines
    try:
        import ray
    except ImportError:
        raise MissingExtraError('--ray needs Ray: pip install "posetube[ray]"') from None
    options: dict[str, Any] = {"address": address, "log_to_driver": False}
    try:
        ray.init(**options, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"--ray: no cluster at {address} ({reason}); `ray start --head` begins one, and "
            "--ray=local one of this machine alone"
        ) from None
    return ray


def _room(resources: dict[str, float], config: RayConfig) -> int:
    """How many workers a cluster has room for."""
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    room = int(cpus // config.cpus)
    if config.gpus:
        # shares of one GPU cannot be of two machines' GPUs
        each = int(1 / config.gpus) if config.gpus <= 1 else 1 / config.gpus
        room = min(room, int(gpus * each))
    if room < 1:
        raise InputError(
            f"--ray: the cluster has {cpus:g} cores and {gpus:g} GPUs, and a worker wants "
            f"{config.cpus} and {config.gpus:g}; see --ray.cpus and --ray.gpus"
        )
    return room


def _reason(error: Exception) -> str:
    """The last line of what Ray says, which has the cause; the kind of error before it."""
    lines = str(error).strip().splitlines()
    return ": ".join([type(error).__name__, *lines[-1:]])


def _not_shared(folder: Path) -> InputError:
    return InputError(
        f"{folder}: {platform.node()} does not see this folder; put results on a disk that all "
        "machines share, under the same path"
    )
