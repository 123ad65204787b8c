"""Training refiners of heatmaps: on stretches with a known answer, and from the command line."""

from pathlib import Path

import numpy as np
import pytest
import torch

import posetube
from posetube.errors import InputError
from posetube.models3d.map_moving import cell_middles
from posetube.models3d.refiners.learned_config import ConvLSTMConfig, WeightedPoolConfig
from posetube.models3d.refiners.refiner_files import build_refiner, load_refiner
from posetube.pipelines.cli import main
from posetube.pipelines.training.map_stretches import MapStretch
from posetube.pipelines.training.refiner_training import RefinerTraining
from posetube.pipelines.training.train_refiner import fit, map_loss, refiner_config, train_refiner


def stretches(count: int = 12, *, frames: int = 6, ahead: bool = False) -> list[MapStretch]:
    """Somebody whose every second frame shows nothing; or one whose maps come a frame late."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        regions = np.tile(np.array([0, 0, 12, 16], np.float32), (frames, 1))
        places = rng.uniform(3, 9, (1, 17, 2)).repeat(frames, 0)
        if ahead:
            places = rng.uniform(3, 9, (frames, 17, 2))
        drawn = np.roll(places, 1, axis=0) if ahead else places
        away = cell_middles(regions, (16, 12))[:, None] - drawn[:, :, None, None]
        maps = np.exp(-0.5 * np.square(away).sum(-1))
        if not ahead:
            maps[1::2] = 0.1 * rng.uniform(0, 1, maps[1::2].shape)
        made.append(
            MapStretch(
                evidence=maps.astype(np.float16),
                regions=regions,
                keypoints=places.astype(np.float32),
            )
        )
    return made


FAST = RefinerTraining(steps=60, batch=4, hidden=0.0, spread=1.0, learning_rate=0.1)


def losses(
    refiner: torch.nn.Module, data: list[MapStretch], training: RefinerTraining
) -> list[float]:
    told: list[float] = []
    fit(refiner, data, training, listener=lambda e: told.append(e.loss or 0) if e.loss else None)
    return told


def test_a_pool_learns_which_frame_tells_the_joint() -> None:
    pool = build_refiner(WeightedPoolConfig(skeleton="coco17", past=1, future=1))

    losses(pool, stretches(ahead=True), FAST)

    weights = pool.weights().detach()  # type: ignore[operator]
    assert (weights[:, 2] > 0.9).all()


@pytest.mark.slow
def test_a_memory_learns_to_remember() -> None:
    config = ConvLSTMConfig(skeleton="coco17", hidden=17, kernels=(3,), channels=32)
    training = RefinerTraining(steps=150, batch=4, hidden=0.0, spread=1.0, learning_rate=0.01)

    told = losses(build_refiner(config), stretches(), training)

    least = np.log(2 * np.pi * np.e)  # what the Gaussian of width 1 costs itself
    assert np.mean(told[-10:]) - least < 0.5 * (np.mean(told[:5]) - least)


def test_joints_that_nobody_knows_or_outside_the_map_cost_nothing() -> None:
    logits = torch.zeros(1, 3, 16, 12)
    places = torch.tensor([[[4.0, 5], [torch.nan, 2], [40, 2]]])
    regions = torch.tensor([[0.0, 0, 12, 16]])

    loss = map_loss(logits, places, regions, RefinerTraining())

    assert loss.item() == pytest.approx(np.log(16 * 12), rel=1e-4)


@pytest.mark.slow
def test_the_command_writes_a_refiner_that_track_takes(tmp_path: Path) -> None:
    file = tmp_path / "pool.safetensors"
    few = ["--clips", "1", "--steps", "3", "--length", "5"]
    assert main(["train-refiner", "pool", "-o", str(file), *few]) == 0

    assert load_refiner(file).config == refiner_config("pool", joints="coco19")
    with pytest.raises(InputError, match="nobody is seen in 500 frames in a row"):
        train_refiner(
            refiner_config("pool", joints="coco19"),
            posetube.load_model("tiny"),
            RefinerTraining(clips=1, length=500),
            listener=lambda _: None,
        )


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="RefinerTraining.length must be 2 or more, got 1"):
        RefinerTraining(length=1)
