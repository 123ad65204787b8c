"""Draws a part of a run into a file of its own, or onto the screen."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from posetube.atomic_files import replacing
from posetube.errors import InputError
from posetube.file_names import original
from posetube.structures import ByteArray

from ...tracker.edits import AS_SHOWN
from ..interrupt import Interrupt
from ..settings import OverlayConfig
from ..storage.run_directory import RunDirectory, guarding_runs
from ..storage.tracks_store import read_rows
from ..tracking.run_session import open_session
from ..tracking.run_video import run_video
from .drawn_file import write_drawn
from .drawn_frames import drawn_frames, drawn_size
from .live_window import shown

Drawn = Iterator[tuple[ByteArray, float]]


def draw_part(
    run: RunDirectory,
    config: OverlayConfig,
    *,
    out: Path | None,
    start: float | None = None,
    end: float | None = None,
    only: Sequence[int] | None = None,
    show: bool = False,
    interrupt: Interrupt | None = None,
) -> int:
    """Draw a stretch of a run's video, or some of its people; the number of frames.

    Args:
        run: A run with tracks.
        config: What the overlay looks like.
        out: A video, or ``.png`` for the stretch's first frame; None: no file.
        start: First time, in the run's times, seconds; None: the beginning.
        end: Last time, seconds; None: the end.
        only: Track ids of the people to draw; None: everybody.
        show: Show the frames in a window.
        interrupt: Whether somebody asked to stop.

    Raises:
        InputError: If this is no run with tracks, nothing lies in the stretch, there is no such
            person, or no screen.
        MediaError: If the video cannot be read.
        Interrupted: If somebody asked to stop; there is no file then.
    """
    with open_session(run) as session:
        session.require("link")
        manifest = session.manifest
    if out is not None:
        _refuse_source(out, Path(original(manifest.source.path)))
    known = np.unique(read_rows(run.tracks).track_ids).tolist() if only else []
    for track in only or ():
        if track not in known:
            raise InputError(f"{run.path}: no track {track}; there are {known}")
    frames_config = manifest.settings.video
    with (
        run_video(run, manifest, config=frames_config, needed="to draw over") as video,
        # its thread reads the video: it must end first, also where not all frames were wanted
        closing(drawn_frames(run, manifest, video, config, only=only)) as drawn,
    ):
        part = _checked(_between(drawn, start, end), interrupt)
        if show:
            part = shown(part, title=manifest.source.name)
        if out is None:
            return sum(1 for _ in part)
        size = drawn_size(manifest.source.size, config)
        with guarding_runs(out), replacing(out) as aside:
            return write_drawn(aside, _from_zero(part), size=size, rate=video.rate)


def _refuse_source(out: Path, source: Path) -> None:
    """Refuse to draw over the video itself, or over a picture of it."""
    real, video = out.resolve(), source.resolve()
    if real == video or (video.is_dir() and video in real.parents and real.exists()):
        raise InputError(f"{out}: belongs to the video that is drawn over; name another file")


def _between(frames: Drawn, start: float | None, end: float | None) -> Drawn:
    """The frames of a stretch, both ends included."""
    for picture, time in frames:
        if end is not None and time > end + AS_SHOWN:
            return
        if start is None or time >= start - AS_SHOWN:
            yield picture, time


def _checked(frames: Drawn, interrupt: Interrupt | None) -> Drawn:
    for drawn in frames:
        yield drawn
        if interrupt is not None:
            interrupt.check()


def _from_zero(frames: Drawn) -> Drawn:
    """Times from the first frame: a file that begins later would show nothing until then."""
    first: float | None = None
    for picture, time in frames:
        first = time if first is None else first
        yield picture, time - first
