"""Layers that choose where they look: deformable convolutions, and heatmaps that move themselves.

Both begin as the plain layers that they stand for: offsets start at zero.

Source: Dai et al., "Deformable Convolutional Networks", ICCV 2017, for the convolution. Its use in
a body and a keypoint head (RB, RB+H), and the offsets on heatmaps (equation 6), are those of a
report on multitask pose estimation that builds on Mask R-CNN.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

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
        seen = moved_taps(
            maps.to(exact),
            self.offsets(maps).to(exact),
            kernel=self.weight.shape[-1],
            stride=self.stride,
            padding=self.padding,
        )
        summed = self.weight.to(exact).flatten(1) @ seen.flatten(3).flatten(1, 2)
        out = torch.unflatten(summed.to(maps.dtype), -1, seen.shape[-2:])
        return out if self.bias is None else out + self.bias.to(maps.dtype)[:, None, None]


def moved_taps(
    maps: Tensor,
    offsets: Tensor,
    *,
    kernel: int,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
) -> Tensor:
    """What the taps of a convolution see once each is moved by an offset of its own.

    Args:
        maps: (B, I, H, W)
        offsets: (B, 2 * taps, h, w) cells, down and to the right of each tap; the taps of a
            kernel row by row.
        kernel: Taps along a side.
        stride: Cells from one place of the output to the next.
        padding: Cells around the maps.
        dilation: Cells from one tap to the next.

    Returns:
        (B, I, taps, h, w); between cells by bilinear interpolation, beyond the maps zeros. Their
        weighted sum is torchvision's ``deform_conv2d``, whose gradients take five to ten times as
        long on a CPU.
    """
    height, width = maps.shape[-2:]
    moves = torch.unflatten(offsets, 1, (kernel * kernel, 2))
    taps = torch.arange(kernel, device=maps.device) * dilation - padding
    down = torch.arange(moves.shape[-2], device=maps.device) * stride
    across = torch.arange(moves.shape[-1], device=maps.device) * stride
    y = moves[:, :, 0] + (taps.repeat_interleave(kernel)[:, None, None] + down[:, None])
    x = moves[:, :, 1] + (taps.repeat(kernel)[:, None, None] + across)
    places = torch.stack([x, y], dim=-1).flatten(1, 2)
    seen = functional.grid_sample(maps, _grid(places, height, width), align_corners=False)
    return torch.unflatten(seen, 2, (kernel * kernel, -1))


def _grid(places: Tensor, height: int, width: int) -> Tensor:
    """(..., 2) x and y in cells, as ``grid_sample`` wants them: -1 to 1 from edge to edge."""
    return (2 * places + 1) / torch.tensor([width, height], device=places.device) - 1


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
    moved = functional.grid_sample(
        maps.flatten(0, 1)[:, None],
        _grid(places, height, width),
        padding_mode="border",
        align_corners=False,
    )
    return moved.view(rows, joints, height, width)


def _at_zero(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
