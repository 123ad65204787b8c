"""Labelled clips for PyTorch's data loaders.

Not here: the clips (:mod:`posetube.datasets.training.clips`), their variations
(:mod:`posetube.datasets.training.augment`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...datasets.training.clips import ClipIndex
from ...datasets.training.labelled_clip import LabelledClip

if TYPE_CHECKING:
    from torch.utils.data import Dataset


def clip_dataset(
    clips: ClipIndex, change: Callable[[LabelledClip], LabelledClip] | None = None
) -> "Dataset[LabelledClip]":
    """A view of a data set's clips that a ``DataLoader`` takes.

    Args:
        clips: What to read.
        change: Applied to every clip that is read, such as an augmentation.
    """
    from torch.utils.data import Dataset

    class ClipDataset(Dataset[LabelledClip]):
        """Clips by their place."""

        def __len__(self) -> int:
            return len(clips)

        def __getitem__(self, place: int) -> LabelledClip:
            clip = clips[place]
            return clip if change is None else change(clip)

    return ClipDataset()
