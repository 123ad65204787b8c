"""How tall a captured person is, and the ground under the feet.

Positions (F, 17, 3) are those of :data:`posetube.datasets.synthetic.motion.JOINTS`, y up.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .motion import JOINTS

Array = npt.NDArray[np.float64]

STATURE = 1.72
"""Height of a captured person, metres, whoever it was."""

SOLE = 0.08
"""Height of the lowest ankle above the ground, metres."""


def stature(positions: Array) -> float:
    """Height of the person from the lengths of leg and trunk, in the positions' own unit."""
    at = {name: positions[:, place] for place, name in enumerate(JOINTS)}
    chain = ("neck", "pelvis", "left_hip", "left_knee", "left_ankle")
    lengths = [float(np.median(np.linalg.norm(at[a] - at[b], axis=1))) for a, b in pairwise(chain)]
    return (sum(lengths) - lengths[1]) * STATURE / 1.29


def grounded(positions: Array) -> Array:
    """The same in metres with the feet on the ground, the first pelvis above the origin."""
    moved = positions - positions[:1, :1] * [1.0, 0.0, 1.0]
    moved[..., 1] += SOLE - moved[:, -2:, 1].min()
    return np.asarray(moved)
