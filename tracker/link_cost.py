"""What it costs to say that a followed person and a detection are the same.

The cost is 1 less a weighted mean of what is known of the pair: box overlap, pose similarity,
nearness to where motion says the person is, and appearance. Only pairs that can be close are
compared, so that the time grows with the people who are near each other, not with the square of the
crowd.
"""

import numpy as np

from posetube.structures import Detections

from .active_tracks import ActiveTracks
from .config import LinkConfig
from .similarity import Doubles, cosine, pose_similarity, scale_of, weighted

REACH = 1.0
"""Centres further apart than this many sizes, and three standard deviations, are not compared."""

PLACE_TOLERANCE = 0.15
"""Distance from the predicted centre, in sizes, that counts as near even for a sure prediction."""

LARGEST_DRIFT = 0.5
"""Most that a place is taken to be uncertain, in sizes: far is far, however unsure."""


def link_costs(
    live: ActiveTracks, people: Detections, *, sigmas: Doubles, config: LinkConfig
) -> Doubles:
    """Cost of every link.

    Args:
        live: N tracks, moved on to the detections' time.
        people: M detections.
        sigmas: (K,) spread of each joint.
        config: How much each measure counts.

    Returns:
        (N, M) in [0, 1]; inf where the two are too far apart.
    """
    followed = live.motion
    boxes, sizes = followed.boxes, followed.sizes
    found = people.boxes.astype(np.float64)
    squared = _squared_distance(_centres(boxes), _centres(found))
    deviation = np.minimum(followed.centre_deviation, LARGEST_DRIFT * sizes)
    reach = REACH * np.maximum(sizes[:, None], scale_of(found)[None]) + 3 * deviation[:, None]
    one, two = np.nonzero(squared <= reach**2)
    tolerance = deviation**2 + np.square(PLACE_TOLERANCE * sizes)
    drift = np.minimum(followed.joint_variance, np.square(LARGEST_DRIFT * sizes)[:, None])
    likeness = weighted(
        [
            _overlap(boxes[one], found[two]),
            pose_similarity(
                followed.joints[one],
                people.keypoints[two],
                scales=sizes[one],
                sigmas=sigmas,
                spread=drift[one],
            ),
            np.exp(-squared[one, two] / (2 * tolerance[one])),
            _appearance(live, people)[one, two],
        ],
        [
            config.overlap_weight,
            config.pose_weight,
            config.motion_weight,
            config.appearance_weight,
        ],
    )
    cost = np.full(squared.shape, np.inf)
    cost[one, two] = 1 - likeness
    return cost


def _centres(boxes: Doubles) -> Doubles:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)


def _squared_distance(first: Doubles, second: Doubles) -> Doubles:
    """(N, M) between points; axis by axis, which is quicker than over a short last axis."""
    across, down = (first[:, None, axis] - second[None, :, axis] for axis in (0, 1))
    return np.asarray(across**2 + down**2)


def _appearance(live: ActiveTracks, people: Detections) -> Doubles:
    """(N, M) likeness of appearance; NaN where it is not known of both."""
    if people.embeddings is None or live.looks.shape[1] != people.embeddings.shape[1]:
        return np.full((len(live), len(people)), np.nan)
    return cosine(live.looks, people.embeddings)


def _overlap(first: Doubles, second: Doubles) -> Doubles:
    """Intersection over union of boxes that are already paired; (P, 4) each to (P,)."""
    size = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    shared = np.maximum(size, 0).prod(axis=1)
    union = sum((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (first, second)) - shared
    return np.asarray(shared / union)
