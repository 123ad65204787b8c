"""Averages a person's heatmaps of neighbouring frames: still pooling and flow pooling.

Source: Pfister, Charles and Zisserman, "Flowing ConvNets", ICCV 2015, who warp the heatmaps of
neighbouring frames by optical flow before they pool them. Without flow, the place in the picture is
the place of the person.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posetube.structures import FloatArray

from ..arrays import Array
from ..map_moving import cell_middles, move_maps
from .flow_step import FlowStep
from .track_maps import TrackMaps

LEAST_WEIGHT = 1e-6
"""Where all that counts has less weight than this in all, there is no evidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapPool:
    """The mean of the maps around a frame, each brought to the frame's own cells."""

    past: int
    """How many frames before count."""

    future: int
    """How many frames after count."""

    by_flow: bool = False
    """Whether places are followed along the optical flow; where it is not to be trusted, a frame
    does not count in a cell."""

    weights: FloatArray | None = None
    """(K, past + 1 + future) how much each frame counts for each joint, in rising order; those of
    frames that are missing are shared among the others. None: all the same."""

    def refine_frame(self, maps: TrackMaps, place: int) -> Array:
        """(K, h, w) evidence of the frame at a place."""
        total: Array = np.float32(0)
        sum_of_weights: Array = np.float32(0)
        for step in range(-self.past, self.future + 1):
            other = place + step
            if not 0 <= other < len(maps) or not maps.seen[other]:
                continue
            weight: Array = np.float32(1)
            if self.weights is not None:
                weight = self.weights[:, step + self.past, None, None]
            moved, counts = moved_map(maps, other, place, by_flow=self.by_flow)
            total = total + weight * moved
            sum_of_weights = sum_of_weights + weight * counts
        return total / np.maximum(sum_of_weights, np.float32(LEAST_WEIGHT))


def moved_map(maps: TrackMaps, source: int, target: int, *, by_flow: bool) -> tuple[Array, Array]:
    """A frame's maps in the cells of another frame.

    Args:
        maps: Of one person.
        source: Which frame's maps.
        target: In whose cells.
        by_flow: Whether places are followed along the optical flow.

    Returns:
        (K, h, w) evidence, and how much it counts in each cell, (h, w) or everywhere.
    """
    if source == target:
        return maps.evidence[source], np.float32(1)
    regions = {"source": maps.regions[[source]], "target": maps.regions[[target]]}
    if not by_flow:
        return move_maps(maps.evidence[[source]], **regions)[0], np.float32(1)
    steps = maps.flows[min(source, target) : max(source, target)]
    start = cell_middles(maps.regions[[target]], maps.evidence.shape[2:])
    places, sure = followed(start.reshape(-1, 2), steps, backward=source < target)
    moved = move_maps(maps.evidence[[source]], **regions, places=places.reshape(start.shape))
    counts = sure.reshape(start.shape[1:3])
    return moved[0] * counts, counts


def followed(
    places: FloatArray, steps: Sequence[FlowStep | None], *, backward: bool
) -> tuple[FloatArray, FloatArray]:
    """Follow places through several pictures, one step after the other.

    Args:
        places: (P, 2) pixels, in the first picture; in the last if ``backward``.
        steps: Between all pictures, in the order of the video.
        backward: The direction.

    Returns:
        (P, 2) places in the other picture, and (P,) 1 where every step can be trusted, else 0.
    """
    sure = np.ones(len(places), bool)
    for step in reversed(steps) if backward else steps:
        if step is None:
            return places, np.zeros(len(places), np.float32)
        places, fine = step.follow(places, backward=backward)
        sure &= fine
    return places, sure.astype(np.float32)
