"""What bodies and props are made of, capsules and ellipsoids, and the light on them."""

from dataclasses import dataclass

from .texture import Texture
from .vector_math import Array


@dataclass(frozen=True, kw_only=True)
class Capsule:
    """A limb or trunk: elliptic cross-sections along a straight axis, with rounded ends."""

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
    """A head, an ear, hair, or part of a bush."""

    centre: Array
    """(3,) world."""

    axes: Array
    """(3, 3) rows: world directions of left, up and forward."""

    radii: Array
    """(3,) along those directions, metres."""

    texture: Texture
    """(rows from the top, columns around from the back through the left, 3) RGB."""


Primitive = Capsule | Ellipsoid


@dataclass(frozen=True, kw_only=True)
class Light:
    """A distant lamp, and ambient light."""

    direction: Array
    """(3,) world, unit length, towards the lamp."""

    diffuse: float = 0.55
    """Strength of the lamp."""

    ambient: float = 0.55
    """Strength of the ambient light."""
