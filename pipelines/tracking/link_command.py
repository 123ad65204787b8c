"""``posetube link RUN|FILE``: links anybody's detections, and lists doubtful links."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from posetube.errors import InputError

from ...tracker.config import LinkConfig, LinkPreset
from ...tracker.weak_links import WeakLink, weakest_links
from ..opened_people import run_of
from ..progress import ProgressKind
from ..settings import MinJoint, with_preset
from ..storage.existing_run import OnExisting
from ..storage.run_directory import RunDirectory
from ..storage.tracks_store import read_tracks
from ..watch import print_result, watching
from .link_external import link_file
from .run_again import link_again

LINK = LinkConfig()
SHOWN = 20
"""How many doubtful links are listed."""


def link_command(
    source: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    preset: LinkPreset | None = None,
    suspicious: Annotated[bool, Parameter(negative=())] = False,
    video: str | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    frame_rate: float = 25.0,
    on_existing: OnExisting = "resume",
    link: LinkConfig = LINK,
    min_joint: MinJoint = None,
    progress: ProgressKind = "auto",
) -> int:
    """Link detections into tracks; no video and no network is needed.

    A run is linked again with other settings. What was made of its old tracks, the overlay and
    exports in the run's folder, is removed; `posetube render` and `posetube export` make it again.
    A file of detections, from whatever program, becomes a run of its own.

    Args:
        source: A run's directory, or a file of detections: results of COCO, PoseTrack, MOT, mmpose
            or AlphaPose, CSV, JSON Lines, Parquet; OpenPose's folder; a folder of files.
        out: For a file: the run's directory [default: runs/NAME].
        preset: How to link: the same as --link.preset.
        suspicious: Link nothing; list the run's weakest links, the most doubtful first.
        video: For a file or folder of several videos: which of them.
        from_: For a file: its format [default: recognised by its name and content].
        frame_rate: For a file without times: its frames per second.
        on_existing: For a file: what to do where the run's directory is there already.
        link: How detections become tracks.
        min_joint: Joints less sure than this, in [0, 1], or outside the picture are absent from
            the tracks; 0 keeps them all [default: as the run has it; for a file 0].
        progress: auto is a bar on a terminal and a line every 30 s elsewhere.
    """
    config = with_preset(link, preset)
    run = run_of(source)
    if suspicious:
        for one in weakest_links(read_tracks(run or source), count=SHOWN):
            print(_as_line(one))  # noqa: T201
        return 0
    if run is not None and out is not None:
        raise InputError(f"{source} is a run and is linked where it is; leave out --out")
    with watching(progress) as watch:
        job: dict[str, Any] = {"config": config, "min_joint": min_joint, "watch": watch}
        if run is not None:
            line = link_again(RunDirectory(run), **job)
        else:
            line = link_file(
                source,
                RunDirectory(out or Path("runs") / (video or source.stem)),
                frame_rate=frame_rate,
                form=from_,
                video=video,
                on_existing=on_existing,
                **job,
            )
    print_result(line, progress)
    return 0


def _as_line(link: WeakLink) -> str:
    """One line: when, whose, and how clear it was."""
    frames, times = link.frames, link.times
    cost = f"cost {link.cost:.3f} of at most {link.gate:.3f}, " if link.cost < np.inf else ""
    rival = f"next best {abs(link.margin):.3f} {'dearer' if link.margin >= 0 else 'cheaper'}"
    return (
        f"{times[0]:9.3f} s to {times[1]:9.3f} s  track {link.track_id:4d}  "
        f"frames {frames[0]} to {frames[1]}  {cost}{rival if link.margin < np.inf else 'no rival'}"
    )
