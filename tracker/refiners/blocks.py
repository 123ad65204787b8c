"""Feeds what looks at whole tracks with blocks of frames, so that memory stays flat."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import FramePoses, VideoTracks

from ..tracklets import table_of

BLOCK = 8.0
"""Frames of this many seconds are settled together."""

MARGIN = 4.0
"""What is further away than this, seconds, does not count: filters forget within a second, and
within three where joints are doubtful."""


class TableChange(Protocol):
    """Changes the joints of a table of tracks, and no rows."""

    def __call__(self, tracks: VideoTracks, *, cuts: Sequence[int]) -> VideoTracks:
        """The table with other joints; cuts are the first frames of new scenes."""


def in_blocks(
    frames: Iterable[FramePoses],
    change: TableChange,
    *,
    skeleton: Skeleton,
    cuts: Sequence[int] = (),
) -> Iterator[FramePoses]:
    """Change the joints of every frame, knowing the frames around it.

    Blocks begin at fixed times, so that the result does not depend on where a run was stopped.

    Args:
        frames: In rising order, with finite times.
        change: Changes the joints of a table of tracks.
        skeleton: The joints.
        cuts: Index of the first frame of each new scene.

    Yields:
        The same frames, up to a block and a margin later.
    """
    waiting: list[FramePoses] = []
    settled, start = 0, 0.0  # how many of the waiting ones are margin; where their block begins
    for poses in frames:
        while waiting and poses.time >= start + BLOCK + MARGIN:
            end = start + BLOCK
            stop, kept = (_first_from(waiting, time) for time in (end, end - MARGIN))
            yield from _changed(waiting, change, skeleton, cuts, slice(settled, stop))
            waiting, settled, start = waiting[kept:], stop - kept, end
        if not waiting:
            start = poses.time
        waiting.append(poses)
    yield from _changed(waiting, change, skeleton, cuts, slice(settled, None))


def _first_from(frames: Sequence[FramePoses], time: float) -> int:
    """Place of the first frame at or after a time; their number if all are before it."""
    return next((place for place, poses in enumerate(frames) if poses.time >= time), len(frames))


def _changed(
    frames: Sequence[FramePoses],
    change: TableChange,
    skeleton: Skeleton,
    cuts: Sequence[int],
    wanted: slice,
) -> Iterator[FramePoses]:
    """Change the wanted ones of the frames, knowing all of them."""
    if not frames:
        return
    tracks = table_of(frames, skeleton=skeleton)
    numbers = [poses.frame for poses in frames]
    inside = np.searchsorted(numbers, [cut for cut in cuts if numbers[0] < cut <= numbers[-1]])
    joints = change(tracks, cuts=inside.tolist()).keypoints
    ends = np.cumsum([len(poses) for poses in frames])
    for poses, end in zip(frames[wanted], ends[wanted], strict=True):
        own = joints[end - len(poses) : end].astype(np.float32)
        yield replace(poses, people=replace(poses.people, keypoints=own))
