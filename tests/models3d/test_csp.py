"""Cross-stage partial layers: what is computed more cheaply is the same."""

import torch
from torch.nn import functional

from posetube.models3d.csp import CSPLayer, SpatialPyramidPooling


def test_coarse_channels_count_as_if_every_cell_were_repeated() -> None:
    layer = CSPLayer(8, 6).eval()
    coarse, fine = torch.randn(2, 4, 3, 5), torch.randn(2, 4, 6, 10)
    repeated = coarse.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    with torch.no_grad():
        mixed = layer(fine, 1, coarse=coarse)
        wanted = layer(torch.cat([repeated, fine], dim=1), 1)

    torch.testing.assert_close(mixed, wanted)


def test_pyramid_pooling_takes_maxima_over_5_9_and_13_cells() -> None:
    layer = SpatialPyramidPooling(4).eval()
    maps = torch.randn(1, 4, 16, 11)

    with torch.no_grad():
        pooled = layer(maps)
        reduced = functional.silu(layer.reduce(maps))
        sides = [functional.max_pool2d(reduced, k, stride=1, padding=k // 2) for k in (5, 9, 13)]
        wanted = functional.silu(layer.out(torch.cat([reduced, *sides], dim=1)))

    assert torch.equal(pooled, wanted)
