"""Every recipe of the documentation, from its beginning to its end, with two steps on drawn data.

The data sets have the layout and the place that the recipe names, the networks its architecture and
random weights. Batches, pictures and numbers of proposals are small, the networks shallow and
narrow.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import Layout, write_dataset
from posetube.models3d.checkpoints.loading import load_network
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.configs.networks import AnchorRCNNConfig
from posetube.models3d.presets import (
    detect_and_track_r18,
    detect_and_track_r101,
    keypoint_rcnn_r50,
    tiny,
)
from posetube.models3d.training.over_time import inflated
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.cli import main
from posetube.pipelines.training.toml_config import read_config
from posetube.pipelines.training.train import RESULT, train_network
from posetube.pipelines.training.train_config import TrainConfig
from posetube.pipelines.training.training_metrics import METRICS

RECIPES = sorted((Path(__file__).parents[3] / "docs" / "recipes").glob("*.toml"))
SIZE = (64, 96)
SCENE = SceneConfig(size=(96, 128), seconds=0.4, people=2, noise=0.0)
DATA: dict[str, Layout] = {
    "PoseTrack17": "posetrack17",
    "Penn_Action": "penn-action",
    "JHMDB": "jhmdb",
    "COCO": "coco",
}
"""Folders that recipes name, and their layout."""


def flat_r18() -> AnchorRCNNConfig:
    """The published 2D ResNet-18: the 3D one without time."""
    given = detect_and_track_r18()
    return replace(
        given,
        clip_length=1,
        body=replace(given.body, times=(1, 1, 1, 1, 1)),
        proposals=replace(given.proposals, time=1),
        keypoint_head=replace(given.keypoint_head, time=1),
    )


NETWORKS: dict[str, Callable[[], Any]] = {
    "coco": keypoint_rcnn_r50,
    "detect_and_track_2d": detect_and_track_r101,
    "detect_and_track_2d_r18": flat_r18,
    "detect_and_track_3d_r18": flat_r18,
    **{f"faster_rcnn_{step}": keypoint_rcnn_r50 for step in (1, 2, 3, 4)},
    "jhmdb": tiny,
    "penn_action": tiny,
}
"""What each begins with."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, layout in DATA.items():
        split: Any = "" if layout == "coco" else "train"
        clips = [generate(SCENE, seed=seed) for seed in (0, 1)]
        write_dataset(folder / name, clips, layout=layout, split=split)
    words = ["data", "archive", str(folder / "COCO"), "--from", "coco", "--long-side", "832"]
    assert main([*words, "-o", str(folder / "coco.tar")]) == 0
    return folder


def random_network(kind: Callable[[], Any]) -> TubeRCNN:
    """A shallow, narrow network of random weights that proposes few boxes."""
    given = kind()
    torch.manual_seed(0)
    if given.box_head is not None:
        hidden = None if given.box_head.hidden is None else 64
        given = replace(
            given,
            body=replace(given.body, depth=18),
            proposals=replace(given.proposals, before_nms=100, after_nms=20),
            box_head=replace(given.box_head, hidden=hidden),
            keypoint_head=replace(given.keypoint_head, channels=64),
        )
    return TubeRCNN(given)


def small(recipe: Path) -> TrainConfig:
    """A recipe whose batches, pictures and steps are few and small."""
    given = read_config(recipe, TrainConfig)
    schedule = replace(given.optimization.schedule, warmup=1)
    if schedule.drops:
        schedule = replace(schedule, drops=(1,))
    scaled = None if given.optimization.for_batch is None else 2
    rates = replace(given.optimization, steps=2, for_batch=scaled, schedule=schedule)
    given = replace(given, optimization=replace(rates, precision="float32"), predictions=1)
    if given.pictures is not None:
        return replace(given, pictures=replace(given.pictures, batch=2, sizes=(SIZE,)))
    assert given.clips is not None
    augment = replace(given.clips.augment, size=SIZE)
    return replace(given, clips=replace(given.clips, batch=2, augment=augment))


def test_every_recipe_has_a_network_here() -> None:
    assert {path.stem for path in RECIPES} == NETWORKS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_runs_from_its_beginning_to_its_end(
    recipe: Path, data: Path, tmp_path: Path
) -> None:
    config = small(recipe)
    for name in (*DATA, "coco.tar", "coco.npz"):
        (tmp_path / name).symlink_to(data / name)
    if config.start != "tiny":
        start = config.start if config.start.endswith(".safetensors") else "start.safetensors"
        config = replace(config, start=start)
        network = random_network(NETWORKS[recipe.stem])
        for name in filter(None, (start, config.proposals_from)):
            save_weights(network, tmp_path / name)

    trained = train_network(config, tmp_path / "run", root=tmp_path, device="cpu")

    lines = [json.loads(line) for line in (tmp_path / "run" / METRICS).read_text().splitlines()]
    assert [line["step"] for line in lines] == [2]
    assert np.isfinite(lines[0]["loss"])
    assert lines[0]["gradient"] > 0
    assert "skipped" not in lines[0]
    length = 1 if config.clips is None else config.clips.frames.length
    first = config.start if config.start == "tiny" else tmp_path / config.start
    before = inflated(load_network(first), length=length).state_dict()
    after = load_file(tmp_path / "run" / RESULT)
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed
    assert not [name for name in changed if name.startswith(config.optimization.frozen)]
    assert trained.clip_length == load_network(tmp_path / "run" / RESULT).clip_length == length
