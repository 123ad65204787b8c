"""Rasterises shaded primitives: colour, depth, owner and primitive number of every pixel.

The primitives of one body are drawn together. :mod:`.capsules` and :mod:`.ellipsoids` compute the
fragments of all surfaces; a depth test drops what is hidden, and only the rest is shaded. Edges
are anti-aliased by the share of the pixel that a surface covers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posetube.records import join_columns
from posetube.structures import ByteArray, FloatArray, IntArray

from .camera import Camera
from .capsules import capsule_fragments
from .ellipsoids import ellipsoid_fragments
from .fragments import Fragments, TextureAtlas
from .primitives import Capsule, Ellipsoid, Light, Primitive
from .vector_math import Array

NEAREST = 0.25
"""Primitives closer to the camera than this, metres, are not drawn."""


class Canvas:
    """A picture and its buffers, to draw on."""

    def __init__(self, image: ByteArray, depth: FloatArray) -> None:
        """Draw on ``image`` (H, W, 3), whose pixels are ``depth`` (H, W) metres away."""
        self.size = image.shape[:2]
        self.image = image
        self.depth = depth
        self.owner = np.zeros(self.size, np.int16)
        """(H, W) 1 + index of the person that is visible; 0 the scene."""
        self.part = np.zeros(self.size, np.int16)
        """(H, W) number of the primitive that is visible; 0 the ground and the wall."""

    def copy(self) -> "Canvas":
        """A copy with buffers of its own."""
        twin = Canvas(self.image.copy(), self.depth.copy())
        twin.owner, twin.part = self.owner.copy(), self.part.copy()
        return twin


@dataclass(frozen=True, kw_only=True)
class Outline:
    """Where primitives are in a picture."""

    box: Array
    """(4,) x1 y1 x2 y2 around all of them, including hidden pixels and those outside."""

    area: int
    """Number of pixels inside the picture that they cover, including hidden ones."""


NOWHERE = Outline(box=np.full(4, np.nan), area=0)


def draw_primitives(
    canvas: Canvas,
    camera: Camera,
    primitives: Sequence[Primitive],
    light: Light,
    *,
    owner: int,
    first: int,
) -> Outline:
    """Draw the primitives of one person, or those of the scene.

    Args:
        canvas: Drawn on.
        camera: Who sees them.
        primitives: In any order.
        light: The lamp.
        owner: Value for the canvas's ``owner``.
        first: Number of the first primitive; the others follow.

    Returns:
        Where they are; ``NOWHERE`` if all are behind the camera.
    """
    in_front = _in_front(camera, primitives)
    if not in_front:
        return NOWHERE
    atlas = TextureAtlas([primitive.texture for primitive in primitives])
    boxes, found = [], []
    for kind, fragments_of in _FRAGMENTS.items():
        numbers = [n for n in in_front if isinstance(primitives[n], kind)]
        if numbers:
            some = [primitives[n] for n in numbers]
            around, fragments = fragments_of(camera, some, np.array(numbers), atlas, light)
            boxes.append(around)
            found.append(fragments)
    joined = _joined(found)
    corners = np.concatenate(boxes)
    area = _count(joined.pixels[joined.alpha >= 0.5])
    _paint(canvas, joined, owner=owner, first=first)
    return Outline(
        box=np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)]), area=area
    )


_FragmentsOf = Callable[
    [Camera, Sequence[Any], IntArray, TextureAtlas, Light], tuple[Array, Fragments]
]
_FRAGMENTS: dict[type, _FragmentsOf] = {
    Capsule: capsule_fragments,
    Ellipsoid: ellipsoid_fragments,
}


def _in_front(camera: Camera, primitives: Sequence[Primitive]) -> list[int]:
    """Indices of the primitives that are in front of the camera."""
    ends = [
        (one.start, one.end) if isinstance(one, Capsule) else (one.centre, one.centre)
        for one in primitives
    ]
    nearest = camera.view(np.array(ends).reshape(-1, 2, 3))[..., 2].min(axis=1)
    return [place for place, depth in enumerate(nearest) if depth >= NEAREST]


def _joined(found: list[Fragments]) -> Fragments:
    begins = np.cumsum([0, *(len(some.pixels) for some in found)])

    def colour(places: IntArray) -> FloatArray:
        colours = np.empty((len(places), 3), np.float32)
        for some, begin, end in zip(found, begins, begins[1:], strict=False):
            mine = np.flatnonzero((places >= begin) & (places < end))
            colours[mine] = some.colour(places[mine] - begin)
        return colours

    columns = join_columns(found, ("pixels", "primitives", "alpha", "depth"))
    return Fragments(**columns, colour=colour)


def _count(pixels: IntArray) -> int:
    """Number of distinct pixels."""
    if not len(pixels):
        return 0
    # A table over the range of pixels takes less time than sorting them.
    low = int(pixels.min())
    covered = np.zeros(int(pixels.max()) - low + 1, np.bool_)
    covered[pixels - low] = True
    return int(np.count_nonzero(covered))


def _paint(canvas: Canvas, fragments: Fragments, *, owner: int, first: int) -> None:
    """Put on the canvas what is nearer than it: opaque fragments, then edges blended over them."""
    nearest = canvas.depth.reshape(-1)
    opaque = np.flatnonzero(fragments.alpha == 1)
    pixels, depth = fragments.pixels[opaque], fragments.depth[opaque]
    np.minimum.at(nearest, pixels, depth)
    opaque = opaque[depth == nearest[pixels]]
    edges = np.flatnonzero((fragments.alpha < 1) & (fragments.depth < nearest[fragments.pixels]))
    # Sorted by pixel, and within a pixel from far to near, in one key: depths stay below 10 km,
    # so that 1e-4 of a depth is less than the step to the next pixel.
    far_to_near = -1e-4 * fragments.depth[edges].astype(np.float64)
    edges = edges[np.argsort(fragments.pixels[edges] + far_to_near)]
    colours = fragments.colour(np.concatenate([opaque, edges]))
    image, owners = canvas.image.reshape(-1, 3), canvas.owner.reshape(-1)
    parts = canvas.part.reshape(-1)
    pixels = fragments.pixels[opaque]
    image[pixels], owners[pixels] = colours[: len(opaque)], owner
    parts[pixels] = fragments.primitives[opaque] + first
    for layer in _layers(fragments.pixels[edges]):
        edge, pixels = edges[layer], fragments.pixels[edges[layer]]
        alpha = fragments.alpha[edge, None]
        image[pixels] = alpha * colours[len(opaque) + layer] + (1 - alpha) * image[pixels]
        # A pixel belongs to the surface that covers most of it.
        most = alpha[:, 0] >= 0.5
        edge, pixels = edge[most], pixels[most]
        nearest[pixels], owners[pixels] = fragments.depth[edge], owner
        parts[pixels] = fragments.primitives[edge] + first


def _layers(pixels: IntArray) -> list[IntArray]:
    """Split sorted pixels (P,) into layers in which each pixel occurs once.

    Blending with NumPy's indexing would otherwise lose all but the last fragment of a pixel.

    Returns:
        Indices of the first fragment of each pixel, of the second, and so on.
    """
    begins = np.flatnonzero(np.diff(pixels, prepend=-1))
    layer = np.arange(len(pixels)) - np.repeat(begins, np.diff(begins, append=len(pixels)))
    return [np.flatnonzero(layer == n) for n in range(layer.max(initial=-1) + 1)]
