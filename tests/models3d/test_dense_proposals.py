"""Dense proposals: what a cell says of a box, how the best are chosen."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.configs.necks import PathAggregationConfig
from posetube.models3d.configs.proposal_heads import DenseProposalConfig
from posetube.models3d.dense_proposals import (
    CellPredictions,
    DenseProposalHead,
    cell_boxes,
    cell_points,
)
from posetube.models3d.tube_choice import choose_tubes


def test_a_box_is_told_from_the_upper_left_corner_of_its_cell() -> None:
    sides = torch.zeros(1, 4, 2, 3)
    sides[0, :, 1, 2] = torch.tensor([10.0, 4, 6, 20])
    sides[0, :, 0, 0] = torch.tensor([-2.0, -3, 8, 9])

    points = cell_points(sides, 8)
    boxes = cell_boxes(sides, points)[0]

    assert points.tolist() == [[0, 0], [8, 0], [16, 0], [0, 8], [8, 8], [16, 8]]
    assert boxes[5].tolist() == [6, 4, 22, 28]
    assert boxes[0].tolist() == [2, 3, 8, 9]  # sides may be negative
    assert boxes[4].tolist() == [8, 8, 8, 8]


def head() -> DenseProposalHead:
    """A head on two levels that says 0, whatever the levels hold."""
    made = DenseProposalHead(DenseProposalConfig(), channels=4, strides=(8, 16))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
    return made


def test_sides_are_counted_in_cells_of_their_level() -> None:
    made = head()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("sides.2.bias"):
                parameter.copy_(torch.tensor([1.0, 2, 3, 4]))
    levels = [torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 1, 1)]

    found = made(levels, 1)

    assert found.strides.tolist() == [8, 8, 8, 8, 16]
    assert found.tubes[0, 3, 0].tolist() == [0, -8, 32, 40]
    assert found.tubes[0, 4, 0].tolist() == [-16, -32, 48, 64]


def test_the_score_of_a_tube_is_the_mean_of_its_frames_and_every_frame_has_its_box() -> None:
    made = head()
    with torch.no_grad():
        for kernel in made.levels[0].parameters():
            if kernel.ndim == 4:
                kernel[:, :, kernel.shape[2] // 2, kernel.shape[3] // 2] = 1
    bright = torch.tensor([1.0, 2, 6])[:, None, None, None].expand(3, 4, 1, 1)

    together = made([bright, torch.zeros(3, 4, 1, 1)], 3)
    alone = made([bright, torch.zeros(3, 4, 1, 1)], 1)

    assert together.logits.shape == (1, 2)
    assert together.logits[0, 0].item() == pytest.approx(alone.logits[:, 0].mean().item())
    torch.testing.assert_close(together.tubes[0, 0], alone.tubes[:, 0, 0])


def predictions(logits: list[float], boxes: list[list[float]]) -> CellPredictions:
    count = len(logits)
    return CellPredictions(
        logits=torch.tensor([logits]),
        tubes=torch.tensor(boxes)[None, :, None],
        points=torch.zeros(count, 2),
        strides=torch.full((count,), 8),
    )


def test_the_best_of_similar_boxes_are_proposed_by_falling_score() -> None:
    found = predictions(
        [0.0, 2.0, 1.0, -5.0],
        [[0, 0, 10, 10], [50, 0, 60, 10], [0, 0, 10, 9], [90, 0, 99, 9]],
    )

    chosen = choose_tubes(
        found.logits, found.tubes, config=DenseProposalConfig(min_score=0.1, nms=0.6)
    )

    assert chosen.taken.sum() == 2
    assert chosen.taken[0, :2].all()
    assert chosen.tubes[0, :2, 0].tolist() == [[50, 0, 60, 10], [0, 0, 10, 9]]
    torch.testing.assert_close(chosen.scores[0, :2], torch.tensor([2.0, 1.0]).sigmoid())
    assert not chosen.tubes[0, 2:].any()
    assert not chosen.scores[0, 2:].any()


def test_proposals_carry_no_gradient() -> None:
    logits = torch.zeros(1, 2, requires_grad=True)
    found = predictions([0, 0], [[0, 0, 9, 9], [20, 0, 29, 9]])._replace(logits=logits)

    chosen = choose_tubes(found.logits, found.tubes, config=DenseProposalConfig())

    assert not chosen.scores.requires_grad


def test_there_are_never_more_than_were_asked_for() -> None:
    boxes = [[20.0 * n, 0, 20 * n + 10, 10] for n in range(6)]
    found = predictions([0.0] * 6, boxes)

    few = choose_tubes(found.logits, found.tubes, config=DenseProposalConfig(after_nms=2))
    before = choose_tubes(found.logits, found.tubes, config=DenseProposalConfig(before_nms=3))

    assert few.taken.sum() == 2
    assert before.taken.sum() == 3


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("min_score", 1.5, r"DenseProposalConfig.min_score must be in \[0, 1\], got 1.5"),
        ("nms", -0.1, r"DenseProposalConfig.nms must be in \[0, 1\], got -0.1"),
        ("before_nms", 0, r"DenseProposalConfig.before_nms must be in \[1, 20000\], got 0"),
        ("after_nms", 0, r"DenseProposalConfig.after_nms must be in \[1, 20000\], got 0"),
    ],
)
def test_settings_name_the_field_and_the_value(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(DenseProposalConfig(), **{name: value})  # type: ignore[arg-type]  # one of each


def test_a_neck_without_channels_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"PathAggregationConfig.channels must be in \[1, 65536\], got 0"
    ):
        PathAggregationConfig(channels=0)


def test_a_new_head_takes_few_cells_for_people_and_has_boxes_around_all() -> None:
    made = DenseProposalHead(DenseProposalConfig(), channels=4, strides=(8,))
    blank: list[Tensor] = [torch.zeros(1, 4, 3, 3)]

    found = made(blank, 1)
    assert found.logits.sigmoid().max().item() == pytest.approx(0.01, abs=1e-3)
    assert found.tubes[0, 4, 0].tolist() == [-8, -8, 24, 24]  # and every box has some area
