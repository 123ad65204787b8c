"""Trains a network on labelled pictures or clips, to weights that can be shipped.

A run's folder holds ``drawn.tar`` (synthetic people, where they are asked for),
``state.safetensors`` (to go on from), ``metrics.jsonl`` (a line per report) and
``average.safetensors``: the averaged weights, which are the result. A run that was stopped goes on
where it was, and ends with the same weights.

Not here: the command (:mod:`.train_command`).
"""

import copy
import json
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from posetube.errors import InputError
from posetube.setting_checks import check_numbers
from posetube.structures import ByteArray, Clip, Detections

from ...models3d.checkpoints.loading import load_network
from ...models3d.checkpoints.weights_io import save_weights
from ...models3d.features import Pictures
from ...models3d.network_input import prepare
from ...models3d.training.loss_config import LossConfig, detect_and_track_losses
from ...models3d.training.optimization import (
    OptimizationConfig,
    apply_gradients,
    freeze,
    optimizer_for,
    update_average,
)
from ...models3d.training.over_time import inflated
from ...models3d.training.sampling import TorchDraw
from ...models3d.training.training_state import load_state, save_state
from ...models3d.training.tube_losses import tube_losses
from ...models3d.tube_rcnn import TubeRCNN
from .batches import ClipBatches, TrainingBatch, prefetch
from .clip_sources import ClipsConfig, PicturesConfig, TrainingData, open_clip_source
from .drawn_archive import DrawnArchiveConfig, drawn_archive
from .picture_scores import score_pictures

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

    pictures: PicturesConfig | None = None
    """Single pictures to train on; None: clips."""

    drawn: DrawnArchiveConfig | None = None
    """Synthetic people to mix in among the pictures; None: none."""

    clips: ClipsConfig | None = None
    """Clips to train on; None: pictures. A model of single frames is inflated to their length."""

    optimization: OptimizationConfig
    """How the weights change."""

    losses: LossConfig | Literal["detect-and-track"] = field(default_factory=LossConfig)
    """What training minimises; ``detect-and-track``: the published losses."""

    validation: ValidationConfig | None = None
    """What to measure on; None: nothing."""

    report_every: int = 50
    """Steps between two lines of ``metrics.jsonl``."""

    save_every: int = 500
    """Steps between two states on disk, each measured where there is something to measure on."""

    seed: int = 0
    """Two runs of the same seed and versions on the same machine give the same weights."""

    def __post_init__(self) -> None:
        check_numbers(self, "report_every", "save_every", low=1)
        if (self.pictures is None) == (self.clips is None):
            number = "none" if self.clips is None else "both"
            raise InputError(f"TrainConfig needs one of pictures and clips, got {number}")
        if self.pictures is not None and not self.pictures.archives and self.drawn is None:
            raise InputError("TrainConfig needs pictures.archives or drawn: nothing to train on")
        if self.drawn is not None and self.pictures is None:
            raise InputError("TrainConfig.drawn is mixed among pictures; there are only clips")

    @property
    def loss_config(self) -> LossConfig:
        """The settings of the losses, as chosen by name or given one by one."""
        if isinstance(self.losses, LossConfig):
            return self.losses
        return detect_and_track_losses()


