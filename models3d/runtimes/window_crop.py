"""Cuts one crop out of a window of a picture, in a graph: rows first, then columns.

It samples as :func:`posetube.models3d.crop_sampling.cut_crops` does, and costs less where crops are
cut one at a time: whole rows are copied at once, and two pixels instead of four are fetched for
each one of the crop. How far apart the window's sides are is what it costs, so it should hold
little more than the crop.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


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
    top, bottom, *down = _samples(crop[1], crop[3], size[0], height)
    left, right, *across = _samples(crop[0], crop[2], size[1], width)
    upper, lower = (window[rows].float().flatten(1) for rows in (top, bottom))
    rows = upper * down[0][:, None] + lower * down[1][:, None]
    # channels and columns in one axis: arithmetic along an axis of three is slow
    scale = torch.tensor([1 / one for one in std] * size[1])
    offset = torch.tensor([one / two for one, two in zip(mean, std, strict=True)] * size[1])
    before, after = (part.repeat_interleave(channels) * scale for part in across)
    rows = rows.reshape(size[0], -1, channels)
    pixels = rows[:, left].flatten(1) * before + rows[:, right].flatten(1) * after
    return (pixels - offset).reshape(1, *size, channels).permute(0, 3, 1, 2)


def _samples(
    start: Tensor, end: Tensor, cells: int, side: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where the samples of one axis lie: each (cells,).

    Returns:
        The pixels before and after a sample, and what each counts; nothing outside the window.
    """
    middles = (torch.arange(cells, dtype=start.dtype) + 0.5) / cells
    place = start + middles * (end - start) - 0.5
    inside = ((place >= -1) & (place <= side)).float()
    place = place.clamp(0, side - 1)
    before = place.floor()
    share = (place - before) * inside
    return before.long(), (before + 1).clamp(max=side - 1).long(), inside - share, share
