"""The third stage: draws a run's tracks over its video, as ``overlay.mp4``."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from posetube.skeletons import skeleton
from posetube.structures import ByteArray, Frame, FramePoses

from ...datasets.video.writer import VideoWriter
from ..storage.tracks_store import read_poses
from .overlay import Painter
from .stage_work import StageWork


def draw_overlay(work: StageWork) -> Mapping[str, Any]:
    """Draw every frame of the video with its people; the overlay has the source's times.

    Raises:
        Interrupted: If somebody asked to stop.
    """
    record, video = work.record, work.video
    assert video is not None
    source = record.manifest.source
    joints = skeleton(record.manifest.skeleton)
    painter = Painter(joints, size=source.size, config=work.settings.overlay)
    people = PeopleByFrame(read_poses(record.run.tracks), joints=len(joints))
    previous: ByteArray = np.zeros((*source.size, 3), np.uint8)
    record.begin(total=record.manifest.frames.done)
    with VideoWriter(work.files["overlay.mp4"], size=source.size, rate=video.rate) as writer:
        for done, frame in enumerate(video.frames(), start=1):
            poses = people.at(frame)
            if frame.image is None:
                drawn = painter.draw_lost(previous, f"frame {frame.index}: {frame.state}")
            else:
                previous = frame.image
                drawn = painter.draw(previous, poses)
            writer.write(drawn, frame.time)
            record.progress(done)
            record.interrupt.check()
    return {}


class PeopleByFrame:
    """Looks up the people of each frame in a stream that leaves out empty frames."""

    def __init__(self, poses: Iterator[FramePoses], *, joints: int) -> None:
        self._poses, self._joints = poses, joints
        self._next = next(poses, None)

    def at(self, frame: Frame) -> FramePoses:
        """The people of a frame; frames must come in rising order."""
        while self._next is not None and self._next.frame < frame.index:
            self._next = next(self._poses, None)
        if self._next is not None and self._next.frame == frame.index:
            return self._next
        return FramePoses.empty(frame=frame.index, time=frame.time, joints=self._joints)
