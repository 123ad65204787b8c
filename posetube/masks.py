"""Masks of people as COCO writes them: run lengths as JSON, some hundred bytes each.

The bytes are ``{"size": [H, W], "counts": "..."}``, which pycocotools takes as it is and COCO has
under ``segmentation``. No bytes at all: no mask is known.
"""

import json
import warnings
from typing import Any

import numpy as np

from posetube.errors import FormatError
from posetube.structures import BoolArray, IntArray

MAX_PIXELS = 2**28
"""Of a picture; a mask that says more is refused."""


def encode_mask(mask: BoolArray) -> bytes:
    """The bytes of an (H, W) mask."""
    from pycocotools import mask as coco_mask

    return packed_runs(coco_mask.encode(np.asfortranarray(mask, np.uint8)))


def packed_runs(runs: Any) -> bytes:
    """The bytes of a mask in pycocotools' compressed form."""
    height, width = map(int, runs["size"])
    counts = runs["counts"]
    text = counts if isinstance(counts, str) else counts.decode("ascii")
    return json.dumps({"size": [height, width], "counts": text}, separators=(",", ":")).encode()


def decode_mask(mask: bytes) -> BoolArray:
    """The (H, W) mask of some bytes.

    Raises:
        FormatError: If these are no bytes of a mask.
    """
    from pycocotools import mask as coco_mask

    try:
        runs = json.loads(mask)
        height, width = runs["size"]
        if min(height, width) < 1 or height * width > MAX_PIXELS:
            raise ValueError(f"a picture of {width} x {height} pixels")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pycocotools' way with NumPy 2
            cells = coco_mask.decode(runs)
        # pycocotools fills what runs leave out with whatever lies in memory
        if packed_runs(coco_mask.encode(cells)) != packed_runs(runs):
            raise ValueError("its runs do not fill the picture")
    except (ValueError, TypeError, LookupError) as error:
        raise FormatError(f"this is no mask by COCO's run lengths: {error}") from None
    inside: BoolArray = cells > 0
    return inside


def fitted_mask(mask: bytes, like: bytes) -> bytes:
    """A mask in a picture of another mask's size: cut off, or enlarged, at the right and below.

    Pictures of several sizes are one video by such margins.

    Raises:
        FormatError: As :func:`decode_mask`.
    """
    inside, whole = decode_mask(mask), np.zeros_like(decode_mask(like))
    if inside.shape == whole.shape:
        return mask
    height, width = np.minimum(inside.shape, whole.shape).tolist()
    whole[:height, :width] = inside[:height, :width]
    return encode_mask(whole)


def mask_area(mask: bytes) -> int:
    """How many pixels the mask of some bytes covers.

    Raises:
        FormatError: As :func:`decode_mask`.
    """
    return int(decode_mask(mask).sum())


def mask_outlines(mask: bytes, *, near: float) -> list[IntArray]:
    """The outlines of a mask's pieces and of the holes in them.

    Args:
        mask: A mask's bytes.
        near: An outline leaves out corners that lie within so many pixels beside it.

    Returns:
        (C, 2) corners x, y of each, C >= 3: the outermost pixels of the piece, or of what is around
        the hole. Pieces of fewer corners are left out.

    Raises:
        FormatError: As :func:`decode_mask`.
    """
    import cv2  # listing formats must not take its time

    if not mask:
        return []
    inside = decode_mask(mask).astype(np.uint8)
    found, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outlines = [cv2.approxPolyDP(one, near, closed=True)[:, 0].astype(np.int64) for one in found]
    return [outline for outline in outlines if len(outline) > 2]
