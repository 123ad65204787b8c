"""The last stage: draws tracks over the video, as ``overlay.mp4``; over one picture, as PNG."""

from collections.abc import Iterator, Mapping
from typing import Any

from posetube.structures import ByteArray

from ..storage.manifest import Manifest
from ..tracking.stage_work import StageWork
from .drawn_file import write_drawn
from .drawn_frames import drawn_frames, drawn_size


def overlay_names(manifest: Manifest) -> tuple[str, ...]:
    """The file that the stage writes: a run of one picture gets a picture."""
    return ("overlay.png" if manifest.frames.done == 1 else "overlay.mp4",)


def draw_overlay(work: StageWork) -> Mapping[str, Any]:
    """Draw every frame of the video with its people; the overlay has the source's times.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    record, video = work.record, work.video
    assert video is not None
    manifest, config = record.manifest, work.settings.overlay
    record.begin(total=manifest.frames.done)

    def told() -> Iterator[tuple[ByteArray, float]]:
        frames = drawn_frames(record.run, manifest, video, config)
        for done, drawn in enumerate(frames, start=1):
            yield drawn
            record.progress(done)
            record.interrupt.check()

    [path] = work.files.values()
    write_drawn(path, told(), size=drawn_size(manifest.source.size, config), rate=video.rate)
    return {}
