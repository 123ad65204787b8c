"""Pixels of many surfaces at once: the spans of rows that they cover, and what is known of each.

All parts of a body are worked on together in flat arrays: a person has two dozen parts of a few
hundred pixels, for which NumPy's cost per call would be most of the time. Not here: the surfaces
(:mod:`.tubes`, :mod:`.ellipsoids`), which of them is seen (:mod:`.raster`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posetube.structures import FloatArray, IntArray

from .solids import Light
from .texture import Texture

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Fragments:
    """P pixels of surfaces as a camera sees them; one pixel may occur in several surfaces."""

    pixels: IntArray
    """(P,) flat indices of the picture."""

    solids: IntArray
    """(P,) which of the surfaces, by its place in the list that was drawn."""

    alpha: FloatArray
    """(P,) share of the pixel that is covered, in [0, 1]."""

    depth: FloatArray
    """(P,) metres from the camera's plane."""

    colour: Callable[[IntArray], FloatArray]
    """RGB (S, 3) of some of the pixels, given their places (S,); only what is seen is lit."""


@dataclass(frozen=True, kw_only=True)
class Spans:
    """L runs of pixels along rows, each of one surface."""

    solid: IntArray
    """(L,) which surface."""

    y: IntArray
    """(L,) row of the picture."""

    x: IntArray
    """(L,) first column."""

    lengths: IntArray
    """(L,) number of pixels, 0 or more."""

    def spread(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values of the runs (L,) for each of their P pixels."""
        return np.repeat(values, self.lengths)

    def columns(self) -> IntArray:
        """(P,) column of each pixel."""
        before = np.cumsum(self.lengths) - self.lengths
        return np.asarray(np.arange(self.lengths.sum()) - self.spread(before - self.x))


def rows_of(boxes: Array, size: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """Which surface (L,) and which row (L,), for every row of the picture that a box (n, 4) meets.

    A box wholly beside the picture meets no row.
    """
    top = np.maximum(np.floor(boxes[:, 1]) - 1, 0)
    bottom = np.minimum(np.floor(boxes[:, 3]) + 2, size[0])
    beside = (boxes[:, 2] + 1 < 0) | (boxes[:, 0] - 1 > size[1])
    heights = np.where(beside, 0, np.maximum(bottom - top, 0)).astype(np.int64)
    before = np.cumsum(heights) - heights
    solid = np.repeat(np.arange(len(boxes)), heights)
    y = np.arange(heights.sum()) - np.repeat(before - top.astype(np.int64), heights)
    return solid, y


def spans(solid: IntArray, y: IntArray, low: Array, high: Array, width: int) -> Spans:
    """The pixels of rows whose centres lie between two places (L,), cut at the picture's border."""
    first = np.clip(np.ceil(low - 0.5), 0, width).astype(np.int64)
    last = np.clip(np.floor(high + 0.5), 0, width).astype(np.int64)
    return Spans(solid=solid, y=y, x=first, lengths=np.maximum(last - first, 0))


class Atlas:
    """The textures of several surfaces, one after the other; each only once."""

    def __init__(self, textures: Sequence[Texture]) -> None:
        places = {id(texture): n for n, texture in enumerate(textures)}
        distinct = [textures[n] for n in places.values()]
        offsets = np.cumsum([0, *(texture.shape[0] * texture.shape[1] for texture in distinct)])
        first = dict(zip(places, offsets.tolist(), strict=False))
        self._colours = np.concatenate([texture.reshape(-1, 3) for texture in distinct])
        self.first = np.array([first[id(texture)] for texture in textures])
        """(n,) where the texture of each surface begins."""
        self.rows = np.array([texture.shape[0] for texture in textures])
        """(n,) its rows."""
        self.columns = np.array([texture.shape[1] for texture in textures])
        """(n,) its columns."""

    def lit(self, texels: IntArray, strength: FloatArray) -> FloatArray:
        """Colours (S, 3) of texels (S,) in a light of some strength (S,)."""
        return np.asarray(np.minimum(self._colours[texels] * strength[:, None], 255))


def lit(shade: FloatArray, facing: FloatArray, light: Light) -> FloatArray:
    """Strength of the light on surfaces; those that turn away from the viewer are slightly darker.

    Args:
        shade: (P,) the lamp's, negative where a surface turns away from it.
        facing: (P,) cosine of the angle to the viewer.
        light: The lamp.
    """
    strength = np.maximum(shade, np.float32(0.15) * shade)
    strength += np.float32(light.ambient) * (np.float32(0.75) + np.float32(0.25) * facing)
    return np.asarray(strength, np.float32)
