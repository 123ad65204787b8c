"""Trains a refiner of heatmaps on drawn people, whose joints are known in every frame.

The network that draws the heatmaps stays as it is. Each joint's refined map is a distribution over
the cells, compared with a Gaussian at the true place by cross-entropy: squared errors of heights
make refiners worse than a plain mean. Joints outside their map do not count.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.structures import Frame

from ...datasets.synthetic import SceneConfig, generate
from ...datasets.synthetic.camera import CameraKind
from ...models3d.map_moving import move_maps
from ...models3d.refiners.conv_lstm import ConvLSTMRefiner
from ...models3d.refiners.learned_config import (
    LearnedConfig,
    MapWarperConfig,
    WeightedPoolConfig,
    lstm_pose_machine,
    unipose_lstm,
)
from ...models3d.refiners.map_warper import MapWarper
from ...models3d.refiners.refiner_files import build_refiner
from ...models3d.training.crop_losses import gaussian_maps
from ..loaded_model import LoadedModel
from ..progress import Event, Listener
from .map_stretches import MapStretch, map_stretches
from .refiner_training import RefinerKind, RefinerTraining

CAMERAS: tuple[CameraKind, ...] = ("static", "pan", "zoom", "shake", "dolly")


def refiner_config(kind: RefinerKind, *, joints: str) -> LearnedConfig:
    """The refiner of a name, for a joint set."""
    made: dict[RefinerKind, LearnedConfig] = {
        "pool": WeightedPoolConfig(skeleton=joints, past=2, future=2),
        "unipose": unipose_lstm(joints),
        "pose-machine": lstm_pose_machine(joints),
        "warper": MapWarperConfig(skeleton=joints),
    }
    return made[kind]


def train_refiner(
    config: LearnedConfig, model: LoadedModel, training: RefinerTraining, *, listener: Listener
) -> torch.nn.Module:
    """Draw clips, ask the network for their people's maps, and train a refiner on them.

    Raises:
        InputError: If the network gives no heatmaps, or nobody is long enough in a clip.
    """
    torch.manual_seed(training.seed)
    stretches = list(drawn_stretches(model, training, listener=listener))
    if not stretches:
        raise InputError(f"nobody is seen in {training.length} frames in a row: a shorter length?")
    refiner = build_refiner(config)
    fit(refiner, stretches, training, listener=listener)
    return refiner.eval()


def drawn_stretches(
    model: LoadedModel, training: RefinerTraining, *, listener: Listener
) -> Iterator[MapStretch]:
    """The heatmaps of people in drawn clips."""
    rng = np.random.default_rng(training.seed)
    listener(Event(event="stage", run="refiner", stage="draw", total=training.clips))
    for number in range(training.clips):
        scene = SceneConfig(camera=CAMERAS[number % len(CAMERAS)], occluders=2)
        clip = generate(scene, seed=training.seed + number)
        pictures = (
            Frame(index=frame.index, time=frame.time, image=frame.image) for frame in clip.frames()
        )
        yield from map_stretches(
            clip.tracks(skeleton=model.network.skeleton.name),
            pictures,
            model,
            length=training.length,
            jitter=training.jitter,
            rng=rng,
        )
        listener(Event(event="progress", run="refiner", stage="draw", done=number + 1))


def fit(
    refiner: torch.nn.Module,
    stretches: Sequence[MapStretch],
    training: RefinerTraining,
    *,
    listener: Listener,
) -> None:
    """Train a refiner on stretches, in place."""
    rng = np.random.default_rng(training.seed)
    optimizer = torch.optim.AdamW(refiner.parameters(), lr=training.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.steps)
    listener(Event(event="stage", run="refiner", stage="train", total=training.steps, unit="steps"))
    refiner.train()
    for step in range(training.steps):
        chosen = [stretches[i] for i in rng.integers(0, len(stretches), training.batch)]
        loss = _loss(refiner, chosen, training, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        listener(
            Event(event="progress", run="refiner", stage="train", done=step + 1, loss=loss.item())
        )


def _loss(
    refiner: Any,
    chosen: Sequence[MapStretch],
    training: RefinerTraining,
    rng: np.random.Generator,
) -> Tensor:
    evidence, regions, keypoints = (
        torch.from_numpy(np.stack([getattr(one, name) for one in chosen])).float()
        for name in ("evidence", "regions", "keypoints")
    )
    shown = torch.from_numpy(rng.random(evidence.shape[:3]) >= training.hidden)
    evidence = evidence * shown[..., None, None]
    if isinstance(refiner, ConvLSTMRefiner):
        logits = refiner(evidence, regions)
    else:
        config = refiner.config
        last = evidence.shape[1] - config.future
        place = int(rng.integers(config.past, max(last, config.past + 1)))
        window = range(place - config.past, place + config.future + 1)
        maps = _moved(evidence, regions, place, window)
        keypoints, regions = keypoints[:, place, None], regions[:, place, None]
        if isinstance(refiner, MapWarper):
            others = [step for step in range(len(window)) if step != config.past]
            logits = refiner.logits(maps[:, config.past], maps[:, others])[:, None]
        else:
            logits = refiner(maps)[:, None]
    return map_loss(logits.flatten(0, 1), keypoints.flatten(0, 1), regions.flatten(0, 1), training)


def map_loss(
    logits: Tensor, keypoints: Tensor, regions: Tensor, training: RefinerTraining
) -> Tensor:
    """Cross-entropy of maps over their cells, averaged over known joints.

    Args:
        logits: (M, K, h, w).
        keypoints: (M, K, 2) true places, pixels; NaN where nobody knows.
        regions: (M, 4) pixels.
        training: Says how wide the Gaussians are.
    """
    known = keypoints.isfinite().all(-1).float()
    shape = (logits.shape[2], logits.shape[3])
    target, weights = gaussian_maps(keypoints, known, regions, shape=shape, spread=training.spread)
    target = target / target.sum((2, 3), keepdim=True).clamp(min=1e-6)
    hit = (logits * target).sum((2, 3))
    costs = logits.flatten(2).logsumexp(2) - hit
    return (costs * weights).sum() / weights.sum().clamp(min=1e-6)


def _moved(evidence: Tensor, regions: Tensor, place: int, window: Sequence[int]) -> Tensor:
    """(B, S, K, h, w) maps of some frames in the cells of one."""
    target = regions[:, place]
    moved = [
        evidence[:, other]
        if other == place
        else move_maps(evidence[:, other], source=regions[:, other], target=target)
        for other in window
    ]
    return torch.stack(moved, 1)
