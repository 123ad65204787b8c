"""Says what a network is trained on: archives of pictures, or the clips of a data set.

Not here: the archives (:mod:`posetube.datasets.training.picture_archive`), the clips
(:mod:`posetube.datasets.training.clip_index`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

from ...datasets.annotated_video import Split
from ...datasets.training.augment_config import AugmentConfig, VideoAugmentConfig
from ...datasets.training.clip_frames import ClipConfig
from ...datasets.training.clip_index import ClipIndex
from ...datasets.training.labelled_clip import ClipSource
from ...datasets.training.picture_archive import PictureMixture, TeacherTrust
from ..opened_people import open_people_or_run

Size = tuple[int, int]
"""Height and width, pixels."""

MULTIPLE = 32
"""Heights and widths of canvases are multiples of this, pixels."""


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How large a batch is, and who prepares it."""

    batch: int
    """Pictures or clips per step."""

    threads: int = field(default=1, compare=False)
    """Threads that prepare batches ahead of their use; the batches do not depend on it."""

    def __post_init__(self) -> None:
        check_numbers(self, "batch", "threads", low=1)


def check_weights(config: Any, name: str) -> None:
    """Refuse archives whose weights are none.

    Raises:
        InputError: If a weight is not above 0, or not finite.
    """
    archives = getattr(config, name)
    if not all(0 < weight < math.inf for weight in archives.values()):
        raise InputError(
            f"{type(config).__name__}.{name} must have weights above 0, got {archives}"
        )


@dataclass(frozen=True, kw_only=True)
class PicturesConfig(BatchConfig):
    """Which pictures, how often each, and how they are varied."""

    archives: dict[str, float] = field(default_factory=dict)
    """Tar of pictures (labels beside it as npz) to how often one of its pictures is shown, relative
    to a picture of another archive; none where synthetic people are all."""

    sizes: tuple[Size, ...] = ((256, 352), (288, 384), (320, 448), (352, 480))
    """Height and width of a batch's canvases, multiples of 32 pixels; one is drawn per batch."""

    batch: int = 8
    trust: TeacherTrust = field(default_factory=TeacherTrust)
    """Which of a teacher's labels are believed."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """How pictures are varied."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_weights(self, "archives")
        if not self.sizes or any(
            side % MULTIPLE or side < 64 for size in self.sizes for side in size
        ):
            raise InputError(
                f"PicturesConfig.sizes must be multiples of 32 from 64, got {self.sizes}"
            )


@dataclass(frozen=True, kw_only=True)
class ClipsConfig(BatchConfig):
    """Which clips, and how they are varied."""

    root: Path
    """Folder of a data set, or of label files with their pictures."""

    dataset: str = ""
    """Name of the data set, as ``posetube data check`` knows it, or of the files' format; empty:
    recognised by the files."""

    split: Split = ""
    """Only videos of this part; empty: all."""

    frames: ClipConfig = field(default_factory=ClipConfig)
    """Which frames make a clip; its length becomes the network's."""

    batch: int = 2
    augment: VideoAugmentConfig = field(default_factory=VideoAugmentConfig)
    """How clips are varied, and the size of their canvas, multiples of 32 pixels."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames.length % 2 == 0:
            raise InputError(
                f"ClipsConfig.frames.length must be odd, got {self.frames.length}; a clip has a "
                "middle frame"
            )
        if any(side % MULTIPLE for side in self.augment.size):
            raise InputError(
                f"ClipsConfig.augment.size must be multiples of {MULTIPLE}, got {self.augment.size}"
            )

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Height and width of a batch's canvases, as of pictures."""
        return (self.augment.size,)


TrainingData = PicturesConfig | ClipsConfig
"""What a network is trained on."""


def open_clip_source(
    config: TrainingData,
    *,
    root: Path = Path(),
    masks: bool = False,
    warn: Callable[[str], None] = lambda text: None,
) -> ClipSource:
    """What random clips are drawn from.

    Args:
        config: Which pictures or clips.
        root: Folder that relative paths of the settings start from.
        masks: Whether the network learns people's masks.
        warn: Is told of each video that is left out because its labels cannot be read.

    Raises:
        InputError: If there is no such folder or data set, or it has no clip to train on; or an
            archive has no masks, and they are asked for.
        FormatError: If an archive or a label file cannot be read.
    """
    if isinstance(config, PicturesConfig):
        return PictureMixture(config.archives, root=root, trust=config.trust, masks=masks)
    folder = root / config.root
    people = open_people_or_run(folder, form=config.dataset or None)
    clips = ClipIndex(dataset=people, config=config.frames, split=config.split, masks=masks)
    for text in clips.broken:
        warn(f"{text}; its video is left out")
    if not len(clips):
        part = f" in part {config.split!r}" if config.split else ""
        raise InputError(
            f"{folder}: no clip of {config.frames.length} labelled frames with pictures"
            f"{' and masks' * masks}{part}; "
            f"'posetube data check {folder}' shows what is there"
        )
    return clips
