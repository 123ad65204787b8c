"""Dense optical flow by Lucas and Kanade on a pyramid of pictures, with torch alone.

Source: Lucas and Kanade, IJCAI 1981; the pyramid as in Bouguet, 2000.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from posetube.structures import FloatArray

LEVELS = 5
"""Pictures in the pyramid, each half as large as the one below."""

ITERATIONS = 3
"""Corrections on each level."""

WINDOW = 7
"""Side of the square that is taken to move as one, pixels."""

FLAT = 1e-4
"""Squared slope of the picture, of grey levels in [0, 1] per pixel, below which nothing is known of
the motion along it."""

LONGEST = 1.0
"""A correction is at most so many pixels of its level: slopes say nothing of what is further."""


def flow_between(earlier: FloatArray, later: FloatArray) -> FloatArray:
    """(h, w, 2) how far each pixel of a grey picture (h, w), in [0, 1], moves to the later one."""
    pictures = [torch.from_numpy(picture)[None, None] for picture in (earlier, later)]
    with torch.inference_mode():
        flow = lucas_kanade(*pictures)
    return np.ascontiguousarray(flow[0].permute(1, 2, 0).numpy())


def lucas_kanade(earlier: Tensor, later: Tensor) -> Tensor:
    """(B, 2, H, W) x y displacements from (B, 1, H, W) pictures with values in [0, 1] to others."""
    pyramid = [(earlier, later)]
    while len(pyramid) < LEVELS and min(pyramid[-1][0].shape[2:]) >= 4 * WINDOW:
        smaller = [functional.avg_pool2d(picture, 2, ceil_mode=True) for picture in pyramid[-1]]
        pyramid.append((smaller[0], smaller[1]))
    flow = earlier.new_zeros(len(earlier), 2, *pyramid[-1][0].shape[2:])
    for first, second in reversed(pyramid):
        size = first.shape[2:]
        if flow.shape[2:] != size:
            # A pixel of the coarser level is two of this one.
            flow = 2 * functional.interpolate(flow, size, mode="bilinear", align_corners=False)
        for _ in range(ITERATIONS):
            # neighbours that were corrected differently would be warped apart: smooth in between
            flow = _mean(flow + _correction(first, _warped(second, flow)))
    return flow


def _warped(picture: Tensor, flow: Tensor) -> Tensor:
    """The picture, each pixel fetched from where the flow leads."""
    height, width = picture.shape[2:]
    y, x = torch.meshgrid(
        torch.arange(height, dtype=flow.dtype, device=flow.device),
        torch.arange(width, dtype=flow.dtype, device=flow.device),
        indexing="ij",
    )
    across = (2 * (x + flow[:, 0]) + 1) / width - 1
    down = (2 * (y + flow[:, 1]) + 1) / height - 1
    return functional.grid_sample(
        picture, torch.stack([across, down], -1), padding_mode="border", align_corners=False
    )


def _mean(maps: Tensor) -> Tensor:
    """Mean over the window around each pixel."""
    return functional.avg_pool2d(
        maps, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False
    )


def _correction(first: Tensor, second: Tensor) -> Tensor:
    """(B, 2, H, W) the motion that explains in every window how two pictures differ."""
    # Slopes of both pictures' mean: exchanging the pictures turns the motion round, no more.
    both = functional.pad((first + second) / 2, (1, 1, 1, 1), mode="replicate")
    across = (both[..., 1:-1, 2:] - both[..., 1:-1, :-2]) / 2
    down = (both[..., 2:, 1:-1] - both[..., :-2, 1:-1]) / 2
    change = second - first
    products = [across**2, across * down, down**2, across * change, down * change]
    xx, xy, yy, xt, yt = _mean(torch.cat(products, 1)).unbind(1)
    xx, yy = xx + FLAT, yy + FLAT
    scale = -1 / (xx * yy - xy**2)
    moved = torch.stack([(yy * xt - xy * yt) * scale, (xx * yt - xy * xt) * scale], 1)
    return moved.clamp(-LONGEST, LONGEST)
