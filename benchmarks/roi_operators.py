"""How far RoIAlign and RoIPool follow what moves by fractions of a cell.

A smooth pattern moves by a part of a cell, and the box with it. What is pooled should stay the
same; the difference is given in standard deviations of what is pooled. Boxes lie anywhere.

    python -m benchmarks.roi_operators --record roi_operators --figure docs/roi_operators.svg
"""

import argparse
import json
import math
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.recording import RESULTS, write_record
from posetube.models3d.configs.people_heads import PoolConfig
from posetube.models3d.roi_align import pool_tubes

SHIFTS = tuple(step / 20 for step in range(21))
"""Cells."""

CELLS, BOXES, STRIDE = 64, 200, 16
WAVES = 16
SHORTEST = 4.0
"""Cells of the shortest wave: features change slowly from cell to cell."""


def pattern(shift: float, *, seed: int) -> Tensor:
    """(1, 1, CELLS, CELLS) a sum of plane waves, moved by a shift in x and y."""
    draw = torch.Generator().manual_seed(seed)
    length = SHORTEST * (1 + 3 * torch.rand(WAVES, generator=draw))
    angle, phase = 2 * math.pi * torch.rand(2, WAVES, generator=draw)
    place = torch.arange(CELLS) + 0.5 - shift
    x, y = (place.double()[None, :], place.double()[:, None])
    waves = [
        torch.sin(2 * math.pi / n * (math.cos(a) * x + math.sin(a) * y) + p)
        for n, a, p in zip(length.tolist(), angle.tolist(), phase.tolist(), strict=True)
    ]
    return torch.stack(waves).sum(dim=0)[None, None]


def boxes(*, seed: int) -> Tensor:
    """(BOXES, 1, 4) pixels, well inside the map."""
    draw = torch.Generator().manual_seed(seed)
    low = 8 + 16 * torch.rand(BOXES, 2, generator=draw, dtype=torch.float64)
    size = 14 + 14 * torch.rand(BOXES, 2, generator=draw, dtype=torch.float64)
    return STRIDE * torch.cat([low, low + size], dim=1)[:, None]


def drift(config: PoolConfig, shift: float, *, seed: int) -> float:
    """Root mean square difference of what is pooled, in its standard deviations."""
    here, there = boxes(seed=seed), boxes(seed=seed) + STRIDE * shift
    before, after = (
        pool_tubes([pattern(by, seed=seed)], [tubes], strides=(STRIDE,), config=config)
        for by, tubes in ((0.0, here), (shift, there))
    )
    return float((after - before).square().mean().sqrt() / before.std())


def measure() -> dict[str, list[float]]:
    """The drift of each operator at each shift, mean over ten patterns."""
    operators = {
        "RoIAlign": PoolConfig(size=7, aligned=True),
        "RoIPool": PoolConfig(size=7, operator="pool"),
    }
    return {
        name: [
            round(sum(drift(config, shift, seed=seed) for seed in range(10)) / 10, 4)
            for shift in SHIFTS
        ]
        for name, config in operators.items()
    }


def draw(drifts: dict[str, list[float]], path: Path) -> None:
    """Draw the curves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 2.6), layout="constrained")
    axes = figure.subplots()
    for name, values in drifts.items():
        axes.plot(SHIFTS, values, marker=".", label=name)
    axes.set(xlabel="shift, cells", ylabel="change, standard deviations", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", help="name of the record in benchmarks/results")
    parser.add_argument("--figure", type=Path, help="an .svg or .png to draw")
    chosen = parser.parse_args()
    drifts = measure()
    print(json.dumps(drifts, indent=1))
    if chosen.record:
        numbers = {"shift_cells": list(SHIFTS), "change_in_standard_deviations": drifts}
        write_record(RESULTS / f"{chosen.record}.json", numbers)
    if chosen.figure:
        draw(drifts, chosen.figure)


if __name__ == "__main__":
    main()
