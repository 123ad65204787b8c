"""Doing a later stage of a finished run again: linking with other settings, drawing again."""

from collections.abc import Sequence

import msgspec

from posetube.errors import InputError
from posetube.file_names import original

from ...datasets.video import VideoConfig, open_video
from ...tracker.config import LinkConfig
from ..interrupt import Interrupt
from ..progress import Listener
from ..storage.fingerprint import fingerprint
from ..storage.recorder import Recorder
from ..storage.run_directory import RunDirectory
from .link import link, link_settings
from .overlay import OverlayConfig
from .render import render
from .track import summary


def link_again(
    run: RunDirectory,
    config: LinkConfig,
    *,
    listeners: Sequence[Listener] = (),
    interrupt: Interrupt | None = None,
) -> str:
    """Link a run's detections with other settings; an overlay of the old tracks is removed.

    Returns:
        A line that says what came out.

    Raises:
        InputError: If this is no run, or not all of its frames were looked at.
        Interrupted: If somebody asked to stop; the old tracks stay, the run counts as not linked.
    """
    manifest = run.read()
    if not manifest.finished("detect"):
        raise InputError(
            f"{run.path}: not all frames were looked at yet (state {manifest.state}); "
            "give the `posetube track` line again, it goes on"
        )
    settings = msgspec.structs.replace(manifest.settings, link=link_settings(config))
    record = Recorder(run, manifest, listeners=listeners, interrupt=interrupt)
    with run.locked():
        run.clean()
        detected = {"detect": manifest.stages["detect"]}
        record.update(state="running", settings=settings, stages=detected)
        run.overlay.unlink(missing_ok=True)
        with record.stage("link", total=manifest.frames.done):
            link(record, config)
        record.update(state=record.manifest.final_state)
    return summary(run, record.manifest)


def render_again(
    run: RunDirectory,
    config: OverlayConfig,
    *,
    listeners: Sequence[Listener] = (),
    interrupt: Interrupt | None = None,
) -> str:
    """Draw a run's tracks over its video.

    Returns:
        A line that says where the overlay lies.

    Raises:
        InputError: If this is no run, it is not linked yet, or the video is another one by now.
        MediaError: If the video cannot be read.
        Interrupted: If somebody asked to stop; an old overlay stays.
    """
    manifest = run.read()
    if not manifest.finished("link"):
        raise InputError(
            f"{run.path}: there are no tracks yet (state {manifest.state}); "
            "give the `posetube track` line again, it goes on"
        )
    source, settings = manifest.source, manifest.settings
    video = VideoConfig(start=settings.start, end=settings.end, every=settings.every)
    path = original(source.path)
    with run.locked(), open_video(path, config=video) as opened:
        if fingerprint(path) != source.fingerprint:
            raise InputError(f"{source.path} is not the video any more that {run.path} was made of")
        run.clean()
        record = Recorder(run, manifest, listeners=listeners, interrupt=interrupt)
        with record.stage("render", total=manifest.frames.done):
            render(record, opened, config=config)
        record.update(state=record.manifest.final_state)
    return summary(run, record.manifest)
