"""What bodies and things are made of: tapered tubes and ellipsoids, and the light on them.

Not here: how they look to a camera (:mod:`.raster`).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .texture import Texture

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tube:
    """A limb or trunk: elliptic sections along a straight axis."""

    start: Array
    """(3,) world."""

    end: Array
    """(3,) world."""

    radii: Array
    """(n, 2) half-widths sideways and forward at equal steps along the axis, metres; n >= 2."""

    forward: Array
    """(3,) world direction of the front of the section; need not be at right angles to the axis."""

    texture: Texture
    """(rows from start to end, columns around from the back, 3) RGB."""

    caps: tuple[float, float] = (0.7, 0.7)
    """How far the ends bulge, in radii."""


@dataclass(frozen=True, kw_only=True)
class Ellipsoid:
    """A head, hand or the like."""

    centre: Array
    """(3,) world."""

    axes: Array
    """(3, 3) rows: world directions of left, up and forward."""

    radii: Array
    """(3,) along those directions, metres."""

    texture: Texture
    """(rows from the top, columns around from the back through the left, 3) RGB."""


Part = Tube | Ellipsoid


@dataclass(frozen=True, kw_only=True)
class Light:
    """A distant lamp and the light that comes from everywhere."""

    direction: Array
    """(3,) world, unit, towards the lamp."""

    diffuse: float = 0.55
    """Strength of the lamp."""

    ambient: float = 0.55
    """Strength of the rest."""


def cross(first: Array, second: Array) -> Array:
    """Cross product of two vectors (3,); NumPy's own takes ten times as long for one pair."""
    a, b, c = first.tolist()
    x, y, z = second.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def length_of(vector: Array) -> float:
    """Length of one vector (3,), as quickly."""
    return math.sqrt(vector @ vector)
