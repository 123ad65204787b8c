"""Training refiners of heatmaps: on shards with a known answer, and from the command line."""

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from posetube.errors import InputError, MissingFileError, WeightsError
from posetube.models3d.map_moving import cell_middles
from posetube.models3d.refiners.refiner_files import load_refiner
from posetube.models3d.training.optimization import OptimizationConfig, ScheduleConfig
from posetube.models3d.training.refiner_losses import map_loss
from posetube.pipelines.cli import main
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import catching_interrupts
from posetube.pipelines.progress import Event
from posetube.pipelines.training import train_refiner as training
from posetube.pipelines.training.refiner_config import MapsConfig, RefinerTraining
from posetube.pipelines.training.train_config import TrainConfig
from posetube.pipelines.training.train_refiner import RESULT, refiner_config, train_refiner
from posetube.pipelines.training.training_metrics import METRICS
from posetube.pipelines.watch import Watch

FRAMES = 5
JOINTS = 19


def write_shard(path: Path, *, late: bool) -> Path:
    """Twelve people whose every second map shows nothing; or ones whose maps come a frame late."""
    rng = np.random.default_rng(0)
    regions = np.tile(np.array([0, 0, 12, 16], np.float32), (FRAMES, 1))
    evidence, keypoints = [], []
    for _ in range(12):
        places = rng.uniform(3, 9, (FRAMES if late else 1, JOINTS, 2))
        places = np.broadcast_to(places, (FRAMES, JOINTS, 2))
        drawn = np.roll(places, 1, axis=0) if late else places
        away = cell_middles(regions, (16, 12))[:, None] - drawn[:, :, None, None]
        maps = np.exp(-0.5 * np.square(away).sum(-1))
        if not late:
            maps[1::2] = 0.1 * rng.uniform(0, 1, maps[1::2].shape)
        evidence.append(maps)
        keypoints.append(places)
    save_file(
        {
            "track_ids": np.repeat(np.arange(12), FRAMES),
            "frames": np.tile(np.arange(FRAMES), 12),
            "evidence": np.concatenate(evidence).astype(np.float16),
            "regions": np.tile(regions, (12, 1)),
            "keypoints": np.concatenate(keypoints).astype(np.float32),
        },
        path,
    )
    return path


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return shards(tmp_path, monkeypatch, late=True)


@pytest.fixture
def blinking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return shards(tmp_path, monkeypatch, late=False)


def shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool) -> Path:
    """Shards with a known answer in the place of those that would be dumped."""
    shard = write_shard(tmp_path / "00000.safetensors", late=late)
    monkeypatch.setattr(training, "dump_maps", lambda *_, **__: [shard])
    return tmp_path


def config(
    kind: Any = "pool", *, steps: int = 60, rate: float = 0.1, **refiner: Any
) -> TrainConfig:
    given: dict[str, Any] = {"length": FRAMES, "batch": 4, "hidden": 0.0, "spread": 1.0}
    return TrainConfig(
        start="tiny",
        refiner=RefinerTraining(kind=kind, **(given | refiner)),
        optimization=OptimizationConfig(
            steps=steps,
            learning_rate=rate,
            weight_decay=0.0,
            average=0.5,
            precision="float32",
            schedule=ScheduleConfig(warmup=1),
        ),
        report_every=1,
        save_every=10,
    )


def losses(folder: Path, name: str = "places") -> list[float]:
    lines = (folder / METRICS).read_text().splitlines()
    return [float(json.loads(line)[name]) for line in lines]


def test_a_pool_learns_which_frame_tells_the_joint(late: Path) -> None:
    # played backwards, maps come a frame early: the frames on either side are right as often
    pool: Any = train_refiner(config(steps=80), late / "run")

    weights = pool.weights().detach()
    assert (weights[:, [1, 3]].sum(1) > 0.9).all()
    assert load_refiner(late / "run" / RESULT).config == refiner_config("pool", joints="coco19")


@pytest.mark.slow
def test_a_memory_learns_to_remember(blinking: Path) -> None:
    run = config("lstm", steps=60, rate=0.03, coarse=True)

    train_refiner(run, blinking / "run")

    told = losses(blinking / "run")
    least = np.log(2 * np.pi * np.e) - np.log(4)  # what the Gaussian costs itself, in coarse cells
    assert np.mean(told[-5:]) - least < 0.5 * (np.mean(told[:5]) - least)


