"""Which cells are people, where the right answer is plain."""

import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.training.cell_targets import CellConfig, CellTargets, cell_targets
from posetube.models3d.training.targets import TubeTruth

STRIDE = 8
COLUMNS, ROWS = 16, 12
"""Cells of a picture of 128 x 96 pixels at a stride of 8."""


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
    return TubeTruth(
        boxes=boxes,
        present=present,
        keypoints=torch.zeros(len(tubes), length, 17, 2),
        keypoint_weights=torch.zeros(len(tubes), length, 17),
        ignore=torch.tensor(ignore) if ignore else torch.zeros(0, length, 4),
    )


def grid() -> Tensor:
    """(N, 2) the corners of the cells, row by row."""
    x = torch.arange(COLUMNS) * float(STRIDE)
    y = torch.arange(ROWS) * float(STRIDE)
    return torch.stack([x.expand(ROWS, -1), y[:, None].expand(-1, COLUMNS)], -1).flatten(0, 1)


def cell(x: int, y: int) -> int:
    return y // STRIDE * COLUMNS + x // STRIDE


def assigned(
    truth: TubeTruth,
    tubes: Tensor,
    *,
    logits: Tensor | None = None,
    config: CellConfig | None = None,
) -> CellTargets:
    points = grid()
    return cell_targets(
        torch.zeros(len(points)) if logits is None else logits,
        tubes,
        truth,
        points=points,
        strides=torch.full((len(points),), float(STRIDE)),
        config=config or CellConfig(),
    )


def saying(boxes: dict[int, list[float]], *, length: int = 1) -> Tensor:
    """(N, T, 4): what some cells say; all others say a box far away."""
    tubes = torch.tensor([900.0, 900, 910, 910]).repeat(COLUMNS * ROWS, length, 1)
    for index, box in boxes.items():
        tubes[index] = torch.tensor(box)
    return tubes


BOX = [32.0, 16, 64, 80]
LEFT_HALF = [32.0, 16, 48, 80]


@pytest.mark.parametrize(("right", "wanted"), [(1, 1), (2, 2), (3, 3)])
def test_a_person_gets_as_many_cells_as_their_overlaps_add_up_to(right: int, wanted: int) -> None:
    inside = [cell(40, 40), cell(48, 48), cell(56, 56)]
    tubes = saying(dict.fromkeys(inside[:right], BOX))

    found = assigned(truth_of([BOX]), tubes)

    chosen = torch.nonzero(found.person >= 0)[:, 0].tolist()
    assert sorted(chosen) == sorted(inside[:right])
    assert len(chosen) == wanted
    assert found.quality[chosen].tolist() == pytest.approx([1.0] * right)


def test_half_overlaps_count_half() -> None:
    inside = [cell(40, 40), cell(48, 48), cell(40, 56), cell(48, 32), cell(56, 56)]

    found = assigned(truth_of([BOX]), saying(dict.fromkeys(inside, LEFT_HALF)))

    taken = found.person >= 0
    assert taken.sum() == 2  # five halves are two, rounded down
    assert found.quality[taken].tolist() == pytest.approx([0.5, 0.5])


def test_only_so_many_overlaps_are_added() -> None:
    inside = [cell(x, y) for x in (40, 48, 56) for y in (40, 48, 56)]
    tubes = saying(dict.fromkeys(inside, BOX))

    assert (assigned(truth_of([BOX]), tubes).person >= 0).sum() == 9
    few = assigned(truth_of([BOX]), tubes, config=CellConfig(candidates=4))
    assert (few.person >= 0).sum() == 4


def test_everybody_gets_a_cell_however_wrong_all_of_them_are() -> None:
    found = assigned(truth_of([BOX]), saying({}))

    [chosen] = torch.nonzero(found.person >= 0)[:, 0].tolist()
    assert chosen == cell(48, 48)  # the nearest to the middle
    assert found.quality[chosen] == 0


