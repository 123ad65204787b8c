"""Workers on a cluster of machines, by Ray (extra ``ray``): actors that keep their network.

They do what processes of one machine do. All machines must see the inputs under the same paths,
and the results, too, on a shared disk; a worker that does not see the results' folder says so
before it begins, or sends its runs there (:mod:`.sent_runs`), if it is asked to.
"""

import logging
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any
from uuid import uuid4

from posetube.atomic_files import UNFINISHED
from posetube.errors import InputError, MissingExtraError, PoseTubeError

from ..interrupt import Interrupt
from ..tracking.batch import InputOutcome, failed_outcome
from ..tracking.dry_run import PlannedInput, TrialRun, Workforce, trial_run
from .ray_config import RayConfig
from .sent_runs import RunElsewhere, SentRuns
from .worker_loop import (
    Died,
    Message,
    Refused,
    Stopped,
    VideoTask,
    WorkerSetup,
    WorkerTask,
    opened,
    work,
)

POLL = 1.0
"""Seconds that a worker waits for something to say before it says that there is nothing."""

FAREWELL = 5.0
"""Seconds that workers may take to remove what they have kept for themselves."""

TRIALS = 20
"""Inputs that a trial may go on to where those before them fail."""

CALLS = 3
"""Calls that a worker answers at a time: what it says, a task, and to stop."""


class RemoteWorker:
    """The part of a worker that the cluster calls; its work goes on in a thread of its own."""

    def __init__(
        self, setup: WorkerSetup, folder: str, token: str, *, gather: bool = False
    ) -> None:
        self._elsewhere: RunElsewhere | None = None
        self._said, self._tasks = SimpleQueue[Message](), SimpleQueue[WorkerTask | None]()
        self._interrupt = Interrupt()
        if not Path(token).exists():
            if not gather:
                self._said.put(Refused(error=_not_shared(Path(token).parent)))
                return
            self._elsewhere = RunElsewhere()
        if os.path.isdir(folder):  # for inputs and weights that were named from there
            os.chdir(folder)
        Thread(target=self._work, args=(setup,), daemon=True).start()

    def _work(self, setup: WorkerSetup) -> None:
        work(setup, receive=self._tasks.get, send=self._say, interrupt=self._interrupt)

    def _say(self, message: Message) -> None:
        elsewhere = self._elsewhere
        self._said.put(message if elsewhere is None else elsewhere.named(message))

    def sees_results(self) -> bool:
        """Whether runs are made where they belong."""
        return self._elsewhere is None

    def take(self, piece: bytes, offset: int) -> None:
        """Take a piece of the run that the next task is about."""
        assert self._elsewhere is not None
        self._elsewhere.take(piece, offset)

    def piece(self, offset: int) -> bytes:
        """Give a piece of the run that the last task was about."""
        assert self._elsewhere is not None
        return self._elsewhere.piece(offset)

    def give(self, task: WorkerTask) -> None:
        """Take a task."""
        if self._elsewhere is not None and isinstance(task, VideoTask):
            task = self._elsewhere.begin(task)
        self._tasks.put(task)

    def leave(self) -> None:
        """Remove what it has kept for itself."""
        if self._elsewhere is not None:
            self._elsewhere.close()

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
        self._gather, self._runs = config.gather, SentRuns()
        self._blind: dict[int, bool] = {}  # whether a worker does not see the results
        self._own: list[tuple[int, Message]] = []  # what the pool says itself in a worker's place
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
        actor = self._kind.remote(self._setup, os.getcwd(), str(self._token), gather=self._gather)
        self._actors[number] = actor
        self._asked[actor.messages.remote()] = number
        return number

    def give(self, worker: int, task: WorkerTask) -> None:
        """Give a worker a task."""
        try:
            if isinstance(task, VideoTask) and self._sends_runs(worker):
                task = self._runs.send(worker, task, partial(self._call, worker, "take"))
        except self._ray.exceptions.RayError:
            pass  # it has died; the next message says so
        except (PoseTubeError, OSError) as error:
            self._runs.leave(worker)
            self._own.append((worker, failed_outcome(error, name=task.track.item.name)))
        else:
            self._actors[worker].give.remote(task)

    def _sends_runs(self, worker: int) -> bool:
        if self._gather and worker not in self._blind:
            self._blind[worker] = not self._call(worker, "sees_results")
        return self._gather and self._blind[worker]

    def _call(self, worker: int, name: str, *arguments: Any) -> Any:
        """Have a worker do something, and wait for it."""
        return self._ray.get(getattr(self._actors[worker], name).remote(*arguments))

    def stop(self, worker: int) -> None:
        """Ask a worker to stop."""
        self._actors[worker].stop.remote()

    def messages(self, timeout: float) -> Iterable[tuple[int, Message]]:
        """What workers say within so many seconds."""
        own, self._own = self._own, []
        yield from own
        waiting = list(self._asked)
        if not waiting:
            return
        self._ray.wait(waiting, num_returns=1, timeout=timeout)
        ready, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        for answer in ready:
            number = self._asked.pop(answer)
            try:
                said = [self._gathered(number, message) for message in self._ray.get(answer)]
            except self._ray.exceptions.RayError as error:
                self._ray.kill(self._actors.pop(number))
                self._runs.leave(number)
                yield number, Died(how=f"is gone ({_reason(error)})")
                continue
            self._asked[self._actors[number].messages.remote()] = number
            for message in said:
                yield number, message

    def _gathered(self, worker: int, message: Message) -> Message:
        """What a worker says, once the run that it is about is here."""
        if worker not in self._runs or not isinstance(message, InputOutcome | Stopped):
            return message
        return self._runs.gather(worker, message, partial(self._call, worker, "piece"))

    def close(self) -> None:
        """End all workers."""
        self._runs.close()
        blind = [number for number, blind in self._blind.items() if blind]
        left = [self._actors[n].leave.remote() for n in blind if n in self._actors]
        if left:
            self._ray.wait(left, num_returns=len(left), timeout=FAREWELL)
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
    with _connected(address) as ray:
        workers = _room(ray.cluster_resources(), config, most)
        results.mkdir(parents=True, exist_ok=True)
        token = results.absolute() / f"{UNFINISHED}shared-{uuid4().hex}"
        token.touch()
        pool = RayPool(ray, setup, config=config, token=token)
        try:
            yield pool, workers
        finally:
            pool.close()
            token.unlink(missing_ok=True)


