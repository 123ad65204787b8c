"""``posetube bench``: measures a machine on a video, and suggests settings."""

import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from posetube.atomic_files import write_bytes
from posetube.errors import InputError, MediaError
from posetube.network import Precision, Quality, Runtime

from ...datasets.files.json_files import encode_indented
from ...datasets.synthetic.demo import write_demo
from ...datasets.video import open_video
from ...datasets.video.config import VideoConfig
from ...datasets.video.inputs import Input, find_inputs
from ...models3d.checkpoints.model_files import weights_file
from ...models3d.runtimes.convolution import convolution_rate
from ...models3d.runtimes.graph_work import graph_work
from ..loaded_model import LoadedModel, load_model
from ..settings import OverlayConfig, TrackConfig
from ..storage.manifest import library_versions
from .bench_report import BenchReport
from .compared_settings import compare_settings, suggestion
from .network_rate import network_rate
from .stage_times import decoded, stage_times
from .whole_run import whole_run


def bench(
    video: str | None = None,
    /,
    *,
    model: str = "tiny",
    device: str = "auto",
    runtime: Runtime = "auto",
    precision: Precision = "float32",
    workers: int | None = None,
    frames: int = 75,
    json: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Measure how fast this machine tracks a video, where the time goes, and what would be faster.

    Looks at the first frames only, so that it takes less than a minute on two cores; a machine that
    does other work meanwhile makes every number worse.

    Args:
        video: A video or a folder of numbered pictures [default: a clip that is drawn for it].
        model: Name of a model, or a file of weights.
        device: auto, cpu, cuda, cuda:1 ...
        runtime: What runs the network: torch or onnx.
        precision: Number type of a large network's convolutions.
        workers: Frames that are looked at side by side [default: one per core by ONNX Runtime].
        frames: How many frames are looked at.
        json: A file for the numbers; times of stages in milliseconds.
    """
    if frames < 2:
        raise InputError(f"--frames must be 2 or more, got {frames}")
    with TemporaryDirectory(prefix="posetube-bench-") as folder:
        scratch = Path(folder)
        source = video if video is not None else str(write_demo(scratch)[0])
        found = find_inputs([source])
        if len(found) != 1 or found[0].kind not in ("video", "frames"):
            raise InputError(f"{source}: bench takes one video, or a folder of numbered pictures")
        words = ["--model", model, "--device", device, "--runtime", runtime]
        words += ["--precision", precision]
        report = measure(
            found[0],
            lambda quality: load_model(
                model, device=device, quality=quality, runtime=runtime, precision=precision
            ),
            weights=weights_file(model),
            frames=frames,
            workers=workers,
            words=words if workers is None else [*words, "--workers", str(workers)],
            scratch=scratch,
        )
    if json is not None:
        write_bytes(json, encode_indented(report))
    print("\n".join(report.lines()))  # noqa: T201


def measure(
    item: Input,
    load: Callable[[Quality], LoadedModel],
    *,
    weights: Path,
    frames: int,
    workers: int | None,
    words: Sequence[str],
    scratch: Path,
) -> BenchReport:
    """Measure everything, one thing after the other.

    Args:
        item: The video.
        load: Gives the network in a quality.
        weights: Its weights file.
        frames: How many frames are looked at.
        workers: Frames side by side; None: what suits the network.
        words: The same network and workers as options of ``posetube track``.
        scratch: A folder for what is written.

    Raises:
        MediaError: If the video has fewer than two frames with a picture.
    """
    model = load("normal")
    config = TrackConfig(overlay=OverlayConfig())
    many = workers or model.workers
    with open_video(item.source, config=VideoConfig(ahead=0)) as video:
        seen, decoding = decoded(video, frames)
        if len(seen) < 2:
            raise MediaError(f"{item.source}: bench needs two frames with a picture or more")
        rate = video.rate or 25.0
    span = seen[-1].time - seen[0].time
    # the process of its own comes first: what it reads from the disk is then as warm as the rest
    run = whole_run(
        item.source,
        scratch / "run",
        [*words, "--end", f"{span * (1 + 0.5 / len(seen)):.6f}s"],
    )
    times = stage_times(seen, model, config=config, folder=scratch, rate=rate)
    alone = network_rate(seen, model, workers=many, config=config.detect)
    ceiling = work = None
    if model.device.name == "cpu":
        ceiling = convolution_rate(model.runtime, workers=many)
    assert seen[0].image is not None
    if model.runtime == "onnx":
        counted = graph_work(weights, seen[0].image)
        work = (counted.people + counted.joints * times.crops) * alone / 1e9
    settings = tuple(compare_settings(seen, load, config=config.detect, workers=many))
    stages = {"decoding": decoding / len(seen)} | times.seconds
    return BenchReport(
        video=item.name,
        size=seen[0].image.shape[:2],
        frames=len(seen),
        model=model.record.name,
        runtime=model.runtime,
        device=model.device.name,
        workers=many,
        stages={name: round(1000 * seconds, 3) for name, seconds in stages.items()},
        crops_per_frame=times.crops,
        network_rate=alone,
        pipeline_rate=run.rate,
        convolution_gflops=ceiling,
        network_gflops=work,
        start_seconds=run.start,
        peak_bytes=run.peak_bytes,
        settings=settings,
        suggestion=suggestion(settings),
        versions=library_versions(),
        machine=f"{platform.machine()} {platform.system()}",
    )
