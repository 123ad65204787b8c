"""Makes the batches of a training run, each a pure function of seed and step, and prefetches them.

So a run that was stopped goes on with the very batches it would have had, whatever the number of
threads. Pictures are clips of one frame. Not here: where clips come from (:mod:`.clip_sources`),
one clip's variation (:mod:`posetube.datasets.training.augment`).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from posetube.skeletons import Skeleton
from posetube.structures import ByteArray

from ...datasets.training.augment import augment_clip
from ...datasets.training.labelled_clip import ClipSource
from ...models3d.training.targets import TubeTruth
from .clip_sources import TrainingData
from .tube_truth import truth_of_clip


@dataclass(frozen=True, kw_only=True)
class TrainingBatch:
    """B clips of one size and length, with their truth."""

    images: ByteArray
    """(B, T, H, W, 3) RGB."""

    truth: tuple[TubeTruth, ...]
    """B, of the same T."""


@dataclass(frozen=True, kw_only=True)
class ClipBatches:
    """Batches by step; two of the same settings and seed give the same batches."""

    source: ClipSource
    """What random clips are drawn from."""

    config: TrainingData
    """How many, how large, and how they are varied."""

    skeleton: Skeleton
    """The network's joint set."""

    seed: int
    """What chance starts from."""

    def __call__(self, step: int) -> TrainingBatch:
        """The batch of one step."""
        rng, config = np.random.default_rng([self.seed, step]), self.config
        size = config.sizes[rng.integers(len(config.sizes))]
        clips = [
            augment_clip(lambda: self.source.draw(rng), size=size, config=config.augment, rng=rng)
            for _ in range(config.batch)
        ]
        return TrainingBatch(
            images=np.stack([clip.images for clip in clips]),
            truth=tuple(truth_of_clip(clip, skeleton=self.skeleton) for clip in clips),
        )


Batch = TypeVar("Batch")


def prefetch(
    batches: Callable[[int], Batch],
    start: int,
    stop: int,
    *,
    threads: int = 1,
    depth: int = 4,
) -> Iterator[Batch]:
    """The batches of steps ``start`` to ``stop``, up to ``depth`` of them made in advance."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(batches, step) for step in range(start, min(start + depth, stop))]
        for step in range(start, stop):
            ready = waiting.pop(0)
            if step + depth < stop:
                waiting.append(pool.submit(batches, step + depth))
            yield ready.result()
