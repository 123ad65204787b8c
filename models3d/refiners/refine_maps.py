"""Moves a refiner along the frames of a video: every person's maps by those of the frames around.

Memory holds the frames that the refiner looks at, of all people, and no more.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from posetube.structures import FloatArray

from ..arrays import Array
from .mapped_frame import MappedFrame
from .track_maps import TrackMaps

BLOCK = 32
"""Frames that are refined together where the future counts without limit."""

MARGIN = 16
"""Frames behind a block from which its last frames learn of the future."""


class WindowRefiner(Protocol):
    """Refines each frame's maps by those of a few frames before and after."""

    @property
    def past(self) -> int:
        """How many frames before count."""

    @property
    def future(self) -> int:
        """How many frames after count; 0: it is causal."""

    def refine_frame(self, maps: TrackMaps, place: int) -> Array:
        """(K, h, w) evidence of the frame at a place, in that frame's own box."""


@runtime_checkable
class RunningRefiner(Protocol):
    """Refines each frame's maps by what it remembers of all frames before: it is causal."""

    def step(
        self, states: Sequence[Any], evidence: FloatArray, regions: FloatArray
    ) -> tuple[Sequence[Any], FloatArray]:
        """Refine one frame of M people.

        Args:
            states: What is remembered of each of them; None: the person is new.
            evidence: (M, K, h, w) in [0, 1].
            regions: (M, 4) pixels.

        Returns:
            What to remember of each, and (M, K, h, w) evidence in the same boxes.
        """


def refine_running(
    frames: Iterable[MappedFrame],
    refiner: RunningRefiner,
    *,
    max_gap: float,
    cuts: Sequence[int] = (),
) -> Iterator[MappedFrame]:
    """Refine the maps of everybody in every frame, at once.

    Args:
        frames: Of a video, in rising or falling order.
        refiner: Does it.
        max_gap: Seconds that a person may be missing; after a longer gap it begins anew.
        cuts: Index of the first frame of each new scene, where everybody begins anew.

    Yields:
        The same frames with other maps.
    """
    known: dict[int, tuple[float, Any]] = {}
    last = 0
    for frame in frames:
        now, index = frame.poses.time, frame.poses.frame
        if any(min(last, index) < cut <= max(last, index) for cut in cuts):
            known = {}
        last = index
        known = {person: kept for person, kept in known.items() if abs(now - kept[0]) <= max_gap}
        if not frame.seen or not len(frame.poses):
            yield frame
            continue
        ids = frame.poses.track_ids.tolist()
        before = [known[person][1] if person in known else None for person in ids]
        after, evidence = refiner.step(before, frame.evidence, frame.regions)
        known |= {person: (now, state) for person, state in zip(ids, after, strict=True)}
        yield replace(frame, evidence=evidence)


@dataclass(frozen=True, kw_only=True, slots=True)
class BothWaysRefiner:
    """Refines each frame's maps by all frames before, and the result by frames after it."""

    ahead: RunningRefiner
    back: RunningRefiner


MapRefiner = WindowRefiner | RunningRefiner | BothWaysRefiner
"""A refiner of heatmaps, whatever it looks at."""


def refine_maps(
    frames: Iterable[MappedFrame],
    refiner: MapRefiner,
    *,
    max_gap: float,
    cuts: Sequence[int] = (),
) -> Iterator[MappedFrame]:
    """Refine the maps of everybody in every frame, in the way of the refiner's kind.

    Arguments and result as for :func:`refine_running`; later if the refiner looks ahead.
    """
    if isinstance(refiner, BothWaysRefiner):
        return refine_both_ways(frames, refiner, max_gap=max_gap, cuts=cuts)
    if isinstance(refiner, RunningRefiner):
        return refine_running(frames, refiner, max_gap=max_gap, cuts=cuts)
    return refine_in_windows(frames, refiner, max_gap=max_gap, cuts=cuts)


def refine_both_ways(
    frames: Iterable[MappedFrame],
    refiner: BothWaysRefiner,
    *,
    max_gap: float,
    cuts: Sequence[int] = (),
) -> Iterator[MappedFrame]:
    """Refine the maps of everybody in every frame, a block of frames at a time.

    Arguments as for :func:`refine_running`, in rising order.

    Yields:
        The same frames with other maps, up to a block and a margin later.
    """
    waiting: list[MappedFrame] = []
    back = partial(refine_running, refiner=refiner.back, max_gap=max_gap, cuts=cuts)
    for frame in refine_running(frames, refiner.ahead, max_gap=max_gap, cuts=cuts):
        waiting.append(frame)
        if len(waiting) == BLOCK + MARGIN:
            yield from [*back(reversed(waiting))][: MARGIN - 1 : -1]
            waiting = waiting[BLOCK:]
    yield from [*back(reversed(waiting))][::-1]


