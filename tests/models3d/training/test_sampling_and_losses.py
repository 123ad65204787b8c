"""Which tubes are looked at, and what mistakes cost."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.training.heatmap_targets import HeatmapTarget, heatmap_target
from posetube.models3d.training.losses import (
    box_loss,
    keypoint_loss,
    objectness_loss,
    squared_keypoint_loss,
)
from posetube.models3d.training.sampling import SampleConfig, TorchDraw, sample
from posetube.models3d.training.targets import BoxTarget, TubeMatches


def matches(labels: list[int]) -> TubeMatches:
    values = torch.tensor(labels)
    nothing = torch.zeros(len(labels))
    return TubeMatches(
        labels=values, person=nothing.long(), overlap=nothing, background=values == 0
    )


def draw(seed: int = 0) -> TorchDraw:
    return TorchDraw(generator=torch.Generator().manual_seed(seed))


@given(st.lists(st.sampled_from([-1, 0, 1]), max_size=60), st.integers(1, 40), st.floats(0, 1))
@settings(max_examples=60)
def test_a_sample_keeps_labels_and_limits(labels: list[int], size: int, share: float) -> None:
    used = sample(
        matches(labels), config=SampleConfig(size=size, positive_share=share), draw=draw()
    )

    kept = used != -1
    assert torch.equal(used[kept], torch.tensor(labels)[kept])
    assert int((used == 1).sum()) == min(labels.count(1), int(share * size))
    assert int(kept.sum()) <= size
    assert int((used == 0).sum()) == min(labels.count(0), size - int((used == 1).sum()))


def test_the_same_seed_gives_the_same_sample() -> None:
    many = matches([0, 1] * 500)

    first, second, other = (
        sample(many, config=SampleConfig(size=64), draw=draw(s)) for s in (1, 1, 2)
    )

    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_tubes_that_are_not_used_cost_nothing() -> None:
    logits = torch.zeros(4, requires_grad=True)

    torch.autograd.backward(objectness_loss(logits, torch.tensor([1, 0, -1, -1])).mean)

    assert logits.grad is not None
    assert (logits.grad[:2] != 0).all()
    assert (logits.grad[2:] == 0).all()


def test_absent_frames_cost_nothing_whatever_stands_there() -> None:
    deltas = torch.ones(2, 3, 4, requires_grad=True)
    wanted = torch.zeros(2, 3, 4)
    wanted[0, 1] = float("-inf")
    present = torch.tensor([[True, False, True], [True, True, True]])

    loss = box_loss(deltas, BoxTarget(wanted, present), count=10).mean
    torch.autograd.backward(loss)

    assert torch.isfinite(loss)
    assert deltas.grad is not None
    assert (deltas.grad[0, 1] == 0).all()
    assert (deltas.grad[present] != 0).all()


def test_nobody_costs_nothing() -> None:
    none = torch.zeros(0, 3, 4, requires_grad=True)

    loss = box_loss(none, BoxTarget(none, torch.zeros(0, 3, dtype=torch.bool)), count=0).mean

    assert loss == 0
    assert objectness_loss(torch.zeros(2), torch.tensor([-1, -1])).mean == 0


def map_with_peak(x: float, y: float) -> Tensor:
    """(1, 1, 1, 56, 56) logits whose probability is a Gaussian around a place in cells."""
    centres = torch.arange(56) + 0.5
    return -((centres[None] - x) ** 2 + (centres[:, None] - y) ** 2)[None, None, None] / 2


def target_at(x: float, y: float, weight: float = 1.0) -> HeatmapTarget:
    place = torch.tensor([[[[x, y]]]])
    box = torch.tensor([[[0.0, 0, 56, 56]]])
    return heatmap_target(place, torch.full((1, 1, 1), weight), box, side=56, spread=1.0)


def test_the_right_map_costs_least() -> None:
    target = target_at(20.3, 30.7)

    costs = [
        keypoint_loss(map_with_peak(20.3 + dx, 30.7), target).mean.item()
        for dx in (0.0, 0.5, 1.0, 5.0)
    ]

    assert costs == sorted(costs)


def test_joints_without_weight_give_no_gradient() -> None:
    logits = map_with_peak(10, 10).requires_grad_()

    loss = keypoint_loss(logits, target_at(40, 40, weight=0.0)).mean
    torch.autograd.backward(loss)

    assert loss == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"size": 0}, "SampleConfig.size must be 1 or more, got 0"),
        ({"positive_share": 2}, r"SampleConfig.positive_share must be in \[0, 1\], got 2"),
    ],
)
def test_settings_name_the_field_and_the_value(setting: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SampleConfig(**setting)  # type: ignore[arg-type]


def test_squares_are_zero_where_probabilities_are_the_gaussians() -> None:
    points = torch.tensor([[[[20.0, 30.0], [400.0, 30.0]]]])  # the second lies outside the box
    target = heatmap_target(
        points, torch.ones(1, 1, 2), torch.tensor([[[0.0, 0, 56, 56]]]), side=56, spread=1.0
    )
    centres = torch.arange(56) + 0.5
    across, down = (-(centres - place).square() / 2 for place in (20.0, 30.0))
    gaussian = (down[:, None] + across[None, :]).exp()
    wanted = torch.stack([gaussian / gaussian.max(), torch.zeros(56, 56)])[None, None]

    right = squared_keypoint_loss(wanted.clamp(1e-7, 1 - 1e-7).logit(), target)
    flat = squared_keypoint_loss(torch.zeros(1, 1, 2, 56, 56), target)

    assert float(right.mean) == pytest.approx(0, abs=1e-6)
    assert float(flat.mean) == pytest.approx(float((0.5 - wanted).square().sum()) / 2, rel=1e-5)
