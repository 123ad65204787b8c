"""Inflation: weights of a 2D network for a network that looks at clips.

Source: Girdhar et al., "Detect-and-Track", CVPR 2018, section 3.1, and the published code's four
modes. After ``center`` inflation a network's result for every frame is that of the 2D network.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from posetube.errors import InputError

Inflation = Literal["center", "mean", "repeat", "center-rest-random"]
"""What a kernel's T slices become. ``center``: the 2D kernel in the middle, zeros around it.
``mean``: the 2D kernel / T in every slice. ``repeat``: the 2D kernel in every slice.
``center-rest-random``: the 2D kernel / T in the middle, small random numbers around it."""

RANDOM_SPREAD = 1e-3
"""Standard deviation, before the division by T, of ``center-rest-random``."""


def inflate(
    weights: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    *,
    mode: Inflation = "center",
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Bring each weight to the shape that a network needs.

    Args:
        weights: The 2D network's, by name.
        targets: The network's own, by the same names; kept if there is no rule for a shape.
        mode: How kernels gain a time axis.
        generator: Source of random numbers for ``center-rest-random``.

    Returns:
        For each of ``weights`` that is among ``targets``, a tensor of the target's shape.
    """
    return {
        name: fit(weight, targets[name], mode=mode, generator=generator)
        for name, weight in weights.items()
        if name in targets
    }


def fit(
    weight: Tensor,
    target: Tensor,
    *,
    mode: Inflation = "center",
    generator: torch.Generator | None = None,
) -> Tensor:
    """One weight in another's shape, or the target itself if there is no rule for it.

    A kernel (O, I, k, k) gains its time axis by ``mode``. A weight of the same rank whose axes
    divide the target's is tiled, and divided by the number of copies, so that sums over the copies
    stay what they were: a head that predicts T times as much needs this.
    """
    if weight.shape == target.shape:
        return weight
    # a kernel of one frame is a 2D kernel
    if target.ndim == 5 and weight.ndim == 5 and weight.shape[2] == 1:
        weight = weight[:, :, 0]
    if target.ndim == 5 and weight.ndim == 4:
        grown = inflate_kernel(weight, target.shape[2], mode=mode, generator=generator)
        return grown if grown.shape == target.shape else target
    if weight.ndim == target.ndim:
        return _tile(weight, target)
    # the same layer written in two ways, as a 1 x 1 convolution and as a linear layer
    if weight.numel() == target.numel():
        return weight.reshape(target.shape)
    return target


def inflate_kernel(
    kernel: Tensor,
    length: int,
    *,
    mode: Inflation,
    generator: torch.Generator | None = None,
) -> Tensor:
    """(O, I, k, k) to (O, I, length, k, k).

    Raises:
        InputError: If the mode is not one of the four.
    """
    middle = length // 2
    if mode in ("mean", "repeat"):
        # Divided by the length, it answers a still clip as the 2D kernel answers one frame.
        slices = kernel / length if mode == "mean" else kernel
        return slices[:, :, None].repeat(1, 1, length, 1, 1)
    if mode == "center":
        grown = kernel.new_zeros(*kernel.shape[:2], length, *kernel.shape[2:])
        grown[:, :, middle] = kernel
        return grown
    if mode == "center-rest-random":
        shape = (*kernel.shape[:2], length, *kernel.shape[2:])
        grown = torch.randn(shape, generator=generator) * RANDOM_SPREAD / length
        grown[:, :, middle] = kernel / length
        return grown
    raise InputError(f"inflation must be center, mean, repeat or center-rest-random, got {mode!r}")


def _tile(weight: Tensor, target: Tensor) -> Tensor:
    pairs = list(zip(target.shape, weight.shape, strict=True))
    if any(wanted % have for wanted, have in pairs):
        return target
    copies = [wanted // have for wanted, have in pairs]
    return weight.repeat(copies) / torch.tensor(copies).prod()
