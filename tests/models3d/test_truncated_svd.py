"""Fully connected layers cut to a rank: what stays, what is lost, what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posetube.errors import InputError
from posetube.models3d.presets import tiny
from posetube.models3d.truncated_svd import effect_of_cut, factors, truncated
from posetube.models3d.tube_rcnn import TubeRCNN
from tests.models3d.small_networks import SIDES, small_anchor_rcnn


def network(*, hidden: int = 64) -> TubeRCNN:
    torch.manual_seed(0)
    config = small_anchor_rcnn()
    return TubeRCNN(replace(config, box_head=replace(config.box_head, hidden=hidden))).eval()


@given(seed=st.integers(0, 1000), rank=st.integers(1, 12))
def test_the_error_is_the_singular_values_that_are_left_out(seed: int, rank: int) -> None:
    weight = torch.randn(12, 30, generator=torch.Generator().manual_seed(seed)).double()
    values = torch.linalg.svdvals(weight)

    first, second, kept = factors(weight, rank=rank)

    lost = (weight - second @ first).square().sum()
    torch.testing.assert_close(lost, values[rank:].square().sum())
    assert kept == pytest.approx(float(1 - lost / weight.square().sum()))


def test_layers_of_that_rank_lose_nothing() -> None:
    whole = network()
    layers = whole.box_head.body
    with torch.no_grad():
        for layer in (layers.fc1, layers.fc2):
            thin = torch.randn(len(layer.weight), 5) @ torch.randn(5, layer.weight.shape[1])
            layer.weight.copy_(thin / layer.weight.shape[1])

    cut, told = truncated(whole, rank=5)

    pooled = torch.rand(20, layers.fc1.in_features)
    torch.testing.assert_close(cut.box_head.body(pooled, 1), layers(pooled, 1))
    assert [layer.kept for layer in told] == pytest.approx([1, 1])
    saved = sum(p.numel() for p in whole.parameters()) - sum(p.numel() for p in cut.parameters())
    inputs = layers.fc1.in_features
    assert saved == 64 * inputs - 5 * (64 + inputs) + 64 * 64 - 5 * 128


def test_layers_that_would_not_shrink_stay_whole() -> None:
    cut, told = truncated(network(), rank=40)  # 40 (64 + 64) is more than 64 x 64

    assert isinstance(cut.box_head.body.fc2, torch.nn.Linear)
    assert [layer.kept for layer in told][1] == 1
    assert told[0].kept < 1


def test_the_change_of_probabilities_falls_with_the_rank() -> None:
    whole = network()
    with torch.no_grad():
        whole.box_head.score.weight.mul_(100)
    image = np.random.default_rng(0).integers(0, 256, (*SIDES, 3), dtype=np.uint8)

    changes = [
        effect_of_cut(
            whole, truncated(whole, rank=rank)[0], image, boxes=50, repeats=1
        ).score_change
        for rank in (2, 16, 30)
    ]

    assert changes[0] > changes[1] > changes[2] > 0


def test_what_has_no_such_layers_is_refused() -> None:
    with pytest.raises(InputError, match="has no box head with fully connected layers to cut"):
        truncated(TubeRCNN(tiny()), rank=8)
    cut, _ = truncated(network(), rank=8)
    with pytest.raises(InputError, match="its layers were cut to rank 8 before"):
        truncated(cut, rank=4)
    with pytest.raises(InputError, match=r"BoxHeadConfig.rank must be .* got 0"):
        truncated(network(), rank=0)
