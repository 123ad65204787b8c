"""Cuts crops out of pictures: one bilinear sample at the middle of every pixel of a crop.

The samples of a crop stand on a grid, so their places are computed per row and per column, and only
the pixels that they lie between are read: the cost does not depend on the picture's size. Written
so that it can be exported into a graph (:mod:`.runtimes.graph_export`).

Source: RoIAlign of He et al., "Mask R-CNN", ICCV 2017, with one sample per bin; beyond the picture
lies black, from one pixel outside.
"""

import torch
from torch import Tensor


def cut_crops(images: Tensor, rois: Tensor, size: tuple[int, int]) -> Tensor:
    """Sample crops.

    Args:
        images: (F, C, H, W) pictures, of any type.
        rois: (M, 5) row of the picture, then x1 y1 x2 y2 of the box to cut, pixels of the picture.
        size: (H, W) of a crop, pixels.

    Returns:
        (M, C, H, W) float32, in channels-last order.
    """
    channels, height, width = images.shape[1:]
    pixels = images.permute(0, 2, 3, 1).reshape(-1, channels)
    top, bottom, down, inside_y = _grid(rois[:, 2], rois[:, 4], size[0], height)
    left, right, across, inside_x = _grid(rois[:, 1], rois[:, 3], size[1], width)
    first = rois[:, 0].long()[:, None] * height
    # channels and columns in one axis: arithmetic along an axis of three is slow
    across, inside_x = (x.repeat_interleave(channels, dim=1)[:, None] for x in (across, inside_x))

    def row(places: Tensor) -> Tensor:
        starts = ((first + places) * width)[:, :, None]
        before, after = (pixels[starts + x[:, None]].float().flatten(2) for x in (left, right))
        return before + across * (after - before)

    upper, lower = row(top), row(bottom)
    crops = upper + down[:, :, None] * (lower - upper)
    crops = crops * inside_x * inside_y[:, :, None]
    return crops.reshape(len(rois), *size, int(channels)).permute(0, 3, 1, 2)


def _grid(
    start: Tensor, end: Tensor, cells: int, side: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Where the samples of one axis lie.

    Returns:
        Each (M, cells): the pixels before and after a sample, its share of the way between them,
        and whether it lies in the picture.
    """
    middles = (torch.arange(cells, device=start.device, dtype=start.dtype) + 0.5) / cells
    place = start[:, None] + middles * (end - start)[:, None] - 0.5
    inside = (place >= -1) & (place <= side)
    place = place.clamp(0, side - 1)
    before = place.floor()
    return before.long(), (before + 1).clamp(max=side - 1).long(), place - before, inside
