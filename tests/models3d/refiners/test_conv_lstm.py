"""The convolutional LSTM and the refiner that is built on it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.refiners.conv_lstm import (
    ConvLSTMCell,
    ConvLSTMRefiner,
    Memory,
    apart,
    corrected,
    joined,
    pooled,
)
from posetube.models3d.refiners.learned_config import (
    ConvLSTMConfig,
    lstm_pose_machine,
    unipose_lstm,
)

SMALL = ConvLSTMConfig(skeleton="coco17", hidden=4, kernels=(3,), channels=8, centre=True)
SHARED = replace(SMALL, shared=True, stride=2)

EITHER = pytest.mark.parametrize("config", [SMALL, SHARED])


def stretch(*, people: int = 2, frames: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Evidence (people, frames, 17, 12, 10) and the boxes, which move."""
    torch.manual_seed(seed)
    boxes = torch.tensor([10.0, 20, 60, 80]).repeat(people, frames, 1)
    return torch.rand(people, frames, 17, 12, 10), boxes + torch.arange(frames)[:, None]


def trained(config: ConvLSTMConfig = SMALL) -> ConvLSTMRefiner:
    """One whose last convolution is not zero any more."""
    torch.manual_seed(1)
    made = ConvLSTMRefiner(config)
    for parameter in made.readout.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


def test_the_first_memory_is_what_is_taken_in() -> None:
    torch.manual_seed(0)
    cell, maps = ConvLSTMCell(3, 5), torch.rand(2, 3, 6, 6)
    candidate, _, take, show = cell.from_input(maps).split(5, dim=1)

    first = cell(maps, None)

    torch.testing.assert_close(first.cell, take.sigmoid() * candidate.tanh())
    torch.testing.assert_close(first.hidden, show.sigmoid() * first.cell.tanh())
    nothing = torch.zeros(2, 5, 6, 6)
    for one, other in zip(first, cell(maps, Memory(nothing, nothing)), strict=True):
        torch.testing.assert_close(one, other)


def test_gates_lean_as_in_the_paper() -> None:
    bias = ConvLSTMCell(3, 5).from_input.bias

    assert bias is not None
    assert bias.reshape(4, 5)[:, 0].tolist() == pytest.approx([0, 1, 1.4, 0.2])
    assert ConvLSTMCell(3, 5).from_hidden.bias is None


@pytest.mark.parametrize(
    "config", [SMALL, SHARED, unipose_lstm("coco17"), lstm_pose_machine("coco17")]
)
def test_untrained_it_changes_nothing(config: ConvLSTMConfig) -> None:
    refiner, (evidence, boxes) = ConvLSTMRefiner(config).eval(), stretch()
    evidence[:, 1] = 0

    with torch.inference_mode():
        state = None
        for step in range(4):
            state, _ = refiner.step(state, evidence[:, step], boxes[:, step])
            assert torch.equal(state.refined, evidence[:, step])


@EITHER
def test_the_future_changes_nothing_and_the_past_does(config: ConvLSTMConfig) -> None:
    refiner, (evidence, boxes) = trained(config), stretch()
    later, earlier = evidence.clone(), evidence.clone()
    later[:, 3], earlier[:, 0] = 0.5, 0.5

    with torch.inference_mode():
        plain, other, third = (refiner(maps, boxes) for maps in (evidence, later, earlier))

    assert torch.equal(plain[:, :3], other[:, :3])
    assert not torch.equal(plain[:, 3], third[:, 3])


def test_the_maps_of_the_frame_before_are_used() -> None:
    # without the hidden memory, they are the only way from one frame to the next
    refiner, (evidence, boxes) = trained(), stretch()
    with torch.no_grad():
        refiner.lstm.from_hidden.weight.zero_()
        plain = refiner(evidence, boxes)
        refiner.lstm.from_input.weight[:, 17:34] = 0
        cut = refiner(evidence, boxes)

    assert torch.equal(plain[:, 0], cut[:, 0])
    assert not torch.equal(plain[:, 1:], cut[:, 1:])
    without = ConvLSTMRefiner(replace(SMALL, feedback=False))
    assert without.lstm.from_input.in_channels == 17 + 1


@EITHER
def test_gradients_reach_the_first_frame(config: ConvLSTMConfig) -> None:
    refiner, (evidence, boxes) = trained(config), stretch()
    evidence.requires_grad_()

    refiner(evidence, boxes)[:, -1].sum().backward()

    assert evidence.grad is not None
    assert (evidence.grad.flatten(2).abs().sum(2) > 0).all()
    assert all(parameter.grad is not None for parameter in refiner.parameters())


def test_memory_moves_with_the_box() -> None:
    refiner, (evidence, boxes) = trained(replace(SMALL, centre=False)), stretch(frames=2)
    shifted = boxes.clone()
    shifted[:, 1, ::2] += 5  # one of ten columns

    with torch.inference_mode():
        state, _ = refiner.step(None, evidence[:, 0], boxes[:, 0])
        moved = torch.zeros_like(evidence[:, 0])
        moved[..., :-1] = evidence[:, 0, ..., 1:]
        target = boxes[:, 0].clone()
        target[:, ::2] += 5
        _, found = refiner.step(state, moved, target)
        _, same = refiner.step(state, evidence[:, 0], boxes[:, 0])

    # away from the borders it is the same step, a column further
    torch.testing.assert_close(found[..., 3:-3, 2:-4], same[..., 3:-3, 3:-3], atol=1e-4, rtol=1e-4)


