"""The third stage: the video once more, with a run's tracks drawn over it, as ``overlay.mp4``."""

from collections.abc import Iterator

import numpy as np

from posetube.atomic_files import replacing
from posetube.skeletons import skeleton
from posetube.structures import ByteArray, Frame, FramePoses

from ...datasets.video import Video
from ...datasets.video.writer import VideoWriter
from ..storage.recorder import Recorder
from ..storage.tracks_store import read_poses
from .overlay import OverlayConfig, Painter


def render(record: Recorder, video: Video, *, config: OverlayConfig) -> None:
    """Draw every frame of the video with its people; the overlay has the source's times.

    Args:
        record: The run, already linked.
        video: Its open video.
        config: What the overlay looks like.

    Raises:
        Interrupted: If somebody asked to stop; an earlier overlay, if any, stays.
    """
    size = record.manifest.source.size
    joints = skeleton(record.manifest.skeleton)
    painter = Painter(joints, size=size, config=config)
    people = PeopleByFrame(read_poses(record.run.tracks), joints=len(joints))
    before: ByteArray = np.zeros((*size, 3), np.uint8)
    with (
        replacing(record.run.overlay) as aside,
        VideoWriter(aside, size=size, rate=video.rate) as writer,
    ):
        for done, frame in enumerate(video.frames(), start=1):
            poses = people.at(frame)
            if frame.image is None:
                drawn = painter.draw_lost(before, f"frame {frame.index}: {frame.state}")
            else:
                before = frame.image
                drawn = painter.draw(before, poses)
            writer.write(drawn, frame.time)
            record.progress(done)
            record.interrupt.check()


class PeopleByFrame:
    """Looks up the people of one frame after the other in a stream that leaves empty ones out."""

    def __init__(self, poses: Iterator[FramePoses], *, joints: int) -> None:
        self._poses, self._joints = poses, joints
        self._next = next(poses, None)

    def at(self, frame: Frame) -> FramePoses:
        """The people of a frame; frames must rise."""
        while self._next is not None and self._next.frame < frame.index:
            self._next = next(self._poses, None)
        if self._next is not None and self._next.frame == frame.index:
            return self._next
        return FramePoses.empty(frame=frame.index, time=frame.time, joints=self._joints)
