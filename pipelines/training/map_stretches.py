"""Stretches of frames from shards of heatmaps, varied at random: the batches of refiners."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from posetube.errors import FormatError, InputError
from posetube.records import take_rows
from posetube.skeletons import Skeleton
from posetube.structures import FloatArray, IntArray

from .refiner_config import RefinerTraining

BLANK = 1e-6
"""Evidence of a map that shows nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapStretch:
    """One person in T frames that follow each other; or B of them, with an axis before."""

    evidence: FloatArray
    """(T, K, h, w) in [0, 1]."""

    regions: FloatArray
    """(T, 4) the boxes that the maps cover, pixels."""

    keypoints: FloatArray
    """(T, K, 2) where the joints are in truth, pixels; NaN where nobody knows."""

    def __len__(self) -> int:
        return len(self.regions)

    def __getitem__(self, rows: slice) -> "MapStretch":
        """Some of the B."""
        return take_rows(self, rows)


class MapShard:
    """The maps of one clip's people, on disk."""

    def __init__(self, path: Path) -> None:
        try:
            file: Any = safe_open(path, "numpy")
            self._file = file
            ids, frames = (file.get_tensor(name) for name in ("track_ids", "frames"))
        except (SafetensorError, OSError) as error:
            raise FormatError(f"{path}: no shard of heatmaps ({error}); delete it") from None
        self.runs: list[tuple[int, int]] = _runs(ids, frames)
        """First row, and the one behind the last, of rows of one person without a gap."""

    def stretch(self, first: int, end: int) -> MapStretch:
        """Some rows of one person."""
        names = (field.name for field in fields(MapStretch))
        read = {name: self._file.get_slice(name)[first:end] for name in names}
        return MapStretch(**{name: array.astype(np.float32) for name, array in read.items()})


def _runs(ids: IntArray, frames: IntArray) -> list[tuple[int, int]]:
    breaks = np.flatnonzero((np.diff(ids) != 0) | (np.diff(frames) != 1)) + 1
    edges = [0, *breaks.tolist(), len(ids)] if len(ids) else []
    return list(pairwise(edges))


class StretchBatches:
    """Batches by step: each stretch is a function of seed, step and its place alone.

    Args:
        shards: Files of heatmaps.
        config: How long and how many.
        skeleton: The joints.
        seed: What chance starts from.
        places: Which of a batch's stretches are made.
    """

    def __init__(
        self,
        shards: Sequence[Path],
        *,
        config: RefinerTraining,
        skeleton: Skeleton,
        seed: int,
        places: range,
    ) -> None:
        self._config, self._flip, self._seed = config, skeleton.flip, seed
        self._places = places
        self._starts = [
            (shard, first)
            for shard in map(MapShard, shards)
            for start, end in shard.runs
            for first in range(start, end - config.length + 1)
        ]
        if not self._starts:
            raise InputError(
                f"nobody is followed over {config.length} frames in a row: a shorter length?"
            )

    def __call__(self, step: int) -> MapStretch:
        """The batch of one step: (B, T, ...) arrays."""
        chances = [np.random.default_rng([self._seed, step, place]) for place in self._places]
        drawn = [
            self._varied(*self._starts[rng.integers(len(self._starts))], rng=rng) for rng in chances
        ]
        names = [field.name for field in fields(MapStretch)]
        return MapStretch(
            **{name: np.stack([getattr(one, name) for one in drawn]) for name in names}
        )

    def _varied(self, shard: MapShard, first: int, *, rng: np.random.Generator) -> MapStretch:
        found = shard.stretch(first, first + self._config.length)
        if rng.random() < 0.5:
            found = mirrored(found, self._flip)
        if rng.random() < 0.5:  # what moves back is as likely as what moves ahead
            found = found[::-1]
        return replace(found, evidence=_blanked(found.evidence, self._config.hidden, rng))


def mirrored(stretch: MapStretch, flip: IntArray) -> MapStretch:
    """Left and right exchanged; joints change sides.

    Args:
        stretch: The maps.
        flip: (K,) where each joint's map comes from.
    """
    keypoints = stretch.keypoints[:, flip] * np.array([-1, 1], np.float32)
    return MapStretch(
        evidence=stretch.evidence[:, flip, :, ::-1],
        regions=stretch.regions[:, [2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32),
        keypoints=keypoints,
    )


def _blanked(evidence: FloatArray, share: float, rng: np.random.Generator) -> FloatArray:
    """Some joints show nothing for a while, as behind something."""
    length, joints = evidence.shape[:2]
    first, last = np.sort(rng.integers(0, length, (2, joints)), axis=0)
    steps = np.arange(length)[:, None]
    gone = (steps >= first) & (steps <= last) & (rng.random(joints) < share)
    return np.where(gone[..., None, None], np.float32(BLANK), evidence)
