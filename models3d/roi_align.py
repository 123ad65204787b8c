"""Features of a tube: ordinary RoIAlign in each of its frames, from the level that fits its size.

Source: He et al., "Mask R-CNN", ICCV 2017; the level rule is that of Lin et al., "Feature Pyramid
Networks", CVPR 2017; a tube's frames are pooled one by one, as in Detect-and-Track. torchvision's
operator does the work; on a CPU it uses one thread, so maps with few channels are much faster.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
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
        return _align(levels[0], rois, strides[0], config)
    finest = strides[0].bit_length() - 1  # log2: strides are powers of two
    length = tubes[0].shape[1]
    level = levels_of(torch.cat(list(tubes)), config=config, finest=finest)
    level = level.repeat_interleave(length)
    pooled = levels[0].new_zeros(len(rois), levels[0].shape[1], config.size, config.size)
    for index in range(config.levels):
        mine = level == index
        if on_host(level):
            chosen = torch.nonzero(mine)[:, 0]
            part = _align(levels[index], rois[chosen], strides[index], config)
            pooled = pooled.index_copy(0, chosen, part.to(pooled.dtype))
        else:
            # how many boxes a level has is not known here: pool all of them from every level
            part = _align(levels[index], rois, strides[index], config)
            pooled = torch.where(mine[:, None, None, None], part.to(pooled.dtype), pooled)
    return pooled


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


def _align(level: Tensor, rois: Tensor, stride: int, config: PoolConfig) -> Tensor:
    """In float32 at least: in bfloat16 a box at pixel 500 would move by up to two pixels."""
    exact = torch.promote_types(level.dtype, torch.float32)
    pooled: Tensor = ops.roi_align(
        level.to(exact),
        rois.to(exact),
        output_size=config.size,
        spatial_scale=1 / stride,
        sampling_ratio=config.samples,
        aligned=config.aligned,
    )
    return pooled.to(level.dtype)
