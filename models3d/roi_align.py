"""Features of a tube: ordinary RoIAlign in each of its frames, from the level that fits its size.

Or RoIPool, by which the networks before it moved a box by up to half a cell.

Source: He et al., "Mask R-CNN", ICCV 2017; RoIPool is that of Girshick, "Fast R-CNN", ICCV 2015;
the level rule is that of Lin et al., "Feature Pyramid Networks", CVPR 2017; a tube's frames are
pooled one by one, as in Detect-and-Track. torchvision's operator does the work on a device. On a
processor it uses one thread and reads each channel by itself; there every bin is a weighted sum of
cells with all their channels, which takes a tenth of the time, with gradients too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from torchvision import ops

from .arrays import on_host
from .box_coding import BoxConvention, areas
from .configs.people_heads import PoolConfig

CANONICAL_SIZE = 224
"""A box of this size, pixels, is pooled from ..."""
CANONICAL_STRIDE_LOG2 = 4
"""... the level of stride 16."""


def levels_of(tubes: Tensor, *, config: PoolConfig, finest: int) -> Tensor:
    """The pyramid level that each tube is pooled from.

    Args:
        tubes: (R, T, 4) pixels of the network's input; a tube's area is the mean over its frames,
            so that all of them are pooled from one level.
        config: Level count and rule.
        finest: log2 of the finest level's stride.

    Returns:
        (R,) int64 index into the levels.
    """
    if config.level_rule == "detectron":
        convention: BoxConvention = "inclusive"
        scale = areas(tubes, convention).mean(dim=1).clamp(min=0).sqrt() / CANONICAL_SIZE
        # Detectron adds its small number here, torchvision to the logarithm: that decides for boxes
        # at the border of two levels.
        level = torch.floor(CANONICAL_STRIDE_LOG2 + torch.log2(scale + 1e-6))
    else:
        scale = areas(tubes).mean(dim=1).clamp(min=0).sqrt() / CANONICAL_SIZE
        level = torch.floor(CANONICAL_STRIDE_LOG2 + torch.log2(scale) + 1e-6)
    return (level.clamp(finest, finest + config.levels - 1) - finest).long()


def pool_tubes(
    levels: Sequence[Tensor],
    tubes: Sequence[Tensor],
    *,
    strides: Sequence[int],
    config: PoolConfig,
) -> Tensor:
    """Pool every box of every tube.

    Args:
        levels: Per level (B * T, C, h, w).
        tubes: Per clip (R, T, 4), pixels of the network's input.
        strides: Pixels per cell of each level.
        config: Bins, samples and levels.

    Returns:
        (sum of R * T, C, size, size): tube after tube, frame after frame.
    """
    rois = tube_rois(tubes)
    if config.levels == 1:
        return _pool_boxes(levels[0], rois, strides[0], config)
    finest = strides[0].bit_length() - 1  # log2: strides are powers of two
    length = tubes[0].shape[1]
    level = levels_of(torch.cat(list(tubes)), config=config, finest=finest)
    level = level.repeat_interleave(length)
    if on_host(level):
        return _pool_level_by_level(levels, rois, level, strides=strides, config=config)
    bins = levels[0].new_zeros(len(rois), config.size, config.size, levels[0].shape[1])
    pooled = bins.permute(0, 3, 1, 2)
    for index in range(config.levels):
        # how many boxes a level has is not known here: pool all of them from every level
        part = _pool_boxes(levels[index], rois, strides[index], config)
        mine = (level == index)[:, None, None, None]
        pooled = torch.where(mine, part.to(pooled.dtype), pooled)
    return pooled


def _pool_level_by_level(
    levels: Sequence[Tensor],
    rois: Tensor,
    level: Tensor,
    *,
    strides: Sequence[int],
    config: PoolConfig,
) -> Tensor:
    """Pool boxes from one level each; channels last in memory.

    They are put in order once, behind all levels: the gradient of a write into a part of a tensor
    copies the whole of it.
    """
    order = level.argsort(stable=True)
    counts = torch.bincount(level, minlength=config.levels).tolist()
    shares = torch.split(rois[order], counts)
    parts = [
        _pool_boxes(cells, mine, stride, config).permute(0, 2, 3, 1)
        for cells, mine, stride in zip(levels[: config.levels], shares, strides, strict=False)
    ]
    pooled = torch.cat(parts)
    # not by picking, whose gradient is added row by row
    return torch.empty_like(pooled).index_copy(0, order, pooled).permute(0, 3, 1, 2)


def tube_rois(tubes: Sequence[Tensor]) -> Tensor:
    """Every box of B clips' (R, T, 4) tubes, (sum of R * T, 5): row of its map, x1 y1 x2 y2.

    Maps are (B * T, ...), the frames of one clip after the other.
    """
    rois = []
    for clip, tube in enumerate(tubes):
        count, length, _ = tube.shape
        rows = (clip * length + torch.arange(length, device=tube.device)).repeat(count)
        rois.append(torch.cat([rows[:, None].to(tube.dtype), tube.flatten(0, 1)], dim=1))
    return torch.cat(rois)


def _pool_boxes(level: Tensor, rois: Tensor, stride: int, config: PoolConfig) -> Tensor:
    """In float32 at least: in bfloat16 a box at pixel 500 would move by up to two pixels."""
    exact = torch.promote_types(level.dtype, torch.float32)
    cells, boxes = level.to(exact), rois.to(exact)
    if config.operator == "pool":
        largest: Tensor = ops.roi_pool(cells, boxes, config.size, spatial_scale=1 / stride)
        return largest.to(level.dtype)
    if config.samples > 0 and on_host(level):
        return align_by_cells(cells, boxes, stride=stride, config=config).to(level.dtype)
    pooled: Tensor = ops.roi_align(
        cells,
        boxes,
        output_size=config.size,
        spatial_scale=1 / stride,
        sampling_ratio=config.samples,
        aligned=config.aligned,
    )
    return pooled.to(level.dtype)


def align_by_cells(level: Tensor, rois: Tensor, *, stride: int, config: PoolConfig) -> Tensor:
    """RoIAlign as one weighted sum of cells per bin, the channels of a cell side by side.

    Args:
        level: (maps, C, h, w), best with channels last in memory.
        rois: (R, 5) row of the map, x1 y1 x2 y2, pixels of the network's input.
        stride: Pixels per cell.
        config: Bins and samples; these must be a fixed number.

    Returns:
        (R, C, size, size), channels last in memory.
    """
    count, channels, height, width = level.shape
    corners = rois[:, 1:] / stride - (0.5 if config.aligned else 0)
    low, extent = corners[:, :2], corners[:, 2:] - corners[:, :2]
    if not config.aligned:
        extent = extent.clamp(min=1)  # a habit of the unaligned operator
    columns, across = _taps(low[:, 0], extent[:, 0], cells=width, config=config)
    rows, down = _taps(low[:, 1], extent[:, 1], cells=height, config=config)
    rows = rows + height * rois[:, :1, None].long()
    # (R, bins down, bins across, taps down, taps across)
    index = width * rows[:, :, None, :, None] + columns[:, None, :, None, :]
    weight = down[:, :, None, :, None] * across[:, None, :, None, :]
    pooled = functional.embedding_bag(
        index.flatten(0, 2).flatten(1),
        level.permute(0, 2, 3, 1).reshape(count * height * width, channels),
        per_sample_weights=weight.flatten(0, 2).flatten(1),
        mode="sum",
    )
    return pooled.view(len(rois), config.size, config.size, channels).permute(0, 3, 1, 2)


def _taps(low: Tensor, extent: Tensor, *, cells: int, config: PoolConfig) -> tuple[Tensor, Tensor]:
    """Which cells along one side take part in each bin, and how much: (R, bins, taps) both."""
    steps = torch.arange(config.size * config.samples, device=low.device) + 0.5
    place = low[:, None] + steps * (extent / (config.size * config.samples))[:, None]
    inside = (place >= -1) & (place <= cells)  # samples farther out count as zeros
    place = place.clamp(0, cells - 1)
    first = place.floor()
    second = place - first
    index = torch.stack([first, (first + 1).clamp(max=cells - 1)], dim=-1).long()
    weight = torch.stack([1 - second, second], dim=-1) * (inside / config.samples)[..., None]
    shape = (len(low), config.size, 2 * config.samples)
    return index.view(shape), weight.view(shape)
