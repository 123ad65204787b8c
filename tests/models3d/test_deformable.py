"""Layers that choose where they look: plain at the start, and able to learn a shift."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision import ops

from posetube.errors import InputError
from posetube.models3d.configs.bodies import ResNetConfig
from posetube.models3d.configs.people_heads import KeypointHeadConfig, PoolConfig
from posetube.models3d.deformable import DeformableConv, moved_taps, self_moved
from posetube.models3d.inference import prepare_for_inference
from posetube.models3d.keypoint_head import KeypointHead
from posetube.models3d.resnet import ResNetStage
from posetube.models3d.time_conv import TimeConv
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import Clip
from tests.models3d.small_networks import small_anchor_rcnn


def filled(network: nn.Module, plain: nn.Module) -> list[str]:
    """Give a network the weights of the plain one; the names that it has besides."""
    missing, unexpected = network.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    return [str(name) for name in missing]


def test_offsets_of_zero_are_the_plain_network() -> None:
    torch.manual_seed(0)
    config = small_anchor_rcnn()
    refined = replace(
        config,
        body=ResNetConfig(depth=18, deformable_stages=3),
        keypoint_head=replace(config.keypoint_head, deformable=True, offsets=True),
    )
    plain, network = TubeRCNN(config).eval(), TubeRCNN(refined).eval()
    for made in (plain, network):
        nn.init.constant_(made.box_head.score.bias[1:], 1.0)
    more = filled(network, plain)
    images = np.random.default_rng(0).integers(0, 256, (1, 96, 128, 3), dtype=np.uint8)
    clip = Clip(frames=np.zeros(1, int), times=np.zeros(1), images=images)

    ours, theirs = network.detect(clip), plain.detect(clip)
    prepared = prepare_for_inference(network)
    assert isinstance(prepared, TubeRCNN)

    assert all("offsets" in name for name in more)
    assert sum(name.startswith("body.") for name in more) == 2 * 3 * 4  # two blocks, two convs
    for found in (ours, prepared.detect(clip)):
        np.testing.assert_allclose(found.boxes, theirs.boxes, atol=1e-3)
        np.testing.assert_allclose(found.keypoints, theirs.keypoints, atol=0.02)
        np.testing.assert_allclose(found.keypoint_scores, theirs.keypoint_scores, atol=1e-4)


def test_a_constant_offset_moves_what_a_convolution_sees() -> None:
    torch.manual_seed(0)
    layer, plain = DeformableConv(2, 3, 3), TimeConv(2, 3, 3)
    filled(layer, plain)
    assert layer.offsets.bias is not None
    with torch.no_grad():
        layer.offsets.bias[0::2] = 2  # down, then to the right, of each tap
        layer.offsets.bias[1::2] = -1
    maps = torch.rand(1, 2, 12, 12)

    found, wanted = layer(maps), plain(torch.roll(maps, (-2, 1), dims=(2, 3)))

    torch.testing.assert_close(found[..., 2:-3, 3:-2], wanted[..., 2:-3, 3:-2])


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 1, 1), (2, 1, 1), (1, 3, 3)])
def test_moved_taps_and_their_gradients_are_those_of_torchvision(
    stride: int, padding: int, dilation: int
) -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 4, 9, 11, requires_grad=True)
    side = [(length + 2 * padding - 2 * dilation - 1) // stride + 1 for length in (9, 11)]
    offsets = (3 * torch.randn(2, 18, *side)).requires_grad_()  # some beyond the maps
    kernel = torch.randn(5, 4, 3, 3, requires_grad=True)

    seen = moved_taps(maps, offsets, kernel=3, stride=stride, padding=padding, dilation=dilation)
    ours = torch.einsum("oit,bithw->bohw", kernel.flatten(2), seen)
    theirs = ops.deform_conv2d(
        maps, offsets, kernel, stride=stride, padding=padding, dilation=dilation
    )

    torch.testing.assert_close(ours, theirs)
    inputs = (maps, offsets, kernel)
    found, wanted = (torch.autograd.grad(out.square().mean(), inputs) for out in (ours, theirs))
    torch.testing.assert_close(found, wanted)


def test_a_constant_offset_moves_a_heatmap() -> None:
    maps = torch.rand(2, 3, 10, 10)
    offsets = torch.zeros(2, 6, 10, 10)
    offsets[:, 2], offsets[:, 3] = 1, -2  # x and y of the second joint

    moved = self_moved(maps, offsets)

    torch.testing.assert_close(moved[:, 0], maps[:, 0])
    shifted = torch.roll(maps[:, 1], (2, -1), dims=(1, 2))
    torch.testing.assert_close(moved[:, 1, 2:, :-1], shifted[:, 2:, :-1])
    half = self_moved(maps, torch.full_like(offsets, 0.5))
    mean = (maps[..., :-1, :-1] + maps[..., 1:, :-1] + maps[..., :-1, 1:] + maps[..., 1:, 1:]) / 4
    torch.testing.assert_close(half[..., :-1, :-1], mean)


def blobs(places: Tensor) -> Tensor:
    """(N, 1, 16, 16) maps with a blob at each (x, y)."""
    cells = torch.arange(16.0)
    across = (-(cells - places[:, :1]).square() / 8).exp()
    down = (-(cells - places[:, 1:]).square() / 8).exp()
    return (down[:, :, None] * across[:, None, :])[:, None]


def test_a_planted_shift_is_learned() -> None:
    """Maps lie two cells beside where they should, and only the offsets may change."""
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(1)
    places = 4 + 8 * torch.rand(32, 2, generator=draw)
    features, wanted = blobs(places), blobs(places + torch.tensor([2.0, 0.0]))
    offsets = nn.Conv2d(1, 2, 3, padding=1)
    nn.init.zeros_(offsets.weight)
    nn.init.zeros_(offsets.bias)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(offsets.parameters(), lr=0.05)

    def error() -> Tensor:
        return (self_moved(features, offsets(features)) - wanted).square().mean()

    before = error().item()
    for _ in range(150):
        optimizer.zero_grad()
        error().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    assert error().item() < 0.05 * before


def test_settings_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(InputError, match="last 2 stages are deformable and must have no time"):
        ResNetConfig(times=(1, 1, 1, 3, 3), deformable_stages=2)
    with pytest.raises(InputError, match="deformable convolutions have no time kernel, got 3"):
        KeypointHeadConfig(pool=PoolConfig(size=14), time=3, deformable=True)


def test_a_head_with_time_kernels_may_have_offsets() -> None:
    config = KeypointHeadConfig(
        pool=PoolConfig(size=7), joints=2, channels=8, depth=2, time=3, offsets=True
    )
    head = KeypointHead(config, channels=4)

    assert head(torch.rand(6, 4, 7, 7), 3).shape == (6, 2, 28, 28)


def test_the_last_stage_of_a_body_of_three_is_plain_in_the_box_head() -> None:
    config = ResNetConfig(depth=18, stages=3)
    stage = ResNetStage(config, 3, time=1, stride=1)

    assert not any("offsets" in name for name in stage.state_dict())
