"""The steps of a training run, whatever is trained: losses, averages, reports, states on disk.

A run that was stopped goes on where it was, and ends with the same weights: its batches are a
function of seed and step.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from posetube.errors import InputError

from ...models3d.training.optimization import (
    apply_gradients,
    optimizer_for,
    update_average,
)
from ...models3d.training.training_state import load_state, save_state
from ..interrupt import Interrupt
from ..progress import Event, Listener
from .train_config import TrainConfig
from .training_metrics import Meter, append_metrics, forget_after


class BatchStream(Protocol):
    """Makes the batches of some steps."""

    def __call__(self, start: int, stop: int) -> Iterable[Any]:
        """Those of steps ``start`` to ``stop``."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """What is trained, and how."""

    network: nn.Module
    """Its weights change, where they are not frozen."""

    average: nn.Module
    """A copy, which gets the averaged weights: the result."""

    losses: Callable[[Any, int], dict[str, Tensor]]
    """From a batch and its step to what is minimised, part by part."""

    scores: Callable[[], dict[str, Any]]
    """Measures the averaged weights; empty where there is nothing to measure on."""

    write: Callable[[int], None]
    """Writes the averaged weights after so many steps."""


def begin(learner: Learner, config: TrainConfig, folder: Path) -> tuple[torch.optim.AdamW, int]:
    """The optimiser, and the step to go on with; the learner is filled with what was saved.

    Raises:
        WeightsError: If the folder holds another run.
    """
    optimizer = optimizer_for(learner.network, config.optimization)
    step = load_state(folder, network=learner.network, average=learner.average, optimizer=optimizer)
    forget_after(folder, step)
    return optimizer, step


def train_steps(
    learner: Learner,
    batches: BatchStream,
    *,
    start: int,
    optimizer: torch.optim.AdamW,
    config: TrainConfig,
    folder: Path,
    result: Path,
    listener: Listener,
    interrupt: Interrupt,
) -> None:
    """Train from a step to the end.

    Args:
        learner: What, from :func:`begin` on.
        batches: What it learns from.
        start: Step to begin with.
        optimizer: Of the learner's network.
        config: The run.
        folder: Where state and metrics go.
        result: What :attr:`Learner.write` writes.
        listener: Is told how far it is.
        interrupt: Whether somebody asked to stop.

    Raises:
        InputError: If the losses diverge.
        Interrupted: If somebody asked to stop; the state is saved.
    """
    steps, step = config.optimization.steps, start
    event = partial(Event, run=folder.name, stage="train", total=steps, unit="steps")
    listener(event(event="stage", done=step))
    meter = Meter()

    def save() -> None:
        learner.write(step)
        # the state comes last: a run goes on from it, and makes again what came after it
        save_state(
            folder,
            step=step,
            network=learner.network,
            average=learner.average,
            optimizer=optimizer,
        )

    if step == steps and not result.exists():
        save()
    # the loop looks itself whether somebody asked it to stop, and saves the step at hand
    with interrupt.deferred():
        for batch in batches(step, steps):
            losses = learner.losses(batch, step)
            total = _finite_sum(losses, step)
            torch.autograd.backward(list(losses.values()))
            length = apply_gradients(optimizer, step=step, config=config.optimization)
            update_average(
                learner.average.parameters(),
                learner.network.parameters(),
                step=step,
                config=config.optimization,
            )
            step += 1
            numbers = {name: float(loss.detach()) for name, loss in losses.items()}
            meter.add({**numbers, "loss": total, "gradient": length})
            listener(event(event="progress", done=step, loss=total))
            due = step % config.save_every == 0 or step == steps
            record = meter.read() if step % config.report_every == 0 or step == steps else {}
            if due:
                record |= learner.scores()
            if record:
                append_metrics(folder, {"step": step, **record})
            if due or interrupt.requested:
                save()
                interrupt.check()


def _finite_sum(losses: dict[str, Tensor], step: int) -> float:
    """What is minimised.

    Raises:
        InputError: If it is no number any more; nothing has been changed by it yet.
    """
    total = sum(float(loss.detach()) for loss in losses.values())
    if not math.isfinite(total):
        raise InputError(
            f"training diverged: the loss of step {step + 1} is {total}; the state before it is "
            "kept. Lower optimization.learning_rate, and begin in another folder"
        )
    return total
