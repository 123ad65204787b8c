"""Maps of one box in the cells of another."""

import numpy as np
import torch
from torch.nn import functional

from posetube.models3d.map_moving import cell_middles, move_maps


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


def boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count, 4) boxes of 60 to 210 pixels."""
    corner, size = rng.uniform(0, 100, (count, 2)), rng.uniform(60, 210, (count, 2))
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


def test_arrays_and_tensors_give_what_torch_samples_with_flow_and_without() -> None:
    rng = np.random.default_rng(0)
    maps = rng.uniform(0, 1, (5, 3, 12, 9)).astype(np.float32)
    source, target = boxes(rng, 5), boxes(rng, 5)
    places = cell_middles(target, (12, 9))
    share = (places - source[:, None, None, :2]) / (source[:, 2:] - source[:, :2])[:, None, None]
    grid = torch.from_numpy(2 * share - 1)
    expected = functional.grid_sample(torch.from_numpy(maps), grid, align_corners=False).numpy()
    tensors = [torch.from_numpy(array) for array in (maps, source, target, places)]

    still = move_maps(maps, source=source, target=target)
    gathered = move_maps(maps, source=source, target=target, places=places)
    by_torch = move_maps(
        tensors[0], source=tensors[1], target=tensors[2], places=tensors[3]
    ).numpy()

    for moved in (still, gathered, by_torch):
        np.testing.assert_allclose(moved, expected, atol=2e-5)


def test_a_peak_stays_at_its_place_in_the_picture() -> None:
    # 64 random pairs of boxes, shifted by 15 pixels and scaled by 15 % at most
    rng = np.random.default_rng(0)
    source = boxes(rng, 64)
    size = source[:, 2:] - source[:, :2]
    middle = (source[:, :2] + source[:, 2:]) / 2
    peak = middle + rng.uniform(-0.25, 0.25, (64, 2)) * size
    moved_size = size * rng.uniform(0.85, 1.15, (64, 1))
    middle = middle + rng.uniform(-15, 15, (64, 2))
    target = np.concatenate([middle - moved_size / 2, middle + moved_size / 2], axis=1)

    def offset(box: np.ndarray) -> np.ndarray:
        away: np.ndarray = cell_middles(box, (56, 56)) - peak[:, None, None]
        return np.asarray(away / (size / 56)[:, None, None])

    maps = np.exp(-0.5 * np.square(offset(source)).sum(-1) / 4)[:, None].astype(np.float32)
    moved = move_maps(maps, source=source, target=target.astype(np.float32))[:, 0]

    cells = cell_middles(target, (56, 56))
    centroid = (cells * moved[..., None]).sum((1, 2)) / moved.sum((1, 2))[:, None]
    assert np.linalg.norm(centroid - peak, axis=1).max() < 0.15


def test_gradients_reach_the_maps() -> None:
    maps = ramp().requires_grad_()

    move_maps(maps, source=BOX, target=BOX + 3).sum().backward()

    assert maps.grad is not None
    assert maps.grad.abs().sum() > 0
