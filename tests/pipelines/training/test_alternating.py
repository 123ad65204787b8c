"""Faster R-CNN's four steps, with the settings of the recipes, on a handful of drawn pictures."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from posetube.errors import InputError, WeightsError
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.pipelines.training.refiner_config import RefinerTraining
from posetube.pipelines.training.toml_config import read_config
from posetube.pipelines.training.train import train_network
from posetube.pipelines.training.train_config import TrainConfig
from tests.models3d.small_networks import small_anchor_rcnn
from tests.pipelines.training.small_run import SIZE, config, make_data

DOCS = Path(__file__).parents[3] / "docs"
SHARED, HEADS = ("body.", "neck."), ("box_head.", "keypoint_head.")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of random weights in the place of one with a body that classifies."""
    folder = make_data(tmp_path_factory.mktemp("data"))
    torch.manual_seed(0)
    save_weights(TubeRCNN(small_anchor_rcnn()), folder / "start.safetensors")
    return folder


def recipe(number: int) -> TrainConfig:
    """A step's recipe with two steps on drawn pictures, at a rate that shows."""
    given = read_config(DOCS / "recipes" / f"faster_rcnn_{number}.toml", TrainConfig)
    assert given.pictures is not None
    pictures = replace(given.pictures, archives={"photos.tar": 0.1}, sizes=(SIZE,), batch=2)
    optimization = replace(
        given.optimization, steps=2, for_batch=None, learning_rate=0.02, precision="float32"
    )
    schedule = replace(optimization.schedule, drops=())
    return replace(
        given,
        pictures=pictures,
        drawn=config().drawn,
        optimization=replace(optimization, schedule=schedule, average=0.0),
    )


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The parts of a network that differ."""
    names = {name for name, value in before.items() if not torch.equal(value, after[name])}
    return {f"{name.partition('.')[0]}." for name in names}


@pytest.mark.slow
def test_each_of_the_four_steps_trains_its_parts(data: Path) -> None:
    torch.manual_seed(0)
    states = [TubeRCNN(small_anchor_rcnn()).state_dict()]
    for number in (1, 2, 3, 4):
        trained = train_network(recipe(number), data / f"step{number}", root=data)
        states.append({name: value.clone() for name, value in trained.state_dict().items()})

    start, first, second, third, last = states
    assert changed(start, first) == {*SHARED, "proposals."}
    assert changed(start, second) == {*SHARED, *HEADS}
    assert changed(first, second) >= {*SHARED}
    assert changed(second, third) == {"proposals."}
    assert changed(third, last) == {*HEADS}
    settings = (data / "step2" / "settings.json").read_text()
    assert '"proposals_from_sha256"' in settings


@pytest.mark.slow
def test_the_network_that_proposes_must_be_there_and_of_the_same_kind(
    data: Path, tmp_path: Path
) -> None:
    inclusive = small_anchor_rcnn()
    inclusive = replace(inclusive, box_head=replace(inclusive.box_head, convention="inclusive"))
    save_weights(TubeRCNN(inclusive), data / "inclusive.safetensors")
    second = recipe(2)

    with pytest.raises(WeightsError, match=r"nowhere\.safetensors"):
        train_network(replace(second, proposals_from="nowhere.safetensors"), tmp_path, root=data)
    message = "proposals_from: boxes of inclusive.safetensors are inclusive, those of start.safe"
    with pytest.raises(InputError, match=message):
        train_network(replace(second, proposals_from="inclusive.safetensors"), tmp_path, root=data)


def test_a_refiner_takes_no_proposals() -> None:
    with pytest.raises(InputError, match="proposals_from is for a network, and this is a refiner"):
        TrainConfig(
            start="tiny",
            refiner=RefinerTraining(kind="lstm"),
            proposals_from="tiny",
            optimization=config().optimization,
        )
