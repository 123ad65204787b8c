"""Feature pyramids with parts left out, as the paper on them compares.

Lin et al., "Feature Pyramid Networks", CVPR 2017, tables 1 and 2, ask what each part of a pyramid
is for. ``bottom-up``: each stage makes its level alone, so fine levels know little of what things
are. ``without laterals``: every level is enlarged from the coarsest map, so fine levels know little
of where things are. ``finest``: the whole pyramid is built, and only its finest level is looked at,
with anchors of all sizes. These are subclasses of the network's own neck, not settings: nobody has
use for them but to compare. Settings are ``FPNConfig.stages`` and ``FPNConfig.further``.

python examples/ancestors/fpn_variants.py
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.neck import FPNNeck

WIDTHS, STRIDES = (8, 16, 32, 64), (4, 8, 16, 32)


class BottomUpNeck(FPNNeck):
    """Levels of single stages; nothing comes down from coarser ones."""

    def merge(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Each stage's lateral."""
        return [conv(m) for conv, m in zip(self.lateral, maps[-self.stages :], strict=True)]


class NeckWithoutLaterals(FPNNeck):
    """Levels of the coarsest stage alone, enlarged."""

    def merge(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The coarsest lateral, at the size of every stage."""
        coarse = self.lateral[-1](maps[-1])
        sizes = [m.shape[2:] for m in maps[-self.stages :]]
        return [functional.interpolate(coarse, size=size, mode="nearest") for size in sizes]


class FinestNeck(FPNNeck):
    """Only the finest level of the whole pyramid."""

    def __init__(
        self, config: FPNConfig, *, channels: Sequence[int], strides: Sequence[int]
    ) -> None:
        super().__init__(config, channels=channels, strides=strides)
        self.strides = self.strides[:1]

    def smooth(self, maps: list[Tensor], length: int) -> list[Tensor]:
        """The finest level's output."""
        return super().smooth(maps, length)[:1]


VARIANTS = {
    "whole": FPNNeck,
    "bottom-up": BottomUpNeck,
    "without laterals": NeckWithoutLaterals,
    "finest": FinestNeck,
}


def influence(kind: type[FPNNeck]) -> list[list[bool]]:
    """Which of the body's four maps changes which level: (levels, stages), finest first."""
    torch.manual_seed(0)
    neck = kind(FPNConfig(channels=4), channels=WIDTHS, strides=STRIDES)
    maps = [torch.rand(1, c, 64 // s, 64 // s) for c, s in zip(WIDTHS, STRIDES, strict=True)]

    def levels(changed: int | None = None) -> list[Tensor]:
        given = [m + 1 if stage == changed else m for stage, m in enumerate(maps)]
        with torch.no_grad():
            return neck.smooth(neck.merge(given), 1)

    before, after = levels(), [levels(stage) for stage in range(len(maps))]
    return [
        [not torch.equal(level, other[place]) for other in after]
        for place, level in enumerate(before)
    ]


def main() -> None:
    """Print what each level of each variant sees."""
    for name, kind in VARIANTS.items():
        print(name)
        for place, seen in enumerate(influence(kind)):
            stages = ", ".join(f"res{stage + 2}" for stage, does in enumerate(seen) if does)
            print(f"  P{place + 2} of stride {4 * 2**place}: {stages}")


if __name__ == "__main__":
    main()
