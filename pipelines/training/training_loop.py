"""The steps of a training run, whatever is trained: losses, averages, reports, states on disk.

A run that was stopped goes on where it was, and ends with the same weights: its batches are a
function of seed and step, and of nothing else, so that it may go on with other processes, too.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from posetube.errors import FormatError, InputError, MediaError, MissingFileError
from posetube.structures import ByteArray

from ...models3d.training.loss_shares import LossShare
from ...models3d.training.optimization import (
    apply_gradients,
    gradient_scaler,
    optimizer_for,
    update_average,
)
from ...models3d.training.training_state import TrainingState, load_state, save_state
from ..progress import Event
from .batch_gradients import BatchGradients
from .checkpoint_files import forget_checkpoints_after, keep_best, keep_latest
from .curves_page import write_curves
from .prediction_files import forget_predictions_after, write_predictions
from .tensorboard_log import TensorBoardLog
from .training_job import TrainingJob
from .training_metrics import Meter, append_metrics, best_so_far, forget_after

Drawn = Callable[[], Iterable[tuple[str, ByteArray]]]
"""Makes names and (H, W, 3) RGB pictures."""


class BatchStream(Protocol):
    """Makes this process's parts of the batches of some steps; each has rows, and can be cut."""

    def __call__(self, start: int, stop: int) -> Iterable[Any]:
        """Those of steps ``start`` to ``stop``."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """What is trained, and how."""

    network: nn.Module
    """Its weights change, where they are not frozen."""

    average: nn.Module
    """A copy, which gets the averaged weights: the result."""

    losses: Callable[[Any, int], dict[str, LossShare]]
    """From some rows of a batch and its step to what is minimised, part by part."""

    scores: Callable[[int], dict[str, Any]]
    """Measures the averaged weights after so many steps; empty where there is nothing to measure
    on."""

    best_by: str
    """The score by which the best weights are chosen; higher is better."""

    write: Callable[[int], None]
    """Writes the averaged weights after so many steps."""

    result: Path
    """Where they are written."""

    broken: Callable[[Any], Sequence[str]] = lambda batch: ()
    """What of a batch could not be read, and was replaced."""


class TrainingLoop:
    """Trains from where the folder's state is, or from the beginning.

    Raises:
        WeightsError: If the folder holds another run.
    """

    def __init__(self, job: TrainingJob, learner: Learner) -> None:
        self._job, self._learner = job, learner
        config = job.config.optimization
        self._optimizer = optimizer_for(learner.network, config)
        self._scaler = gradient_scaler(config, device=job.processes.device)
        self._state = TrainingState(
            network=learner.network,
            average=learner.average,
            optimizer=self._optimizer,
            scaler=self._scaler,
            start=job.start,
        )
        self.step = load_state(job.folder, self._state)
        job.processes.wait()  # nobody writes a file that another process still reads
        job.processes.by_first(self._forget)
        self._best = best_so_far(job.folder, learner.best_by)
        self._meter, self._skipped = Meter(), 0
        self._named: set[str] = set()
        self._board: TensorBoardLog | None = None
        self._tell = partial(
            Event, run=job.folder.name, stage="train", total=config.steps, unit="steps"
        )

    def run(self, batches: BatchStream, *, drawn: Drawn = tuple) -> None:
        """Train to the end.

        Args:
            batches: What it is trained on.
            drawn: Draws what the averaged weights find.

        Raises:
            InputError: If the losses diverge.
            ResourceError: If memory does not suffice for one clip.
            Interrupted: If somebody asked to stop; the state is saved.
        """
        job, learner = self._job, self._learner
        steps = job.config.optimization.steps
        job.watch.listener(self._tell(event="stage", done=self.step))
        if self.step >= steps and not learner.result.exists():
            job.processes.by_first(self._write_again)
        gradients = BatchGradients(
            learner.network,
            learner.losses,
            processes=job.processes,
            scaler=self._scaler,
            at_once=job.config.at_once,
        )
        # the loop looks itself whether somebody asked it to stop, and saves the step at hand
        with job.watch.interrupt.deferred(), self._logged():
            for batch in batches(self.step, steps):
                self._name_broken(batch)
                self._change_weights(gradients(batch, self.step))
                self._finish_step(steps, drawn)

    def _forget(self) -> None:
        """What a killed run had reported, drawn and kept, but not saved; it is made again."""
        forget_after(self._job.folder, self.step)
        forget_predictions_after(self._job.folder, self.step)
        forget_checkpoints_after(self._job.folder, self.step)

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Write for TensorBoard within the block, where that is asked for."""
        job = self._job
        if not (job.config.tensorboard and job.processes.is_first):
            yield
            return
        self._board = TensorBoardLog(job.folder)
        try:
            yield
        finally:
            self._board.close()
            self._board = None

    def _name_broken(self, batch: Any) -> None:
        broken = self._learner.broken(batch)
        self._meter.count("broken", len(broken))
        for name in broken:
            if name not in self._named:
                self._named.add(name)
                self._job.warn(f"{name}; skipped")

    def _change_weights(self, losses: dict[str, float]) -> None:
        """By one step, unless losses or gradients are no numbers any more."""
        config, total = self._job.config.optimization, sum(losses.values())
        length = math.nan
        if math.isfinite(total):
            length = apply_gradients(
                self._optimizer, step=self.step, config=config, scaler=self._scaler
            )
        if math.isfinite(length):
            update_average(
                self._learner.average.parameters(),
                self._learner.network.parameters(),
                step=self.step,
                config=config,
            )
            self._meter.add({**losses, "loss": total, "gradient": length})
            self._skipped = 0
        else:
            self._skip(total)
        self._job.watch.listener(self._tell(event="progress", done=self.step + 1, loss=total))

    def _skip(self, total: float) -> None:
        """Leave the weights as they are.

        Raises:
            InputError: If that happened too often in a row.
        """
        self._skipped += 1
        self._meter.count("skipped", 1)
        most = self._job.config.optimization.most_skipped
        if self._skipped > most:
            what = "gradient" if math.isfinite(total) else f"loss {total}"
            raise InputError(
                f"training diverged: {self._skipped} steps in a row were no numbers, at step "
                f"{self.step + 1} the {what}; the last state is kept. Lower "
                "optimization.learning_rate, and begin in another folder"
            )

    def _finish_step(self, steps: int, drawn: Drawn) -> None:
        """Report and save where it is due, or where somebody asked to stop."""
        job, config = self._job, self._job.config
        self.step += 1
        last = self.step == steps
        due = self.step % config.save_every == 0 or last
        record = {}
        if self.step % config.report_every == 0 or last:
            record = self._meter.read(job.processes.total)
        stop = job.processes.any(job.watch.interrupt.requested)
        if not record and not due and not stop:
            return

        def report() -> None:
            if due or stop:  # first, for what is measured is the file
                self._learner.write(self.step)
            scores = self._scores() if due else {}
            if record or scores:
                self._report({"step": self.step, **record, **scores})
            if due:
                self._draw(drawn)
            if due or stop:
                self._save(scores)

        job.processes.by_first(report)
        if stop:
            job.watch.interrupt.requested = True
            job.watch.interrupt.check()

    def _scores(self) -> dict[str, Any]:
        """Measure; days of training are not lost over a picture that is gone meanwhile."""
        try:
            return self._learner.scores(self.step)
        except (FormatError, MediaError, MissingFileError) as error:
            self._job.warn(f"not measured at step {self.step}: {error}")
            return {}

    def _report(self, record: dict[str, Any]) -> None:
        append_metrics(self._job.folder, record)
        if self._board is not None:
            self._board.add_numbers(record)

    def _draw(self, drawn: Drawn) -> None:
        job = self._job
        write_predictions(job.folder, drawn(), step=self.step, most=job.config.keep)
        if self._board is not None:
            self._board.add_pictures(self.step)

    def _write_again(self) -> None:
        self._learner.write(self.step)
        self._save({})

    def _save(self, scores: dict[str, Any]) -> None:
        """Keep the averaged weights, which are written, and write the state."""
        score, path = scores.get(self._learner.best_by), self._learner.result
        keep_latest(path, step=self.step, most=self._job.config.keep)
        if score is not None and (self._best is None or score > self._best):
            self._best = score
            keep_best(path)
        write_curves(self._job.folder)
        # the state comes last: a run goes on from it, and makes again what came after it
        save_state(self._job.folder, self._state, step=self.step, made_by=self._job.made_by)
