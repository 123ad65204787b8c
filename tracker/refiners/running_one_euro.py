"""The One-Euro filter over everybody in a stream, frame by frame."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from posetube.keypoint_similarity import scale_of
from posetube.structures import FramePoses

from ..filters.one_euro import OneEuro
from .refine_config import RefineConfig


@dataclass(kw_only=True, slots=True)
class _Person:
    running: OneEuro
    time: float
    size: float


def run_one_euro(
    frames: Iterable[FramePoses], *, config: RefineConfig, cuts: Sequence[int] = ()
) -> Iterator[FramePoses]:
    """Filter the joints of every person; each frame is answered at once.

    Args:
        frames: In rising order, with finite times.
        config: How strongly, and after which gap a person begins anew.
        cuts: Index of the first frame of each new scene, where everybody begins anew.

    Yields:
        The same frames.
    """
    people: dict[int, _Person] = {}
    ahead, last = sorted(cuts), -1
    for poses in frames:
        if any(last < cut <= poses.frame for cut in ahead):
            people = {}
        last = poses.frame
        joints = poses.people.keypoints.copy()
        sizes = scale_of(poses.people.boxes)
        for row, track_id in enumerate(poses.track_ids.tolist()):
            person = people.get(track_id)
            if person is None or not 0 < poses.time - person.time <= config.max_gap:
                # a size of its own for the whole stretch: a changing unit would look like motion
                person = _Person(
                    running=OneEuro(
                        min_cutoff=config.one_euro.min_cutoff,
                        speed_coefficient=config.one_euro.speed_coefficient,
                    ),
                    time=poses.time,
                    size=float(sizes[row]),
                )
                people[track_id] = person
            person.time = poses.time
            joints[row] = person.size * person.running.update(
                joints[row] / person.size, time=poses.time
            )
        people = {i: one for i, one in people.items() if poses.time - one.time <= config.max_gap}
        yield replace(poses, people=replace(poses.people, keypoints=joints))
