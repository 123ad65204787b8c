"""What each person looks like, as a vector that hardly changes from frame to frame.

A keypoint head with crops knows best where in the picture a person is: the first map of the crop is
averaged around each joint, weighted by the joint's heatmap (:func:`embed_joints`). Other networks
average two of the body's early maps over horizontal bands of the person's box, four bands of the
finer map, two of the coarser one (:func:`embed`).

In both, maps are first normalised by the statistics of their crop or frame, so that a vector
describes how the person differs from what is around. Head, trunk, legs and feet stay apart; left
and right do not, because people turn round. Nothing is learnt. Later maps tell what is a person,
early ones rather which person: early maps distinguished the people of real videos better than late
ones did, those of crops better than the body's (benchmarks/appearance.py).

Source: averages over the cells of a pyramid are He et al., "Spatial Pyramid Pooling in Deep
Convolutional Networks", ECCV 2014; bands instead of squares, the middle of the box, and the
normalisation are ours.

Not here: how linking uses the similarity (:mod:`posetube.tracker.similarity`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision import ops

from posetube.errors import InputError

from .roi_align import tube_rois


class Level(NamedTuple):
    """How one map contributes."""

    stride: int
    """Pixels per cell of the map, at most."""

    channels: int
    """Wider maps are reduced to this many by averaging neighbouring channels."""

    bands: int
    """How many bands a box is cut into, from top to bottom."""


PYRAMID = (Level(stride=8, channels=32, bands=4), Level(stride=16, channels=64, bands=2))
"""256 numbers per person, half of them from each map."""

MIDDLE = 0.5
"""Share of a box's width that is used; the rest, at both sides, is mostly background."""

GRID = (8, 2)
"""Rows and columns of bins that make up the bands, each with 2 x 2 samples."""


FAINT = 1.0
"""A joint whose heatmap sums up to this counts half; that of a clear peak sums up to about 20."""


class LookMap(NamedTuple):
    """One normalised map of some frames."""

    map: Tensor
    """(frames, C, h, w) float32."""

    stride: int
    """Pixels of the network's input per cell."""


def look_maps(
    maps: Sequence[Tensor], strides: Sequence[int], *, pyramid: Sequence[Level] = PYRAMID
) -> tuple[LookMap, ...]:
    """The maps that appearance is read from, each channel with mean 0 and deviation 1 per frame.

    Args:
        maps: (frames, C, h, w), the outputs of the stages that look at single frames.
        strides: Pixels per cell of each.
        pyramid: Which of them to use; the same as for :func:`embed`.

    Raises:
        InputError: If there is no such stage.
    """
    if not maps:
        raise InputError(
            "embeddings need a body whose first stage looks at single frames; this one's has a "
            "time kernel: detect with appearance off"
        )
    chosen = []
    for wanted in pyramid:
        # a body may have no map of that stride: the next finer one, or its finest
        reached = max((stride for stride in strides if stride <= wanted.stride), default=strides[0])
        normalised = _normalise(maps[strides.index(reached)].float())
        chosen.append(LookMap(_narrow(normalised, wanted.channels), reached))
    return tuple(chosen)


def embed(looks: Sequence[LookMap], tubes: Tensor, *, pyramid: Sequence[Level] = PYRAMID) -> Tensor:
    """A vector for each person and frame.

    Args:
        looks: Of the T frames of B clips, from :func:`look_maps`.
        tubes: (B, N, T, 4) boxes, pixels of the network's input.
        pyramid: How each map contributes.

    Returns:
        (B, N, T, D) float32 of length 1; compare them by their cosine.
    """
    rois = tube_rois(_middle(tubes.float()).unbind())
    parts = []
    for look, level in zip(looks, pyramid, strict=True):
        pooled: Tensor = ops.roi_align(
            look.map, rois, GRID, spatial_scale=1 / look.stride, sampling_ratio=2, aligned=True
        )
        cells = torch.unflatten(pooled, 2, (level.bands, -1)).mean(dim=(3, 4))
        parts.append(functional.normalize(cells.flatten(1), dim=1))
    vectors = functional.normalize(torch.cat(parts, dim=1), dim=1)
    return torch.unflatten(vectors, 0, tubes.shape[:3])


def embed_joints(maps: Tensor, heatmaps: Tensor, *, flip: Sequence[int]) -> Tensor:
    """A vector for each crop of a person.

    Args:
        maps: (M, C, h, w) of features.
        heatmaps: (M, K, h, w), about 1 at a clear peak.
        flip: K numbers, which joint each one is in a mirror; the two share their part of a vector.

    Returns:
        (M, D) float32 of length 1, D = C times the number of pairs and single joints. A joint that
        is not seen has zeros.
    """
    # The background of these maps may lie a little below 0.
    heat = heatmaps.float().clamp(min=0).flatten(2)
    pairs = [(joint, other) for joint, other in enumerate(flip) if joint <= other]
    means = [[((k == one) + (k == two)) / 2 for k in range(len(flip))] for one, two in pairs]
    weights = torch.tensor(means, dtype=heat.dtype, device=heat.device) @ heat
    weights = weights / (weights.sum(dim=2, keepdim=True) + FAINT)
    centred, deviation = _centred(maps.float().flatten(2))
    vectors = weights @ centred.transpose(1, 2) / deviation.transpose(1, 2)
    return functional.normalize(vectors.flatten(1), dim=1)


def _normalise(level: Tensor) -> Tensor:
    centred, deviation = _centred(level.flatten(2))
    return (centred / deviation).reshape(level.shape)


def _centred(cells: Tensor) -> tuple[Tensor, Tensor]:
    """(M, C, N) less the mean of each channel, and its (M, C, 1) deviation."""
    centred = cells - cells.mean(dim=2, keepdim=True)
    return centred, centred.square().mean(dim=2, keepdim=True).sqrt() + 1e-6


def _narrow(level: Tensor, channels: int) -> Tensor:
    """Bodies have powers of two as widths, or few enough channels."""
    if level.shape[1] <= channels:
        return level
    return torch.unflatten(level, 1, (channels, -1)).mean(dim=2)


def _middle(boxes: Tensor) -> Tensor:
    """(..., 4) with the same centre and height, but narrower."""
    left, top, right, bottom = boxes.unbind(-1)
    cut = (right - left) * (1 - MIDDLE) / 2
    return torch.stack([left + cut, top, right - cut, bottom], dim=-1)
