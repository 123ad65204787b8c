"""OverFeat: a classifier that looks at a whole picture as if a window slid over it.

A network that ends in fully connected layers takes pictures of one size. Written as convolutions,
the same weights take any size, and give at each place what the window there would have given, but
neighbouring windows share all layers.

Source: Sermanet et al., "OverFeat", ICLR 2014, section 3.3.
"""

import torch
from torch import Tensor, nn

WINDOW, STEP = 14, 4
"""Pixels of the classifier's pictures, and from one window to the next."""


def classifier() -> nn.Sequential:
    """A small network for (N, 1, WINDOW, WINDOW) pictures and two classes."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 2 * 2, 32),
        nn.ReLU(),
        nn.Linear(32, 2),
    )


def as_convolutions(network: nn.Sequential) -> nn.Sequential:
    """The same network for pictures of any size: (N, 1, H, W) to (N, 2, h, w).

    The first fully connected layer becomes a convolution over what it saw, the others become
    convolutions over one cell.
    """
    layers: list[nn.Module] = []
    seen, side = 16, 2
    for layer in network:
        if isinstance(layer, nn.Flatten):
            continue
        if isinstance(layer, nn.Linear):
            whole = nn.Conv2d(seen, layer.out_features, side)
            whole.load_state_dict(
                {"weight": layer.weight.view_as(whole.weight), "bias": layer.bias}
            )
            layers.append(whole)
            seen, side = layer.out_features, 1
        else:
            layers.append(layer)
    return nn.Sequential(*layers)


def by_windows(network: nn.Module, picture: Tensor) -> Tensor:
    """(1, 1, H, W) to (1, 2, h, w): the network at one window after the other."""
    windows = picture[0, 0].unfold(0, WINDOW, STEP).unfold(1, WINDOW, STEP)
    height, width = windows.shape[:2]
    scores: Tensor = network(windows.reshape(-1, 1, WINDOW, WINDOW))
    return scores.T.reshape(1, 2, height, width)


def main() -> None:
    """Show that both ways give the same."""
    torch.manual_seed(0)
    network, picture = classifier().eval(), torch.rand(1, 1, 62, 94)
    with torch.inference_mode():
        dense, slid = as_convolutions(network)(picture), by_windows(network, picture)
    count, apart = slid.shape[2] * slid.shape[3], float((dense - slid).abs().max())
    print(f"{count} windows; largest difference {apart:.1e}")


if __name__ == "__main__":
    main()
