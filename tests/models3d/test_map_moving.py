"""Maps of one box in the cells of another."""

import torch

from posetube.models3d.map_moving import move_maps


def ramp() -> torch.Tensor:
    """(1, 2, 4, 6) the column and the row of every cell, from 1."""
    x = torch.arange(1.0, 7).expand(4, 6)
    y = torch.arange(1.0, 5)[:, None].expand(4, 6)
    return torch.stack([x, y])[None]


BOX = torch.tensor([[10.0, 20, 70, 60]])
"""Cells of 10 pixels."""


def test_maps_of_the_same_box_stay_as_they_are() -> None:
    torch.testing.assert_close(move_maps(ramp(), source=BOX, target=BOX), ramp())


def test_a_box_one_cell_further_sees_the_next_cells_and_nothing_beyond() -> None:
    moved = move_maps(ramp(), source=BOX, target=BOX + torch.tensor([10.0, 0, 10, 0]))

    assert torch.equal(moved[0, 0, 0].round(decimals=4), torch.tensor([2.0, 3, 4, 5, 6, 0]))
    torch.testing.assert_close(moved[0, 1, :, 0], torch.tensor([1.0, 2, 3, 4]))


def test_half_a_cell_is_interpolated() -> None:
    moved = move_maps(ramp(), source=BOX, target=BOX + torch.tensor([0.0, 5, 0, 5]))

    torch.testing.assert_close(moved[0, 1, :3, 2], torch.tensor([1.5, 2.5, 3.5]))


def test_a_smaller_box_sees_its_part_at_finer_steps() -> None:
    moved = move_maps(ramp(), source=BOX, target=torch.tensor([[25.0, 30, 55, 50]]))

    torch.testing.assert_close(moved[0, 0, 0], torch.tensor([2.25, 2.75, 3.25, 3.75, 4.25, 4.75]))
    torch.testing.assert_close(moved[0, 1, :, 0], torch.tensor([1.75, 2.25, 2.75, 3.25]))


def test_every_map_has_its_own_boxes() -> None:
    maps, boxes = ramp().repeat(2, 1, 1, 1), BOX.repeat(2, 1)
    target = boxes.clone()
    target[1, ::2] += 20

    moved = move_maps(maps, source=boxes, target=target)

    torch.testing.assert_close(moved[0], ramp()[0])
    torch.testing.assert_close(moved[1, 0, 0, :4], torch.tensor([3.0, 4, 5, 6]))


def test_a_box_without_width_gives_no_nan() -> None:
    flat = torch.tensor([[10.0, 20, 10, 60]])

    assert move_maps(ramp(), source=flat, target=BOX).isfinite().all()
