"""Two detections on one person: which of them to keep.

Boxes of one person found twice overlap, but so do the boxes of two people who pass each other;
their poses tell the cases apart. Where poses are not known, only nearly equal boxes count.

Not here: the detector's own suppression (it belongs to the network).
"""

import numpy as np
import numpy.typing as npt

from posetube.boxes import area, intersection, iou
from posetube.structures import BoolArray, Detections

from .similarity import oks, scale_of

COMMON = 0.6
"""Share of the smaller box that two detections of one person have in common, at least."""

BARE_IOU = 0.8
"""Box overlap from which detections without comparable joints are one person."""


def survivors(
    people: Detections, *, sigmas: npt.NDArray[np.float64], max_similarity: float
) -> BoolArray:
    """Mark the detections to keep: the surest of each group that lies on one person.

    Args:
        people: N detections of one frame, boxes finite.
        sigmas: (K,) spread of each joint; see :func:`posetube.tracker.similarity.oks`.
        max_similarity: Pose similarity in [0, 1] from which two are the same person; 1 keeps all
            but exact copies.

    Returns:
        (N,) True for those to keep.
    """
    boxes = people.boxes.astype(np.float64)
    smaller = np.minimum(area(boxes)[:, None], area(boxes)[None])
    near = intersection(boxes, boxes) >= COMMON * smaller
    np.fill_diagonal(near, val=False)
    close = np.flatnonzero(near.any(axis=1))
    keep = np.ones(len(people), bool)
    if not len(close):
        return keep
    some = people[close]
    alike = oks(some.keypoints, some.keypoints, scales=scale_of(some.boxes), sigmas=sigmas)
    alike = np.sqrt(alike * alike.T)
    same = np.where(
        np.isnan(alike), iou(boxes[close], boxes[close]) >= BARE_IOU, alike >= max_similarity
    )
    same &= near[np.ix_(close, close)]
    for place in np.argsort(-some.scores, kind="stable"):
        if keep[close[place]]:
            keep[close[same[place]]] = False
    return keep
