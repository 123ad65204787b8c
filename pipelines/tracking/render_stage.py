"""The last stage: draws a run's tracks over its video, as ``overlay.mp4``."""

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from posetube.skeletons import skeleton
from posetube.structures import ByteArray

from ...datasets.video import Video
from ...datasets.video.prefetch import prefetch_items
from ...datasets.video.writer import VideoWriter
from ..storage.tracks_store import read_names, read_poses
from .frame_people import PeopleByFrame
from .overlay import Painter
from .stage_work import StageWork

DRAWN_AHEAD = 4
"""Pictures that may wait to be encoded while others are drawn."""


def draw_overlay(work: StageWork) -> Mapping[str, Any]:
    """Draw every frame of the video with its people; the overlay has the source's times.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    record, video = work.record, work.video
    assert video is not None
    source = record.manifest.source
    joints = skeleton(record.manifest.skeleton)
    names = read_names(record.run.tracks)
    painter = Painter(joints, size=source.size, config=work.settings.overlay, names=names)
    people = PeopleByFrame(read_poses(record.run.tracks), joints=len(joints))
    record.begin(total=record.manifest.frames.done)
    drawn = prefetch_items(_drawn(video, painter, people), depth=DRAWN_AHEAD)
    with VideoWriter(work.files["overlay.mp4"], size=source.size, rate=video.rate) as writer:
        for done, (picture, time) in enumerate(drawn, start=1):
            writer.write(picture, time)
            record.progress(done)
            record.interrupt.check()
    return {}


def _drawn(
    video: Video, painter: Painter, people: PeopleByFrame
) -> Generator[tuple[ByteArray, float], None, None]:
    """Every frame with its people, and its time."""
    previous: ByteArray = np.zeros((*video.size, 3), np.uint8)
    for frame in video.frames():
        if frame.image is None:
            drawn = painter.draw_lost(previous, f"frame {frame.index}: {frame.state}")
        else:
            previous = frame.image
            drawn = painter.draw(previous, people.at(frame.index, time=frame.time))
        yield drawn, frame.time
