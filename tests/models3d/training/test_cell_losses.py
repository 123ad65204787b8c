"""What mistakes of dense proposals cost, computed by hand."""

import math

import pytest
import torch
from torch import Tensor

from posetube.models3d.dense_proposals import CellPredictions
from posetube.models3d.training.cell_losses import cell_losses, quality_focal_loss
from posetube.models3d.training.cell_targets import CellConfig, CellTargets
from posetube.models3d.training.loss_shares import means
from posetube.models3d.training.targets import TubeTruth

from .test_cell_targets import BOX, STRIDE, cell, grid, saying, truth_of


def targets(quality: list[float], counts: list[bool]) -> CellTargets:
    return CellTargets(
        person=torch.zeros(len(quality), dtype=torch.int64),
        quality=torch.tensor(quality),
        counts=torch.tensor(counts),
    )


def test_the_focal_loss_weighs_cross_entropy_by_the_square_of_the_error() -> None:
    logits = torch.tensor([0.0, math.log(3), 2.0])  # scores 0.5, 0.75 and something

    cost = quality_focal_loss(logits, targets([0.0, 0.25, 0.9], [True, True, False]))

    first = 0.5**2 * math.log(2)
    second = 0.5**2 * -(0.25 * math.log(0.75) + 0.75 * math.log(0.25))
    assert cost.item() == pytest.approx(first + second)


def test_a_score_that_is_the_overlap_costs_nothing() -> None:
    quality = torch.tensor([0.1, 0.5, 0.9])

    cost = quality_focal_loss(quality.logit(), targets(quality.tolist(), [True] * 3))

    assert cost.item() == pytest.approx(0, abs=1e-12)


def predictions(tubes: Tensor, *, logits: Tensor | None = None) -> CellPredictions:
    points = grid()
    return CellPredictions(
        logits=(torch.full((len(points),), -9.0) if logits is None else logits)[None],
        tubes=tubes[None],
        points=points,
        strides=torch.full((len(points),), float(STRIDE)),
    )


def losses_of(found: CellPredictions, *truth: TubeTruth) -> dict[str, Tensor]:
    return means(cell_losses(found, truth, config=CellConfig()))


def boxes_cost(tubes: Tensor, *people: list[list[float] | None]) -> float:
    losses = losses_of(predictions(tubes), truth_of(*people))
    return losses["proposal_boxes"].item()


MIDDLE = cell(48, 48)


def test_the_right_box_costs_nothing() -> None:
    assert boxes_cost(saying({MIDDLE: BOX}), [BOX]) == pytest.approx(0, abs=1e-6)


def test_half_a_box_costs_one_minus_its_overlap_weighed_by_it() -> None:
    half = [32.0, 16, 48, 80]

    # the hull is the person, so the generalised overlap is the plain one; 0.5 people are found, and
    # less than one counts as one
    assert boxes_cost(saying({MIDDLE: half}), [BOX]) == pytest.approx(0.5 * 0.5)


def test_a_box_beside_the_person_costs_what_lies_between_them() -> None:
    tubes = saying({MIDDLE: [48.0, 16, 80, 80]})

    # overlap 1 / 3, hull 48 wide, all of it covered: 2 / 3, weighed by 1 / 3
    assert boxes_cost(tubes, [BOX]) == pytest.approx(2 / 3 / 3)


def test_frames_without_the_person_cost_nothing() -> None:
    half = [32.0, 16, 48, 80]
    tubes = saying({}, length=3)
    tubes[MIDDLE] = torch.tensor([BOX, [500.0, 0, 510, 10], half])

    # overlap (1 + 0.5) / 2, cost (0 + 0.5) / 2
    assert boxes_cost(tubes, [BOX, None, BOX]) == pytest.approx(0.25 * 0.75)


def test_both_are_divided_by_the_overlaps_of_the_whole_batch() -> None:
    logits = torch.full((2, len(grid())), -30.0)
    logits[:, MIDDLE] = 0.0
    exact = saying({MIDDLE: BOX})
    found = predictions(exact)._replace(logits=logits, tubes=torch.stack([exact, exact]))

    losses = losses_of(found, truth_of([BOX]), truth_of([BOX]))

    assert losses["objectness"].item() == pytest.approx(0.25 * math.log(2))


def test_a_clip_without_people_still_teaches_the_background() -> None:
    logits = torch.zeros(len(grid()), requires_grad=True)

    losses = losses_of(predictions(saying({}), logits=logits), truth_of())
    torch.autograd.backward(losses["objectness"])

    assert losses["proposal_boxes"] == 0
    assert losses["objectness"].item() == pytest.approx(len(grid()) * 0.25 * math.log(2))
    assert logits.grad is not None
    assert (logits.grad > 0).all()


def test_gradients_reach_scores_and_boxes_and_no_targets() -> None:
    tubes = saying({MIDDLE: [32.0, 16, 48, 80]}).requires_grad_()
    logits = torch.zeros(len(grid()), requires_grad=True)

    losses = losses_of(predictions(tubes, logits=logits), truth_of([BOX]))
    torch.autograd.backward(list(losses.values()))

    assert tubes.grad is not None
    assert logits.grad is not None
    assert tubes.grad[MIDDLE, 0, 2] < 0  # the right side has to move to the right
    others = torch.arange(len(grid())) != MIDDLE
    assert not tubes.grad[others].any()
    assert logits.grad[others].all()
    assert logits.grad[MIDDLE] == 0  # as sure as its box is right
