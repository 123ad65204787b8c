"""Reads COCO's masks: polygons, or run lengths as numbers or packed.

Source: COCO's data format page, and pycocotools.
"""

import msgspec
import numpy as np

from posetube.errors import FormatError
from posetube.masks import MAX_PIXELS, decode_mask, encode_mask, packed_runs

NONE = (b"", b"null", b"[]")
"""How files say that there is no mask."""

MAX_CORNERS = 50_000
"""Of a polygon; one with more counts as broken."""


class Runs(msgspec.Struct):
    """A mask by run lengths."""

    size: tuple[int, int]
    counts: list[int] | str


def mask_in(segmentation: msgspec.Raw, size: tuple[int, int]) -> bytes:
    """A person's mask, as :mod:`posetube.masks` keeps it; empty where the file gives none.

    Args:
        segmentation: What the file says: polygons, x and y by turns, or run lengths.
        size: (H, W) of the picture.

    Raises:
        FormatError: If the mask is damaged.
    """
    if bytes(segmentation) in NONE:
        return b""
    if size[0] * size[1] > MAX_PIXELS:
        raise FormatError(f"segmentation: a picture of {size[1]} x {size[0]} pixels")
    try:
        given = msgspec.json.decode(segmentation, type=list[list[float]] | Runs)
    except msgspec.MsgspecError as error:
        raise FormatError(f"segmentation: {error}") from None
    if isinstance(given, Runs):
        return _of_runs(given, size)
    return _of_polygons(given, size)


def _of_runs(runs: Runs, size: tuple[int, int]) -> bytes:
    if runs.size != size:
        raise FormatError(f"segmentation: of a picture of {runs.size}, expected {size}")
    if isinstance(runs.counts, str):
        mask = packed_runs({"size": size, "counts": runs.counts})
        decode_mask(mask)  # looks whether it is sound
        return mask
    if min(runs.counts, default=0) < 0 or sum(runs.counts) != size[0] * size[1]:
        raise FormatError("segmentation: its runs do not fill the picture")
    inside = np.repeat(np.arange(len(runs.counts)) % 2 == 1, runs.counts)
    return encode_mask(inside.reshape(size, order="F"))


def _of_polygons(polygons: list[list[float]], size: tuple[int, int]) -> bytes:
    """As COCO's own program draws them."""
    from pycocotools import mask as coco_mask

    if not all(_is_sound(polygon, size) for polygon in polygons):
        raise FormatError("segmentation: a polygon is broken, or far outside the picture")
    return packed_runs(coco_mask.merge(coco_mask.frPyObjects(polygons, *size)))


def _is_sound(polygon: list[float], size: tuple[int, int]) -> bool:
    count = len(polygon)
    if count < 6 or count % 2 or count > 2 * MAX_CORNERS:
        return False
    return bool(np.abs(polygon).max() <= 2 * max(size))
