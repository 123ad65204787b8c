"""Which tubes are people, and where their joints lie on the maps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.box_coding import BoxConvention, decode_boxes
from posetube.models3d.training.heatmap_targets import heatmap_target
from posetube.models3d.training.targets import (
    NEGATIVE,
    POSITIVE,
    UNUSED,
    MatchConfig,
    TubeTruth,
    box_target,
    match,
    presence_target,
)


def truth_of(
    *tubes: list[list[float] | None], ignore: list[list[list[float]]] | None = None
) -> TubeTruth:
    """People from per-frame boxes; None where they are absent."""
    length = len(tubes[0]) if tubes else 1
    boxes = torch.zeros(len(tubes), length, 4)
    present = torch.zeros(len(tubes), length, dtype=torch.bool)
    for person, tube in enumerate(tubes):
        for frame, box in enumerate(tube):
            if box is not None:
                boxes[person, frame] = torch.tensor(box)
                present[person, frame] = True
    regions = torch.tensor(ignore) if ignore else torch.zeros(0, length, 4)
    return TubeTruth(
        boxes=boxes,
        present=present,
        keypoints=torch.zeros(len(tubes), length, 17, 2),
        keypoint_weights=torch.zeros(len(tubes), length, 17),
        ignore=regions,
    )


HERE, THERE = [10.0, 10, 50, 90], [100.0, 10, 140, 90]


def test_a_tube_on_a_person_is_that_person_and_one_elsewhere_is_background() -> None:
    tubes = torch.tensor([[HERE], [THERE], [[10.0, 10, 50, 60]]])

    found = match(tubes, truth_of([HERE]), config=MatchConfig())

    assert found.labels.tolist() == [POSITIVE, NEGATIVE, UNUSED]
    assert found.person[0] == 0


def test_the_best_tube_of_a_person_is_that_person_however_bad() -> None:
    poor = torch.tensor([[[10.0, 10, 50, 30]], [THERE]])

    kept = match(poor, truth_of([HERE]), config=MatchConfig())
    dropped = match(poor, truth_of([HERE]), config=MatchConfig(keep_best=False))

    assert kept.labels.tolist() == [POSITIVE, NEGATIVE]
    assert dropped.labels.tolist() == [NEGATIVE, NEGATIVE]


def test_frames_without_the_person_do_not_lower_the_overlap() -> None:
    tube = torch.tensor([[HERE, HERE, HERE]])
    person = truth_of([HERE, None, None])

    ours = match(tube, person, config=MatchConfig(keep_best=False))
    published = match(tube, person, config=MatchConfig(keep_best=False, average="all"))

    assert ours.overlap.item() == pytest.approx(1)
    assert published.overlap.item() == pytest.approx(1 / 3)


def test_where_nobody_is_everything_is_background() -> None:
    found = match(torch.tensor([[HERE]]), truth_of(), config=MatchConfig())

    assert found.labels.tolist() == [NEGATIVE]


def test_a_region_to_ignore_is_not_background() -> None:
    tubes = torch.tensor([[THERE], [HERE]])

    found = match(tubes, truth_of(ignore=[[[90.0, 0, 150, 100]]]), config=MatchConfig())

    assert found.labels.tolist() == [UNUSED, NEGATIVE]


def test_a_person_in_a_region_to_ignore_is_a_person() -> None:
    person = truth_of([HERE], ignore=[[[0.0, 0, 200, 200]]])

    assert match(torch.tensor([[HERE]]), person, config=MatchConfig()).labels.tolist() == [POSITIVE]


def test_absent_frames_want_nothing_or_as_published_one_pixel_at_the_origin() -> None:
    tube, person = torch.tensor([[HERE, HERE]]), truth_of([HERE, None])
    nobody = torch.tensor([0])

    free = box_target(tube, nobody, person)
    origin = box_target(tube, nobody, person, convention="detect-and-track", absent="origin")

    assert free.counts.tolist() == [[True, False]]
    assert free.deltas[0, 0].tolist() == [0, 0, 0, 0]
    assert origin.counts.all()
    back = decode_boxes(origin.deltas, tube, convention="inclusive")
    assert torch.allclose(back[0, 1], torch.zeros(4), atol=1e-4)
    with pytest.raises(InputError, match="LossConfig.absent_boxes 'origin' needs a network whose"):
        box_target(tube, nobody, person, absent="origin")


def test_presence_is_not_known_where_nobody_labelled() -> None:
    tubes = torch.tensor([[HERE, HERE, HERE]])
    nowhere, everywhere = [0.0] * 4, [0.0, 0, 200, 200]
    person = truth_of([HERE, None, None], ignore=[[everywhere, everywhere, nowhere]])

    known = presence_target(tubes, torch.tensor([0]), person, config=MatchConfig())

    assert known.tolist() == [[1, UNUSED, 0]]


def one_joint(x: float, y: float, *, spread: float | None) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and weight of a joint in a box of 56 x 112 pixels at the origin."""
    target = heatmap_target(
        torch.tensor([[[[x, y]]]]),
        torch.ones(1, 1, 1),
        torch.tensor([[[0.0, 0, 56, 112]]]),
        side=56,
        spread=spread,
    )
    return target.rows[0, 0, 0], target.columns[0, 0, 0], target.weights[0, 0, 0]