def refine_in_windows(
    frames: Iterable[MappedFrame],
    refiner: WindowRefiner,
    *,
    max_gap: float,
    cuts: Sequence[int] = (),
) -> Iterator[MappedFrame]:
    """Refine the maps of everybody in every frame.

    Args:
        frames: Of a video, in rising order.
        refiner: Does it.
        max_gap: Seconds that a person may be missing; behind a longer gap there is another stretch.
        cuts: Index of the first frame of each new scene.

    Yields:
        The same frames with other maps, ``refiner.future`` frames later.
    """
    window: deque[MappedFrame] = deque()
    place = 0  # of the next frame to answer
    for frame in frames:
        window.append(frame)
        if len(window) - place > refiner.future:
            yield _refined(window, place, refiner, max_gap, cuts)
            place += 1
            if place > refiner.past:
                window.popleft()
                place -= 1
    while place < len(window):
        yield _refined(window, place, refiner, max_gap, cuts)
        place += 1


def _refined(
    window: Sequence[MappedFrame],
    place: int,
    refiner: WindowRefiner,
    max_gap: float,
    cuts: Sequence[int],
) -> MappedFrame:
    frame = window[place]
    if not frame.seen or not len(frame.poses):
        return frame
    around = list(window)[max(0, place - refiner.past) : place + refiner.future + 1]
    centre = min(place, refiner.past)
    first, end = _scene(around, centre, cuts)
    around, centre = around[first:end], centre - first
    evidence = np.empty_like(frame.evidence)
    for row, person in enumerate(frame.poses.track_ids.tolist()):
        maps, start = _maps_of(person, around, centre, max_gap)
        evidence[row] = refiner.refine_frame(maps, centre - start)
    return replace(frame, evidence=evidence)


def _scene(frames: Sequence[MappedFrame], centre: int, cuts: Sequence[int]) -> tuple[int, int]:
    """The stretch around a frame that no cut divides: its first place and the one behind it."""
    scenes = [sum(cut <= frame.poses.frame for cut in cuts) for frame in frames]
    inside = [place for place, scene in enumerate(scenes) if scene == scenes[centre]]
    return inside[0], inside[-1] + 1


def _maps_of(
    person: int, frames: Sequence[MappedFrame], centre: int, max_gap: float
) -> tuple[TrackMaps, int]:
    """Somebody's maps around a frame, as far as no gap is too long; the first one's place."""
    rows = [_row(frame, person) for frame in frames]
    first, end = (_reach(frames, rows, centre, max_gap, step) for step in (-1, 1))
    frames, rows = frames[first : end + 1], rows[first : end + 1]
    own = rows[centre - first]
    assert own is not None
    whole = frames[centre - first]
    shape = whole.evidence.shape[1:]
    # where somebody is missing the box does not matter: those maps do not count
    regions = [
        whole.regions[own] if row is None else frame.regions[row]
        for frame, row in zip(frames, rows, strict=True)
    ]
    evidence = [
        np.zeros(shape, np.float32) if row is None else frame.evidence[row]
        for frame, row in zip(frames, rows, strict=True)
    ]
    maps = TrackMaps(
        frames=np.array([frame.poses.frame for frame in frames]),
        times=np.array([frame.poses.time for frame in frames]),
        regions=np.stack(regions),
        evidence=np.stack(evidence),
        seen=np.array([row is not None for row in rows]),
        flows=[frame.flow for frame in frames[1:]],
    )
    return maps, first


def _row(frame: MappedFrame, person: int) -> int | None:
    """Where somebody's maps are; None if there are none."""
    found = np.flatnonzero(frame.poses.track_ids == person)
    return int(found[0]) if len(found) and frame.seen else None


def _reach(
    frames: Sequence[MappedFrame],
    rows: Sequence[int | None],
    centre: int,
    max_gap: float,
    step: int,
) -> int:
    """The furthest place in a direction at which the person is seen, without a longer gap."""
    last = centre
    place = centre + step
    while 0 <= place < len(frames):
        if rows[place] is not None:
            if abs(frames[place].poses.time - frames[last].poses.time) > max_gap:
                break
            last = place
        place += step
    return last
