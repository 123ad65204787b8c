"""The settings of a training run, which a TOML file holds.

What does not change the trained weights is declared with ``compare=False``, and may differ when a
run is taken up again. Not here: reading the file (:mod:`.toml_config`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posetube.errors import InputError
from posetube.setting_checks import check_numbers

from ...models3d.training.loss_config import LossConfig, detect_and_track_losses
from ...models3d.training.optimization import OptimizationConfig
from .clip_sources import ClipsConfig, PicturesConfig
from .drawn_archive import DrawnArchiveConfig
from .held_out_videos import HeldOutConfig
from .refiner_config import RefinerTraining


@dataclass(frozen=True, kw_only=True)
class ValidationConfig:
    """Labelled photographs to measure on, never to train on."""

    annotations: Path
    """COCO person-keypoints JSON."""

    pictures: Path
    """Folder of the files that it names."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training run."""

    start: str
    """Model to start from: a name, or a ``.safetensors`` file. For a refiner: the network whose
    heatmaps it refines."""

    pictures: PicturesConfig | None = None
    """Single pictures to train on; None: clips, or a refiner."""

    drawn: DrawnArchiveConfig | None = None
    """Synthetic people to mix in among the pictures; None: none."""

    clips: ClipsConfig | None = None
    """Clips to train on; None: pictures, or a refiner. A model of single frames is inflated to
    their length."""

    refiner: RefinerTraining | None = None
    """A refiner of the model's heatmaps to train, in place of the model; None: the model."""

    optimization: OptimizationConfig
    """How the weights change."""

    proposals_from: str = ""
    """Model whose proposals the heads learn from, a name or a ``.safetensors`` file; the proposals
    of the trained one are then not asked. Empty: its own."""

    name: str = field(default="", compare=False)
    """What the trained model is called; empty: as the run's folder."""

    licence: str = field(default="", compare=False)
    """Of the trained model, which data and parent decide; empty: not stated."""

    losses: LossConfig | Literal["detect-and-track"] = field(default_factory=LossConfig)
    """What training minimises; ``detect-and-track``: the published losses."""

    validation: ValidationConfig | None = field(default=None, compare=False)
    """What to measure on; None: nothing."""

    held_out: HeldOutConfig | None = field(default=None, compare=False)
    """Videos to measure on by tracking them; None: none."""

    report_every: int = field(default=50, compare=False)
    """Steps between two lines of ``metrics.jsonl``."""

    save_every: int = field(default=500, compare=False)
    """Steps between two states on disk, each measured where there is something to measure on."""

    keep: int = field(default=3, compare=False)
    """Of how many of these the averaged weights stay, in ``checkpoints``."""

    predictions: int = field(default=4, compare=False)
    """How many pictures of what a network finds are drawn at every state on disk: of clips that are
    measured on, or else trained on; 0: none."""

    tensorboard: bool = field(default=False, compare=False)
    """Whether numbers and pictures are written for TensorBoard, too."""

    at_once: int | None = field(default=None, compare=False)
    """Pictures, clips or stretches that a process looks at together, at most; the gradients of
    several parts are added up. A loss is averaged in each part, and then over the parts. None: all
    that a process has of a batch."""

    seed: int = 0
    """Two runs of the same seed and versions on the same machine give the same weights."""

    def __post_init__(self) -> None:
        check_numbers(self, "report_every", "save_every", "at_once", low=1)
        check_numbers(self, "keep", "predictions", "seed", low=0)
        given = [name for name in ("pictures", "clips", "refiner") if getattr(self, name)]
        if len(given) != 1:
            raise InputError(
                "TrainConfig needs one of pictures, clips and refiner, got "
                f"{' and '.join(given) or 'none'}"
            )
        if self.refiner and self.proposals_from:
            raise InputError("TrainConfig.proposals_from is for a network, and this is a refiner")
        if self.refiner and (self.losses != LossConfig() or self.validation or self.held_out):
            raise InputError(
                "TrainConfig.losses, validation and held_out are a network's; a refiner has "
                "refiner.heights and refiner.validation"
            )
        if self.pictures is not None and not self.pictures.archives and self.drawn is None:
            raise InputError("TrainConfig needs pictures.archives or drawn: nothing to train on")
        if self.drawn is not None and self.pictures is None:
            raise InputError("TrainConfig.drawn is mixed among pictures, and there are none")

    @property
    def batch(self) -> int:
        """Pictures, clips or stretches per step."""
        data = self.pictures or self.clips or self.refiner
        assert data is not None
        return data.batch

    @property
    def loss_config(self) -> LossConfig:
        """The settings of the losses, as chosen by name or given one by one."""
        if isinstance(self.losses, LossConfig):
            return self.losses
        return detect_and_track_losses()
