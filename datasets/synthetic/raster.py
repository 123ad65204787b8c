"""Draw shaded solids into a picture, with depth, owner and part of every pixel.

The solids of one body are drawn together: every pixel of every surface is worked out
(:mod:`.tubes`, :mod:`.ellipsoids`), what is hidden is dropped, the rest is coloured; edges are
smoothed. Not here: what the solids are (:mod:`.body`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.structures import FloatArray, IntArray

from . import ellipsoids, tubes
from .camera import Camera
from .fragments import Atlas, Fragments
from .solids import Light, Part, Tube

Array = npt.NDArray[np.float64]

NEAREST = 0.25
"""Parts closer to the camera than this, metres, are not drawn."""


class Canvas:
    """A picture in the making, with what is known of each pixel."""

    def __init__(self, image: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> None:
        """Draw on ``image`` (H, W, 3), whose pixels lie ``depth`` (H, W) metres away."""
        self.size = image.shape[:2]
        self.image = image
        self.depth = depth
        self.owner = np.zeros(self.size, np.int16)
        """(H, W) 1 + index of the person that is seen; 0 the scene."""
        self.part = np.zeros(self.size, np.int16)
        """(H, W) number of the part that is seen; 0 the ground and the wall."""

    def copy(self) -> "Canvas":
        """The same to draw on further."""
        twin = Canvas(self.image.copy(), self.depth.copy())
        twin.owner, twin.part = self.owner.copy(), self.part.copy()
        return twin


@dataclass(frozen=True, kw_only=True)
class Outline:
    """Where solids fell on a picture."""

    box: Array
    """(4,) x1 y1 x2 y2 around all of them, hidden and outside pixels included."""

    area: int
    """Number of pixels inside the picture that they cover, hidden ones included."""


NOWHERE = Outline(box=np.full(4, np.nan), area=0)


def draw(
    canvas: Canvas, camera: Camera, solids: Sequence[Part], light: Light, *, owner: int, first: int
) -> Outline:
    """Draw the solids of one person or thing.

    Args:
        canvas: Changed.
        camera: What sees them.
        solids: In any order.
        light: The lamp.
        owner: Value for the canvas's ``owner``.
        first: Part number of the first solid; the others follow.

    Returns:
        Where they are; ``NOWHERE`` if all are behind the camera.
    """
    ahead = _ahead(camera, solids)
    if not ahead:
        return NOWHERE
    atlas = Atlas([solid.texture for solid in solids])
    boxes, found = [], []
    for cover, kind in _KINDS:
        numbers = [n for n in ahead if isinstance(solids[n], Tube) == (kind is Tube)]
        if numbers:
            some = [solids[n] for n in numbers]
            around, fragments = cover(camera, some, np.array(numbers), atlas, light)
            boxes.append(around)
            found.append(fragments)
    every = _joined(found)
    corners = np.concatenate(boxes)
    area = _count(every.pixels[every.alpha >= 0.5])
    _paint(canvas, every, owner=owner, first=first)
    return Outline(
        box=np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)]), area=area
    )


_Cover = Callable[[Camera, Sequence[Any], IntArray, Atlas, Light], tuple[Array, Fragments]]
_KINDS: tuple[tuple[_Cover, type], ...] = ((tubes.cover, Tube), (ellipsoids.cover, object))


def _ahead(camera: Camera, solids: Sequence[Part]) -> list[int]:
    """Places of the solids that lie before the camera."""
    ends = [
        (solid.start, solid.end) if isinstance(solid, Tube) else (solid.centre, solid.centre)
        for solid in solids
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

    return Fragments(
        pixels=np.concatenate([some.pixels for some in found]),
        solids=np.concatenate([some.solids for some in found]),
        alpha=np.concatenate([some.alpha for some in found]),
        depth=np.concatenate([some.depth for some in found]),
        colour=colour,
    )


def _count(pixels: IntArray) -> int:
    """Number of different pixels."""
    if not len(pixels):
        return 0
    low = int(pixels.min())
    seen = np.zeros(int(pixels.max()) - low + 1, np.bool_)
    seen[pixels - low] = True
    return int(np.count_nonzero(seen))


def _paint(canvas: Canvas, every: Fragments, *, owner: int, first: int) -> None:
    """Put on the canvas what is before it: the nearest solid pixels, then the edges before them."""
    nearest = canvas.depth.reshape(-1)
    solid = np.flatnonzero(every.alpha == 1)
    pixels, depth = every.pixels[solid], every.depth[solid]
    np.minimum.at(nearest, pixels, depth)
    solid = solid[depth == nearest[pixels]]
    edges = np.flatnonzero((every.alpha < 1) & (every.depth < nearest[every.pixels]))
    # By pixel, and within a pixel from the far to the near; depths stay below 10 km.
    edges = edges[np.argsort(every.pixels[edges] - 1e-4 * every.depth[edges].astype(np.float64))]
    colours = every.colour(np.concatenate([solid, edges]))
    image, owners = canvas.image.reshape(-1, 3), canvas.owner.reshape(-1)
    parts = canvas.part.reshape(-1)
    pixels = every.pixels[solid]
    image[pixels], owners[pixels] = colours[: len(solid)], owner
    parts[pixels] = every.solids[solid] + first
    for layer in _layers(every.pixels[edges]):
        edge, pixels = edges[layer], every.pixels[edges[layer]]
        alpha = every.alpha[edge, None]
        image[pixels] = alpha * colours[len(solid) + layer] + (1 - alpha) * image[pixels]
        most = alpha[:, 0] >= 0.5
        edge, pixels = edge[most], pixels[most]
        nearest[pixels], owners[pixels] = every.depth[edge], owner
        parts[pixels] = every.solids[edge] + first


def _layers(pixels: IntArray) -> list[IntArray]:
    """Places of sorted pixels (P,) in layers, each with a pixel once: its first, its second ..."""
    begins = np.flatnonzero(np.diff(pixels, prepend=-1))
    layer = np.arange(len(pixels)) - np.repeat(begins, np.diff(begins, append=len(pixels)))
    return [np.flatnonzero(layer == n) for n in range(layer.max(initial=-1) + 1)]
