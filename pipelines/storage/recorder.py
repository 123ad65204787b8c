"""Keeps a run's manifest up to date and tells the listeners, while the stages work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import msgspec

from ..progress import Event
from ..watch import Watch
from .manifest import Manifest, StageRecord
from .run_directory import RunDirectory

MAX_WARNINGS = 20
"""Further ones are counted, not told."""


class Recorder:
    """What a stage reports to: one run, its manifest, and the listeners."""

    def __init__(
        self,
        run: RunDirectory,
        manifest: Manifest,
        *,
        watch: Watch | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take over a run.

        Args:
            run: Its directory.
            manifest: Where it stands; written by the first :meth:`update`.
            watch: Who is told every event, and may ask to stop; None: nobody.
            clock: Gives seconds.
        """
        watch = watch or Watch()
        self.run, self.manifest, self.interrupt = run, manifest, watch.interrupt
        self.listeners, self._clock = [watch.listener], clock
        self._name = manifest.source.name
        self._stage: str | None = None
        self._since: float | None = None
        self._total: int | None = None

    def update(self, **changes: Any) -> None:
        """Change fields of the manifest and write it, with the time spent: a kill loses none."""
        self.manifest = msgspec.structs.replace(self.manifest, **changes)
        self._note_time()
        self.run.write(self.manifest)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of the block as the stage's, and not as that of the block around it.

        An attempt that fails leaves the record of a stage that is complete as it is: what that
        stage made is still there.
        """
        around = self._stage
        self._note_time()
        self._stage, self._since = stage, self._clock()
        try:
            yield
        finally:
            self._note_time()
            self._stage, self._since = around, self._clock()

    def finish(self, stage: str, **changes: Any) -> None:
        """Note that a stage is complete, and what it found, in one write of the manifest."""
        spent = self.manifest.stages[stage].seconds
        self._note(stage, StageRecord(done=True, seconds=spent))
        self.update(**changes)

    def credit(self, stage: str, seconds: float) -> None:
        """Add time that other processes spent in a stage that is not complete."""
        known = self.manifest.stages.get(stage)
        if known is None or not known.done:
            before = 0.0 if known is None else known.seconds
            self._note(stage, StageRecord(done=False, seconds=round(before + seconds, 3)))

    def begin(self, *, total: int | None, done: int = 0) -> None:
        """Say how much the stage has to do.

        Args:
            total: Frames it is expected to have.
            done: Frames that an earlier attempt has done.
        """
        self._total = total
        self._tell(Event(event="stage", run=self._name, stage=self._stage, done=done, total=total))

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
        """Keep and tell what the user should know, each text once, no more than people read."""
        known = self.manifest.warnings
        new = [text for text in dict.fromkeys(texts) if text not in known]
        told = new[: max(0, MAX_WARNINGS - len(known))]
        if len(told) < len(new):
            told.append(f"and {len(new) - len(told)} more like these")
        if told:
            self.update(warnings=(*known, *told))
        for text in told:
            self._tell(Event(event="warning", run=self._name, text=text))

    def say(self, text: str) -> None:
        """Tell the listeners something that the manifest need not keep."""
        self._tell(Event(event="warning", run=self._name, text=text))

    def end(self, text: str) -> None:
        """Say that the work on the run is over."""
        state = self.manifest.state
        self._tell(Event(event="end", run=self._name, state=state, text=text))

    def _note_time(self) -> None:
        """Add the time since the last note to the stage at work, unless it counts as complete."""
        if self._stage is None or self._since is None:
            return
        if not self.manifest.finished(self._stage):
            since, self._since = self._since, self._clock()
            self.credit(self._stage, self._since - since)

    def _note(self, stage: str, record: StageRecord) -> None:
        stages = {**self.manifest.stages, stage: record}
        self.manifest = msgspec.structs.replace(self.manifest, stages=stages)

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