@given(st.floats(8, 48), st.floats(16, 96))
@settings(max_examples=40)
def test_the_target_is_centred_on_the_exact_place(x: float, y: float) -> None:
    rows, columns, weight = one_joint(x, y, spread=1.0)

    centres = torch.arange(56) + 0.5
    assert float(rows @ centres) * 2 == pytest.approx(y, abs=0.02)
    assert float(columns @ centres) == pytest.approx(x, abs=0.02)
    assert rows.sum().item() == pytest.approx(1, abs=1e-5)
    assert weight == 1


def test_one_cell_holds_all_without_a_spread() -> None:
    rows, columns, _ = one_joint(10.2, 21.9, spread=None)

    assert rows.tolist().index(1.0) == 10
    assert columns.tolist().index(1.0) == 10
    assert rows.sum() == columns.sum() == 1


@pytest.mark.parametrize(("x", "y"), [(-1, 5), (57, 5), (5, 113), (float("nan"), 5.0)])
@pytest.mark.parametrize("spread", [None, 1.0])
def test_a_joint_outside_its_box_counts_nothing(x: float, y: float, spread: float | None) -> None:
    rows, columns, weight = one_joint(x, y, spread=spread)

    assert weight == 0
    assert torch.isfinite(rows).all()
    assert torch.isfinite(columns).all()


def test_a_joint_on_the_last_edge_lies_in_the_last_cell() -> None:
    rows, columns, weight = one_joint(56, 112, spread=None)

    assert rows[-1] == columns[-1] == weight == 1


@pytest.mark.parametrize(
    ("convention", "column"), [("continuous", 28), ("inclusive", 28), ("detect-and-track", 27)]
)
def test_only_detect_and_track_takes_boxes_for_a_pixel_wider(
    convention: BoxConvention, column: int
) -> None:
    target = heatmap_target(
        torch.tensor([[[[27.6, 27.6], [55, 55]]]]),
        torch.ones(1, 1, 2),
        torch.tensor([[[0.0, 0, 55, 55]]]),
        side=56,
        spread=None,
        convention=convention,
    )

    assert target.columns.argmax(dim=-1).tolist() == [[[column, 55]]]
    assert target.weights.all()


def test_a_joint_one_pixel_beyond_the_last_counts_as_in_the_original() -> None:
    """Where rounding decides, in tubes of five frames: the original divides in 32 bits."""
    left = torch.linspace(0, 150, 680).view(-1, 5).round(decimals=1)
    boxes = torch.stack([left, left, torch.full_like(left, 159), torch.full_like(left, 159)], -1)
    target = heatmap_target(
        torch.full((*left.shape, 1, 2), 160.0),
        torch.ones(*left.shape, 1),
        boxes,
        side=56,
        spread=None,
        convention="detect-and-track",
    )

    x1, x2 = boxes[..., 0].numpy(), boxes[..., 2].numpy()
    cell = np.floor((np.float32(160) - x1) * (np.float32(56) / (x2 - x1 + np.float32(1))))
    np.testing.assert_array_equal(target.weights[..., 0], cell < 56)
    outside = heatmap_target(  # of a box 41 pixels wide
        torch.tensor([[[[160.0, 130.0]]]]),
        torch.ones(1, 1, 1),
        torch.tensor([[[119.0, 119.0, 159.0, 159.0]]]),
        side=56,
        spread=None,
        convention="detect-and-track",
    )
    assert outside.weights.item() == 0


def test_shapes_and_thresholds_are_checked() -> None:
    with pytest.raises(
        InputError, match=r"TubeTruth.present: expected shape \(1, 2\), got \(1, 3\)"
    ):
        TubeTruth(
            boxes=torch.zeros(1, 2, 4),
            present=torch.zeros(1, 3, dtype=torch.bool),
            keypoints=torch.zeros(1, 2, 17, 2),
            keypoint_weights=torch.zeros(1, 2, 17),
            ignore=torch.zeros(0, 2, 4),
        )
    with pytest.raises(InputError, match=r"MatchConfig.positive must be in \[0, 1\], got 7"):
        MatchConfig(positive=7)
    with pytest.raises(InputError, match="MatchConfig.negative must not exceed positive 0.2"):
        MatchConfig(positive=0.2, negative=0.5)
