"""The command ``track``: options in, one line per input out.

The work is done in :mod:`.track_input` and :mod:`.run_again`.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

from posetube.errors import InputError
from posetube.network import DetectorFamily

from ...datasets.video import VideoConfig
from ...models3d.devices import usable_cores
from ...tracker.config import LinkPreset
from ..failures import COMPLETE
from ..loaded_model import LoadedModel, as_loaded
from ..options import as_options
from ..progress import ProgressKind
from ..settings import FLAT, OverlayConfig, RefinerWords, TrackConfig, with_chain, with_preset
from ..storage.existing_run import OnExisting
from ..workers.ray_config import RayConfig
from ..workers.track_job import TrackJob
from ..workers.worker_loop import WorkerSetup
from .batch import (
    InputOutcome,
    exit_code,
    readable_inputs,
    remaining_tasks,
)
from .batch_summary import summary_lines, write_summary
from .track_input import TrackTask, run_directories
from .video_list import ListedVideo, read_video_list

if TYPE_CHECKING:
    from .dry_run import PlannedInput, TrialRun, Workforce
    from .opened_boxes import BoxSource

SETTINGS = TrackConfig()
CLUSTER = RayConfig()
OVERLAY = OverlayConfig()


def track_command(
    inputs: Annotated[list[str] | None, Parameter(negative=())] = None,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    model: str = "tiny",
    detector: Path | None = None,
    pose: Path | None = None,
    skeleton: str | None = None,
    detector_family: DetectorFamily | None = None,
    device: str = "auto",
    boxes: Path | None = None,
    overlay: bool | None = None,
    report: bool | None = None,
    preset: LinkPreset | None = None,
    refine: RefinerWords = None,
    on_existing: OnExisting = "resume",
    progress: ProgressKind = "auto",
    videos: Annotated[Path | None, Parameter(name="--list")] = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    processes: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    ray: Annotated[bool | str, Parameter(negative=())] = False,
    cluster: Annotated[RayConfig, Parameter(name="--ray")] = CLUSTER,
    settings: Annotated[TrackConfig, FLAT] = SETTINGS,
) -> int:
    """Find every person of a video, follow each, and say where each joint is in every frame.

    A run's directory holds run.json, detections/, tracks.parquet, tracks.json, overlay.mp4 and
    report.html. The same line again goes on with a run that was stopped, and makes again what is
    missing or damaged. Times are seconds, or have a unit: 12.5s, 800ms, 00:01:02.

    Args:
        inputs: A video, a folder of numbered pictures (one video), a picture, a folder of videos,
            a pattern such as "clips/*.mp4", a camera (camera:0), or an address that FFmpeg
            reads. Several give several runs.
        out: The run's directory; of several inputs, the folder for theirs [default: runs/NAME].
        model: Name of a model, or a file of weights.
        detector: Somebody else's detector, an ONNX file (RTMDet, YOLOX); goes with --pose.
        pose: Somebody else's pose network, an ONNX file (SimCC, heatmaps), in place of --model.
        skeleton: Which joints --pose finds, such as coco17 [default: by their number].
        detector_family: Whose conventions --detector follows [default: told by the file].
        device: auto, cpu, cuda, cuda:1 ...
        boxes: A file of people or boxes, or a run: where to look for people, in place of the
            network's own search. Frames are matched by their index, pictures by their name.
        overlay: Draw the result over the video [default: for one input yes, for several no].
        report: Make a page that shows the result, report.html [default: as --overlay].
        preset: How to link: the same as --link.preset.
        refine: The chain of refiners.
        on_existing: What to do where the run's directory is there already.
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
        videos: A CSV file in place of INPUTS: columns video, start, end, name, a line per run.
        dry_run: Say what would be done and, from a trial of 64 frames, how long it would take.
        processes: How many processes share the videos, and the cores [default: 1; with --ray as
            many as the cluster has room for].
        ray: Share the videos on a Ray cluster: --ray for the one that runs here or that RAY_ADDRESS
            names, --ray=HOST:PORT for another, --ray=local for one of this machine alone.
        cluster: What a worker is given of a machine of the cluster.
        settings: Which frames, how well the network looks, what is kept of each frame, how
            detections become tracks.
    """
    listed, refused = _listed(inputs or [], videos, settings.video)
    alone = videos is None and len(listed) + len(refused) == 1
    drawn = overlay if overlay is not None else alone
    config = replace(
        settings,
        link=with_preset(settings.link, preset),
        refine=with_chain(settings.refine, refine),
        overlay=settings.overlay if drawn else None,
        report=alone if report is None else report,
    )
    runs = run_directories([video.item for video in listed], out, alone=alone)
    tasks, settled = remaining_tasks(
        [
            TrackTask(
                item=video.item,
                run=run,
                config=replace(config, video=video.config),
                on_existing=on_existing,
            )
            for video, run in zip(listed, runs, strict=True)
        ]
    )
    outcomes = [_told(outcome, progress) for outcome in refused + settled]
    if not tasks:
        return exit_code(outcomes)
    load = partial(
        as_loaded,
        model,
        detect=config.detect,
        detector=detector,
        pose=pose,
        skeleton=skeleton,
        detector_family=detector_family,
    )
    setup = WorkerSetup(
        load=partial(load, device=device),
        boxes=None if boxes is None else partial(_opened, boxes, alone=alone),
        threads=cluster.cpus if ray else max(1, usable_cores() // (processes or 1)),
    )
    job = TrackJob(
        setup=setup,
        processes=processes or 1,
        say=partial(_say, progress=progress),
        progress=progress,
    )
    address = "auto" if ray is True else str(ray)
    if dry_run:
        # to plan, no frames are looked at: this machine need not have the cluster's devices
        planner = load(device="auto") if ray else setup.load()
        there = partial(job.tried_on_a_cluster, cluster=cluster, address=address, most=processes)
        return exit_code([*outcomes, *_foreseen(tasks, job, planner, there if ray else None)])
    if ray:
        tracked = job.on_a_cluster(tasks, cluster, address=address, most=processes)
    elif processes is not None and processes > 1:
        tracked = job.side_by_side(tasks)
    else:
        tracked = job.one_after_the_other(tasks)
    with closing(tracked):
        outcomes += [_told(outcome, progress) for outcome in tracked]
    if not alone:
        path = write_summary(outcomes, runs[0].path.parent)
        _say("\n".join([*summary_lines(outcomes), f"-> {path}"]), progress)
    return exit_code(outcomes)


def _listed(
    inputs: Sequence[str], videos: Path | None, config: VideoConfig
) -> tuple[list[ListedVideo], list[InputOutcome]]:
    """The videos of the arguments or of the list."""
    if videos is None:
        items, refused = readable_inputs(inputs, as_one=config.as_one)
        return [ListedVideo(item=item, config=config) for item in items], refused
    if inputs:
        raise InputError("--list names the videos; leave INPUTS away")
    return read_video_list(videos, config)


def _foreseen(
    tasks: Sequence[TrackTask],
    job: TrackJob,
    model: LoadedModel,
    elsewhere: "Callable[[Sequence[PlannedInput]], tuple[TrialRun | None, Workforce]] | None",
) -> Iterator[InputOutcome]:
    """Say what would be done; outcomes of inputs that would fail."""
    from .dry_run import plan_lines, planned_inputs

    boxes = job.setup.opened_boxes()
    model = replace(model, workers=min(model.workers, job.setup.threads))
    planned = list(planned_inputs(tasks, model, boxes))
    trial, work_by = elsewhere(planned) if elsewhere else job.tried_here(planned, model, boxes)
    for failure in [one.failure for one in planned if one.failure is not None]:
        yield _told(failure, job.progress)
    for line in plan_lines(planned, trial, work_by=work_by):
        job.say(line)
    if any(one.failure is None for one in planned):
        yield InputOutcome(exit_code=COMPLETE, line="", name="")


def _opened(boxes: Path, *, alone: bool) -> "BoxSource":
    # all formats of people are imported with it, which takes a tenth of a second
    from .opened_boxes import open_boxes

    return open_boxes(boxes, alone=alone)


def _told(outcome: InputOutcome, progress: ProgressKind) -> InputOutcome:
    """Print how an input ended."""
    if outcome.failed:
        line = as_options(outcome.line, ("--on-existing", "--out"))
        print(f"posetube track: {line}", file=sys.stderr)  # noqa: T201
    else:
        _say(outcome.line, progress)
    return outcome


def _say(line: str, progress: ProgressKind) -> None:
    """Print a line for people; to stderr where stdout belongs to machines."""
    print(line, file=sys.stderr if progress == "json" else sys.stdout)
