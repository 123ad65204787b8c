"""Cuts one crop out of a window of a picture, in a graph: rows first, then columns.

It samples as :func:`posetube.models3d.crop_sampling.cut_crops` does, and costs less where crops are
cut one at a time: whole rows are copied at once, and no pixel by itself. How far apart the window's
sides are is what it costs, so it should hold little more than the crop.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class _Samples(NamedTuple):
    """Where the samples of one axis lie, each (cells,)."""

    before: Tensor
    """The pixel before a sample."""

    after: Tensor
    """The pixel after it."""

    of_before: Tensor
    """What the pixel before counts; 0 outside the window."""

    of_after: Tensor
    """What the pixel after counts; 0 outside the window."""


def cut_normalised(
    window: Tensor,
    crop: Tensor,
    size: tuple[int, int],
    *,
    mean: Sequence[float],
    std: Sequence[float],
) -> Tensor:
    """Sample a crop, and normalise it.

    Args:
        window: (h, w, C) of any type.
        crop: (4,) x1 y1 x2 y2 of what to cut, pixels of the window; black lies outside.
        size: (H, W) of the crop, pixels.
        mean: C numbers that are subtracted.
        std: C numbers that it is then divided by.

    Returns:
        (1, C, H, W) float32.
    """
    height, width, channels = window.shape
    rows = _between(window.flatten(1), _samples(crop[1], crop[3], size[0], height))
    # columns become rows, and channels rows of their own: whole rows are copied at once again
    columns = rows.reshape(size[0], width, channels).permute(1, 2, 0).flatten(1)
    columns = _between(columns, _samples(crop[0], crop[2], size[1], width))
    pixels = columns.reshape(1, size[1], channels, size[0]).permute(0, 2, 3, 1)
    scale, offset = (torch.tensor(numbers).reshape(channels, 1, 1) for numbers in (std, mean))
    return pixels * (1 / scale) - offset / scale


def _between(rows: Tensor, samples: _Samples) -> Tensor:
    """Of (side, n) rows, the (cells, n) float32 ones in between."""
    before, after = (rows[places].float() for places in (samples.before, samples.after))
    return before * samples.of_before[:, None] + after * samples.of_after[:, None]


def _samples(start: Tensor, end: Tensor, cells: int, side: int) -> _Samples:
    middles = (torch.arange(cells, dtype=start.dtype) + 0.5) / cells
    place = start + middles * (end - start) - 0.5
    inside = ((place >= -1) & (place <= side)).float()
    place = place.clamp(0, side - 1)
    before = place.floor()
    share = (place - before) * inside
    return _Samples(
        before=before.long(),
        after=(before + 1).clamp(max=side - 1).long(),
        of_before=inside - share,
        of_after=share,
    )
