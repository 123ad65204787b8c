"""Averages what the overlapping clips of a network of several frames say of each frame.

Every clip draws a person's heatmaps in all its frames, at the boxes that the person has there, so
that a frame is drawn as often as there are clips that it lies in. Nothing has to be moved.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.structures import FloatArray

from ...models3d.refiners.mapped_frame import MappedFrame


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnClip:
    """What a clip says of the people of its centre frame."""

    centre: MappedFrame
    """That frame."""

    pictured: bool = True
    """Whether the frame has a picture; one without has no clip."""

    frames: Sequence[int] = ()
    """T indices of the clip's frames; ends of a video repeat one."""

    evidence: FloatArray | None = None
    """(N, T, K, h, w) in [0, 1]; None where there is nobody."""


def averaged_clips(clips: Iterable[DrawnClip], *, reach: int) -> Iterator[MappedFrame]:
    """The centre frame of each clip, with the mean of what all clips say of it.

    Args:
        clips: Of a video, one per frame, in order.
        reach: T // 2: frames on either side in a clip.

    Yields:
        The frames, ``reach`` frames later.
    """
    waiting: deque[DrawnClip] = deque()
    sums: dict[tuple[int, int], tuple[FloatArray, int]] = {}
    for clip in clips:
        waiting.append(clip)
        _add(sums, clip)
        # no later clip reaches back over more frames with pictures than these
        while sum(later.pictured for later in list(waiting)[1:]) >= reach:
            yield _released(waiting.popleft().centre, sums)
    for clip in waiting:
        yield _released(clip.centre, sums)


def _add(sums: dict[tuple[int, int], tuple[FloatArray, int]], clip: DrawnClip) -> None:
    if clip.evidence is None:
        return
    for row, person in enumerate(clip.centre.poses.track_ids.tolist()):
        for step, frame in enumerate(clip.frames):
            total, count = sums.get((frame, person), (np.float32(0), 0))
            sums[frame, person] = total + clip.evidence[row, step], count + 1


def _released(
    frame: MappedFrame, sums: dict[tuple[int, int], tuple[FloatArray, int]]
) -> MappedFrame:
    """The frame with its means; what is older is forgotten."""
    index, evidence = frame.poses.frame, frame.evidence.copy()
    if frame.seen:
        for row, person in enumerate(frame.poses.track_ids.tolist()):
            total, count = sums[index, person]
            evidence[row] = total / count
    for key in [key for key in sums if key[0] <= index]:
        del sums[key]
    return replace(frame, evidence=evidence)
