"""One training run as one of its processes sees it: settings, folder, who watches.

Not here: the steps (:mod:`.training_loop`), what is trained (:mod:`.train`,
:mod:`.train_refiner`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from posetube.atomic_files import remove_leftovers

from ...models3d.model_info import ModelInfo
from ...models3d.training.optimization import scaled
from ..progress import Event
from ..watch import Watch
from .train_config import TrainConfig
from .training_processes import TrainingProcesses, open_processes
from .training_record import made_by, recorded, refuse_missing


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What everything in a training run needs to know."""

    config: TrainConfig
    """The settings."""

    folder: Path
    """Where the run's files are."""

    root: Path
    """Folder that the settings' relative paths start from."""

    processes: TrainingProcesses
    """Who trains together."""

    watch: Watch
    """Who is told how far it is, by processes other than the first warnings alone, and may ask to
    stop."""

    made_by: str = ""
    """What every checkpoint says of the training: settings, versions, commit, as JSON."""

    start: str = ""
    """SHA-256 of the weights file that it begins with."""

    def warn(self, text: str) -> None:
        """Tell a person."""
        self.watch.listener(Event(event="warning", run=self.folder.name, text=text))

    def begun(self, parent: ModelInfo, *, proposer: ModelInfo | None = None) -> "TrainingJob":
        """Note the settings in the folder, or hold them against those that the run began with.

        Raises:
            InputError: If the run began with others.
            FormatError: If their record is damaged.
        """
        kind = self.processes.device.type
        config = self.processes.by_first(
            lambda: recorded(
                self.config, self.folder, parent=parent, proposer=proposer, device=kind
            )
        )
        told = made_by(config, processes=self.processes.count)
        return replace(self, config=config, made_by=told, start=parent.sha256 or "")


@contextmanager
def training_job(
    config: TrainConfig,
    folder: Path,
    *,
    root: Path,
    device: str,
    watch: Watch | None,
) -> Iterator[TrainingJob]:
    """Have a folder to oneself within the block, with all processes that train together.

    Raises:
        InputError: If there is no such device, or another run is at work in the folder.
        MissingFileError: If there is no file or folder that the settings name.
        MissingExtraError: If Lightning Fabric is not installed.
        WeightsError: If there is no model to start from.
    """
    processes, watch = open_processes(device), watch or Watch()
    processes.by_first(lambda: refuse_missing(config, root))
    with processes.locked(folder):
        processes.by_first(lambda: remove_leftovers(folder))
        yield TrainingJob(
            config=replace(config, optimization=scaled(config.optimization, batch=config.batch)),
            folder=folder,
            root=root,
            processes=processes,
            watch=watch if processes.is_first else _warnings(watch),
        )


def _warnings(watch: Watch) -> Watch:
    def tell(event: Event) -> None:
        if event.event == "warning":
            watch.listener(event)

    return replace(watch, listener=tell)
