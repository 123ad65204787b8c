"""Tracks several inputs, one after the other: where one fails, the others go on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
from ..interrupt import Interrupt
from ..loaded_model import LoadedModel
from ..progress import Listener
from ..settings import TrackConfig
from ..storage.existing_run import OnExisting, check_usable
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from .run_session import summary
from .track_input import track_input

if TYPE_CHECKING:
    from .opened_boxes import BoxSource

Job = tuple[Input, RunDirectory]
"""An input, and where its result goes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputOutcome:
    """How one input ended."""

    exit_code: int
    """That of a run of this input alone."""

    line: str
    """What came out, or why nothing came out."""

    name: str
    """The input's, or the argument's where that names none."""

    result: Manifest | None = None
    """How the run stands; None where there is none."""

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.exit_code not in (COMPLETE, MARKED_PROBLEMS)


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
            refused.append(_failed(error, name=pattern))
    return find_inputs(readable, as_one=as_one) if readable or not patterns else [], refused


def remaining_jobs(
    items: Sequence[Input], runs: Sequence[RunDirectory], *, on_existing: OnExisting
) -> tuple[list[Job], list[InputOutcome]]:
    """The inputs to track, and an outcome for each that is skipped or whose run has no place.

    Whoever asks before a network is loaded does not wait for a refusal.
    """
    jobs, settled = [], []
    for item, run in zip(items, runs, strict=True):
        if on_existing == "skip" and run.manifest.exists():
            line = f"{item.name}: skipped, {run.path} is there"
            settled.append(InputOutcome(exit_code=COMPLETE, line=line, name=item.name))
            continue
        try:
            check_usable(run, on_existing)
            jobs.append((item, run))
        except (PoseTubeError, OSError) as error:
            settled.append(_failed(error, name=item.name))
    return jobs, settled


def track_inputs(
    jobs: Sequence[Job],
    model: LoadedModel,
    *,
    config: TrackConfig,
    boxes: "BoxSource | None" = None,
    on_existing: OnExisting = "resume",
    listener: Listener,
    interrupt: Interrupt,
) -> Iterator[InputOutcome]:
    """Track each of :func:`remaining_jobs`, and yield how it ended as soon as it has.

    Stops after an input for which disk or memory ran out.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    track = partial(
        track_input,
        model=model,
        config=config,
        boxes=boxes,
        on_existing=on_existing,
        listeners=[listener],
        interrupt=interrupt,
    )
    for item, run in jobs:
        outcome = _outcome(item, run, track)
        yield outcome
        if outcome.exit_code == ResourceError.exit_code:
            return


def _outcome(item: Input, run: RunDirectory, track: Callable[..., Manifest]) -> InputOutcome:
    try:
        manifest = track(item, run)
    except KeyboardInterrupt:
        raise Interrupted("stopped at once, the whole parts are kept") from None
    except (Interrupted, BrokenPipeError):
        raise
    except Exception as error:
        return _failed(error, name=item.name, logs=run.logs if run.manifest.exists() else None)
    code = COMPLETE if manifest.state == "complete" else MARKED_PROBLEMS
    return InputOutcome(
        exit_code=code, line=summary(run, manifest), name=item.name, result=manifest
    )


def _failed(error: Exception, *, name: str, logs: Path | None = None) -> InputOutcome:
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
