"""Moves maps from one box to another: the same places of the picture, in the cells of another box.

The maps of one person in two frames lie under two boxes. Before they can be added, one has to be
brought to the other's cells.
"""

import torch
from torch import Tensor
from torch.nn import functional


def move_maps(maps: Tensor, *, source: Tensor, target: Tensor) -> Tensor:
    """Sample maps at the cells of other boxes, bilinearly; 0 outside.

    Args:
        maps: (M, C, h, w).
        source: (M, 4) the boxes that the maps cover.
        target: (M, 4) the boxes to cover, in the same pixels.

    Returns:
        (M, C, h, w).
    """
    height, width = maps.shape[2:]
    y = (torch.arange(height, device=maps.device, dtype=target.dtype) + 0.5) / height
    x = (torch.arange(width, device=maps.device, dtype=target.dtype) + 0.5) / width
    size = (target[:, 2:] - target[:, :2]).unbind(dim=1)
    across = target[:, :1] + x * size[0][:, None]
    down = target[:, 1:2] + y * size[1][:, None]
    whole = (source[:, 2:] - source[:, :2]).clamp(min=1e-6)
    across = (across - source[:, :1]) / whole[:, :1] * 2 - 1
    down = (down - source[:, 1:2]) / whole[:, 1:] * 2 - 1
    grid = torch.stack(
        [
            across[:, None].expand(-1, height, -1),
            down[:, :, None].expand(-1, -1, width),
        ],
        dim=-1,
    )
    return functional.grid_sample(
        maps, grid.to(maps.dtype), mode="bilinear", padding_mode="zeros", align_corners=False
    )
