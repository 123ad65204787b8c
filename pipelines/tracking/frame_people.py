"""Looks up the people of each frame in a stream of frames."""

from collections.abc import Iterator

from posetube.structures import FramePoses, FrameTable


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


def frames_looked_at(
    poses: Iterator[FramePoses], *, table: FrameTable, joints: int
) -> Iterator[FramePoses]:
    """All frames that were looked at, from a stream that leaves out empty frames."""
    people = PeopleByFrame(poses, joints=joints)
    looked_at = table.labeled_indices.tolist()  # of --every 2, every other frame
    for frame, time in zip(looked_at, table.times[looked_at].tolist(), strict=True):
        yield people.at(frame, time=time)
