"""Maps and flow of an invented person who moves in a known way."""

from collections.abc import Sequence

import numpy as np

from posetube.models3d.map_moving import cell_middles
from posetube.models3d.refiners.flow_step import FlowStep
from posetube.models3d.refiners.track_maps import TrackMaps
from posetube.structures import FloatArray

SIZE = (240, 320)
"""(H, W) of the picture."""

CELLS = (64, 48)


def gaussians(places: np.ndarray, regions: np.ndarray, *, sigma: float = 4.0) -> FloatArray:
    """(F, K, h, w) maps with a peak of 1 at (F, K, 2) places, pixels; sigma in pixels."""
    cells = cell_middles(np.asarray(regions, np.float32), CELLS)
    away = cells[:, None] - places[:, :, None, None]
    heights: FloatArray = np.exp(-0.5 * np.square(away / sigma).sum(-1)).astype(np.float32)
    return heights


def steady_flow(shift: Sequence[float], count: int) -> list[FlowStep]:
    """Steps in which the whole picture moves by (x, y) pixels."""
    there = np.broadcast_to(np.array(shift, np.float32), (24, 32, 2)).copy()
    return [FlowStep(forward=there, backward=-there, size=SIZE) for _ in range(count)]


def track(
    places: np.ndarray,
    regions: np.ndarray,
    *,
    flows: Sequence[FlowStep | None] = (),
    seen: Sequence[bool] | None = None,
) -> TrackMaps:
    """One person in F frames."""
    count = len(places)
    known = np.ones(count, bool) if seen is None else np.array(seen)
    maps = gaussians(places, regions)
    return TrackMaps(
        frames=np.arange(count),
        times=np.arange(count) / 25,
        regions=np.asarray(regions, np.float32),
        evidence=maps * known[:, None, None, None],
        seen=known,
        flows=flows,
    )
