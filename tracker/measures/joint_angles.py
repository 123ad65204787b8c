"""Angles of joints in the picture, degrees.

0 is a person who stands straight with hanging arms, as Sports2D and Pose2Sim count. These also give
angles a sign, by the side that a person is seen from. A picture of anybody, from anywhere, does not
say that side, so ours are unsigned, apart from the trunk's.

Angles are those of the picture: of a limb that points at the camera they say little.

Source: the definitions of Sports2D (Pagnon & Kim, 2024): which joints make which angle, and where 0
lies. Deviation: no signs, and no feet, which these joint sets lack.
"""

import numpy as np

from posetube.structures import DoubleArray, VideoTracks

from .joint_places import place_of

BENT = {
    "knee": ("ankle", "knee", "hip"),
    "elbow": ("wrist", "elbow", "shoulder"),
}
"""Angles at a joint between its two neighbours, 0 where the three lie on a line."""

AGAINST_TRUNK = {"hip": ("hip", "knee"), "shoulder": ("shoulder", "elbow")}
"""Angles between a limb and the trunk, both seen downwards."""

SIDES = ("left", "right")


def joint_angles(tracks: VideoTracks) -> dict[str, DoubleArray]:
    """Angles of every row, by name.

    Returns:
        (R,) degrees each. ``left_knee_angle``, ``left_elbow_angle`` (how far it is bent),
        ``left_hip_angle`` (thigh against trunk), ``left_shoulder_angle`` (upper arm against trunk),
        in [0, 180], and the same on the right; ``trunk_angle`` (from upright, positive towards the
        right of the picture) in (-180, 180]. NaN where a joint is not known.
    """
    down = place_of(tracks, "hips") - place_of(tracks, "shoulders")
    found: dict[str, DoubleArray] = {}
    for side in SIDES:
        for name, joints in BENT.items():
            end, middle, start = (place_of(tracks, f"{side}_{joint}") for joint in joints)
            found[f"{side}_{name}_angle"] = _between(end - middle, middle - start)
        for name, (near, far) in AGAINST_TRUNK.items():
            limb = place_of(tracks, f"{side}_{far}") - place_of(tracks, f"{side}_{near}")
            found[f"{side}_{name}_angle"] = _between(limb, down)
    # y grows downwards
    found["trunk_angle"] = np.degrees(np.arctan2(-down[:, 0], down[:, 1]))
    return found


def _between(one: DoubleArray, other: DoubleArray) -> DoubleArray:
    """(R,) angle between two directions, degrees in [0, 180]."""
    cross = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    dot = (one * other).sum(axis=1)
    angle: DoubleArray = np.degrees(np.abs(np.arctan2(cross, dot)))
    return np.where((cross == 0) & (dot == 0), np.nan, angle)