def test_the_surest_of_equal_boxes_wins() -> None:
    near, far = cell(48, 48), cell(40, 48)
    tubes, logits = saying(dict.fromkeys((near, far), LEFT_HALF)), torch.full((192,), -6.0)
    logits[far] = 0.0  # as sure as its box is right

    found = assigned(truth_of([BOX]), tubes, logits=logits)

    assert torch.nonzero(found.person >= 0)[:, 0].tolist() == [far]


def test_overlap_weighs_more_than_the_middle() -> None:
    away, middle = cell(40, 32), cell(48, 48)

    found = assigned(truth_of([BOX]), saying({away: BOX, middle: LEFT_HALF}))

    assert torch.nonzero(found.person >= 0)[:, 0].tolist() == [away]


def test_cells_outside_a_person_are_not_theirs_whatever_they_say() -> None:
    outside, inside = cell(96, 48), cell(48, 48)

    found = assigned(truth_of([BOX]), saying({outside: BOX, inside: LEFT_HALF}))

    assert found.person[outside] == -1
    assert found.person[inside] == 0


def test_a_cell_that_two_want_goes_to_the_one_it_suits_better() -> None:
    other = [32.0, 16, 64, 88]
    shared = cell(48, 48)

    found = assigned(truth_of([other], [BOX]), saying({shared: BOX}))

    assert found.person[shared] == 1
    assert found.quality[shared] == 1


def test_somebody_smaller_than_a_cell_gets_one_of_those_around_them() -> None:
    small = [50.0, 50, 53, 54]  # holds no corner of a cell
    around = cell(48, 48)

    found = assigned(truth_of([small]), saying({around: [50.0, 50, 53, 53]}))

    assert torch.nonzero(found.person >= 0)[:, 0].tolist() == [around]
    assert found.quality[around] == pytest.approx(0.75)


def test_regions_to_ignore_do_not_count_unless_somebody_is_there() -> None:
    truth = truth_of([BOX], ignore=[[[24.0, 8, 96, 88]]])

    found = assigned(truth, saying({cell(48, 48): BOX}))

    assert found.counts[cell(48, 48)]
    assert not found.counts[cell(56, 48)]
    assert not found.counts[cell(24, 8)]
    assert found.counts[cell(104, 48)]
    assert (found.person >= 0).sum() == 1


def test_regions_of_any_frame_count() -> None:
    nobody = truth_of([None, None], ignore=[[[0.0, 0, 0, 0], [60, 60, 90, 90]]])

    found = assigned(nobody, saying({}, length=2))

    assert not found.counts[cell(64, 64)]
    assert (found.person == -1).all()


def test_frames_without_the_person_say_nothing() -> None:
    truth = truth_of([BOX, None, [40.0, 16, 72, 80]])
    here = cell(48, 48)
    tubes = saying({}, length=3)
    tubes[here] = torch.tensor([BOX, [700.0, 700, 710, 710], [40.0, 16, 72, 80]])

    found = assigned(truth, tubes)

    assert found.person[here] == 0
    assert found.quality[here] == 1
    assert (found.person >= 0).sum() == 1


def test_the_middle_is_that_of_the_frames_with_the_person() -> None:
    truth = truth_of([[0.0, 16, 32, 80], None, [32.0, 16, 64, 80]])

    found = assigned(truth, saying({}, length=3))

    assert torch.nonzero(found.person >= 0)[:, 0].tolist() == [cell(32, 48)]


def test_somebody_who_is_never_there_gets_nothing() -> None:
    found = assigned(truth_of([None], [BOX]), saying({cell(48, 48): BOX}))

    assert found.person[cell(48, 48)] == 1
    assert (found.person == 0).sum() == 0


def test_nobody_is_all_background() -> None:
    found = assigned(truth_of(), saying({}))

    assert (found.person == -1).all()
    assert found.counts.all()
    assert not found.quality.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": 0}, "CellConfig.candidates must be 1 or more, got 0"),
        ({"overlap_cost": -1.0}, "CellConfig.overlap_cost must be 0 or more, got -1"),
    ],
)
def test_settings_name_the_field_and_the_value(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CellConfig(**settings)  # type: ignore[arg-type]  # one of each
