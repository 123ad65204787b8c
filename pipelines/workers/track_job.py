"""Ways to do the tasks of ``posetube track``: one after the other, by processes, on a cluster."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..loaded_model import LoadedModel
from ..progress import ProgressKind
from ..tracking.batch import InputOutcome, on_any_machine, track_inputs
from ..tracking.track_input import TrackTask
from ..watch import watching
from .ray_config import RayConfig
from .worker_loop import WorkerSetup

if TYPE_CHECKING:
    from ..tracking.dry_run import PlannedInput, TrialRun, Workforce
    from ..tracking.opened_boxes import BoxSource

Outcomes = Generator[InputOutcome, None, None]
"""How each input ended, in order, as soon as it is known; an interrupt leaves it as
:class:`..failures.Interrupted`."""


@dataclass(frozen=True, kw_only=True)
class TrackJob:
    """What all tasks have in common."""

    setup: WorkerSetup
    """What each process is told, this one too."""

    processes: int
    """How many work at a time on this machine."""

    progress: ProgressKind
    say: Callable[[str], None]
    """Tells people which network runs where."""

    def one_after_the_other(self, tasks: Sequence[TrackTask]) -> Outcomes:
        """Do all in this process."""
        boxes, model = self.setup.opened_boxes(), self.setup.load()
        self.say(model.headline)
        with watching(self.progress) as watch:
            yield from track_inputs(tasks, model, boxes=boxes, watch=watch)

    def side_by_side(self, tasks: Sequence[TrackTask]) -> Outcomes:
        """Share them among processes of this machine."""
        # what starts processes is imported only where there are any
        from .process_pool import process_pool, usable_gpus
        from .scheduler import share_out

        with (
            watching(self.progress) as watch,
            process_pool(self.setup, gpus=usable_gpus()) as pool,
        ):
            yield from share_out(
                tasks,
                pool,
                workers=self.processes,
                watch=watch,
                on_loaded=lambda model: self.say(f"{model}, {self.processes} processes"),
            )

    def tried_here(
        self, planned: "Sequence[PlannedInput]", model: LoadedModel, boxes: "BoxSource | None"
    ) -> "tuple[TrialRun | None, Workforce]":
        """What the first frames take in this process, and who would do the work."""
        from ..tracking.dry_run import Workforce, trial_run

        self.say(model.headline)
        return trial_run(planned, model, boxes), Workforce(count=self.processes)

    def tried_on_a_cluster(
        self,
        planned: "Sequence[PlannedInput]",
        cluster: RayConfig,
        *,
        address: str,
        most: int | None,
    ) -> "tuple[TrialRun | None, Workforce]":
        """What they take on a machine of a cluster; arguments are those of the work itself."""
        from .ray_pool import try_on_cluster

        model, trial, work_by = try_on_cluster(
            self.setup, planned, address=address, config=cluster, most=most
        )
        self.say(f"{model}, {work_by.count} workers on a cluster")
        return trial, work_by

    def on_a_cluster(
        self, tasks: Sequence[TrackTask], cluster: RayConfig, *, address: str, most: int | None
    ) -> Outcomes:
        """Share them among the machines of a cluster.

        Args:
            tasks: The inputs.
            cluster: How much of a machine a worker takes.
            address: Of the cluster, see :func:`.ray_pool.ray_pool`.
            most: Workers at most; None: as many as there is room for.
        """
        from .ray_pool import ray_pool
        from .scheduler import share_out

        results = tasks[0].run.path.parent
        with (  # Ray first: it takes signals for itself
            ray_pool(
                self.setup, address=address, config=cluster, results=results, most=most
            ) as started,
            watching(self.progress) as watch,
        ):
            pool, workers = started
            yield from share_out(
                [on_any_machine(task) for task in tasks],
                pool,
                workers=workers,
                watch=watch,
                on_loaded=lambda model: self.say(f"{model}, {workers} workers on a cluster"),
                cut=not cluster.gather,
            )
