"""Holds frames back until every new track in them is confirmed or dropped.

A new track is reported only once the person has been seen a few times. Until then the tracker keeps
the frames since the first sighting, so that the confirmed track has its first rows too.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from posetube.structures import Detections, FloatArray, FramePoses, IntArray, RowState


@dataclass(frozen=True, kw_only=True, slots=True)
class DelayedFrame:
    """The linked people of one frame; some may not be confirmed yet."""

    frame: int
    """Index in the video."""

    time: float
    """Presentation time, seconds."""

    people: Detections
    """N people."""

    births: IntArray
    """(N,) running number of each person's track, from 0."""

    ids: IntArray
    """(N,) track id; 0 until the track is confirmed."""

    margins: FloatArray
    """(N,) see :attr:`posetube.structures.FramePoses.link_margins`."""

    costs: FloatArray
    """(N,) see :attr:`posetube.structures.FramePoses.link_costs`."""

    gates: FloatArray
    """(N,) see :attr:`posetube.structures.FramePoses.link_gates`."""

    def settled(self) -> FramePoses:
        """The confirmed people, lowest id first."""
        order = np.argsort(self.ids, kind="stable")
        order = order[self.ids[order] > 0]
        return FramePoses(
            frame=self.frame,
            time=self.time,
            track_ids=self.ids[order],
            people=self.people[order],
            states=np.full(len(order), RowState.DETECTED, np.uint8),
            link_margins=self.margins[order],
            link_costs=self.costs[order],
            link_gates=self.gates[order],
        )


class DelayedOutput:
    """A queue of frames, released in order."""

    def __init__(self) -> None:
        self._frames: deque[DelayedFrame] = deque()

    def add(self, frame: DelayedFrame) -> None:
        """Append a frame."""
        self._frames.append(frame)

    def confirm(self, birth: int, track_id: int) -> None:
        """Give a track's rows in all waiting frames their id."""
        for waiting in self._frames:
            waiting.ids[waiting.births == birth] = track_id

    def release(self, before: int | None = None) -> list[FramePoses]:
        """Remove and return the frames before an index (None: all), without unconfirmed people."""
        out = []
        while self._frames and (before is None or self._frames[0].frame < before):
            out.append(self._frames.popleft().settled())
        return out
