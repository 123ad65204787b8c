"""Looks up the people of each frame in a stream of frames."""

from collections.abc import Iterator

from posetube.structures import FramePoses


class PeopleByFrame:
    """The people of each frame, from a stream that leaves out empty frames."""

    def __init__(self, poses: Iterator[FramePoses], *, joints: int) -> None:
        self._poses, self._joints = poses, joints
        self._next = next(poses, None)

    def at(self, frame: int, *, time: float) -> FramePoses:
        """The people of a frame, by index and time; frames must come in rising order."""
        while self._next is not None and self._next.frame < frame:
            self._next = next(self._poses, None)
        if self._next is not None and self._next.frame == frame:
            return self._next
        return FramePoses.empty(frame=frame, time=time, joints=self._joints)
