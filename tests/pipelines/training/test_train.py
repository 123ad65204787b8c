"""The training job on a handful of small drawn pictures."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from posetube.errors import InputError, WeightsError
from posetube.models3d.checkpoints.loading import load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.configs.people_heads import MaskHeadConfig
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.losses import FocalConfig
from posetube.models3d.training.sampling import HardRoisConfig
from posetube.models3d.training.training_state import STATE
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.cli import main
from posetube.pipelines.training.batches import ClipBatches, prefetch
from posetube.pipelines.training.clip_sources import PicturesConfig, open_clip_source
from posetube.pipelines.training.drawn_archive import DrawnArchiveConfig
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.train_config import ValidationConfig
from posetube.pipelines.training.training_metrics import METRICS
from posetube.skeletons import COCO17
from tests.models3d.small_networks import small_anchor_rcnn, small_tiny
from tests.pipelines.training.small_run import FROZEN, SIZE, config, make_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / RESULT)


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_with_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_network(config(), tmp_path / "straight", root=data)
    real = ClipBatches.__call__

    def stop_at_three(self: ClipBatches, step: int) -> Any:
        if step == 3:
            raise KeyboardInterrupt
        return real(self, step)

    monkeypatch.setattr(ClipBatches, "__call__", stop_at_three)
    with pytest.raises(KeyboardInterrupt):
        train_network(config(), tmp_path / "stopped", root=data)
    monkeypatch.undo()
    train_network(config(), tmp_path / "stopped", root=data)

    straight, stopped = weights(tmp_path / "straight"), weights(tmp_path / "stopped")
    assert straight.keys() == stopped.keys()
    for name, value in straight.items():
        assert torch.equal(value, stopped[name]), name


@pytest.mark.slow
def test_training_makes_the_losses_smaller_and_leaves_frozen_parts_alone(
    data: Path, tmp_path: Path
) -> None:
    start = load_file(data / "start.safetensors")

    network = train_network(config(steps=30), tmp_path, root=data)

    reports = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    sums = [r["objectness"] + r["keypoints"] for r in reports if "objectness" in r]
    assert np.mean(sums[-3:]) < 0.9 * np.mean(sums[:3])
    result = weights(tmp_path)
    for name, value in result.items():
        if name.startswith(FROZEN):
            assert torch.equal(value, start[name]), name
    assert not torch.equal(
        result["keypoint_head.network.out.weight"], start["keypoint_head.network.out.weight"]
    )
    assert torch.equal(
        network.state_dict()["keypoint_head.network.out.weight"],
        result["keypoint_head.network.out.weight"],
    )
    assert load_network(tmp_path / RESULT).config == small_tiny()


def test_batches_depend_on_seed_and_step_alone(data: Path) -> None:
    pictures = PicturesConfig(archives={"photos.tar": 1.0}, sizes=(SIZE, (64, 96)), batch=2)
    source = open_clip_source(pictures, root=data)
    single, same, other = (
        ClipBatches(source=source, config=pictures, skeleton=COCO17, seed=seed, places=range(2))
        for seed in (1, 1, 2)
    )

    several = list(prefetch(same, 2, 7, threads=3))

    assert len(several) == 5
    for step, batch in enumerate(several, start=2):
        assert np.array_equal(batch.images, single(step).images)
    assert any(not np.array_equal(other(s).images, single(s).images) for s in range(3))


@pytest.mark.slow
def test_the_state_of_another_run_is_refused(data: Path, tmp_path: Path) -> None:
    save_file({"network.x": torch.zeros(1)}, tmp_path / STATE, metadata={"step": "2"})

    with pytest.raises(WeightsError, match=r"state\.safetensors: not the state of this training"):
        train_network(config(), tmp_path, root=data)

    (tmp_path / STATE).unlink()
    (tmp_path / STATE).mkdir()
    with pytest.raises(WeightsError, match=r"not the state.*or remove it to begin again here"):
        train_network(config(), tmp_path, root=data)


@pytest.mark.slow
def test_synthetic_people_alone_are_enough_to_train_on(data: Path, tmp_path: Path) -> None:
    given = config().drawn
    assert given is not None
    drawn = replace(given, onto={})
    alone = PicturesConfig(sizes=(SIZE,), batch=1)

    train_network(replace(config(steps=1), pictures=alone, drawn=drawn), tmp_path, root=data)

    assert (tmp_path / RESULT).exists()
    with pytest.raises(InputError, match="needs pictures.archives or drawn: nothing to train on"):
        replace(config(), pictures=alone, drawn=None)


@pytest.mark.slow
def test_pictures_teach_masks(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    flat = small_anchor_rcnn()
    head = MaskHeadConfig(pool=flat.keypoint_head.pool, channels=16, depth=1)
    save_weights(TubeRCNN(replace(flat, mask_head=head)), data / "masks.safetensors")
    wanted = config(steps=10)
    wanted = replace(
        wanted,
        start="masks.safetensors",
        optimization=replace(wanted.optimization, frozen=("body.", "neck.", "proposals.")),
    )

    train_network(wanted, tmp_path, root=data)

    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    masks = [line["masks"] for line in lines if "masks" in line]
    assert masks[0] > masks[-1] > 0
    with np.load(tmp_path / "drawn.npz") as labels:
        assert len(labels["mask_ends"]) == len(labels["boxes"])


def test_validation_photographs_that_are_missing_are_named(data: Path, tmp_path: Path) -> None:
    missing = ValidationConfig(annotations=Path("no.json"), pictures=Path())

    with pytest.raises(InputError, match=r"no\.json"):
        train_network(config(steps=1, validation=missing), tmp_path, root=data)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (PicturesConfig, {"archives": {"a": 0}}, "PicturesConfig.archives must have weights above"),
        (
            PicturesConfig,
            {"archives": {"a": math.nan}},
            "PicturesConfig.archives must have weights",
        ),
        (
            PicturesConfig,
            {"archives": {"a": 1.0}, "sizes": ()},
            "PicturesConfig.sizes must be mult",
        ),
        (DrawnArchiveConfig, {"onto": {"a": -1.0}}, "DrawnArchiveConfig.onto must have weights"),
        (DrawnArchiveConfig, {"seed": -1}, "DrawnArchiveConfig.seed must be 0 or more, got -1"),
        (config, {"seed": -1}, "TrainConfig.seed must be 0 or more, got -1"),
        (
            PicturesConfig,
            {"archives": {"a": 1.0}, "batch": 0},
            "PicturesConfig.batch must be 1 or more, got 0",
        ),
        (
            PicturesConfig,
            {"archives": {"a": 1.0}, "sizes": ((100, 128),)},
            "PicturesConfig.sizes must be multiples of 32 from 64",
        ),
        (
            DrawnArchiveConfig,
            {"onto": {"a": 1.0}, "count": 0},
            "DrawnArchiveConfig.count must be above 0, got 0",
        ),
    ],
)
def test_settings_name_the_field_and_the_value(
    kind: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        kind(**settings)


@pytest.mark.slow
def test_the_command_reads_settings_and_names_the_result(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "run.toml"
    settings.write_text(
        "start = 'start.safetensors'\nsave_every = 1\n"
        "[pictures]\nbatch = 1\nsizes = [[96, 128]]\narchives = {'photos.tar' = 1}\n"
        "[optimization]\nsteps = 1\n"
    )
    words = ["train", str(settings), "--data", str(data), "--out", str(tmp_path), "--device", "cpu"]

    assert main(words) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / RESULT)
    assert (tmp_path / RESULT).is_file()

    settings.write_text("start = 'tiny'\nsede = 3\n")
    assert main(words) == InputError.exit_code
    assert "unknown key 'sede' in the file; did you mean 'seed'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (LossConfig(focal=FocalConfig()), "focal is for anchors, and start.safetensors has none"),
        (LossConfig(hard_rois=HardRoisConfig()), "hard_rois is for a box head, and start.safe"),
    ],
)
def test_losses_of_parts_that_the_network_lacks_are_refused(
    data: Path, tmp_path: Path, losses: LossConfig, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        train_network(config(losses=losses), tmp_path, root=data)
