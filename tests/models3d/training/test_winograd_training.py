"""Convolutions that are trained by Winograd's method do what ordinary ones do."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from posetube.models3d.time_conv import TimeConv
from posetube.models3d.training import winograd_training
from posetube.models3d.training.winograd_training import LearningConv, learn_by_winograd


@pytest.fixture(autouse=True)
def _always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small maps are convolved by Winograd's method as well."""
    monkeypatch.setattr(winograd_training, "LEAST_TILES", 0)


def gradients(conv: TimeConv, maps: Tensor, length: int, weights: Tensor) -> list[Tensor]:
    """The output, and the gradients of a weighted sum of it."""
    maps = maps.clone().requires_grad_()
    out = conv(maps, length)
    asked = [maps, *conv.parameters()]
    return [out, *torch.autograd.grad((out * weights).sum(), asked)]


@settings(deadline=None, max_examples=25)
@given(
    clips=st.integers(1, 3),
    length=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    bias=st.booleans(),
    tiles=st.sampled_from([1, 3, 256]),
    seed=st.integers(0, 99),
)
def test_outputs_and_gradients_are_those_of_a_convolution(
    clips: int, length: int, size: tuple[int, int], bias: bool, tiles: int, seed: int
) -> None:
    torch.manual_seed(seed)
    conv = TimeConv(5, 7, 3, time=length, bias=bias, time_padding="replicate")
    maps = torch.randn(clips * length, 5, *size)
    weights = torch.randn(clips * length, 7, *size)
    exact = gradients(copy.deepcopy(conv).double(), maps.double(), length, weights.double())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd_training, "TILES", tiles)
        found = gradients(LearningConv(conv), maps, length, weights)

    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(one.double(), other, atol=2e-4, rtol=1e-5)


def test_frozen_kernels_and_inputs_get_no_gradient() -> None:
    conv = LearningConv(TimeConv(4, 4, 3))
    conv.weight.requires_grad_(False)
    maps = torch.randn(1, 4, 6, 6, requires_grad=True)

    conv(maps).sum().backward()

    assert conv.weight.grad is None
    assert maps.grad is not None
    conv.weight.requires_grad_(True)
    maps = torch.randn(1, 4, 6, 6)
    conv(maps).sum().backward()
    assert conv.weight.grad is not None
    assert maps.grad is None


def test_a_gradient_of_the_gradient_is_refused() -> None:
    """It would lack what comes by way of the weight."""
    conv, maps = LearningConv(TimeConv(4, 4, 3)), torch.randn(1, 4, 6, 6, requires_grad=True)

    (slope,) = torch.autograd.grad(conv(maps).square().sum(), maps, create_graph=True)

    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(slope.square().sum())


@pytest.mark.parametrize("bias", [True, False])
def test_rectifiers_may_work_in_place(bias: bool) -> None:
    conv, maps = TimeConv(4, 4, 3, bias=bias), torch.randn(2, 4, 6, 6)
    found = torch.autograd.grad(LearningConv(conv)(maps).relu_().sum(), conv.weight)
    told = torch.autograd.grad(conv(maps).relu_().sum(), conv.weight)
    torch.testing.assert_close(found, told, atol=1e-4, rtol=1e-5)


def body() -> nn.Sequential:
    """A wide convolution among others."""
    return nn.Sequential(
        TimeConv(128, 128, 3), TimeConv(128, 128), nn.Sequential(TimeConv(8, 8, 3))
    )


def test_wide_convolutions_are_exchanged_and_keep_their_parameters() -> None:
    network = body()
    before = dict(network.named_parameters())

    learn_by_winograd(network, precision="float32")

    assert [type(part) for part in network] == [LearningConv, TimeConv, nn.Sequential]
    assert type(next(network[2].children())) is TimeConv  # narrow
    assert {name: id(p) for name, p in network.named_parameters()} == {
        name: id(p) for name, p in before.items()
    }


def test_half_precision_stays_as_it_is() -> None:
    network = body()
    learn_by_winograd(network, precision="bfloat16")
    assert type(network[0]) is TimeConv


def test_few_tiles_are_convolved_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd_training, "LEAST_TILES", 5)
    conv, small = LearningConv(TimeConv(4, 4, 3)), torch.randn(1, 4, 8, 8)
    told = functional.conv2d(small, conv.weight, conv.bias, padding=1)
    assert torch.equal(conv(small), told)  # four tiles
    assert "_Convolution" in str(conv(torch.randn(1, 4, 8, 9)).grad_fn.next_functions)
