"""Removes second detections of one person.

Two boxes on one person overlap, but so do the boxes of two people who pass each other; the poses
tell these cases apart. Without poses, only nearly equal boxes count as one person.

Not here: the detector's own non-maximum suppression, which belongs to the network.
"""

import numpy as np
import numpy.typing as npt

from posetube.boxes import area, intersection, iou
from posetube.keypoint_similarity import oks, scale_of
from posetube.structures import BoolArray, Detections

COMMON = 0.6
"""Two detections of one person share at least this part of the smaller box."""

BARE_IOU = 0.8
"""Without comparable joints, detections with at least this box overlap are one person."""


def survivors(
    people: Detections, *, sigmas: npt.NDArray[np.float64], max_similarity: float
) -> BoolArray:
    """Mark the detections to keep: of each person, the one with the highest score.

    Args:
        people: N detections of one frame, boxes finite.
        sigmas: (K,) spread of each joint; see :func:`posetube.tracker.similarity.oks`.
        max_similarity: Detections with at least this pose similarity, in [0, 1], are one person; 1
            removes only exact copies.

    Returns:
        (N,) True for those to keep.
    """
    boxes = people.boxes.astype(np.float64)
    smaller = np.minimum(area(boxes)[:, None], area(boxes)[None])
    near = intersection(boxes, boxes) >= COMMON * smaller
    np.fill_diagonal(near, val=False)
    # In most frames few boxes overlap this much: only these are compared by pose.
    close = np.flatnonzero(near.any(axis=1))
    keep = np.ones(len(people), bool)
    if not len(close):
        return keep
    some = people[close]
    alike = oks(some.keypoints, some.keypoints, scales=scale_of(some.boxes), sigmas=sigmas)
    # OKS depends on whose size it is measured in; the geometric mean treats both alike.
    alike = np.sqrt(alike * alike.T)
    same = np.where(
        np.isnan(alike), iou(boxes[close], boxes[close]) >= BARE_IOU, alike >= max_similarity
    )
    same &= near[np.ix_(close, close)]
    # As in non-maximum suppression: a detection that was removed removes no others.
    for place in np.argsort(-some.scores, kind="stable"):
        if keep[close[place]]:
            keep[close[same[place]]] = False
    return keep
