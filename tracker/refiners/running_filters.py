"""Filters over everybody in a stream, frame by frame: each frame is answered at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from posetube.structures import DoubleArray, FramePoses

from ..filters.one_euro import OneEuro
from ..filters.running_kalman import RunningKalman
from .confidence import confidences
from .person_sizes import person_sizes
from .refine_config import RefineConfig, RefinerName


class RunningFilter(Protocol):
    """Filters one person's joints, lengths in sizes of the person."""

    def update(self, value: DoubleArray, *, time: float, confidence: DoubleArray) -> DoubleArray:
        """The (K, 2) places of a frame, from those found, seconds, and (K, 1) confidences."""


def _one_euro(config: RefineConfig) -> RunningFilter:
    own = config.one_euro
    return OneEuro(min_cutoff=own.min_cutoff, speed_coefficient=own.speed_coefficient)


def _kalman(config: RefineConfig) -> RunningFilter:
    own = config.kalman
    return RunningKalman(noise=own.noise, restlessness=own.restlessness, tail=own.tail)


RUNNING_FILTERS: dict[RefinerName, Callable[[RefineConfig], RunningFilter]] = {
    "one-euro": _one_euro,
    "running-kalman": _kalman,
}
"""The refiners of joints that need no future; each makes a filter for one person."""


@dataclass(kw_only=True, slots=True)
class _Person:
    running: RunningFilter
    time: float
    size: float


def run_filters(
    frames: Iterable[FramePoses],
    *,
    by: RefinerName,
    config: RefineConfig,
    cuts: Sequence[int] = (),
) -> Iterator[FramePoses]:
    """Filter the joints of every person; each frame is answered at once.

    Args:
        frames: In rising order, with finite times.
        by: Which filter, one of :data:`RUNNING_FILTERS`.
        config: How strongly, and after which gap a person begins anew.
        cuts: Index of the first frame of each new scene, where everybody begins anew.

    Yields:
        The same frames; a person's joints stay as they are until something tells the size.
    """
    people: dict[int, _Person] = {}
    ahead, last = sorted(cuts), -1
    for poses in frames:
        if any(last < cut <= poses.frame for cut in ahead):
            people = {}
        last = poses.frame
        found = poses.people.keypoints
        joints = np.where(np.isfinite(found), found, np.float32(np.nan))
        sizes = person_sizes(poses.people.boxes, joints)
        sure = confidences(poses.people.keypoint_scores, poses.states, config=config)
        for row, track_id in enumerate(poses.track_ids.tolist()):
            person = people.get(track_id)
            if person is None or not 0 < poses.time - person.time <= config.max_gap:
                if np.isnan(sizes[row]):
                    people.pop(track_id, None)
                    continue
                # a size of its own for the whole stretch: a changing unit would look like motion
                person = _Person(
                    running=RUNNING_FILTERS[by](config),
                    time=poses.time,
                    size=float(sizes[row]),
                )
                people[track_id] = person
            person.time = poses.time
            joints[row] = person.size * person.running.update(
                joints[row] / person.size, time=poses.time, confidence=sure[row]
            )
        people = {i: one for i, one in people.items() if poses.time - one.time <= config.max_gap}
        yield replace(poses, people=replace(poses.people, keypoints=joints))
