"""Layers that choose where they look: deformable convolutions, and heatmaps that move themselves.

Both begin as the plain layers that they stand for: offsets start at zero.

Source: Dai et al., "Deformable Convolutional Networks", ICCV 2017, for the convolution. Its use in
a body and a keypoint head (RB, RB+H), and the offsets on heatmaps (equation 6), are those of a
report on multitask pose estimation that builds on Mask R-CNN.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import ops

from .time_conv import TimeConv


class DeformableConv(TimeConv):
    """A 2D convolution each of whose taps is moved by an offset that the maps themselves give.

    It has the weights of the plain layer under the same names, and those of the offsets.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, bias=bias)
        taps = kernel * kernel
        self.offsets = nn.Conv2d(inputs, 2 * taps, kernel, stride=stride, padding=self.padding)
        _at_zero(self.offsets)

    def forward(self, maps: Tensor, length: int = 1) -> Tensor:
        """(B, I, H, W) to (B, O, H / stride, W / stride)."""
        exact = torch.promote_types(maps.dtype, torch.float32)  # half precision moves taps
        out: Tensor = ops.deform_conv2d(
            maps.to(exact),
            self.offsets(maps).to(exact),
            self.weight.to(exact),
            None if self.bias is None else self.bias.to(exact),
            stride=self.stride,
            padding=self.padding,
        )
        return out.to(maps.dtype)


def offset_layer(channels: int, joints: int) -> nn.ConvTranspose2d:
    """What draws two offset maps for each of K joints, in the place of a keypoint head's end."""
    layer = nn.ConvTranspose2d(channels, 2 * joints, 4, stride=2, padding=1)
    _at_zero(layer)
    return layer


def self_moved(maps: Tensor, offsets: Tensor) -> Tensor:
    """Heatmaps each of whose cells takes the value of the place that its offset points at.

    Args:
        maps: (R, K, S, S)
        offsets: (R, 2 K, S, S) cells, x and y of each joint.

    Returns:
        (R, K, S, S); between cells by bilinear interpolation, beyond the map the nearest cell.
    """
    rows, joints, height, width = maps.shape
    shifts = torch.unflatten(offsets, 1, (joints, 2)).flatten(0, 1).permute(0, 2, 3, 1)
    y, x = torch.meshgrid(
        torch.arange(height, device=maps.device), torch.arange(width, device=maps.device),
        indexing="ij",
    )  # fmt: skip
    places = torch.stack([x, y], dim=-1) + shifts
    size = torch.tensor([width, height], device=maps.device)
    grid = (2 * places + 1) / size - 1
    moved = functional.grid_sample(
        maps.flatten(0, 1)[:, None], grid, padding_mode="border", align_corners=False
    )
    return moved.view(rows, joints, height, width)


def _at_zero(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