def train_network(
    config: TrainConfig, folder: Path, *, root: Path = Path(), device: str = "cpu"
) -> TubeRCNN:
    """Train, or go on with what is in the folder.

    Args:
        config: The run.
        folder: Where its files go; made if it does not exist.
        root: Folder that the settings' relative paths start from.
        device: Any of torch's.

    Returns:
        The network with the averaged weights.

    Raises:
        InputError: If settings do not fit each other, the data or the network.
        FormatError: If pictures cannot be read.
        WeightsError: If there is no model to start from, or the folder holds another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = _network(config, root, device)
    average = copy.deepcopy(network).requires_grad_(False)
    freeze(network, config.optimization)
    optimizer = optimizer_for(network, config.optimization)
    step = load_state(folder, network=network, average=average, optimizer=optimizer)
    data = _training_data(config, folder, root)
    source = open_clip_source(data, root=root)
    batches = ClipBatches(source=source, config=data, skeleton=network.skeleton, seed=config.seed)
    meter = Meter()
    for batch in prefetch(batches, step, config.optimization.steps, threads=data.threads):
        losses = step_losses(network, batch, step=step, config=config)
        torch.autograd.backward(list(losses.values()))
        length = apply_gradients(optimizer, step=step, config=config.optimization)
        update_average(
            average.parameters(), network.parameters(), step=step, config=config.optimization
        )
        step += 1
        meter.add({**{k: float(v.detach()) for k, v in losses.items()}, "gradient": length})
        if step % config.report_every == 0:
            append_metrics(folder, {"step": step, **meter.read()})
        if step % config.save_every == 0 or step == config.optimization.steps:
            save_state(folder, step=step, network=network, average=average, optimizer=optimizer)
            save_weights(average, folder / RESULT)
            scores = validation_scores(average, config.validation, root=root)
            append_metrics(folder, {"step": step, **scores})
    return average


def _network(config: TrainConfig, root: Path, device: str) -> TubeRCNN:
    """The network to start from, made to look at as many frames as the clips have."""
    file = config.start.endswith(".safetensors")
    network = load_network(root / config.start if file else config.start, device=device)
    boxes = "continuous" if network.box_head is None else network.box_head.config.convention
    if config.losses == "detect-and-track" and boxes == "continuous":
        raise InputError(
            "TrainConfig.losses: 'detect-and-track' needs a network of the published programs, "
            f"whose boxes have inclusive corners; {config.start} is none, leave losses out for it"
        )
    length = 1 if config.clips is None else config.clips.frames.length
    return inflated(network, length=length)


def _training_data(config: TrainConfig, folder: Path, root: Path) -> TrainingData:
    """What is trained on, drawn pictures among the others."""
    if config.clips is not None:
        return config.clips
    pictures = config.pictures
    assert pictures is not None
    if config.drawn is None:
        return pictures
    drawn = drawn_archive(config.drawn, folder=folder, root=root).resolve()
    return replace(pictures, archives={**pictures.archives, str(drawn): config.drawn.weight})


def step_losses(
    network: TubeRCNN, batch: TrainingBatch, *, step: int, config: TrainConfig
) -> dict[str, torch.Tensor]:
    """The losses of one batch; what is drawn at random depends on seed and step alone."""
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    images = batch.images.reshape(-1, *batch.images.shape[2:])
    as_they_are = replace(
        network.config.preprocess,
        short_side=min(images.shape[1:3]),
        long_side=max(images.shape[1:3]),
    )
    device = next(network.parameters()).device
    pixels, geometry = prepare(images, as_they_are)
    half = config.optimization.precision == "bfloat16"
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        return tube_losses(
            network,
            pixels.to(device),
            [people.to(device) for people in batch.truth],
            pictures=Pictures(torch.from_numpy(images).to(device).permute(0, 3, 1, 2), geometry),
            config=config.loss_config,
            draw=TorchDraw(generator=generator),
        )


def append_metrics(folder: Path, record: dict[str, Any]) -> None:
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


def validation_scores(
    network: TubeRCNN, config: ValidationConfig | None, *, root: Path = Path()
) -> dict[str, Any]:
    """Measure a network on labelled photographs; nothing where there are none."""
    if config is None:
        return {}

    def detect(image: ByteArray) -> Detections:
        length = network.clip_length
        clip = Clip(
            frames=np.zeros(length, np.int64),
            times=np.zeros(length, np.float64),
            images=np.repeat(image[None], length, axis=0),
        )
        return network.detect(clip).at(length // 2)

    scores = score_pictures(
        detect, annotations=root / config.annotations, pictures=root / config.pictures
    )
    return asdict(scores)
