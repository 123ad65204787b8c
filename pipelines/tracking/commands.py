"""The commands ``track`` and ``render``: options in, one line per input out.

The work is done in :mod:`.track` and the stages that it names.
"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ...datasets.video import VideoConfig
from ...tracker.config import LinkConfig
from ..interrupt import catching_interrupts
from ..loaded_model import load_network
from ..progress import ProgressKind, showing_progress
from ..storage.existing_run import OnExisting
from ..storage.run_directory import RunDirectory
from .batch import Outcome, exit_code, readable_inputs, track_inputs
from .clip_window import DetectConfig
from .overlay import OverlayConfig
from .rework import render_again
from .track import TrackConfig, run_directories

LINK = LinkConfig()
OVERLAY = OverlayConfig()


def track(
    inputs: Annotated[list[str], Parameter(negative=())],
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    model: str = "tiny",
    device: str = "auto",
    start: float | None = None,
    end: float | None = None,
    every: int = 1,
    camera_motion: bool = True,
    appearance: bool = True,
    overlay: bool | None = None,
    on_existing: OnExisting = "resume",
    progress: ProgressKind = "auto",
    link: LinkConfig = LINK,
) -> int:
    """Find every person of a video, follow each, and say where each joint is in every frame.

    A run's directory holds run.json, detections/, tracks.parquet, tracks.json and overlay.mp4. The
    same line again goes on with a run that was stopped.

    Args:
        inputs: A video, a folder of numbered pictures (one video), a picture, a folder of videos,
            a pattern such as "clips/*.mp4", a camera (camera:0), or an address that FFmpeg
            reads. Several give several runs.
        out: The run's directory; of several inputs, the folder for theirs [default: runs/NAME].
        model: Name of a model, or a file of weights.
        device: auto, cpu, cuda, cuda:1 ...
        start: Begin here: 12.5s, 00:01:02.
        end: Stop here.
        every: Look at every n-th frame.
        camera_motion: Tell from the background how the camera moves, and let linking follow it.
        appearance: Keep what each person looks like, and let linking go by it too.
        overlay: Draw the result over the video [default: for one input yes, for several no].
        on_existing: What to do where the run's directory is there already.
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
        link: How detections become tracks.
    """
    items, refused = readable_inputs(inputs)
    alone = len(items) + len(refused) == 1
    drawn = overlay if overlay is not None else alone
    config = TrackConfig(
        video=VideoConfig(start=start, end=end, every=every),
        detect=DetectConfig(camera_motion=camera_motion, appearance=appearance),
        link=link,
        overlay=OVERLAY if drawn else None,
        on_existing=on_existing,
    )
    outcomes = [_told(outcome, progress) for outcome in refused]
    if not items:
        return exit_code(outcomes)
    loaded = load_network(model, device=device)
    _say(f"{loaded.record.name} on {loaded.device.name} ({loaded.device.reason})", progress)
    with showing_progress(progress) as listener, catching_interrupts() as interrupt:
        for outcome in track_inputs(
            items,
            run_directories(items, out, alone=alone),
            loaded,
            config=config,
            listener=listener,
            interrupt=interrupt,
        ):
            outcomes.append(_told(outcome, progress))
    return exit_code(outcomes)


def render(run: Path, /, *, style: OverlayConfig = OVERLAY, progress: ProgressKind = "auto") -> int:
    """Draw a run's tracks over its video once more.

    Args:
        run: A run's directory.
        style: What the overlay looks like.
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
    """
    with showing_progress(progress) as listener, catching_interrupts() as interrupt:
        line = render_again(RunDirectory(run), style, listeners=[listener], interrupt=interrupt)
    _say(line, progress)
    return 0


def _told(outcome: Outcome, progress: ProgressKind) -> Outcome:
    """Print how an input ended."""
    if outcome.failed:
        print(f"posetube track: {outcome.line}", file=sys.stderr)  # noqa: T201
    else:
        _say(outcome.line, progress)
    return outcome


def _say(line: str, progress: ProgressKind) -> None:
    """Print a line for people; to stderr where stdout belongs to machines."""
    print(line, file=sys.stderr if progress == "json" else sys.stdout)
