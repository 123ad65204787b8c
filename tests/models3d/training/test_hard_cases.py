"""Losses for hard cases, with the answers of the papers: Fast R-CNN, RetinaNet, OHEM, CPN."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from posetube.errors import InputError
from posetube.models3d.training.heatmap_targets import HeatmapTarget
from posetube.models3d.training.loss_config import LossConfig
from posetube.models3d.training.loss_shares import joined
from posetube.models3d.training.losses import (
    FocalConfig,
    box_loss,
    class_loss,
    focal_loss,
    hardest_joints,
    keypoint_loss,
)
from posetube.models3d.training.sampling import HardRoisConfig, SampleConfig, hardest
from posetube.models3d.training.targets import BoxTarget
from tests.models3d.training.test_tube_losses import losses_of, network, people, pixels


def test_fast_rcnns_multi_task_loss_by_hand() -> None:
    # equation 1: -log p_u of both RoIs; the boxes of the one that is a person, equation 3 at 1
    scores = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    deltas = torch.tensor([[[0.5, 2.0, 0.0, -3.0]]])
    wanted = BoxTarget(torch.zeros(1, 1, 4), torch.ones(1, 1, dtype=torch.bool))

    classes = class_loss(scores.log(), torch.tensor([1, 0])).mean
    boxes = box_loss(deltas, wanted, count=2, beta=1.0).mean

    assert classes.item() == pytest.approx(-(math.log(0.75) + math.log(0.5)) / 2)
    assert boxes.item() == pytest.approx((0.5 * 0.5**2 + (2 - 0.5) + (3 - 0.5)) / 2)


def focal(score: float, label: int, **settings: float) -> float:
    logits, labels = torch.tensor([score]).logit(), torch.tensor([label])
    return focal_loss(logits, labels, config=FocalConfig(**settings)).total.item()


@pytest.mark.parametrize(("score", "times"), [(0.9, 100), (0.968, 977)])
def test_focal_loss_of_an_easy_anchor_is_as_much_smaller_as_the_paper_says(
    score: float, times: float
) -> None:
    plain = focal(score, 1, alpha=0.5, gamma=0)

    assert plain == pytest.approx(-0.5 * math.log(score), rel=1e-4)
    assert plain / focal(score, 1, alpha=0.5) == pytest.approx(times, rel=0.01)
    hard = focal(0.5, 1, alpha=0.5, gamma=0) / focal(0.5, 1, alpha=0.5)
    assert hard == pytest.approx(4)


def test_focal_loss_weighs_people_and_background_and_is_divided_by_people() -> None:
    logits = torch.tensor([0.5, 0.2, 0.2, 0.7]).logit()
    labels = torch.tensor([1, 0, 1, -1])

    loss = focal_loss(logits, labels, config=FocalConfig())

    by_hand = [
        0.25 * 0.5**2 * -math.log(0.5),
        0.75 * 0.2**2 * -math.log(0.8),
        0.25 * 0.8**2 * -math.log(0.2),
    ]
    assert loss.mean.item() == pytest.approx(sum(by_hand) / 2)
    nobody = focal_loss(logits[:1], torch.tensor([0]), config=FocalConfig())
    assert nobody.mean.item() == pytest.approx(0.75 * 0.25 * math.log(2))
    assert joined([loss, nobody]).mean.item() == pytest.approx(
        (sum(by_hand) + 0.75 * 0.25 * math.log(2)) / 2
    )


def boxes_at(*corners: float) -> Tensor:
    return torch.tensor([[[x, 0.0, x + 100, 100]] for x in corners])


def test_the_hardest_rois_are_those_that_cost_most_without_doubles() -> None:
    # the second overlaps the first by 90 / 110, so it is the same mistake; the third by 80 / 120
    tubes = boxes_at(0, 10, 20, 500, 900)
    costs = torch.tensor([3.0, 2.9, 1.0, 2.0, 0.1])

    chosen = [
        hardest(costs, tubes, config=HardRoisConfig(size=size)).tolist() for size in (1, 3, 9)
    ]

    assert chosen == [[0], [0, 3, 2], [0, 3, 2, 4]]
    assert hardest(costs[:0], tubes[:0], config=HardRoisConfig()).tolist() == []


def test_the_box_head_learns_from_the_rois_that_it_gets_wrong() -> None:
    model, frames, truth = network(), pixels(2), [people(1), people(1, seed=5)]

    drawn = losses_of(model, frames, truth)
    all_of_them = losses_of(model, frames, truth, LossConfig(hard_rois=HardRoisConfig(size=999)))
    hard = losses_of(model, frames, truth, LossConfig(hard_rois=HardRoisConfig(size=4)))
    torch.autograd.backward(list(hard.values()))

    assert (hard["classes"] + hard["boxes"]) > (all_of_them["classes"] + all_of_them["boxes"])
    assert torch.equal(drawn["objectness"], hard["objectness"])
    without = [n for n, p in model.named_parameters() if p.grad is None]
    assert without == []


def test_with_focal_loss_all_anchors_count() -> None:
    model, frames, truth = network(), pixels(1), [people(1)]

    drawn = losses_of(model, frames, truth)
    plain = LossConfig(focal=FocalConfig())
    found = losses_of(model, frames, truth, plain)
    again = losses_of(model, frames, truth, replace(plain, anchor_sample=SampleConfig(size=1)))

    assert found["objectness"] != drawn["objectness"]
    assert torch.equal(found["objectness"], again["objectness"])
    assert found["proposal_boxes"] > drawn["proposal_boxes"]  # divided by people alone


def test_only_the_hardest_joints_count() -> None:
    costs = torch.tensor([[4.0, 1.0, 3.0, 9.0], [1.0, 2.0, 3.0, 4.0]])
    weights = torch.tensor([[1.0, 1.0, 0.5, 0.0], [0.0, 0.0, 0.0, 1.0]])

    kept = hardest_joints(costs, weights, count=2)

    assert kept.tolist() == [[1, 0, 0.5, 0], [0, 0, 0, 1]]
    assert torch.equal(hardest_joints(costs, weights, count=None), weights)
    assert torch.equal(hardest_joints(costs, weights, count=9), weights)


def test_the_keypoint_loss_of_hard_joints_by_hand() -> None:
    # two joints on maps of two cells; the target is the first cell of each
    logits = torch.tensor([[0.5, 0.5], [0.1, 0.9]]).log().view(1, 1, 2, 1, 2)
    target = HeatmapTarget(
        rows=torch.ones(1, 1, 2, 1),
        columns=functional.one_hot(torch.zeros(1, 1, 2, dtype=torch.int64), 2).float(),
        weights=torch.ones(1, 1, 2),
    )

    assert keypoint_loss(logits, target).mean.item() == pytest.approx(-math.log(0.5 * 0.1) / 2)
    assert keypoint_loss(logits, target, hardest=1).mean.item() == pytest.approx(-math.log(0.1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FocalConfig(alpha=2), r"FocalConfig.alpha must be in \[0, 1\], got 2"),
        (lambda: FocalConfig(gamma=-1), "FocalConfig.gamma must be 0 or more, got -1"),
        (lambda: HardRoisConfig(size=0), "HardRoisConfig.size must be 1 or more, got 0"),
        (lambda: LossConfig(hard_joints=0), "LossConfig.hard_joints must be 1 or more, got 0"),
    ],
)
def test_settings_are_checked(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]
