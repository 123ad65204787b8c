"""Props that stand in a scene and hide people: pillars, bushes, boards."""

from collections.abc import Sequence

import numpy as np

from posetube.structures import FloatArray

from .primitives import Capsule, Ellipsoid, Primitive
from .texture import fractal_noise, random_colour

_FRONT = np.array([0.0, 0.0, 1.0])


def pillar(rng: np.random.Generator, x: float, z: float, *, radius: float) -> Primitive:
    """A column or a tree trunk, taller than the picture."""
    return Capsule(
        start=np.array([x, 0.0, z]),
        end=np.array([x + rng.normal(0, 0.05), 4.0, z]),
        radii=np.full((2, 2), radius),
        forward=_FRONT,
        texture=_rough_texture(rng, rows=256),
        caps=(0.0, 0.0),
    )


def bush(rng: np.random.Generator, x: float, z: float) -> list[Primitive]:
    """A low shrub, rock or heap, which hides legs."""
    surface = _rough_texture(rng)
    return [
        Ellipsoid(
            centre=np.array(
                [x + rng.normal(0, 0.3), rng.uniform(0.15, 0.35), z + rng.normal(0, 0.1)]
            ),
            axes=np.eye(3),
            radii=rng.uniform(0.25, 0.5, 3),
            texture=surface,
        )
        for _ in range(3)
    ]


def board(rng: np.random.Generator, x: float, z: float) -> list[Primitive]:
    """A bench, counter or sign of about the height of a table."""
    half, top = rng.uniform(0.35, 0.8), rng.uniform(0.6, 1.1)
    slab = Capsule(
        start=np.array([x - half, top * 0.75, z]),
        end=np.array([x + half, top * 0.75, z]),
        radii=np.array([[top * 0.25, 0.06]] * 2),
        forward=_FRONT,
        texture=_rough_texture(rng),
        caps=(0.02, 0.02),
    )
    legs = [
        Capsule(
            start=np.array([x + side * half * 0.85, 0.0, z]),
            end=np.array([x + side * half * 0.85, top * 0.6, z]),
            radii=np.full((2, 2), 0.035),
            forward=_FRONT,
            texture=_rough_texture(rng),
        )
        for side in (-1, 1)
    ]
    return [*legs, slab]


def _rough_texture(rng: np.random.Generator, *, rows: int = 128) -> FloatArray:
    """(rows, 128, 3) bark, stone, leaves or paint."""
    grain = fractal_noise(rng, rows, 128, coarse=rng.uniform(3, 14), fall=0.8)
    return np.asarray(
        random_colour(rng, bright=0.12) * np.clip(1 + 0.22 * grain[..., None], 0.2, 2), np.float32
    )


def random_props(rng: np.random.Generator, spots: Sequence[tuple[float, float]]) -> list[Primitive]:
    """One prop at each place (x, z) on the ground."""
    props: list[Primitive] = []
    for x, z in spots:
        kind = rng.integers(3)
        if kind == 0:
            props.append(pillar(rng, x, z, radius=rng.uniform(0.14, 0.3)))
        else:
            props += bush(rng, x, z) if kind == 1 else board(rng, x, z)
    return props
