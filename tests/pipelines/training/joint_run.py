"""What torchrun starts in the tests: small training runs of all its processes, one by one."""

import sys
from pathlib import Path
from typing import Any

import torch

from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.progress import Event
from posetube.pipelines.training import train
from posetube.pipelines.training.train import train_network
from posetube.pipelines.watch import Watch
from tests.pipelines.training.small_run import joint_config

STEPS = 10
STOP = 7
SCARCE = 3


def run(data: Path, name: str, *, steps: int = STEPS, stop_at: int = 0) -> None:
    """Train to the end, or to a step."""
    interrupt = Interrupt()

    def listener(event: Event) -> None:
        # only the first process hears of progress, and all must stop
        interrupt.requested |= event.event == "progress" and event.done == stop_at

    settings = joint_config(steps=steps)
    watch = Watch(listener=listener, interrupt=interrupt)
    try:
        train_network(settings, data / name, root=data, device="cpu", watch=watch)
    except Interrupted:
        assert stop_at


def make_scarce() -> None:
    """Let the second process's memory suffice for a single clip."""
    real = train.step_losses

    def losses(network: Any, batch: Any, **options: Any) -> Any:
        if batch.places[0] >= 2 and len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(network, batch, **options)

    train.step_losses = losses


def main(data: Path) -> None:
    """The runs whose results the tests compare."""
    run(data, "together")
    run(data, "stopped", stop_at=STOP)
    make_scarce()
    run(data, "scarce", steps=SCARCE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
