"""Fragments: the pixels of many surfaces at once, the spans that hold them, and their shading.

All primitives of a body are processed together in flat arrays: a person has two dozen primitives of
a few hundred pixels each, for which NumPy's cost per call would be most of the time. The surfaces
are in :mod:`.capsules` and :mod:`.ellipsoids`; which of them is visible is up to :mod:`.raster`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.structures import FloatArray, IntArray

from .primitives import Light
from .texture import Texture
from .vector_math import Array


@dataclass(frozen=True, kw_only=True)
class Fragments:
    """P pixels of surfaces as a camera sees them; a pixel may occur in several surfaces."""

    pixels: IntArray
    """(P,) flat indices of the picture."""

    primitives: IntArray
    """(P,) index of the surface in the list that is drawn."""

    alpha: FloatArray
    """(P,) share of the pixel that is covered, in [0, 1]."""

    depth: FloatArray
    """(P,) metres from the camera's plane."""

    colour: Callable[[IntArray], FloatArray]
    """RGB (S, 3) of the fragments at indices (S,); called for visible fragments only."""


@dataclass(frozen=True, kw_only=True)
class Spans:
    """L runs of pixels along rows, each of one surface."""

    primitive: IntArray
    """(L,) index of the surface."""

    y: IntArray
    """(L,) row of the picture."""

    x: IntArray
    """(L,) first column."""

    lengths: IntArray
    """(L,) number of pixels, 0 or more."""

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values (L,) of the spans, repeated for each of their P pixels."""
        return np.repeat(values, self.lengths)

    def columns(self) -> IntArray:
        """(P,) column of each pixel."""
        before = np.cumsum(self.lengths) - self.lengths
        return np.asarray(np.arange(self.lengths.sum()) - self.spread(before - self.x))


def rows_of(boxes: Array, size: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """Every row of the picture that a box (n, 4) meets: index of the box (L,) and row (L,).

    A box that is wholly beside the picture meets no row.
    """
    top = np.maximum(np.floor(boxes[:, 1]) - 1, 0)
    bottom = np.minimum(np.floor(boxes[:, 3]) + 2, size[0])
    beside = (boxes[:, 2] + 1 < 0) | (boxes[:, 0] - 1 > size[1])
    heights = np.where(beside, 0, np.maximum(bottom - top, 0)).astype(np.int64)
    before = np.cumsum(heights) - heights
    primitive = np.repeat(np.arange(len(boxes)), heights)
    y = np.arange(heights.sum()) - np.repeat(before - top.astype(np.int64), heights)
    return primitive, y


def spans(primitive: IntArray, y: IntArray, low: Array, high: Array, width: int) -> Spans:
    """The pixels of rows with centres between ``low`` and ``high`` (L,), inside the picture."""
    first = np.clip(np.ceil(low - 0.5), 0, width).astype(np.int64)
    last = np.clip(np.floor(high + 0.5), 0, width).astype(np.int64)
    return Spans(primitive=primitive, y=y, x=first, lengths=np.maximum(last - first, 0))


class TextureAtlas:
    """The textures of several surfaces in one array of texels; each texture only once."""

    def __init__(self, textures: Sequence[Texture]) -> None:
        places = {id(texture): n for n, texture in enumerate(textures)}
        distinct = [textures[n] for n in places.values()]
        offsets = np.cumsum([0, *(texture.shape[0] * texture.shape[1] for texture in distinct)])
        first = dict(zip(places, offsets.tolist(), strict=False))
        self._colours = np.concatenate([texture.reshape(-1, 3) for texture in distinct])
        self.first = np.array([first[id(texture)] for texture in textures])
        """(n,) index of the first texel of each surface."""
        self.rows = np.array([texture.shape[0] for texture in textures])
        """(n,) rows of its texture."""
        self.columns = np.array([texture.shape[1] for texture in textures])
        """(n,) columns of its texture."""

    def shaded(self, texels: IntArray, strength: FloatArray) -> FloatArray:
        """Colours (S, 3) of texels (S,) in light of strength (S,)."""
        return np.asarray(np.minimum(self._colours[texels] * strength[:, None], 255))


def light_strength(lambert: FloatArray, facing: FloatArray, light: Light) -> FloatArray:
    """Strength of the light on surfaces: Lambert's law for the lamp, plus ambient light.

    Args:
        lambert: (P,) the lamp's strength times the cosine of its angle; negative on the far side.
        facing: (P,) cosine of the angle to the viewer.
        light: The lamp.
    """
    # A little of the negative side is kept, so that shapes remain visible in the shade.
    strength = np.maximum(lambert, np.float32(0.15) * lambert)
    # Surfaces seen at a grazing angle are darker, which sets limbs off from one another.
    strength += np.float32(light.ambient) * (np.float32(0.75) + np.float32(0.25) * facing)
    return np.asarray(strength, np.float32)
