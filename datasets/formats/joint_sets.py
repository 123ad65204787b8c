"""Converts people to the joints of another data set, and says what that loses or estimates.

Not here: which joints match (:mod:`posetube.skeletons`).
"""

from dataclasses import replace

import numpy as np

from posetube.skeletons import Conversion, Skeleton, apply, convert
from posetube.structures import ByteArray, Detections, JointState, VideoTracks


def with_joints(
    tracks: VideoTracks, target: Skeleton, *, derive: bool = True
) -> tuple[VideoTracks, Conversion]:
    """The same people with the joints of ``target``.

    Args:
        tracks: Any tracks or annotations.
        target: The joints that are wanted.
        derive: Estimate joints that the source lacks where that is possible.

    Returns:
        The tracks, and how each joint came about. An estimate is visible where all its parts are,
        and has the score of the weakest.
    """
    plan = convert(tracks.skeleton, target, derive=derive)
    if tracks.skeleton.joints == target.joints:
        return replace(tracks, skeleton=target), plan
    points, scores = apply(plan, tracks.keypoints, tracks.keypoint_scores)
    unknown = np.isnan(points).any(axis=-1)
    return replace(
        tracks,
        skeleton=target,
        keypoints=points,
        keypoint_scores=np.where(unknown, np.nan, scores).astype(scores.dtype),
        keypoints_raw=None,
        joint_states=None if tracks.joint_states is None else _states(plan, tracks.joint_states),
    ), plan


def people_with_joints(people: Detections, own: Skeleton, target: Skeleton) -> Detections:
    """The people of a frame, who have the joints of ``own``, with those of ``target``."""
    points, scores = apply(convert(own, target), people.keypoints, people.keypoint_scores)
    return replace(people, keypoints=points, keypoint_scores=scores)


def _states(plan: Conversion, states: ByteArray) -> ByteArray:
    found = np.full((len(states), len(plan.weights)), JointState.ABSENT, np.uint8)
    for row, weights in enumerate(plan.weights):
        parts = np.flatnonzero(weights)
        if len(parts):
            found[:, row] = states[:, parts].min(axis=1)
    return found


def losses(plan: Conversion) -> list[str]:
    """What a conversion does to the joints, a line each; none where every joint is kept."""
    kinds = (
        ("lost", plan.dropped),
        ("estimated", plan.derived),
        ("left unknown", plan.missing),
    )
    return [f"joints {kind}: {', '.join(joints)}" for kind, joints in kinds if joints]
