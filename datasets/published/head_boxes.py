"""Estimates boxes of heads for people who have none, from the ends of the head.

PoseTrack's metrics measure distances in head sizes, and cannot do without. Where both are
labelled (1314 person-frames of Bonn Multi-Person PoseTrack), the box's diagonal is 1.257 times the
distance of the ends (5 % to 95 %: 1.23 to 1.39) and its middle lies between them.
"""

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import DoubleArray, IntArray

DIAGONAL = 1.257
"""Diagonal of a head's box over the distance of the head's ends."""

SHAPE = np.array([0.62, 0.78])
"""Width and height of a head's box over its diagonal."""


def filled(
    boxes: DoubleArray, keypoints: DoubleArray, track_ids: IntArray, skeleton: Skeleton
) -> DoubleArray:
    """Head boxes with estimates where there are none.

    Where an end of the head is not known either, the size is the median of the person's other
    frames, and the place that of the highest joint.

    Args:
        boxes: (R, 4) pixels, NaN where there is none.
        keypoints: (R, K, 2) pixels; ``skeleton`` must have head_bottom and head_top.
        track_ids: (R,) who each row is.
        skeleton: Names of the K joints.

    Returns:
        (R, 4), NaN for people of whose head nothing is known in any frame.
    """
    bottom = keypoints[:, skeleton.index("head_bottom")]
    top = keypoints[:, skeleton.index("head_top")]
    size = np.linalg.norm(top - bottom, axis=1) * DIAGONAL
    given = np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)
    size = np.where(np.isnan(given), size, given)
    middle = (top + bottom) / 2
    for row in np.flatnonzero(np.isnan(size)):
        same = size[(track_ids == track_ids[row]) & ~np.isnan(size)]
        height = keypoints[row, :, 1]
        if len(same) and not np.isnan(height).all():
            size[row] = np.median(same)
            middle[row] = keypoints[row, np.nanargmin(height)]
    half = size[:, None] * SHAPE / 2
    estimates = np.concatenate([middle - half, middle + half], axis=1)
    return np.where(np.isnan(boxes).any(axis=1, keepdims=True), estimates, boxes)
