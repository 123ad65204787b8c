"""The three ways of linking by name: ``paper``, ``online`` and ``offline``.

``paper`` links as the published Detect-and-Track did, for comparison; ``online``, the default, goes
frame by frame and never looks ahead; ``offline`` does the same and then repairs the tracks with the
whole video known. The first two pass frames through as a stream; the third holds all tracks in
memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, Protocol

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import (
    Detections,
    DoubleArray,
    FramePoses,
    FrameTable,
    IntArray,
    VideoTracks,
)

from ...tracker.config import LinkConfig
from ...tracker.offline import relink
from ...tracker.paper import PaperTracker
from ...tracker.shots import CutDetector
from ...tracker.tracker import Tracker
from ...tracker.tubes import TubeNumbers
from ..storage.detections_store import DetectedFrame

Preset = Literal["paper", "online", "offline"]


class Follower(Protocol):
    """What every tracker can do."""

    def update(
        self,
        people: Detections,
        *,
        frame: int,
        time: float,
        tubes: IntArray | None = None,
        camera: DoubleArray | None = None,
    ) -> list[FramePoses]:
        """Link one frame; the frames that are settled now."""
        ...

    def cut(self) -> None:
        """End all tracks."""
        ...

    def finish(self) -> list[FramePoses]:
        """The frames that were still waiting."""
        ...


def linked_frames(frames: Iterable[DetectedFrame], tracker: Follower) -> Iterator[FramePoses]:
    """Give the people of each frame their track ids; a new scene ends all tracks.

    Yields:
        Every frame, in order, perhaps a few frames later than it came in.
    """
    cuts, numbers = CutDetector(), TubeNumbers()
    for found in frames:
        if found.colours and cuts.update(np.array(found.colours, np.float64)):
            tracker.cut()
        tubes = found.continues if found.continues is None else numbers.number(found.continues)
        yield from tracker.update(
            found.people, frame=found.frame, time=found.time, tubes=tubes, camera=found.camera
        )
    yield from tracker.finish()


def link_by_preset(
    frames: Iterable[DetectedFrame],
    *,
    preset: Preset,
    config: LinkConfig,
    skeleton: Skeleton,
    size: tuple[int, int],
) -> Iterator[FramePoses]:
    """Link a video's detections.

    Args:
        frames: In rising order.
        preset: Which way.
        config: Thresholds and weights; ``paper`` has its own and takes none of these.
        skeleton: The joints of the detections.
        size: (H, W) of the picture, pixels.

    Yields:
        Every frame, in order.
    """
    if preset == "paper":
        paper = PaperTracker(skeleton=skeleton, size=size)
        yield from linked_frames(frames, _PeopleAlone(paper))
        return
    tracker = Tracker(skeleton=skeleton, config=config)
    if preset == "online":
        yield from linked_frames(frames, tracker)
        return
    cutting = _NotingCuts(tracker)
    settled = list(linked_frames(frames, cutting))
    yield from _repaired(settled, skeleton, cuts=cutting.cuts)


class _PeopleAlone:
    """The published tracker, which is told of neither tubes nor cameras."""

    def __init__(self, tracker: PaperTracker) -> None:
        self._tracker = tracker
        self.cut, self.finish = tracker.cut, tracker.finish

    def update(
        self, people: Detections, *, frame: int, time: float, **_untold: object
    ) -> list[FramePoses]:
        return self._tracker.update(people, frame=frame, time=time)


class _NotingCuts:
    """A tracker, and in which of the frames it was given (counted from 0) new scenes began."""

    def __init__(self, tracker: Tracker) -> None:
        self.cuts: list[int] = []
        self._tracker, self._given = tracker, 0
        self.finish = tracker.finish

    def update(self, people: Detections, **told: Any) -> list[FramePoses]:
        self._given += 1
        return self._tracker.update(people, **told)

    def cut(self) -> None:
        self.cuts.append(self._given)
        self._tracker.cut()


def _repaired(
    found: Sequence[FramePoses], skeleton: Skeleton, *, cuts: Sequence[int]
) -> Iterator[FramePoses]:
    """Repair tracks; frames are counted without the gaps that ``--every`` leaves meanwhile."""
    tracks = VideoTracks.from_frames(
        [replace(poses, frame=place) for place, poses in enumerate(found)],
        source="video",
        size=None,
        skeleton=skeleton,
        frames=FrameTable(times=np.array([poses.time for poses in found], np.float64)),
    )
    people = Detections.join([poses.people for poses in found], joints=len(skeleton))
    repaired = relink(tracks, cuts=cuts, embeddings=people.embeddings)
    for before, poses in zip(found, repaired.poses(), strict=True):
        yield replace(poses, frame=before.frame)


def link_settings(config: LinkConfig, preset: Preset) -> dict[str, bool | int | float | str | None]:
    """What a manifest says of the linking; ``online`` goes without saying."""
    return asdict(config) | ({} if preset == "online" else {"preset": preset})
