"""Batches of varied pictures: clips of one frame.

Not here: one picture's variation (:mod:`posetube.datasets.training.picture_augment`).
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posetube.errors import InputError

from ...datasets.training.picture_augment import PictureAugmentConfig, augment
from ...datasets.training.training_pictures import PictureMixture, TeacherTrust
from .batches import MULTIPLE, Batch, Size
from .tube_truth import truth_of_picture


@dataclass(frozen=True, kw_only=True)
class PicturesConfig:
    """Which pictures, how often each, and how they are varied."""

    archives: dict[str, float] = field(default_factory=dict)
    """Tar of pictures (labels beside it as npz) to how often one of its pictures is shown, relative
    to a picture of another archive; none where invented people are all."""

    sizes: tuple[Size, ...] = ((256, 352), (288, 384), (320, 448), (352, 480))
    """Height and width of a batch's canvases, multiples of 32 pixels; one is drawn per batch."""

    batch: int = 8
    """Pictures per step."""

    threads: int = 1
    """Threads that prepare batches ahead of their use; the batches do not depend on it."""

    trust: TeacherTrust = field(default_factory=TeacherTrust)
    """Which of a teacher's labels are believed."""

    augment: PictureAugmentConfig = field(default_factory=PictureAugmentConfig)
    """How pictures are varied."""

    def __post_init__(self) -> None:
        if min(self.archives.values(), default=1) <= 0:
            raise InputError(
                f"PicturesConfig.archives must have weights above 0, got {self.archives}"
            )
        for name in ("batch", "threads"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"PicturesConfig.{name} must be 1 or more, got {getattr(self, name)}"
                )
        if any(side % MULTIPLE or side < 64 for size in self.sizes for side in size):
            raise InputError(
                f"PicturesConfig.sizes must be multiples of 32 from 64, got {self.sizes}"
            )


class PictureBatches:
    """Batches by step.

    Args:
        config: Which pictures.
        seed: Two runs of the same seed see the same batches.
        root: Folder that relative archive paths start from.
    """

    def __init__(self, config: PicturesConfig, *, seed: int, root: Path = Path()) -> None:
        self.config, self.seed = config, seed
        self._mixture = PictureMixture(config.archives, root=root, trust=config.trust)

    def __call__(self, step: int) -> Batch:
        """The batch of one step."""
        rng = np.random.default_rng([self.seed, step])
        size = self.config.sizes[rng.integers(len(self.config.sizes))]

        pictures = [
            augment(lambda: self._mixture.draw(rng), size=size, config=self.config.augment, rng=rng)
            for _ in range(self.config.batch)
        ]
        images = np.stack([picture.image for picture in pictures])[:, None]
        return Batch(images=images, truth=tuple(map(truth_of_picture, pictures)))
