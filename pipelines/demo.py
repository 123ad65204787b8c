"""``posetube demo``: makes a short clip, tracks it, and compares the result with the truth."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from posetube.network import Precision, Quality, Runtime
from posetube.structures import VideoTracks

from ..datasets.synthetic.demo import write_demo
from ..datasets.video.inputs import find_inputs
from .demo_score import DemoScore, score
from .evaluation.evaluate import evaluate
from .loaded_model import load_model
from .progress import ProgressKind
from .settings import TrackConfig
from .storage.existing_run import check_usable
from .storage.manifest import Manifest
from .storage.run_directory import RunDirectory
from .storage.tracks_store import read_tracks
from .tracking.track_input import TrackTask, track_input
from .watch import watching


def demo(
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("runs/demo"),
    model: str = "tiny",
    device: str = "auto",
    quality: Quality = "normal",
    runtime: Runtime = "auto",
    precision: Precision = "float32",
    progress: ProgressKind = "auto",
) -> None:
    """Make a short clip of people who cross, track it, and compare the result with the truth.

    Args:
        out: Folder for the clip (demo.mp4), its truth (demo.json) and its run (run/).
        model: Name of a model, or a file of weights.
        device: auto, cpu, cuda, cuda:1 ...
        quality: Speed against accuracy.
        runtime: What runs the network: torch or onnx.
        precision: Number type of a large network's convolutions.
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
    """
    run = RunDirectory(out / "run")
    check_usable(run, "overwrite")
    loaded = load_model(model, device=device, quality=quality, runtime=runtime, precision=precision)
    clip, truth = write_demo(out)
    item, config = find_inputs([str(clip)])[0], TrackConfig(report=True)
    task = TrackTask(item=item, run=run, config=config, on_existing="overwrite")
    with watching(progress) as watch:
        manifest = track_input(task, loaded, watch=watch)
    tracks = read_tracks(run.path)
    print("\n".join(demo_lines(clip, truth, tracks, manifest, run)))  # noqa: T201


def demo_lines(
    clip: Path, truth: VideoTracks, tracks: VideoTracks, manifest: Manifest, run: RunDirectory
) -> list[str]:
    """The lines that the command prints."""
    result: DemoScore = score(tracks, truth)
    measured = evaluate(tracks, truth, protocol="clean")
    seconds = sum(stage.seconds for stage in manifest.stages.values())
    return [
        f"clip         {clip}: {len(truth)} people, {len(truth.frames)} frames",
        f"truth        {clip.with_suffix('.json')}",
        f"model        {manifest.model.name} by {manifest.settings.detect.runtime} on "
        f"{manifest.device}",
        f"tracks       {len(tracks)}",
        f"people found {result.found_percent:.1f} % (box IoU 0.5, at least half visible)",
        f"joints       {result.near_percent:.1f} % within half a head",
        f"id switches  {result.switches}",
        f"MOTA {_percent(measured.total('mota'))}, mAP {_percent(measured.total('ap'))} "
        f"(joints, protocol {measured.protocol})",
        f"speed        {manifest.frames.done / seconds:.1f} frames/s",
        f"overlay      {run.overlay}",
        f"report       {run.report}",
    ]


def _percent(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.1f}"
