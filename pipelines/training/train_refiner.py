"""Trains a refiner of heatmaps on people as a network tracks them.

The network stays as it is. A run's folder holds ``maps`` and ``validation`` (shards of heatmaps),
and what a network's has (:mod:`.train`): ``refiner.safetensors`` is the result.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from posetube.errors import InputError, WeightsError

from ...models3d.model_info import ModelInfo
from ...models3d.refiners.both_ways import BothWays
from ...models3d.refiners.conv_lstm import ConvLSTMRefiner
from ...models3d.refiners.learned_config import (
    LearnedConfig,
    MapWarperConfig,
    WeightedPoolConfig,
    both_ways,
    lstm_pose_machine,
    small_lstm,
    unipose_lstm,
)
from ...models3d.refiners.refiner_files import build_refiner, load_refiner, save_refiner
from ...models3d.training.loss_shares import LossShare
from ...models3d.training.optimization import freeze, half_precision
from ...models3d.training.refiner_losses import map_loss, refined_stretch
from ..loaded_model import LoadedModel, load_model
from ..watch import Watch
from .batches import prefetch
from .map_scores import score_refiner, tensors_of
from .map_shards import dump_maps
from .map_stretches import MapStretch, StretchBatches
from .refiner_config import RefinerKind, RefinerTraining
from .train_config import TrainConfig
from .training_job import TrainingJob, training_job
from .training_loop import Learner, TrainingLoop
from .training_record import model_of, trained_info

RESULT = "refiner.safetensors"


def refiner_config(kind: RefinerKind, *, joints: str) -> LearnedConfig:
    """The refiner of a name, for a joint set."""
    made: dict[RefinerKind, LearnedConfig] = {
        "pool": WeightedPoolConfig(skeleton=joints, past=2, future=2),
        "lstm": small_lstm(joints),
        "both-ways": both_ways(joints),
        "unipose": unipose_lstm(joints),
        "pose-machine": lstm_pose_machine(joints),
        "warper": MapWarperConfig(skeleton=joints),
    }
    return made[kind]


def train_refiner(
    config: TrainConfig,
    folder: Path,
    *,
    root: Path = Path(),
    watch: Watch | None = None,
) -> torch.nn.Module:
    """Dump heatmaps and train a refiner on them, or go on with what is in the folder.

    Args:
        config: The run; ``refiner`` is given.
        folder: Where its files go; made if it does not exist.
        root: Folder that the settings' relative paths start from.
        watch: Who is told how far it is, and may ask to stop; None: nobody.

    Returns:
        The refiner with the averaged weights.

    Raises:
        InputError: If the network gives no heatmaps, nobody is followed long enough, a run in the
            folder was begun with other settings, another process is at work there, or the losses
            diverge.
        MissingFileError: If there is no file that the settings name.
        MissingExtraError: If Lightning Fabric is not installed.
        MediaError: If a video cannot be read.
        WeightsError: If there is no such network or refiner, or the folder holds another run.
        Interrupted: If somebody asked to stop; what is done is kept.
    """
    with training_job(config, folder, root=root, device="cpu", watch=watch) as job:
        return _train(job)


def _train(job: TrainingJob) -> torch.nn.Module:
    model = load_model(str(model_of(job.config.start, job.root)))
    network: Any = model.network
    parent: ModelInfo = network.info
    settings = job.config.refiner
    assert settings is not None
    skeleton, seed = model.network.skeleton, job.config.seed
    refiner = _refiner(settings, joints=skeleton.name, root=job.root, seed=seed)
    job = job.begun(parent)
    config, folder, processes = job.config, job.folder, job.processes
    average: torch.nn.Module = copy.deepcopy(refiner).requires_grad_(False)
    freeze(refiner, config.optimization)
    dump = partial(dump_maps, model=model, root=job.root, watch=job.watch)
    shards = processes.by_first(lambda: dump(settings.maps, folder / "maps"))
    held_out = settings.validation and processes.by_first(
        partial(dump, settings.validation, folder / "validation")
    )

    def write(step: int) -> None:
        info = trained_info(config, folder, parent=parent, step=step, training=job.made_by)
        save_refiner(average, folder / RESULT, info=info)

    learner = Learner(
        network=refiner,
        average=average,
        losses=lambda batch, step: step_losses(refiner, batch, step=step, config=config),
        scores=lambda step: _scores(average, held_out or (), model, settings),
        best_by="validation_near",
        write=write,
        result=folder / RESULT,
    )
    loop = TrainingLoop(job, learner)
    places = processes.places(settings.batch)
    batches = StretchBatches(shards, config=settings, skeleton=skeleton, seed=seed, places=places)
    loop.run(partial(prefetch, batches))
    average.eval()
    return average


def _scores(
    refiner: torch.nn.Module,
    shards: Sequence[Path],
    model: LoadedModel,
    settings: RefinerTraining,
) -> dict[str, float]:
    """Measure a refiner on held-out shards; nothing where there are none."""
    if not shards:
        return {}
    plain = replace(settings, hidden=0.0)
    batches = StretchBatches(
        shards,
        config=plain,
        skeleton=model.network.skeleton,
        seed=0,
        places=range(settings.batch),
    )
    return score_refiner(refiner, batches, settings=plain)


def step_losses(
    refiner: Any, batch: MapStretch, *, step: int, config: TrainConfig
) -> dict[str, LossShare]:
    """The losses of some stretches."""
    settings = config.refiner
    assert settings is not None
    evidence, regions, keypoints = tensors_of(batch)
    half = half_precision(config.optimization.precision)
    with torch.autocast("cpu", dtype=half, enabled=half is not None):
        logits, frames = refined_stretch(
            refiner, evidence, regions, place=step % settings.length, coarse=settings.coarse
        )
    places, heights = map_loss(
        logits.float().flatten(0, 1),
        keypoints[:, frames].flatten(0, 1),
        regions[:, frames].flatten(0, 1),
        spread=settings.spread * logits.shape[-1] / evidence.shape[-1],
    )
    return {"places": places, "heights": heights.weighted(settings.heights)}


def _refiner(settings: RefinerTraining, *, joints: str, root: Path, seed: int) -> Any:
    """The refiner to begin with.

    Raises:
        InputError: If stretches are too short for it.
        WeightsError: If the one to start from does not fit.
    """
    torch.manual_seed(seed)
    config = refiner_config(settings.kind, joints=joints)
    if isinstance(config, WeightedPoolConfig | MapWarperConfig):
        least = config.past + 1 + config.future
        if settings.length < least:
            raise InputError(
                f"RefinerTraining.length must be {least} or more for {settings.kind}, which looks "
                f"at as many frames, got {settings.length}"
            )
    refiner: Any = build_refiner(config)
    if settings.start:
        path = root / settings.start
        known = load_refiner(path)
        parts = [refiner]
        if isinstance(refiner, BothWays) and isinstance(known, ConvLSTMRefiner):
            parts = [refiner.ahead, refiner.back]
        for part in parts:
            if part.config != known.config:
                raise WeightsError(f"{path}: another kind of refiner than {settings.kind}")
            part.load_state_dict(known.state_dict())
    return refiner
