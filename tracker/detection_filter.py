"""Selects the detections of a frame that a tracker uses, and puts them in order.

Unusable rows are dropped, a person detected twice counts once, and the rest is sorted by content,
so that the result does not depend on the order in which a detector lists people.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from posetube.boxes import area, or_around
from posetube.structures import BoolArray, Detections, DoubleArray, IntArray

from .duplicates import likeness, survivors

JOINTS_TO_BOX = 1.2
"""For detections without a box: the box around all joints, enlarged by this factor."""


class UsablePeople(NamedTuple):
    """The M detections of a frame that a tracker uses, highest score first."""

    people: Detections
    """The detections."""

    rows: IntArray
    """(M,) which ones they are among all."""

    similarity: DoubleArray
    """(M, M) see :func:`posetube.tracker.duplicates.likeness`."""


def usable_people(
    people: Detections,
    *,
    sigmas: DoubleArray,
    min_score: float,
    max_people: int,
    duplicate_similarity: float,
) -> UsablePeople:
    """Select the detections to use.

    Dropped are detections whose score is NaN or too low, whose box is not finite or has no area,
    all but the best ``max_people``, and second detections of one person.

    Args:
        people: N detections of one frame.
        sigmas: (K,) spread of each joint.
        min_score: Lowest score to use, in [0, 1].
        max_people: Number of detections to use at most: a broken detector may return thousands, and
            the time for duplicates and links grows with their square.
        duplicate_similarity: See :func:`posetube.tracker.duplicates.survivors`.
    """
    rows = np.flatnonzero(_usable(people) & (people.scores >= min_score))
    if len(rows) > 1:
        rows = rows[_by_content(people, rows)[:max_people]]
    used = people[rows]
    similarity = likeness(used, sigmas=sigmas)
    keep = survivors(used, similarity, max_similarity=duplicate_similarity)
    if keep.all():
        return UsablePeople(used, rows, similarity)
    return UsablePeople(used[keep], rows[keep], similarity[np.ix_(keep, keep)])


def complete_detections(people: Detections) -> Detections:
    """Compute missing boxes from the joints, and set joints that are not finite to NaN."""
    finite = np.isfinite(people.keypoints[..., :1] + people.keypoints[..., 1:])
    if finite.all() and not np.isnan(people.boxes).any():
        return people
    joints = np.where(finite, people.keypoints, np.float32(np.nan))
    boxes = or_around(people.boxes, joints, scale=JOINTS_TO_BOX)
    return replace(people, boxes=boxes.astype(np.float32), keypoints=joints)


def _usable(people: Detections) -> BoolArray:
    finite = np.asarray(np.isfinite(people.boxes).all(axis=1))
    return np.asarray(finite & (area(np.where(finite[:, None], people.boxes, 0)) > 0))


def _by_content(people: Detections, rows: IntArray) -> IntArray:
    """The order of some of the people: by falling score, then by boxes and joints."""
    joints = people.keypoints.reshape(len(people), 2 * people.keypoints.shape[1])
    keys = np.concatenate([-people.scores[:, None], people.boxes, joints], axis=1)[rows].T
    return np.lexsort(keys[::-1])