@EITHER
def test_people_can_be_taken_apart_and_put_together(config: ConvLSTMConfig) -> None:
    refiner, (evidence, boxes) = trained(config), stretch()

    with torch.inference_mode():
        state, _ = refiner.step(None, evidence[:, 0], boxes[:, 0])
        again = joined(apart(state)[::-1])
        _, expected = refiner.step(state, evidence[:, 1], boxes[:, 1])
        _, found = refiner.step(again, evidence[:, 1].flip(0), boxes[:, 1].flip(0))

    torch.testing.assert_close(found.flip(0), expected)


def test_where_weights_are_shared_every_joint_is_treated_alike() -> None:
    refiner, (evidence, boxes) = trained(SHARED), stretch()
    evidence[:, :, [7, 8]] = evidence[:, :, [5, 6]]  # elbows as the shoulders

    with torch.inference_mode():
        found = refiner(evidence, boxes)

    torch.testing.assert_close(found[:, :, [7, 8]], found[:, :, [5, 6]])
    # a joint's map depends on its own and that of its other side alone
    evidence[:, :, 0] = 0.5
    with torch.inference_mode():
        other = refiner(evidence, boxes)
    torch.testing.assert_close(other[:, :, 1:], found[:, :, 1:])


def test_where_weights_are_shared_all_directions_are_alike() -> None:
    refiner, (evidence, boxes) = trained(SHARED), stretch()
    boxes[:] = boxes[:, :1]

    with torch.inference_mode():
        plain = refiner(evidence, boxes)
        upside_down = refiner(evidence.flip(3), boxes)

    torch.testing.assert_close(upside_down.flip(3), plain, atol=1e-5, rtol=1e-4)


def test_coarse_maps_are_refined_as_fine_ones() -> None:
    torch.manual_seed(0)
    refiner, (_, boxes) = trained(SHARED), stretch()
    coarse = torch.rand(2, 4, 17, 6, 5)
    fine = coarse.repeat_interleave(2, 3).repeat_interleave(2, 4)  # of 12 x 10 cells
    boxes[:] = boxes[:, :1]

    with torch.inference_mode():
        found = refiner(coarse, boxes, coarse=True)[:, 0]
        expected = refiner(fine, boxes)[:, 0]

    change = found - coarse[:, 0].log()
    wide = expected - fine[:, 0].log()
    torch.testing.assert_close(
        pooled(wide, 2)[..., 1:-1, 1:-1], smoothed(change), atol=1e-5, rtol=1e-4
    )


def smoothed(maps: Tensor) -> Tensor:
    """What doubling by bilinear interpolation, and pooling again, leaves inside the borders."""
    for axis in (2, 3):
        inner = maps.narrow(axis, 1, maps.shape[axis] - 2)
        sides = [maps.narrow(axis, start, maps.shape[axis] - 2) for start in (0, 2)]
        maps = 0.75 * inner + 0.125 * (sides[0] + sides[1])
    return maps


def test_a_map_that_would_rise_above_1_keeps_the_form_of_its_peak() -> None:
    evidence = torch.tensor([0.2, 0.8, 0.4]).reshape(1, 1, 1, 3)

    raised = corrected(evidence, torch.tensor(2.0))
    lowered = corrected(evidence, torch.tensor(-2.0))

    torch.testing.assert_close(raised, evidence / 0.8)
    torch.testing.assert_close(lowered, evidence * torch.tensor(-2.0).exp())
    assert corrected(evidence, torch.tensor(1000.0)).isfinite().all()


def test_the_presets_have_the_sizes_of_the_papers() -> None:
    with torch.device("meta"):
        counts = {
            made.__name__: sum(p.numel() for p in ConvLSTMRefiner(made("mpii16")).parameters())
            for made in (unipose_lstm, lstm_pose_machine)
        }

    # K = 16: gates 9 (2 K + h) 4 h, readout as the kernels say
    cell, wide = 16, 48
    readout = 128 * (9 * cell + 1) + 2 * 128 * (9 * 128 + 1) + 128 * 129 + 129 * 16
    assert counts["unipose_lstm"] == 9 * (2 * 16 + cell) * 4 * cell + 4 * cell + readout
    readout = 128 * (121 * wide + 1) + 2 * 128 * (121 * 128 + 1) + 128 * 129 + 129 * 16
    assert counts["lstm_pose_machine"] == 9 * (2 * 16 + 1 + wide) * 4 * wide + 4 * wide + readout


def test_even_kernels_are_refused() -> None:
    with pytest.raises(InputError, match=r"ConvLSTMConfig.kernels must be odd, got \(4,\)"):
        replace(SMALL, kernels=(4,))
