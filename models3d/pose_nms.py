"""Which of many similar poses to keep: suppression by joints, after boxes have had theirs.

Two boxes can overlap little and still lead to the same joints, and two people who stand close have
boxes that overlap much and joints that do not. NumPy only, so that every way of running a network
shares it.

Source: Papandreou et al., "Towards Accurate Multi-person Pose Estimation in the Wild", CVPR 2017,
section 3.4.
"""

import numpy as np

from posetube.keypoint_similarity import oks, scale_of
from posetube.structures import BoolArray, DoubleArray, FloatArray


def distinct_poses(
    keypoints: FloatArray,
    boxes: FloatArray,
    *,
    sigmas: DoubleArray,
    threshold: float,
) -> BoolArray:
    """Mark the poses to keep: a pose more similar to a kept, better one is dropped.

    Args:
        keypoints: (N, T, K, 2) pixels, by falling score.
        boxes: (N, T, 4) pixels.
        sigmas: (K,) spread of each joint.
        threshold: Object keypoint similarity in [0, 1], the mean over the T frames; the better
            person's box is the scale.

    Returns:
        (N,) True for those to keep.
    """
    kept = np.ones(len(boxes), bool)
    if len(boxes) < 2:
        return kept
    frames = range(boxes.shape[1])
    similarity = np.mean(
        [
            oks(keypoints[:, t], keypoints[:, t], scales=scale_of(boxes[:, t]), sigmas=sigmas)
            for t in frames
        ],
        axis=0,
    )
    for place in range(len(kept)):
        if kept[place]:
            kept[place + 1 :] &= ~(similarity[place, place + 1 :] > threshold)
    return kept
