"""Frames that wait because somebody in them may yet turn out to be nobody.

A person who has just appeared counts only after having been seen a few times; until then the frames
since the first sighting are held back, so that no row of a confirmed track is lost.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from posetube.structures import Detections, FloatArray, FramePoses, IntArray, RowState


@dataclass(frozen=True, kw_only=True, slots=True)
class DelayedFrame:
    """The linked people of one frame, some perhaps not yet confirmed."""

    frame: int
    """Index in the video."""

    time: float
    """Presentation time, seconds."""

    people: Detections
    """N people."""

    births: IntArray
    """(N,) which birth, counted from 0, each person's track began with."""

    ids: IntArray
    """(N,) track id; 0 as long as the track is not confirmed."""

    margins: FloatArray
    """(N,) see :attr:`posetube.structures.FramePoses.link_margins`."""

    costs: FloatArray
    """(N,) see :attr:`posetube.structures.FramePoses.link_costs`."""

    gates: FloatArray
    """(N,) see :attr:`posetube.structures.FramePoses.link_gates`."""

    def settled(self) -> FramePoses:
        """The confirmed people, by rising id."""
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
    """A queue of frames, let go in order."""

    def __init__(self) -> None:
        self._frames: deque[DelayedFrame] = deque()

    def add(self, frame: DelayedFrame) -> None:
        """Put a frame at the end."""
        self._frames.append(frame)

    def confirm(self, birth: int, track_id: int) -> None:
        """Give a track's rows, in all frames that wait, their id."""
        for waiting in self._frames:
            waiting.ids[waiting.births == birth] = track_id

    def release(self, before: int | None = None) -> list[FramePoses]:
        """Let go of the frames before an index (None: of all), without unconfirmed people."""
        out = []
        while self._frames and (before is None or self._frames[0].frame < before):
            out.append(self._frames.popleft().settled())
        return out

    def state(self) -> dict[str, Any]:
        """Everything as arrays; :meth:`restore` takes them back."""
        return {"frames": [_stored(frame) for frame in self._frames]}

    @classmethod
    def restore(cls, state: Mapping[str, Any]) -> "DelayedOutput":
        """The queue that :meth:`state` described."""
        queue = cls()
        for stored in state["frames"]:
            people = Detections(**stored["people"])
            queue.add(DelayedFrame(**{**stored, "people": people, "ids": stored["ids"].copy()}))
        return queue


def _stored(frame: DelayedFrame) -> dict[str, Any]:
    """A frame as numbers and arrays; ids may yet change, so they are copied."""
    people = {f.name: getattr(frame.people, f.name) for f in fields(Detections)}
    columns = {f.name: getattr(frame, f.name) for f in fields(DelayedFrame)}
    return {**columns, "people": people, "ids": frame.ids.copy()}
