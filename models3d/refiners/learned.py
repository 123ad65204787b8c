"""Learned refiners at work: arrays in and out, whatever they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import FloatArray

from .both_ways import BothWays
from .conv_lstm import ConvLSTMRefiner, RefinerState, apart, corrected, joined
from .learned_pool import WeightedPool
from .map_warper import MapWarper
from .pooling import MapPool, moved_map
from .refine_maps import BothWaysRefiner, MapRefiner
from .refiner_files import load_refiner
from .track_maps import TrackMaps


@dataclass(frozen=True, kw_only=True, slots=True)
class WarpingRefiner:
    """A :class:`MapWarper` along a track."""

    network: MapWarper

    @property
    def past(self) -> int:
        """How many frames before count."""
        return self.network.config.past

    @property
    def future(self) -> int:
        """How many frames after count."""
        return self.network.config.future

    def refine_frame(self, maps: TrackMaps, place: int) -> FloatArray:
        """(K, h, w) evidence of the frame at a place."""
        own = maps.evidence[place]
        others = np.empty((self.past + self.future, *own.shape), np.float32)
        steps = [step for step in range(-self.past, self.future + 1) if step]
        for row, step in enumerate(steps):
            others[row] = self._other(maps, place + step, place)
        return self._refined(own, others)

    def _other(self, maps: TrackMaps, source: int, place: int) -> Any:
        if not 0 <= source < len(maps) or not maps.seen[source]:
            return maps.evidence[place]
        return moved_map(maps, source, place, by_flow=False)[0]

    @torch.inference_mode()
    def _refined(self, own: FloatArray, others: FloatArray) -> FloatArray:
        one, many = (torch.from_numpy(np.ascontiguousarray(a))[None].float() for a in (own, others))
        refined: FloatArray = corrected(one, self.network(one, many))[0].numpy()
        return refined


@dataclass(frozen=True, kw_only=True, slots=True)
class RememberingRefiner:
    """A :class:`ConvLSTMRefiner` along the people of a video."""

    network: ConvLSTMRefiner

    @torch.inference_mode()
    def step(
        self, states: Sequence[RefinerState | None], evidence: FloatArray, regions: FloatArray
    ) -> tuple[list[RefinerState], FloatArray]:
        """Refine one frame of M people; see :class:`RunningRefiner`."""
        found: list[Any] = [None] * len(states)
        refined = np.empty_like(evidence)
        maps, boxes = (torch.from_numpy(a).float() for a in (evidence, regions))
        known = [row for row, state in enumerate(states) if state is not None]
        for rows in (known, [row for row in range(len(states)) if row not in known]):
            if rows:
                before = [state for row in rows if (state := states[row]) is not None]
                after = self._stepped(joined(before) if before else None, maps[rows], boxes[rows])
                refined[rows] = after.refined.numpy()
                for row, state in zip(rows, apart(after), strict=True):
                    found[row] = state
        return found, refined

    def _stepped(self, state: RefinerState | None, maps: Tensor, boxes: Tensor) -> RefinerState:
        return self.network.step(state, maps, boxes)[0]


def open_refiner(path: Path, *, joints: Skeleton) -> MapRefiner:
    """A learned refiner from its file; one whose weights joints share takes any joints.

    Raises:
        WeightsError: If the file is missing or refused.
        InputError: If it was made for other joints.
    """
    network = load_refiner(path)
    memories = [part for part in network.modules() if isinstance(part, ConvLSTMRefiner)]
    if memories and all(part.config.shared for part in memories):
        for part in memories:
            part.take_joints(joints)
    elif skeleton(network.config.skeleton) != joints:
        raise InputError(
            f"{path}: refines the joints {network.config.skeleton}, the people here have "
            f"{joints.name}"
        )
    if isinstance(network, WeightedPool):
        config = network.config
        weights = network.weights().detach().numpy()
        return MapPool(past=config.past, future=config.future, weights=weights)
    if isinstance(network, MapWarper):
        return WarpingRefiner(network=network)
    if isinstance(network, BothWays):
        return BothWaysRefiner(
            ahead=RememberingRefiner(network=network.ahead),
            back=RememberingRefiner(network=network.back),
        )
    return RememberingRefiner(network=network)
