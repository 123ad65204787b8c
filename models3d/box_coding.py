"""Boxes, arrays or tensors: sizes, regression targets and back, clipping, three pixel conventions.

A box is (..., 4) x1 y1 x2 y2. The conventions differ by a pixel here and there:

===================  ============  =====================  =================
convention           width         decoded x2             clipped to
===================  ============  =====================  =================
``continuous``       x2 - x1       centre + w / 2         0 to W
``inclusive``        x2 - x1 + 1   centre + w / 2 - 1     0 to W - 1
``detect-and-track`` x2 - x1 + 1   centre + w / 2         0 to W - 1
===================  ============  =====================  =================

Our boxes, torchvision's and Detectron2's are continuous; Detectron's include their last pixel. The
published Detect-and-Track forgets the -1, so its boxes grow by a pixel with every decoding. Weights
that were trained so expect it: the convention is part of a network's configuration.

Source: the coding is that of Girshick et al., "R-CNN", CVPR 2014, appendix C.
"""

import math
from typing import Literal

from .arrays import Array, library_of
from .slots import constants

BoxConvention = Literal["continuous", "inclusive", "detect-and-track"]
"""Which pixel arithmetic boxes follow."""

Weights = tuple[float, float, float, float]
"""Factors on dx, dy, dw, dh."""

LARGEST_LOG_SCALE = math.log(1000 / 16)
"""dw and dh are cut here, so that no box becomes more than 62.5 times its anchor's size."""


def sizes(boxes: Array, convention: BoxConvention = "continuous") -> Array:
    """Width and height of each box, (..., 2)."""
    # a box whose corners are its first and last pixel is one wider than their difference
    extra = 0 if convention == "continuous" else 1
    return boxes[..., 2:] - boxes[..., :2] + extra


def areas(boxes: Array, convention: BoxConvention = "continuous") -> Array:
    """Area of each box, (...,)."""
    return sizes(boxes, convention).prod(-1)


def encode_boxes(
    boxes: Array,
    references: Array,
    *,
    weights: Weights = (1.0, 1.0, 1.0, 1.0),
    convention: BoxConvention = "continuous",
) -> Array:
    """The regression that turns a reference box into the wanted box.

    Args:
        boxes: (..., 4) the wanted boxes.
        references: (..., 4) anchors or proposals, of width and height above 0.
        weights: Factors on the four numbers.
        convention: Pixel arithmetic.

    Returns:
        (..., 4) dx, dy, dw, dh. If the wanted box is empty, dw and dh are not finite.
    """
    size, reference = sizes(boxes, convention), sizes(references, convention)
    offset = (boxes[..., :2] + size / 2) - (references[..., :2] + reference / 2)
    xp = library_of(boxes)
    deltas = xp.concatenate([offset / reference, xp.log(size / reference)], -1)
    return deltas * constants(weights, deltas)


def decode_boxes(
    deltas: Array,
    references: Array,
    *,
    weights: Weights = (1.0, 1.0, 1.0, 1.0),
    convention: BoxConvention = "continuous",
) -> Array:
    """Turn (..., 4) regressions and references into (..., 4) boxes; undoes :func:`encode_boxes`."""
    deltas = deltas / constants(weights, deltas)
    reference = sizes(references, convention)
    centre = references[..., :2] + reference / 2 + deltas[..., :2] * reference
    # without the limit, exp of an untrained network's output overflows
    xp = library_of(deltas)
    half = xp.exp(deltas[..., 2:].clip(max=LARGEST_LOG_SCALE)) * reference / 2
    # Detect-and-Track adds the pixel to sizes but does not take it off the corner here
    last = 1 if convention == "inclusive" else 0
    return xp.concatenate([centre - half, centre + half - last], -1)


def clip_boxes(
    boxes: Array, *, height: float, width: float, convention: BoxConvention = "continuous"
) -> Array:
    """Move corners outside a picture onto its border; (..., 4) in, (..., 4) out."""
    last = 0 if convention == "continuous" else 1
    limit = constants([width - last, height - last] * 2, boxes)
    return library_of(boxes).minimum(boxes, limit).clip(0)


def box_iou(first: Array, second: Array, convention: BoxConvention = "continuous") -> Array:
    """Intersection over union of boxes that broadcast against each other; 0 / 0 counts as 0.

    Args:
        first: (..., 4).
        second: (..., 4).
        convention: Pixel arithmetic.

    Returns:
        (...,) in [0, 1].
    """
    xp = library_of(first)
    extra = 0 if convention == "continuous" else 1

    def common(low: int, high: int) -> Array:
        end = xp.minimum(first[..., high], second[..., high])
        return (end - xp.maximum(first[..., low], second[..., low]) + extra).clip(0)

    # side by side, for an axis of two numbers takes many times as long
    shared = common(0, 2) * common(1, 3)
    union = areas(first, convention) + areas(second, convention) - shared
    # two empty boxes have no union; 0 / 0 would make a NaN, and NaNs spread through every mean
    return xp.where(union > 0, shared / union.clip(1e-12), xp.zeros_like(union))
