"""Says what tracking would do, and about how long it takes, without doing it.

The rate is measured, not known: the first frames of the first video that has something to do are
tracked as its run would be, into a folder that is thrown away.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from posetube.errors import PoseTubeError

from ...datasets.video import Video
from ..loaded_model import LoadedModel
from ..progress import clock_face
from ..settings import TrackConfig
from ..storage.existing_run import check_same
from ..storage.manifest import Manifest
from ..storage.run_directory import RunDirectory
from . import detect_stage
from .batch import InputOutcome, failed_outcome
from .batch_summary import aligned
from .stretches import STRETCH_PARTS
from .track_input import TrackTask, new_manifest, opened_detections, track_input

if TYPE_CHECKING:
    from .opened_boxes import BoxSource

TRIAL_FRAMES = 64
"""Frames that are tracked to measure the rate: two parts."""

LONG = detect_stage.PART_FRAMES * STRETCH_PARTS
"""Frames of a stretch at least, where a long video is cut."""

USUAL_RATE = 25.0
"""Frames per second of a video that does not state them."""

Plan = Literal["begin", "start again", "go on", "nothing", "fail"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedInput:
    """What would be done with an input."""

    task: TrackTask
    plan: Plan
    frames: int | None = None
    """How many its stretch should have; None: nobody knows."""

    done: int = 0
    """Frames that an earlier run has looked at."""

    rate: float | None = None
    """Frames per second that the video states."""

    failure: InputOutcome | None = None
    """Why it would fail."""

    @property
    def left(self) -> int:
        """Frames to look at, as far as they are known."""
        return 0 if self.plan in ("nothing", "fail") else max(0, (self.frames or 0) - self.done)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRun:
    """What tracking a few frames took."""

    name: str
    """Of the video."""

    frames: int
    seconds: float
    size: int
    """Of the results, bytes."""

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds


def planned_inputs(
    tasks: Sequence[TrackTask], model: LoadedModel, boxes: "BoxSource | None"
) -> Iterator[PlannedInput]:
    """What would be done with each input, as far as that can be told without a network's look."""
    for task in tasks:
        try:
            yield _planned(task, model, boxes)
        except (PoseTubeError, OSError) as error:
            outcome = failed_outcome(error, name=task.item.name)
            yield PlannedInput(task=task, plan="fail", failure=outcome)


def _planned(task: TrackTask, model: LoadedModel, boxes: "BoxSource | None") -> PlannedInput:
    run = task.run
    with opened_detections(task, model, boxes=boxes) as found:
        fresh, video = new_manifest(task, found), found.video
        there = run.manifest.exists()
        if not there or task.on_existing == "overwrite":
            _refuse_no_frames(video)
            plan: Plan = "start again" if there else "begin"
            return PlannedInput(task=task, plan=plan, frames=fresh.frames.expected, rate=video.rate)
        earlier = run.read()
        if any(run.detections.glob("part-*")):
            check_same(run, earlier, fresh)
        else:
            _refuse_no_frames(video)
    plan = "nothing" if _finished(earlier, task.config) else "go on"
    done, frames = earlier.frames.done, earlier.frames.expected
    return PlannedInput(task=task, plan=plan, frames=frames, done=done, rate=video.rate)


def _refuse_no_frames(video: Video) -> None:
    """Refuse a stretch that begins behind the last frame, in the words of a run.

    Only reading tells: what a container says of its length is about right. From its first frame on
    every video has some, and a live source has no end yet.
    """
    if video.config.start is not None and not video.live and next(iter(video), None) is None:
        raise detect_stage.no_frames(video)


def _finished(earlier: Manifest, config: TrackConfig) -> bool:
    wanted = {
        "detect": True,
        "link": True,
        "refine": bool(config.refine.refiners),
        "render": config.overlay is not None,
        "report": config.report,
    }
    return all(earlier.finished(stage) for stage, asked in wanted.items() if asked)


def trial_run(
    planned: Sequence[PlannedInput], model: LoadedModel, boxes: "BoxSource | None"
) -> TrialRun | None:
    """Track the first frames of the first input that has some left; None where none has."""
    for one in planned:
        if one.left:
            try:
                return _tracked(one, model, boxes)
            except PoseTubeError:
                continue  # it would fail, too; the next one may tell more
    return None


def _tracked(one: PlannedInput, model: LoadedModel, boxes: "BoxSource | None") -> TrialRun | None:
    video = one.task.config.video
    end = (video.start or 0.0) + TRIAL_FRAMES * video.every / (one.rate or USUAL_RATE)
    part = replace(video, end=end if video.end is None else min(end, video.end))
    with TemporaryDirectory() as folder:
        began, run = time.perf_counter(), RunDirectory(Path(folder) / "trial")
        config = replace(one.task.config, video=part)
        task = TrackTask(item=one.task.item, run=run, config=config)
        manifest = track_input(task, model, boxes=boxes)
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    frames = manifest.frames.done
    return TrialRun(name=one.task.item.name, frames=frames, seconds=seconds, size=size)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workforce:
    """Who would do the work."""

    count: int
    """How many would work at a time."""

    each: str = "process"
    """What one of them is called."""

    where: str = "here"
    """Where the trial ran."""

    share: bool = True
    """Whether several may share a long video."""

    @property
    def all_of_them(self) -> str:
        """For people: ``2 processes``."""
        if self.count > 1:
            return f"{self.count} {self.each}{'es' if self.each.endswith('s') else 's'}"
        return f"one {self.each}"


def plan_lines(
    planned: Sequence[PlannedInput], trial: TrialRun | None, *, work_by: Workforce
) -> Iterator[str]:
    """What would be done, for people.

    Args:
        planned: The inputs.
        trial: What a few frames took; None: there is nothing to do.
        work_by: Who would do it.
    """
    rows = [("input", "would", "frames", "done")]
    rows += [
        (
            one.task.item.name,
            one.plan,
            "?" if one.frames is None else str(one.frames),
            str(one.done),
        )
        for one in planned
        if one.failure is None
    ]
    yield from aligned(rows, texts=2)
    work = [one for one in planned if one.plan not in ("nothing", "fail")]
    frames = sum(one.left for one in work)
    unknown = sum(one.frames is None for one in work)
    more = f", and {unknown} of unknown length" * bool(unknown)
    yield f"{len(work)} of {len(planned)} inputs have something to do: {frames} frames{more}"
    if trial is not None:
        pieces = sum(max(1, one.left // LONG) if work_by.share else 1 for one in work)
        seconds = frames / (trial.rate * min(work_by.count, pieces))
        size = frames * trial.size / trial.frames
        yield (
            f"about {clock_face(seconds)} with {work_by.all_of_them}, and {size / 1e6:.1f} MB of "
            f"results: {trial.rate:.1f} frames/s per {work_by.each} and "
            f"{trial.size / trial.frames / 1e3:.1f} kB per frame, measured {work_by.where} by "
            f"tracking the first {trial.frames} frames of {trial.name} in {trial.seconds:.1f} s"
        )
