"""Lengths of parts of the body in the picture, and the height that they make.

Source: Drillis & Contini, "Body Segment Parameters", 1966, for the height of the ankle.
"""

import numpy as np

from posetube.errors import InputError
from posetube.keypoint_similarity import mean_of_known
from posetube.structures import DoubleArray, VideoTracks

from .joint_places import place_of

SEGMENTS = {
    "left_thigh_length": ("left_hip", "left_knee"),
    "right_thigh_length": ("right_hip", "right_knee"),
    "left_shank_length": ("left_knee", "left_ankle"),
    "right_shank_length": ("right_knee", "right_ankle"),
    "left_upper_arm_length": ("left_shoulder", "left_elbow"),
    "right_upper_arm_length": ("right_shoulder", "right_elbow"),
    "left_forearm_length": ("left_elbow", "left_wrist"),
    "right_forearm_length": ("right_elbow", "right_wrist"),
    "trunk_length": ("shoulders", "hips"),
    "shoulder_width": ("left_shoulder", "right_shoulder"),
    "hip_width": ("left_hip", "right_hip"),
    "head_and_neck_length": ("head_top", "shoulders"),
}
"""Parts of the body, and their two ends."""

ANKLE_HEIGHT = 0.039
"""How high an ankle is above the floor, as a share of a person's height."""

UPRIGHT = 90
"""Percentile of the heights in single frames that counts: parts that point at the camera, bent
people and hidden joints make them shorter, nothing makes them longer."""


def segment_lengths(tracks: VideoTracks) -> dict[str, DoubleArray]:
    """(R,) length of each part of the body in every row, pixels, by ``left_thigh_length``.

    NaN where an end is not known.
    """
    return {
        name: np.linalg.norm(place_of(tracks, one) - place_of(tracks, other), axis=1)
        for name, (one, other) in SEGMENTS.items()
    }


def body_height(tracks: VideoTracks, track: int) -> float:
    """How high a person is in the picture when upright, pixels.

    Head, trunk, thigh and shank make the height down to the ankle.

    Raises:
        InputError: If there is no such track, or these joints are never seen together.
    """
    tracks[track]  # refuses unknown ids
    lengths = segment_lengths(tracks.select(tracks.track_ids == track))
    legs = [
        lengths[f"{side}_thigh_length"] + lengths[f"{side}_shank_length"]
        for side in ("left", "right")
    ]
    whole = (
        lengths["head_and_neck_length"] + lengths["trunk_length"] + mean_of_known(np.array(legs).T)
    )
    if not np.isnan(whole).all():
        return float(np.nanpercentile(whole, UPRIGHT)) / (1 - ANKLE_HEIGHT)
    raise InputError(
        f"track {track}: its height needs head_top, shoulders, hips, a knee and an ankle in one "
        "frame; give the scale by metres per pixel"
    )
