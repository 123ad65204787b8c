"""Makes the batches of a training run, and prefetches them.

Each clip is a pure function of seed, step and its place in the batch. So a run that was stopped
goes on with the very batches it would have had, whatever the number of threads and processes.
Pictures are clips of one frame. Not here: where clips come from (:mod:`.clip_sources`), one clip's
variation (:mod:`posetube.datasets.training.augment`).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from posetube.errors import FormatError, MediaError
from posetube.records import take_rows
from posetube.skeletons import Skeleton
from posetube.structures import ByteArray

from ...datasets.training.augment import augment_clip
from ...datasets.training.labelled_clip import ClipSource, LabelledClip
from ...models3d.training.targets import TubeTruth
from .clip_sources import Size, TrainingData
from .tube_truth import truth_of_clip

AHEAD = 4
"""Batches that are made in advance."""

TRIES = 20
"""Clips in a row that cannot be read, from which on something is wrong with all of them."""


@dataclass(frozen=True, kw_only=True)
class TrainingBatch:
    """B clips of one size and length, with their truth."""

    images: ByteArray
    """(B, T, H, W, 3) RGB."""

    truth: tuple[TubeTruth, ...]
    """B, of the same T."""

    places: range
    """B, each clip's place in the batch of all processes."""

    broken: tuple[str, ...] = ()
    """What could not be read, and was replaced by other clips."""

    def __len__(self) -> int:
        return len(self.truth)

    def __getitem__(self, rows: slice) -> "TrainingBatch":
        """Some of the clips."""
        return take_rows(self, rows, columns=("images", "truth", "places"))


@dataclass(frozen=True, kw_only=True)
class ClipBatches:
    """Batches by step; two of the same settings and seed give the same clips at each place."""

    source: ClipSource
    """What random clips are drawn from."""

    config: TrainingData
    """How many, how large, and how they are varied."""

    skeleton: Skeleton
    """The network's joint set."""

    seed: int
    """What chance starts from."""

    places: range
    """Which clips of each batch are made."""

    def __call__(self, step: int) -> TrainingBatch:
        """The batch of one step.

        Raises:
            PoseTubeError: If one clip after the other cannot be read: the last one's error.
        """
        rng, sizes, broken = (
            np.random.default_rng([self.seed, step]),
            self.config.sizes,
            list[str](),
        )
        size = sizes[rng.integers(len(sizes))]
        clips = [self._clip(step, place, size, broken) for place in self.places]
        return TrainingBatch(
            images=np.stack([clip.images for clip in clips]),
            truth=tuple(truth_of_clip(clip, skeleton=self.skeleton) for clip in clips),
            places=self.places,
            broken=tuple(broken),
        )

    def _clip(self, step: int, place: int, size: Size, broken: list[str]) -> LabelledClip:
        """A varied clip; what cannot be read is noted, and another one drawn."""
        rng = np.random.default_rng([self.seed, step, place])
        for tries in range(1, TRIES + 1):
            try:
                return augment_clip(
                    lambda: self.source.draw(rng), size=size, config=self.config.augment, rng=rng
                )
            except (MediaError, FormatError) as error:
                if tries == TRIES:
                    raise
                broken.append(str(error))
        raise AssertionError


Batch = TypeVar("Batch")


def prefetch(
    batches: Callable[[int], Batch], start: int, stop: int, *, threads: int = 1
) -> Iterator[Batch]:
    """The batches of steps ``start`` to ``stop``, up to :data:`AHEAD` of them made in advance."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(batches, step) for step in range(start, min(start + AHEAD, stop))]
        for step in range(start, stop):
            ready = waiting.pop(0)
            if step + AHEAD < stop:
                waiting.append(pool.submit(batches, step + AHEAD))
            yield ready.result()
