"""Keeping a run's manifest and telling the listeners, while the stages work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

import msgspec

from ..interrupt import Interrupt
from ..progress import Event, Listener
from .run_directory import Manifest, RunDirectory, Stage, StageRecord

MAX_WARNINGS = 20
"""Further ones are counted, not told."""


class Recorder:
    """What a stage reports to: one run, its manifest as it stands, and whoever listens."""

    def __init__(
        self,
        run: RunDirectory,
        manifest: Manifest,
        *,
        listeners: Sequence[Listener] = (),
        interrupt: Interrupt | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take over a run.

        Args:
            run: Its directory.
            manifest: Where it stands; written by the first :meth:`update`.
            listeners: Are told every event.
            interrupt: Whether somebody asked to stop; None: nobody can.
            clock: Gives seconds.
        """
        self.run, self.manifest = run, manifest
        self.interrupt = interrupt or Interrupt()
        self._listeners, self._clock = tuple(listeners), clock
        self._name = manifest.source.name
        self._stage: Stage | None = None
        self._total: int | None = None

    def update(self, **changes: Any) -> None:
        """Change fields of the manifest and write it."""
        self.manifest = msgspec.structs.replace(self.manifest, **changes)
        self.run.write(self.manifest)

    @contextmanager
    def stage(self, stage: Stage, *, total: int | None, done: int = 0) -> Iterator[None]:
        """Time a stage; it counts as done if the block ends well.

        Args:
            stage: Which.
            total: Frames it is expected to have.
            done: Frames that were done before, by the run that is resumed.
        """
        before = self.manifest.stages.get(stage, StageRecord(done=False, seconds=0.0))
        began = self._clock()
        self._stage, self._total = stage, total
        self._tell(Event(event="stage", run=self._name, stage=stage, done=done, total=total))
        finished = False
        try:
            yield
            finished = True
        finally:
            spent = round(before.seconds + self._clock() - began, 3)
            record = StageRecord(done=finished, seconds=spent)
            self.manifest = msgspec.structs.replace(
                self.manifest, stages={**self.manifest.stages, stage: record}
            )
        self.update()

    def progress(self, done: int) -> None:
        """Say how many frames of the stage are done."""
        self._tell(
            Event(
                event="progress",
                run=self._name,
                stage=self._stage,
                done=done,
                total=self._total,
            )
        )

    def warn(self, *texts: str) -> None:
        """Note what the user should know, each once, and no more than can be read."""
        known = self.manifest.warnings
        new = [text for text in dict.fromkeys(texts) if text not in known]
        told = new[: max(0, MAX_WARNINGS - len(known))]
        if len(told) < len(new):
            told.append(f"and {len(new) - len(told)} more like these")
        if told:
            self.update(warnings=(*known, *told))
        for text in told:
            self._tell(Event(event="warning", run=self._name, text=text))

    def end(self, text: str) -> None:
        """Say that the run is over."""
        state = self.manifest.state
        self._tell(Event(event="end", run=self._name, state=state, text=text))

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
