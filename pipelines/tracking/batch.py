"""Tracks several inputs, one after the other: where one fails, the others go on."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from posetube.errors import MediaError, PoseTubeError, ResourceError

from ...datasets.video.inputs import Input, find_inputs
from ..failures import (
    COMPLETE,
    MARKED_PROBLEMS,
    SOME_FAILED,
    Interrupted,
    explain,
)
from ..loaded_model import LoadedModel
from ..storage.existing_run import check_usable
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from ..watch import Watch
from .run_session import summary
from .track_input import TrackTask, track_input

if TYPE_CHECKING:
    from .opened_boxes import BoxSource


def on_any_machine(task: TrackTask) -> TrackTask:
    """The task with paths that are right from any folder."""
    item, run = task.item, RunDirectory(task.run.path.absolute())
    if Path(item.source).exists():  # else an address
        item = replace(item, source=os.path.abspath(item.source))
    return replace(task, item=item, run=run)


@dataclass(frozen=True, kw_only=True, slots=True)
class InputOutcome:
    """How one input ended."""

    exit_code: int
    """That of a run of this input alone."""

    line: str
    """What came out, or why nothing came out."""

    name: str
    """The input's, or the argument's where that names none."""

    result: "RunResult | None" = None
    """How the run stands; None where there is none."""

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.exit_code not in (COMPLETE, MARKED_PROBLEMS)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """What tables say of a run; little, for there may be a million."""

    state: str
    people: int
    """Number of tracks."""

    frames: int
    problems: int
    """Frames that are lost; one more where the input ended early."""

    seconds: float
    """Time spent in all stages."""

    @classmethod
    def of(cls, manifest: Manifest) -> "RunResult":
        """From a run's manifest."""
        frames = manifest.frames
        return cls(
            state=manifest.state,
            people=manifest.tracks or 0,
            frames=frames.done,
            problems=frames.corrupt + frames.missing + frames.cut_short,
            seconds=sum(stage.seconds for stage in manifest.stages.values()),
        )


def readable_inputs(
    patterns: Sequence[str], *, as_one: bool = False
) -> tuple[list[Input], list[InputOutcome]]:
    """The inputs that the arguments name, and an outcome for each argument that names none.

    Raises:
        InputError: If there are no arguments.
    """
    readable, refused = [], []
    for pattern in patterns:
        try:
            find_inputs([pattern], as_one=as_one)
            readable.append(pattern)
        except MediaError as error:
            refused.append(failed_outcome(error, name=pattern))
    return find_inputs(readable, as_one=as_one) if readable or not patterns else [], refused


def remaining_tasks(tasks: Sequence[TrackTask]) -> tuple[list[TrackTask], list[InputOutcome]]:
    """The inputs to track, and an outcome for each that is skipped or whose run has no place.

    Whoever asks before a network is loaded does not wait for a refusal.
    """
    remaining, settled = [], []
    for task in tasks:
        name, run = task.item.name, task.run
        if task.on_existing == "skip" and run.manifest.exists():
            line = f"{name}: skipped, {run.path} is there"
            settled.append(InputOutcome(exit_code=COMPLETE, line=line, name=name))
            continue
        try:
            check_usable(run, task.on_existing)
            remaining.append(task)
        except (PoseTubeError, OSError) as error:
            settled.append(failed_outcome(error, name=name))
    return remaining, settled


def track_inputs(
    tasks: Sequence[TrackTask],
    model: LoadedModel,
    *,
    boxes: "BoxSource | None" = None,
    watch: Watch,
) -> Iterator[InputOutcome]:
    """Track each of :func:`remaining_tasks`, and yield how it ended as soon as it has.

    Stops after an input for which disk or memory ran out.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    for task in tasks:
        outcome = outcome_of(task, partial(track_input, task, model, boxes=boxes, watch=watch))
        yield outcome
        if outcome.exit_code == ResourceError.exit_code:
            return


def outcome_of(task: TrackTask, track: Callable[[], Manifest]) -> InputOutcome:
    """Do a task, and say how it ended.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    run, name = task.run, task.item.name
    try:
        manifest = track()
    except KeyboardInterrupt:
        raise Interrupted("stopped at once, the whole parts are kept") from None
    except (Interrupted, BrokenPipeError):
        raise
    except Exception as error:
        return failed_outcome(error, name=name, logs=run.logs if run.manifest.exists() else None)
    code = COMPLETE if manifest.state == "complete" else MARKED_PROBLEMS
    result = RunResult.of(manifest)
    return InputOutcome(exit_code=code, line=summary(run, manifest), name=name, result=result)


def failed_outcome(error: Exception, *, name: str, logs: Path | None = None) -> InputOutcome:
    """The outcome of an input of which there is no result."""
    failure = explain(error, logs=logs)
    return InputOutcome(exit_code=failure.exit_code, line=failure.line, name=name)


def exit_code(outcomes: Sequence[InputOutcome]) -> int:
    """One exit code for all inputs, see :mod:`..failures`."""
    codes = {outcome.exit_code for outcome in outcomes}
    if ResourceError.exit_code in codes:
        return ResourceError.exit_code
    if len(codes) == 1:
        return codes.pop()
    if any(outcome.failed for outcome in outcomes):
        return SOME_FAILED
    return max(codes, default=COMPLETE)
