"""Anchors: the boxes that proposals are regressed from, and where they stand.

An anchor is one box that stands still for all T frames of a clip. So it has four numbers, and code
that needs a tube repeats it.

Weights only fit the anchors that they were trained with, to the pixel. So the layouts of three
programs are kept, with their rounding.

Source: Ren et al., "Faster R-CNN", NeurIPS 2015; torchvision, Detectron and Detectron2.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .configs.proposal_heads import AnchorConfig


def cell_anchors(config: AnchorConfig, *, level: int, stride: int) -> Tensor:
    """The anchors of the cell at the top left corner.

    Args:
        config: Sizes, ratios and layout.
        level: Index of the pyramid level.
        stride: Pixels per cell of that level; only the ``detectron`` layout depends on it.

    Returns:
        (A, 4) float32 x1 y1 x2 y2, pixels.
    """
    sizes = torch.tensor(config.sizes[level], dtype=torch.float64)
    ratios = torch.tensor(config.ratios, dtype=torch.float64)
    if config.layout == "detectron":
        return _detectron_windows(sizes, ratios, stride)
    if config.layout == "detectron2":
        width = sizes[:, None] / ratios.sqrt()
        height = width * ratios
    else:
        # torchvision computes these in float32; its rounding below hides the difference
        width = sizes / ratios.sqrt()[:, None]
        height = sizes * ratios.sqrt()[:, None]
    half = torch.stack([width, height], dim=-1).reshape(-1, 2) / 2
    corners = torch.cat([-half, half], dim=1)
    if config.layout == "torchvision":
        corners = corners.round()
    return corners.float()


def _detectron_windows(sizes: Tensor, ratios: Tensor, stride: int) -> Tensor:
    """A window as large as the stride, its aspect changed and rounded, then scaled."""
    # Detectron rounds before it scales, so the rounding grows with the anchor; its boxes include
    # their last pixel, so the window's centre is half a pixel before the middle of the stride.
    width = (stride**2 / ratios).sqrt().round()
    height = (width * ratios).round()
    scale = sizes / stride
    extent = torch.stack([width[:, None] * scale, height[:, None] * scale], dim=-1).reshape(-1, 2)
    centre = (stride - 1) / 2
    reach = (extent - 1) / 2
    return torch.cat([centre - reach, centre + reach], dim=1).float()


def anchor_grid(
    config: AnchorConfig,
    *,
    shapes: Sequence[tuple[int, int]],
    strides: Sequence[int],
    padded: tuple[int, int],
    windows: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """All anchors of a picture, level by level.

    Args:
        config: Sizes, ratios and layout.
        shapes: (h, w) cells of each level.
        strides: Pixels per cell of each level, as the network is built.
        padded: (H, W) pixels of the network's input.
        windows: Per level (A, 4) from :func:`cell_anchors`, on the device where the grid is wanted;
            None: they are computed here.

    Returns:
        Per level (h * w * A, 4), by row, column, anchor.
    """
    if windows is None:
        windows = [cell_anchors(config, level=i, stride=s) for i, s in enumerate(strides)]
    grids = []
    for window, (rows, columns), stride in zip(windows, shapes, strides, strict=True):
        step = (stride, stride)
        if config.layout == "torchvision":
            # torchvision measures a level's step on the input; where H is no multiple of the
            # stride, H // h is less than the stride
            step = (padded[0] // rows, padded[1] // columns)
        y, x = (
            torch.arange(count, dtype=torch.float32, device=window.device) * pixels
            for count, pixels in zip((rows, columns), step, strict=True)
        )
        corner = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).repeat(1, 1, 2)
        grids.append((corner[:, :, None] + window).reshape(-1, 4))
    return grids
