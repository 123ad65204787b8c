"""Joints carried along the optical flow from the frames around; the most confident one wins.

The flow refiner of the original Detect-and-Track program, which is off there and which its paper
does not mention. What is odd in it:

- It works on joints, so that a wrong joint wins whole where its score is high; heatmaps could agree
  with one another (:mod:`.pooling`).
- It takes the flow from a frame to the next, negated, for the way back (``published``), which is
  wrong where things move far. Here the way back is computed by default.
- It takes a mean motion above 6 pixels for a new scene, whatever the picture's size, so that a
  quick camera ends all help.
- It also adds people to frames in which they were missed; here linking does that, and no row is
  added.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posetube.heatmap_refining import FlowVoteConfig
from posetube.structures import FloatArray, FramePoses

from .flow_step import FlowStep
from .pooling import followed

DECAY = 1.2
"""A score counts by this factor less per frame that its joint was carried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowingPoses:
    """A frame's people, and how the picture moved."""

    poses: FramePoses
    """The people."""

    flow: FlowStep | None
    """Since the frame before; None: not known."""


def vote(
    frames: Iterable[FlowingPoses],
    *,
    config: FlowVoteConfig,
    max_gap: float,
    cuts: Sequence[int] = (),
) -> Iterator[FramePoses]:
    """Give every joint the place and the score of the most confident one that is carried to it.

    Args:
        frames: Of a video, in rising order.
        config: How far to look.
        max_gap: Seconds; nothing is carried further.
        cuts: Index of the first frame of each new scene.

    Yields:
        The same people, ``config.reach`` frames later.
    """
    window: deque[FlowingPoses] = deque()
    place = 0  # of the next frame to answer
    for frame in frames:
        window.append(_as_counted(frame, config, cuts))
        if len(window) - place > config.reach:
            yield _voted(list(window), place, config, max_gap)
            place += 1
            if place > config.reach:
                window.popleft()
                place -= 1
    while place < len(window):
        yield _voted(list(window), place, config, max_gap)
        place += 1


def _as_counted(frame: FlowingPoses, config: FlowVoteConfig, cuts: Sequence[int]) -> FlowingPoses:
    """The frame with the flow that joints are carried along; None into another scene."""
    flow = frame.flow
    if flow is None or frame.poses.frame in cuts:
        return replace(frame, flow=None)
    if np.linalg.norm(flow.forward, axis=-1).mean() > config.most_motion:
        return replace(frame, flow=None)
    return replace(frame, flow=replace(flow, backward=-flow.forward)) if config.published else frame


def _voted(
    window: Sequence[FlowingPoses], place: int, config: FlowVoteConfig, max_gap: float
) -> FramePoses:
    poses = window[place].poses
    joints, scores = poses.people.keypoints.copy(), poses.people.keypoint_scores.copy()
    for other in range(max(0, place - config.reach), min(len(window), place + config.reach + 1)):
        if other == place or abs(window[other].poses.time - poses.time) > max_gap:
            continue
        first, last = sorted((place, other))
        steps = [one.flow for one in window[first + 1 : last + 1]]
        if any(step is None for step in steps):
            continue
        found = window[other].poses
        shared, mine, theirs = np.intersect1d(poses.track_ids, found.track_ids, return_indices=True)
        if not len(shared):
            continue
        carried = _carried(found.people.keypoints[theirs], steps, backward=other > place)
        counted = found.people.keypoint_scores[theirs] * np.float32(DECAY ** -(last - first))
        wins = (counted > scores[mine]) & np.isfinite(carried).all(-1)
        joints[mine] = np.where(wins[..., None], carried, joints[mine])
        scores[mine] = np.where(wins, counted, scores[mine])
    people = replace(poses.people, keypoints=joints, keypoint_scores=scores)
    return replace(poses, people=people)


def _carried(joints: FloatArray, steps: Sequence[FlowStep | None], *, backward: bool) -> FloatArray:
    """(N, K, 2) where joints lie in the other picture; NaN where they were not known."""
    known = np.isfinite(joints).all(-1)
    places, _ = followed(joints[known], steps, backward=backward)
    carried = np.full_like(joints, np.nan)
    carried[known] = places
    return carried
