"""Where joints, and points made of several, are in every row of a video."""

import numpy as np

from posetube.structures import DoubleArray, VideoTracks

MIDDLES = {
    "hips": ("left_hip", "right_hip"),
    "shoulders": ("left_shoulder", "right_shoulder"),
}
"""Points half way between two joints."""


def place_of(tracks: VideoTracks, name: str) -> DoubleArray:
    """(R, 2) place of a joint in every row, pixels.

    Args:
        tracks: The rows.
        name: A joint; ``hips`` or ``shoulders``, half way between the two; or ``feet``, the middle
            of the box's lower edge.

    Returns:
        NaN where it is not known, and everywhere if the joint set has no such joint.
    """
    if name == "feet":
        left, _, right, bottom = tracks.boxes.astype(np.float64).T
        return np.stack([(left + right) / 2, bottom], axis=1)
    if name in MIDDLES:
        one, other = (place_of(tracks, joint) for joint in MIDDLES[name])
        return (one + other) / 2
    if name not in tracks.skeleton.joints:
        return np.full((len(tracks.frame), 2), np.nan)
    return tracks.keypoints[:, tracks.skeleton.joints.index(name)].astype(np.float64)


def body_centre(tracks: VideoTracks) -> DoubleArray:
    """(R, 2) the middle of the hips, or of the box where they are not known, pixels."""
    boxes = tracks.boxes.astype(np.float64)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.where(np.isnan(hips := place_of(tracks, "hips")), middle, hips)
