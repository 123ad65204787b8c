"""Computes the cost of linking an active track with a detection.

The cost is 1 less a weighted mean of four similarities: box overlap, pose, distance to the
predicted place, and appearance. A similarity that is not known for a pair is left out of its mean.
Where appearance is known, overlap counts the less, the less sure the place is.
Only pairs that are near each other are compared, so that the time grows with the number of
neighbours, not with the square of the crowd.
"""

import numpy as np

from posetube.keypoint_similarity import pose_similarity, scale_of
from posetube.structures import Detections, DoubleArray

from .active_tracks import ActiveTracks
from .config import LinkConfig
from .similarity import cosine, weighted

REACH = 1.0
"""Pairs are compared up to this distance of their centres, in sizes of the larger one, plus three
standard deviations of the prediction."""

PLACE_TOLERANCE = 0.15
"""Standard deviation, in sizes of the person, that even a sure prediction has, because detectors
jitter and people change direction."""

LARGEST_DRIFT = 0.5
"""Largest standard deviation of a prediction, in sizes of the person. Without it, a track that has
been lost for long would match anybody."""


def link_costs(
    active: ActiveTracks, people: Detections, *, sigmas: DoubleArray, config: LinkConfig
) -> DoubleArray:
    """Cost of every link.

    Args:
        active: N tracks, predicted for the detections' time.
        people: M detections.
        sigmas: (K,) spread of each joint.
        config: Weight of each similarity.

    Returns:
        (N, M) in [0, 1]; inf where the two are too far apart.
    """
    predicted = active.motion
    boxes = predicted.boxes
    sizes = scale_of(boxes)
    found = people.boxes.astype(np.float64)
    # The gate for comparing at all: a size of the person for jitter and sudden moves, and three
    # standard deviations for what motion leaves open.
    squared = _squared_distance(_centres(boxes), _centres(found))
    deviation = np.minimum(predicted.centre_deviation, LARGEST_DRIFT * sizes)
    reach = REACH * np.maximum(sizes[:, None], scale_of(found)[None]) + 3 * deviation[:, None]
    one, two = np.nonzero(squared <= reach**2)
    least = np.square(PLACE_TOLERANCE * sizes)
    tolerance = deviation**2 + least
    # Joints are predicted less well than boxes. OKS gets the variance of the prediction, so that a
    # limb that swings on does not speak against its own person.
    drift = np.minimum(predicted.joint_variance, np.square(LARGEST_DRIFT * sizes)[:, None])
    looks = _appearance(active, people, config)[one, two]
    # Distance and pose allow for an unsure place, overlap does not: whoever comes out from behind a
    # post hardly overlaps the prediction. Looks know better; without them nothing but overlap keeps
    # strangers from the track.
    sure = least / tolerance
    similarity = weighted(
        [
            _overlap(boxes[one], found[two]),
            pose_similarity(
                predicted.joints[one],
                people.keypoints[two],
                scales=sizes[one],
                sigmas=sigmas,
                spread=drift[one],
            ),
            np.exp(-squared[one, two] / (2 * tolerance[one])),
            looks,
        ],
        [
            config.overlap_weight * np.where(np.isnan(looks), 1, sure[one]),
            config.pose_weight,
            config.motion_weight,
            config.appearance_weight,
        ],
    )
    cost = np.full(squared.shape, np.inf)
    cost[one, two] = 1 - similarity
    return cost


def _centres(boxes: DoubleArray) -> DoubleArray:
    return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)


def _squared_distance(first: DoubleArray, second: DoubleArray) -> DoubleArray:
    """(N, M) between points; axis by axis, which is faster than over a short last axis."""
    across, down = (first[:, None, axis] - second[None, :, axis] for axis in (0, 1))
    return np.asarray(across**2 + down**2)


def _appearance(active: ActiveTracks, people: Detections, config: LinkConfig) -> DoubleArray:
    """(N, M) similarity of appearance; NaN where it is not known for both, or does not count."""
    theirs = people.embeddings
    counts = config.appearance_weight > 0
    if not counts or theirs is None or active.looks.shape[1] != theirs.shape[1]:
        return np.full((len(active), len(people)), np.nan)
    return cosine(active.looks, theirs)


def _overlap(first: DoubleArray, second: DoubleArray) -> DoubleArray:
    """Intersection over union of P pairs of boxes: (P, 4) each to (P,)."""
    size = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    shared = np.maximum(size, 0).prod(axis=1)
    union = sum((box[:, 2:] - box[:, :2]).prod(axis=1) for box in (first, second)) - shared
    return np.asarray(shared / union)
