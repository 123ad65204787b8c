"""The training job: from pictures with labelled people to weights that can be shipped.

A run's folder holds ``drawn.tar`` (invented people, where they are asked for),
``state.safetensors`` (to go on from), ``metrics.jsonl`` (a line per
report) and ``average.safetensors``: the averaged weights, which are the result. A run that was
stopped goes on where it was, and ends with the same weights.

Not here: the command (:mod:`.train_command`).
"""

import copy
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posetube.errors import InputError
from posetube.structures import ByteArray, Clip, Detections

from ...models3d.checkpoints.loading import load_model
from ...models3d.checkpoints.weights_io import save
from ...models3d.preprocess import prepare
from ...models3d.training.optimization import (
    OptimizationConfig,
    apply_gradients,
    freeze,
    optimizer_for,
    update_average,
)
from ...models3d.training.sampling import TorchDraw
from ...models3d.training.training_state import load_state, save_state
from ...models3d.training.tube_losses import LossConfig, tube_losses
from ...models3d.tube_rcnn import TubeRCNN
from .drawn_archive import DrawnArchiveConfig, drawn_archive
from .picture_batches import Batch, PictureBatches, PicturesConfig
from .picture_scores import score_pictures

if TYPE_CHECKING:
    import torch

RESULT = "average.safetensors"
METRICS = "metrics.jsonl"


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
    """Model to start from: a name, or a ``.safetensors`` file."""

    pictures: PicturesConfig
    """What to train on."""

    drawn: DrawnArchiveConfig | None = None
    """Invented people to mix in; None: none."""

    optimization: OptimizationConfig
    """How the weights change."""

    losses: LossConfig = field(default_factory=LossConfig)
    """What is to be made small."""

    validation: ValidationConfig | None = None
    """What to measure on; None: nothing."""

    report_every: int = 50
    """Steps between two lines of ``metrics.jsonl``."""

    save_every: int = 500
    """Steps between two states on disk, each measured where there is something to measure on."""

    seed: int = 0
    """Two runs of the same seed and versions on the same machine give the same weights."""

    def __post_init__(self) -> None:
        for name in ("report_every", "save_every"):
            if getattr(self, name) < 1:
                raise InputError(f"TrainConfig.{name} must be 1 or more, got {getattr(self, name)}")


def train(
    config: TrainConfig, folder: Path, *, root: Path = Path(), device: str = "cpu"
) -> TubeRCNN:
    """Train, or go on with what is in the folder.

    Args:
        config: The run.
        folder: Where its files go; made where it is absent.
        root: Folder that the settings' relative paths start from.
        device: Any of torch's.

    Returns:
        The network with the averaged weights.

    Raises:
        FormatError: If pictures cannot be read.
        WeightsError: If there is no model to start from, or the folder holds another run.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    network = load_model(_start(config, root), device=device)
    average = copy.deepcopy(network).requires_grad_(False)
    freeze(network, config.optimization)
    optimizer = optimizer_for(network, config.optimization)
    step = load_state(folder, network=network, average=average, optimizer=optimizer)
    batches = PictureBatches(_pictures(config, folder, root), seed=config.seed, root=root)
    meter = Meter()
    for batch in batches.ahead(step, config.optimization.steps):
        losses = step_losses(network, batch, step=step, config=config)
        torch.autograd.backward(list(losses.values()))
        length = apply_gradients(optimizer, step=step, config=config.optimization)
        update_average(
            average.parameters(), network.parameters(), step=step, config=config.optimization
        )
        step += 1
        meter.add({**{k: float(v.detach()) for k, v in losses.items()}, "gradient": length})
        if step % config.report_every == 0:
            log(folder, {"step": step, **meter.read()})
        if step % config.save_every == 0 or step == config.optimization.steps:
            save_state(folder, step=step, network=network, average=average, optimizer=optimizer)
            save(average, folder / RESULT)
            log(folder, {"step": step, **validate(average, config.validation, root=root)})
    return average


def _start(config: TrainConfig, root: Path) -> str | Path:
    return root / config.start if config.start.endswith(".safetensors") else config.start


def _pictures(config: TrainConfig, folder: Path, root: Path) -> PicturesConfig:
    """The archives to train on, the invented people among them."""
    if config.drawn is None:
        return config.pictures
    drawn = drawn_archive(config.drawn, folder=folder, root=root).resolve()
    archives = {**config.pictures.archives, str(drawn): config.drawn.weight}
    return replace(config.pictures, archives=archives)


def step_losses(
    network: TubeRCNN, batch: Batch, *, step: int, config: TrainConfig
) -> "dict[str, torch.Tensor]":
    """The losses of one batch; what is drawn at random depends on seed and step alone."""
    import torch

    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    images = batch.images.reshape(-1, *batch.images.shape[2:])
    as_they_are = replace(
        network.config.preprocess,
        short_side=min(images.shape[1:3]),
        long_side=max(images.shape[1:3]),
    )
    device = next(network.parameters()).device
    pixels, _ = prepare(images, as_they_are)
    half = config.optimization.precision == "bfloat16"
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        return tube_losses(
            network,
            pixels.to(device),
            [people.to(device) for people in batch.truth],
            config=config.losses,
            draw=TorchDraw(generator=generator),
        )


def log(folder: Path, record: dict[str, Any]) -> None:
    """Append one line of JSON to the run's metrics."""
    with (folder / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


class Meter:
    """Means of what happened since they were last read."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0
        self._since = time.perf_counter()

    def add(self, values: dict[str, float]) -> None:
        """One step's numbers."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1

    def read(self) -> dict[str, float]:
        """The means, and the seconds that a step took; starts anew."""
        now = time.perf_counter()
        means = {name: round(total / self._count, 5) for name, total in self._sums.items()}
        means["seconds_per_step"] = round((now - self._since) / self._count, 4)
        self._sums, self._count, self._since = {}, 0, now
        return means


def validate(
    network: TubeRCNN, config: ValidationConfig | None, *, root: Path = Path()
) -> dict[str, Any]:
    """Measure a network on labelled photographs; nothing where there are none."""
    if config is None:
        return {}

    def detect(image: ByteArray) -> Detections:
        clip = Clip(frames=np.zeros(1, np.int64), times=np.zeros(1, np.float64), images=image[None])
        return network.detect(clip).at(0)

    scores = score_pictures(
        detect, annotations=root / config.annotations, pictures=root / config.pictures
    )
    return asdict(scores)
