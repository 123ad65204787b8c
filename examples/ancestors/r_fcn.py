"""R-FCN: a detector whose regions need no layers of their own.

The last convolution makes maps for each class and each part of a grid; a region's bin reads only
the map of its own place ("upper left of a person"), and the bins vote. The toy task needs places:
a square that is bright above and dark below is a figure, its mirror image is none, and the two have
the same pixels.

Source: Dai et al., "R-FCN", NeurIPS 2016.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import ops

GRID, SIDE, MAP = 2, 8, 24
"""Parts per side of a region, pixels of a region, pixels of a picture."""


class RFCN(nn.Module):
    """Two convolutions, then position-sensitive pooling and a vote."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
        self.scores = nn.Conv2d(16, 2 * GRID * GRID, 1)

    def forward(self, pictures: Tensor, regions: Tensor) -> Tensor:
        """(N, 1, MAP, MAP) and (R, 5) picture, x1 y1 x2 y2, to (R, 2) logits."""
        return votes(self.scores(self.body(pictures)), regions)


def votes(maps: Tensor, regions: Tensor) -> Tensor:
    """(N, 2 * GRID * GRID, h, w) maps of parts to (R, 2), the mean over each region's bins."""
    bins: Tensor = ops.ps_roi_align(maps, regions, GRID, sampling_ratio=2)
    return bins.mean(dim=(2, 3))


def pictures(count: int, *, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures with a square each, where it is, and whether it is bright above."""
    draw = torch.Generator().manual_seed(seed)
    noise = 0.3 * torch.randn(count, 1, MAP, MAP, generator=draw)
    corners = torch.randint(0, MAP - SIDE, (count, 2), generator=draw)
    upright = torch.randint(0, 2, (count,), generator=draw)
    for picture, (x, y), bright in zip(noise, corners.tolist(), upright.tolist(), strict=True):
        half = SIDE // 2
        picture[0, y : y + half, x : x + SIDE] += 1 if bright else -1
        picture[0, y + half : y + SIDE, x : x + SIDE] += -1 if bright else 1
    rows = torch.arange(count)[:, None].float()
    return noise, torch.cat([rows, corners.float(), corners + float(SIDE)], dim=1), upright


def trained(steps: int = 60) -> RFCN:
    """The network after some steps on 64 pictures."""
    torch.manual_seed(0)
    network, (images, regions, upright) = RFCN(), pictures(64, seed=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(network(images, regions), upright).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


def main() -> None:
    """Train, and count the right answers on other pictures."""
    network, (images, regions, upright) = trained(), pictures(200, seed=1)
    with torch.inference_mode():
        right = (network(images, regions).argmax(dim=1) == upright).float().mean()
    print(f"{100 * right:.1f} % of 200 regions right")


if __name__ == "__main__":
    main()
