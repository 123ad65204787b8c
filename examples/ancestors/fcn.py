"""FCN: a label for every pixel, from a network of convolutions alone.

Maps become coarse on the way; a transposed convolution that starts as bilinear interpolation brings
them back to the picture's size, and finer maps from before are added (the "skip"). The toy task:
the pixels of discs, beside crosses that are as bright.

Source: Long, Shelhamer & Darrell, "Fully Convolutional Networks", CVPR 2015. Detect-and-Track
doubles its heatmaps in the same way.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 32
"""Pixels of a picture."""


def bilinear(channels: int, *, factor: int) -> nn.ConvTranspose2d:
    """A transposed convolution that enlarges by a factor as interpolation does, until it learns."""
    size = 2 * factor - factor % 2
    layer = nn.ConvTranspose2d(
        channels, channels, size, stride=factor, padding=(size - factor) // 2, bias=False
    )
    ramp = 1 - (torch.arange(size) - (size - 1) / 2).abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel] = ramp[:, None] * ramp[None, :]
    return layer


class FCN(nn.Module):
    """Strides 2 and 4, scores at both, joined and enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.coarse = nn.Sequential(
            nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.score_fine, self.score_coarse = nn.Conv2d(16, 2, 1), nn.Conv2d(32, 2, 1)
        self.twice, self.enlarge = bilinear(2, factor=2), bilinear(2, factor=2)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 1, H, W) to (N, 2, H, W) logits; H and W are multiples of 4."""
        fine = self.fine(pictures)
        joined = self.score_fine(fine) + self.twice(self.score_coarse(self.coarse(fine)))
        logits: Tensor = self.enlarge(joined)
        return logits


def pictures(count: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures with a disc and a cross each, and which pixels are the disc's alone."""
    draw = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    images = 0.2 * torch.randn(count, 1, SIDE, SIDE, generator=draw)
    discs = torch.zeros(count, SIDE, SIDE, dtype=torch.long)
    places = torch.randint(7, SIDE - 7, (count, 4), generator=draw).tolist()
    for image, disc, (a, b, c, d) in zip(images, discs, places, strict=True):
        across, down = (x - c).abs(), (y - d).abs()
        cross = (torch.minimum(across, down) <= 1) & (torch.maximum(across, down) <= 6)
        inside = (x - a) ** 2 + (y - b) ** 2 <= 25
        image[0][cross | inside] += 1
        disc[inside & ~cross] = 1
    return images, discs


def trained(steps: int = 150) -> FCN:
    """The network after some steps on 64 pictures."""
    torch.manual_seed(0)
    network, (images, discs) = FCN(), pictures(64, seed=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(network(images), discs).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


def overlap(network: FCN, images: Tensor, discs: Tensor) -> float:
    """Intersection over union of the pixels called disc and those that are."""
    with torch.inference_mode():
        found = network(images).argmax(dim=1)
    both, either = (found & discs).sum(), (found | discs).sum()
    return float(both / either)


def main() -> None:
    """Train, and measure on other pictures."""
    print(f"intersection over union {overlap(trained(), *pictures(64, seed=1)):.2f}")


if __name__ == "__main__":
    main()
