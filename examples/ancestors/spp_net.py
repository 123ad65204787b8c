"""SPP-net: one length of features for pictures of any size.

The last map is divided into 1, 4, 9 and 36 parts, whatever its size, and the largest value of each
part is kept: 50 numbers per channel. So the layers before see a picture once, at its own size, and
a classifier behind takes them all. The toy task: which way stripes run, in pictures of many sizes.

Source: He et al., "Spatial Pyramid Pooling in Deep Convolutional Networks", ECCV 2014.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

GRIDS = (1, 2, 3, 6)
"""Parts per side of each level of the pyramid; 50 parts in all."""


def pyramid(maps: Tensor) -> Tensor:
    """(N, C, H, W), H and W from 6, to (N, 50 C): the largest value of each part."""
    levels = [functional.adaptive_max_pool2d(maps, grid).flatten(1) for grid in GRIDS]
    return torch.cat(levels, dim=1)


class SPPNet(nn.Module):
    """Convolutions, the pyramid, one layer."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, channels, 5, padding=2), nn.ReLU(), nn.Conv2d(channels, channels, 3)
        )
        self.score = nn.Linear(channels * sum(grid**2 for grid in GRIDS), 2)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 1, H, W) of one size to (N, 2) logits."""
        logits: Tensor = self.score(pyramid(self.body(pictures)))
        return logits


def pictures(count: int, size: tuple[int, int], *, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy stripes that run across (0) or down (1)."""
    draw = torch.Generator().manual_seed(seed)
    ways = torch.randint(0, 2, (count,), generator=draw)
    height, width = size
    down, across = torch.arange(height)[:, None] % 4 < 2, torch.arange(width)[None] % 4 < 2
    stripes = torch.stack([down.expand(size), across.expand(size)]).float()
    return stripes[ways][:, None] + 0.5 * torch.randn(count, 1, *size, generator=draw), ways


def trained(steps: int = 40) -> SPPNet:
    """The network after some steps, each with another size."""
    torch.manual_seed(0)
    network = SPPNet()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for step in range(steps):
        images, ways = pictures(16, (12 + step % 5, 20 - step % 7), seed=step)
        optimizer.zero_grad()
        functional.cross_entropy(network(images), ways).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


def main() -> None:
    """Train on small pictures, and classify larger ones."""
    network, (images, ways) = trained(), pictures(100, (40, 33), seed=1000)
    with torch.inference_mode():
        right = (network(images).argmax(dim=1) == ways).float().mean()
    print(f"{100 * right:.0f} % of 100 pictures of another size right")


if __name__ == "__main__":
    main()