@pytest.mark.slow
def test_both_ways_begin_with_a_trained_way_ahead(blinking: Path) -> None:
    few = config("lstm", steps=2, rate=0.01, coarse=True)
    ahead = train_refiner(few, blinking / "ahead").state_dict()
    assert few.refiner is not None
    start = replace(few.refiner, kind="both-ways", start="ahead/refiner.safetensors")
    frozen = replace(few.optimization, frozen=("ahead.",))

    both = train_refiner(
        replace(few, refiner=start, optimization=frozen), blinking / "both", root=blinking
    ).state_dict()

    for name, tensor in ahead.items():
        assert torch.equal(both[f"ahead.{name}"], tensor)
    name = "readout.4.weight"
    assert both[f"back.{name}"].shape == ahead[name].shape
    assert not torch.equal(both[f"back.{name}"], ahead[name])
    with pytest.raises(WeightsError, match="another kind of refiner than pool"):
        train_refiner(
            replace(few, refiner=replace(start, kind="pool")), blinking / "no", root=blinking
        )
    with pytest.raises(MissingFileError, match="no such file or folder; the settings name it"):
        train_refiner(replace(few, refiner=start), blinking / "no")


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_same_weights(late: Path) -> None:
    straight = train_refiner(config(steps=4), late / "straight").state_dict()

    def stop(event: Event) -> None:
        if event.stage == "train" and event.done == 2:
            signal.raise_signal(signal.SIGINT)

    with catching_interrupts() as interrupt:
        watch = Watch(listener=stop, interrupt=interrupt)
        with pytest.raises(Interrupted):
            train_refiner(config(steps=4), late / "run", watch=watch)
    assert losses(late / "run") == losses(late / "straight")[:2]
    again = train_refiner(config(steps=4), late / "run").state_dict()

    assert torch.equal(straight["logits"], again["logits"])
    assert losses(late / "run") == losses(late / "straight")
    with pytest.raises(InputError, match="refiner.spread was 1.0, is now 3.0"):
        train_refiner(config(steps=4, spread=3.0), late / "run")


def test_a_refiner_says_where_it_comes_from_and_how_good_it_is(late: Path) -> None:
    run = config(steps=1, validation=MapsConfig(clips=1))

    train_refiner(replace(run, licence="CC0"), late / "mine")

    with safe_open(late / "mine" / RESULT, "numpy") as file:
        told = file.metadata()
    assert (told["name"], told["licence"], told["data"]) == ("mine", "CC0", "40 drawn clips")
    assert told["parents"].startswith("tiny, ")
    assert 0 < losses(late / "mine", "validation_near")[0] < 100
    assert losses(late / "mine", "validation_places")[0] > 0


def test_joints_that_nobody_knows_or_outside_the_map_cost_nothing() -> None:
    logits = torch.zeros(1, 3, 16, 12)
    places = torch.tensor([[[4.0, 5], [torch.nan, 2], [40, 2]]])
    regions = torch.tensor([[0.0, 0, 12, 16]])

    where, heights = (part.mean for part in map_loss(logits, places, regions, spread=2.0))

    assert where.item() == pytest.approx(np.log(16 * 12), rel=1e-4)
    assert heights.item() < 16 * 12  # a map of ones, where there should be one peak


@pytest.mark.slow
def test_the_command_writes_a_refiner_that_track_takes(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        "start = 'tiny'\noptimization = {steps = 1}\n[refiner]\nkind = 'pool'\nlength = 5\n"
        "[refiner.maps]\nclips = 1\nseconds = 0.4\n"
    )
    command = ["train", str(tmp_path / "run.toml"), "-o", str(tmp_path / "run")]

    assert main(command) == 0

    assert load_refiner(tmp_path / "run" / RESULT).config == refiner_config("pool", joints="coco19")
    shard = tmp_path / "run" / "maps" / "00000.safetensors"
    with safe_open(shard, "numpy") as file:
        evidence, keypoints = (file.get_tensor(name) for name in ("evidence", "keypoints"))
    assert evidence.shape[1:] == (JOINTS, 64, 48)
    assert evidence.dtype == np.float16
    # the network finds most joints of drawn people near their true places, in the map's own cells
    assert np.isfinite(keypoints).any()
    made = shard.stat().st_mtime_ns
    assert main(command) == 0
    assert shard.stat().st_mtime_ns == made


def test_settings_are_checked(late: Path) -> None:
    with pytest.raises(InputError, match=r"RefinerTraining.length must be 2 or more, got 1"):
        RefinerTraining(kind="pool", length=1)
    with pytest.raises(InputError, match=r"MapsConfig needs clips or videos"):
        MapsConfig(clips=0)
    with pytest.raises(InputError, match=r"length must be 5 or more for pool"):
        train_refiner(config(length=4), late / "run")
    with pytest.raises(InputError, match="nobody is followed over 6 frames in a row"):
        train_refiner(config(length=6), late / "run")
    with pytest.raises(InputError, match="are a network's; a refiner has refiner.heights"):
        replace(config(), losses="detect-and-track")


@pytest.mark.slow
def test_a_clip_in_which_nobody_is_followed_is_named(tmp_path: Path) -> None:
    short = RefinerTraining(kind="pool", maps=MapsConfig(clips=1, seconds=0.04))

    with pytest.raises(InputError, match="drawn clip 0: nobody is followed here; take longer"):
        train_refiner(replace(config(), refiner=short), tmp_path)
