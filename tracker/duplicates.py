"""Tells second detections of one person from people who are close together.

Two boxes on one person overlap, but so do the boxes of two people who hug, dance or walk in step.
Their poses are as similar (up to 0.75 in real films) as two poor detections of one person. So only
clear copies are removed; whether a look-alike is a person, tracks decide (:mod:`.association`).
Without poses, only nearly equal boxes count as alike.

Not here: the detector's own non-maximum suppression, which belongs to the network.
"""

import numpy as np
import numpy.typing as npt

from posetube.boxes import area, intersection, iou
from posetube.keypoint_similarity import oks, scale_of
from posetube.structures import BoolArray, Detections, DoubleArray, IntArray

COMMON = 0.6
"""Two detections of one person share at least this part of the smaller box."""

SAME_BOX = 0.4
"""Boxes of copies have at least this overlap. A detection of somebody half hidden may have the
joints of the person in front; its box is its own."""

BARE_IOU = 0.8
"""Without comparable joints, detections with at least this box overlap are alike."""

ALIKE = 0.4
"""Detections with at least this pose similarity are look-alikes."""


def survivors(people: Detections, similarity: DoubleArray, *, max_similarity: float) -> BoolArray:
    """Mark the detections to keep: of each person, the one with the highest score.

    Args:
        people: N detections of one frame, boxes finite.
        similarity: (N, N) of their poses, see :func:`likeness`.
        max_similarity: Detections with equal scores and at least this pose similarity, in [0, 1],
            are one person. If one score is lower, that share of the similarity is enough.

    Returns:
        (N,) True for those to keep.
    """
    keep, close = np.ones(len(people), bool), _compared(similarity)
    if not len(close):
        return keep
    scores, boxes = people.scores[close].astype(np.float64), people.boxes[close]
    # Detectors are less sure of the worse detection of a person; they are as sure of the one of two
    # people side by side as of the other.
    share = np.minimum(scores[:, None], scores) / np.maximum(
        np.maximum(scores[:, None], scores), 1e-9
    )
    needed = np.maximum(max_similarity * share, ALIKE)
    copies = (similarity[np.ix_(close, close)] >= needed) & (iou(boxes, boxes) >= SAME_BOX)
    keep[close] = _best(copies, scores)
    return keep


def look_alikes(
    similarity: DoubleArray, scores: npt.NDArray[np.floating]
) -> tuple[BoolArray, BoolArray]:
    """Find detections that may be second ones of a person.

    Args:
        similarity: (N, N) of the poses of one frame's detections, without clear copies; see
            :func:`likeness`.
        scores: (N,) theirs.

    Returns:
        (N, N) which detections are alike, and (N,) which have a surer look-alike.
    """
    alike, second = similarity >= ALIKE, np.zeros(len(scores), bool)
    close = _compared(similarity)
    if len(close):
        second[close] = ~_best(alike[np.ix_(close, close)], scores[close])
    return alike, second


def likeness(people: Detections, *, sigmas: DoubleArray) -> DoubleArray:
    """How similar the poses of detections are whose boxes overlap much.

    Args:
        people: N detections of one frame, boxes finite.
        sigmas: (K,) spread of each joint; see :func:`posetube.keypoint_similarity.oks`.

    Returns:
        (N, N) in [0, 1]; 0 where boxes do not overlap enough, and on the diagonal.
    """
    everybody = np.zeros((len(people),) * 2)
    if len(people) < 2:
        return everybody
    boxes = people.boxes.astype(np.float64)
    sizes = area(boxes)
    near = intersection(boxes, boxes) >= COMMON * np.minimum(sizes[:, None], sizes)
    np.fill_diagonal(near, val=False)
    # In most frames few boxes overlap this much: only these are compared with one another.
    close = np.flatnonzero(near.any(axis=1))
    if not len(close):
        return everybody
    some = people[close]
    one = oks(some.keypoints, some.keypoints, scales=scale_of(some.boxes), sigmas=sigmas)
    overlap = iou(some.boxes, some.boxes)
    bare = np.where(overlap >= BARE_IOU, overlap, 0)
    # OKS depends on whose size it is measured in; the geometric mean treats both alike.
    similarity = np.where(np.isnan(one), bare, np.sqrt(one * one.T))
    pairs = np.ix_(close, close)
    everybody[pairs] = np.where(near[pairs], similarity, 0)
    return everybody


def _compared(similarity: DoubleArray) -> IntArray:
    """The rows of the detections that have anything in common with another."""
    return np.flatnonzero(similarity.any(axis=1))


def _best(same: BoolArray, scores: npt.NDArray[np.floating]) -> BoolArray:
    """(N,) the surest detection of each group."""
    # As in non-maximum suppression: a detection that was removed removes no others.
    keep = np.ones(len(scores), bool)
    for row in np.argsort(-scores, kind="stable"):
        if keep[row]:
            keep[same[row]] = False
    return keep
