"""Training parts of the embedded model: what is learned, what is chosen, how scores are joined."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.relabelled_pictures import look, proposer
from benchmarks.train_tiny_parts import (
    CropRun,
    Judge,
    box_loss,
    chosen,
    crop_loss,
    file_of,
    moved,
    trained,
    with_head,
    write,
)
from posetube.models3d import load_network
from posetube.models3d.box_head import BoxOutput
from posetube.models3d.configs.people_heads import BoxHeadConfig, PoolConfig
from posetube.models3d.configs.proposal_heads import DenseProposalConfig
from posetube.models3d.features import ClipFeatures
from posetube.models3d.preprocess import Geometry
from posetube.models3d.tube_choice import Proposals
from tests.benchmarks.test_relabelled_pictures import person

GEOMETRY = Geometry(picture=(100, 100), resized=(100, 100), padded=(128, 128), scale=(1.0, 1.0))
PROPOSED = Proposals(
    tubes=torch.tensor([[[[0.0, 0, 40, 40]], [[50.0, 50, 90, 90]], [[0.0, 0, 0, 0]]]]),
    scores=torch.tensor([[0.8, 0.45, 0.0]]),
    taken=torch.tensor([[True, True, False]]),
)


class Fixed:
    """A box head that says the same of everything."""

    config = BoxHeadConfig(pool=PoolConfig(size=7))

    def pool(self, features: ClipFeatures, tubes: Any) -> Any:
        """How many there are."""
        return sum(len(each) for each in tubes)

    def __call__(self, count: int, length: int) -> BoxOutput:
        """Half a person, a tenth of the box to the right."""
        deltas = torch.zeros(count, length, 2, 4)
        deltas[:, :, 1, 0] = 1.0
        return BoxOutput(torch.zeros(count, length, 2), deltas, None)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a picture."""
    path: Path = tmp_path_factory.mktemp("kept") / "one.safetensors"
    write(look(proposer(), person()), path)
    return path


@pytest.mark.parametrize(("product", "wanted"), [(False, 0.5), (True, 0.4**0.5)])
def test_a_judge_joins_scores_or_takes_the_heads(product: bool, wanted: float) -> None:
    choice = DenseProposalConfig(min_score=0.48)
    judge = Judge(Fixed(), choice, product=product, boxes=False)
    features: Any = SimpleNamespace(length=1)

    people = judge.find_people(features, PROPOSED, GEOMETRY)

    # by the product, the second one is not sure enough
    assert int(people.taken.sum()) == (1 if product else 2)
    assert float(people.scores[0, 0]) == pytest.approx(wanted, abs=1e-5)
    np.testing.assert_allclose(people.boxes[0, 0, 0], [0, 0, 40, 40])


def test_a_judge_corrects_boxes_on_request() -> None:
    judge = Judge(Fixed(), DenseProposalConfig(), product=False, boxes=True)
    features: Any = SimpleNamespace(length=1)

    people = judge.find_people(features, PROPOSED, GEOMETRY)

    found = sorted(people.boxes[0, people.taken[0], 0].tolist())
    np.testing.assert_allclose(found, [[4, 0, 44, 40], [54, 50, 94, 90]], atol=1e-4)


@pytest.mark.slow
def test_a_box_head_learns_and_nothing_else(kept: Path) -> None:
    network = with_head(proposer().requires_grad_(False))

    before = float(box_loss(network, [kept], 0).detach())
    after = trained(network.box_head, lambda step: box_loss(network, [kept], 0), rate=1e-3, steps=4)

    assert float(box_loss(network, [kept], 0).detach()) < before
    assert set(after) == set(network.box_head.state_dict())
    tiny = load_network("tiny").state_dict()
    assert all(torch.equal(each, network.state_dict()[name]) for name, each in tiny.items())


@pytest.mark.slow
@pytest.mark.parametrize("own_heights", [False, True])
def test_a_crop_head_learns(kept: Path, own_heights: bool) -> None:
    head: Any = load_network("tiny").keypoint_head.train()
    run = CropRun(rate=1e-4, own_heights=own_heights)

    before = crop_loss(head, [(kept, 0)], run, 0)
    torch.autograd.backward([before])

    without = [name for name, each in head.named_parameters() if each.grad is None]
    assert without == []
    assert torch.isfinite(before)


def test_weights_are_brought_part_of_the_way(tmp_path: Path) -> None:
    tiny = load_network("tiny").keypoint_head.state_dict()
    write({name: each + 1 for name, each in tiny.items()}, file_of(tmp_path, "run, far"))

    found = moved(tmp_path, "run, far", 0.25).keypoint_head.state_dict()

    for name, each in tiny.items():
        torch.testing.assert_close(found[name], each + 0.25)


def test_the_half_that_reports_does_not_choose() -> None:
    def figures(value: float) -> dict[str, float]:
        return dict.fromkeys(("oks_ap", "box_ap", "joints_percent"), value)

    table = {
        "tiny": [figures(9), figures(9)],
        "crops a": [figures(1), figures(3)],
        "crops b": [figures(2), figures(0)],
    }

    assert chosen(table, "crops") == "crops b"