def try_on_cluster(
    setup: WorkerSetup,
    planned: Sequence[PlannedInput],
    *,
    address: str,
    config: RayConfig,
    most: int | None,
) -> tuple[str, TrialRun | None, Workforce]:
    """What the first frames take on one of a cluster's machines, see :func:`ray_pool`.

    Returns:
        The network and its device, for people; what the frames took, None where there is nothing
        to do; and who would do the work.

    Raises:
        MissingExtraError: If Ray is not installed.
        InputError: If there is no cluster, or none with room for a worker.
        PoseTubeError: If a worker cannot load its network.
    """
    with _connected(address) as ray:
        workers = _room(ray.cluster_resources(), config, most)
        first = [one for one in planned if one.left][:TRIALS]
        options = {"num_cpus": config.cpus, "num_gpus": config.gpus, "max_retries": 0}
        try:
            found = ray.get(ray.remote(_tried).options(**options).remote(setup, first, os.getcwd()))
        except ray.exceptions.RayError as error:
            raise PoseTubeError(f"--ray: no worker could try it ({_reason(error)})") from None
    if isinstance(found, Exception):
        raise found
    headline, where, trial = found
    work_by = Workforce(count=workers, each="worker", where=f"on {where}", share=not config.gather)
    return headline, trial, work_by


def _tried(
    setup: WorkerSetup, planned: Sequence[PlannedInput], folder: str
) -> tuple[str, str, TrialRun | None] | Exception:
    """A trial on the machine where this is called; what went wrong is no less an answer."""
    if os.path.isdir(folder):
        os.chdir(folder)
    try:
        model, boxes = opened(setup)
        return model.headline, platform.node(), trial_run(planned, model, boxes)
    except Exception as error:
        return error


@contextmanager
def _connected(address: str) -> Iterator[Any]:
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
    try:
        yield ray
    finally:
        ray.shutdown()


def _room(resources: dict[str, float], config: RayConfig, most: int | None = None) -> int:
    """How many workers a cluster has room for, at most ``most``."""
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
    return room if most is None else min(most, room)


def _reason(error: Exception) -> str:
    """The last line of what Ray says, which has the cause; the kind of error before it."""
    lines = str(error).strip().splitlines()
    return ": ".join([type(error).__name__, *lines[-1:]])


def _not_shared(folder: Path) -> InputError:
    return InputError(
        f"{folder}: {platform.node()} does not see this folder; put results on a disk that all "
        "machines share, under the same path, or gather them with --ray.gather"
    )
