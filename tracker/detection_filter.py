"""Which detections of a frame a tracker looks at, and in which order.

Everything that comes from outside is made harmless here: rows that cannot be used are left out, one
person found twice counts once, and the rest is sorted by content, so that the order in which a
detector lists people changes nothing.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from posetube.boxes import area, around
from posetube.structures import BoolArray, Detections

from .duplicates import survivors

JOINTS_TO_BOX = 1.2
"""Size of a box around all joints, for detections that come without one."""


def usable_rows(
    people: Detections,
    *,
    sigmas: npt.NDArray[np.float64],
    min_score: float,
    max_people: int,
    duplicate_similarity: float,
) -> npt.NDArray[np.int64]:
    """Which detections to look at, surest first.

    Left out are scores that are NaN or too low, boxes that are not finite or have no area, all but
    the surest ``max_people``, and second detections of one person.

    Args:
        people: N detections of one frame.
        sigmas: (K,) spread of each joint.
        min_score: Lowest score, in [0, 1].
        max_people: How many are looked at, so that a broken detector cannot stop everything.
        duplicate_similarity: See :func:`posetube.tracker.duplicates.survivors`.
    """
    rows = np.flatnonzero(_usable(people) & (people.scores >= min_score))
    rows = rows[_by_content(people[rows])[:max_people]]
    return rows[survivors(people[rows], sigmas=sigmas, max_similarity=duplicate_similarity)]


def complete_detections(people: Detections) -> Detections:
    """Fill in boxes that are NaN from the joints, and make joints that are not finite unknown."""
    finite = np.isfinite(people.keypoints[..., :1] + people.keypoints[..., 1:])
    missing = np.isnan(people.boxes).any(axis=1, keepdims=True)
    if finite.all() and not missing.any():
        return people
    joints = np.where(finite, people.keypoints, np.float32(np.nan))
    boxes = np.where(missing, around(joints, scale=JOINTS_TO_BOX), people.boxes)
    return replace(people, boxes=boxes.astype(np.float32), keypoints=joints)


def _usable(people: Detections) -> BoolArray:
    finite = np.asarray(np.isfinite(people.boxes).all(axis=1))
    return np.asarray(finite & (area(np.where(finite[:, None], people.boxes, 0)) > 0))


def _by_content(people: Detections) -> npt.NDArray[np.int64]:
    joints = people.keypoints.reshape(len(people), 2 * people.keypoints.shape[1])
    keys = np.column_stack([-people.scores, people.boxes, joints]).T
    return np.lexsort(keys[::-1])
