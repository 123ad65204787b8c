"""Batches of varied clips of a labelled data set.

Not here: which frames make a clip (:mod:`posetube.datasets.training.clips`), one clip's variation
(:mod:`posetube.datasets.training.augment`).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posetube.errors import InputError
from posetube.skeletons import Skeleton

from ...datasets.annotated_video import Split
from ...datasets.published.dataset_table import open_dataset
from ...datasets.training.augment import AugmentConfig, augment
from ...datasets.training.clips import ClipConfig, ClipIndex
from .batches import MULTIPLE, Batch
from .tube_truth import truth_of_clip


@dataclass(frozen=True, kw_only=True)
class ClipsConfig:
    """Which clips, and how they are varied."""

    dataset: str
    """Name of the data set, as ``posetube data check`` knows it."""

    root: Path
    """Its folder."""

    split: Split = ""
    """Only videos of this part; empty: all."""

    frames: ClipConfig = field(default_factory=ClipConfig)
    """Which frames make a clip; its length becomes the network's."""

    batch: int = 2
    """Clips per step."""

    threads: int = 1
    """Threads that prepare batches ahead of their use; the batches do not depend on it."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How clips are varied, and the size of their canvas, multiples of 32 pixels."""

    def __post_init__(self) -> None:
        for name in ("batch", "threads"):
            if getattr(self, name) < 1:
                value = getattr(self, name)
                raise InputError(f"ClipsConfig.{name} must be 1 or more, got {value}")
        if self.frames.length % 2 == 0:
            raise InputError(
                f"ClipsConfig.frames.length must be odd, got {self.frames.length}; a clip has a "
                "middle frame"
            )
        if any(side % MULTIPLE for side in self.augment.size):
            raise InputError(
                f"ClipsConfig.augment.size must be multiples of {MULTIPLE}, got {self.augment.size}"
            )
        if self.augment.strides != (1,):
            raise InputError(
                f"ClipsConfig.augment.strides must be [1], got {list(self.augment.strides)}; "
                "frames.stride sets how far apart the frames are"
            )


class ClipBatches:
    """Batches by step.

    Args:
        config: Which clips.
        skeleton: The network's joint set.
        seed: Two runs of the same seed see the same batches.
        root: Folder that a relative root of the data set starts from.

    Raises:
        InputError: If there is no such data set, or it has no clip to train on.
        FormatError: If it cannot be read.
    """

    def __init__(
        self, config: ClipsConfig, *, skeleton: Skeleton, seed: int, root: Path = Path()
    ) -> None:
        self.config, self.seed, self.skeleton = config, seed, skeleton
        dataset = open_dataset(config.dataset, root / config.root)
        self._clips = ClipIndex(dataset=dataset, config=config.frames, split=config.split)
        if not len(self._clips):
            part = f" in part {config.split!r}" if config.split else ""
            raise InputError(
                f"{root / config.root}: no clip of {config.frames.length} labelled frames{part}; "
                f"'posetube data check {config.dataset}' shows what is there"
            )

    def __call__(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self.seed, step])
        places = rng.integers(len(self._clips), size=self.config.batch)
        clips = [
            augment(self._clips[int(place)], config=self.config.augment, rng=rng)
            for place in places
        ]
        return Batch(
            images=np.stack([clip.images for clip in clips]),
            truth=tuple(truth_of_clip(clip, skeleton=self.skeleton) for clip in clips),
        )
