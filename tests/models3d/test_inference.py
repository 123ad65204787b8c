"""A network prepared for inference finds what it found before; so do its faster parts alone."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import ops

from posetube.models3d.configs.bodies import ResNetConfig
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.people_heads import PoolConfig
from posetube.models3d.inference import prepare_for_inference
from posetube.models3d.joint_peaks import DecodeConfig
from posetube.models3d.neck import FPNNeck
from posetube.models3d.presets import keypoint_rcnn_r50
from posetube.models3d.resnet import Affine
from posetube.models3d.roi_align import align_by_cells
from posetube.models3d.time_conv import TimeConv
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.models3d.winograd import WinogradConv, suits, transforms
from posetube.structures import ByteArray, Clip

from .small_networks import small_tiny


def test_the_transforms_correlate_exactly() -> None:
    inputs, kernel, outputs = (matrix.numpy() for matrix in transforms())
    rng = np.random.default_rng(0)
    row, taps = rng.normal(size=6), rng.normal(size=3)

    found = outputs @ ((kernel @ taps) * (inputs @ row))

    np.testing.assert_allclose(found, np.correlate(row, taps, "valid"), atol=1e-13)


@settings(deadline=None, max_examples=25)
@given(
    clips=st.integers(1, 2),
    length=st.sampled_from([1, 3]),
    size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    seed=st.integers(0, 99),
)
def test_winograd_convolutions_are_convolutions(
    clips: int, length: int, size: tuple[int, int], seed: int
) -> None:
    torch.manual_seed(seed)
    conv = TimeConv(64, 65, 3, time=length, time_padding="replicate")
    assert conv.bias is not None
    torch.nn.init.normal_(conv.bias)
    maps = torch.randn(clips * length, 64, *size)
    with torch.no_grad():
        exact = conv.double()(maps.double(), length)

        found = WinogradConv(conv.float())(maps, length)

    torch.testing.assert_close(found.double(), exact, atol=1e-4, rtol=0)


def test_pictures_of_many_tiles_are_convolved_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posetube.models3d.winograd.TILES", 3)
    conv = TimeConv(64, 64, 3, bias=False)
    maps = torch.randn(2, 64, 18, 11).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(WinogradConv(conv)(maps), conv(maps), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "conv",
    [
        TimeConv(64, 64),
        TimeConv(64, 64, 3, stride=2),
        TimeConv(64, 64, 3, groups=64),
        TimeConv(3, 64, 3),
    ],
    ids=["1 x 1", "stride", "depthwise", "few channels"],
)
def test_other_convolutions_stay(conv: TimeConv) -> None:
    assert not suits(conv)


@settings(deadline=None, max_examples=25)
@given(
    samples=st.integers(1, 3),
    aligned=st.booleans(),
    stride=st.sampled_from([4, 16]),
    seed=st.integers(0, 99),
)
def test_boxes_are_pooled_as_torchvision_does(
    samples: int, aligned: bool, stride: int, seed: int
) -> None:
    torch.manual_seed(seed)
    level = torch.randn(2, 3, 7, 9).requires_grad_()
    same = level.detach().clone().requires_grad_()
    corners = (torch.rand(12, 4) * 1.6 - 0.3) * stride * 9  # also outside, and upside down
    rois = torch.cat([torch.arange(12.0)[:, None] % 2, corners], dim=1)
    config = PoolConfig(size=5, samples=samples, aligned=aligned)

    found = align_by_cells(level, rois, stride=stride, config=config)

    wanted = ops.roi_align(same, rois, 5, 1 / stride, samples, aligned)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)
    importance = torch.randn_like(wanted)
    (found * importance).sum().backward()  # type: ignore[no-untyped-call]
    (wanted * importance).sum().backward()
    torch.testing.assert_close(level.grad, same.grad, atol=1e-3, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("sizes", [(16, 8, 4, 2), (15, 8, 4, 2)], ids=["doubled", "odd"])
def test_coarse_levels_are_added_to_the_cells_they_cover(sizes: tuple[int, ...]) -> None:
    neck = FPNNeck(FPNConfig(channels=4), channels=(4, 4, 4, 4), strides=(4, 8, 16, 32))
    maps = [torch.randn(1, 4, side, side + side % 2) for side in sizes]

    found = neck.merge(maps)

    lateral = [conv(each) for conv, each in zip(neck.lateral, maps, strict=True)]
    coarse = torch.nn.functional.interpolate(found[1], size=maps[0].shape[2:], mode="nearest")
    torch.testing.assert_close(found[0], lateral[0] + coarse)


@pytest.mark.slow
@pytest.mark.parametrize(("depth", "length"), [(18, 3), (50, 1)])
def test_a_prepared_network_finds_the_same(depth: Literal[18, 50], length: int) -> None:
    network = resnet(depth, length)
    frames = np.arange(length)
    clip = Clip(frames=frames, times=frames / 25, images=pictures(length))
    before = network.detect(clip)

    assert prepare_for_inference(network) is network
    after = network.detect(clip)

    assert not any(isinstance(part, Affine) for part in network.modules())
    assert any(isinstance(part, WinogradConv) for part in network.modules())
    assert len(before) > 0
    np.testing.assert_allclose(after.boxes, before.boxes, atol=1e-3)
    np.testing.assert_allclose(after.scores, before.scores, atol=1e-5)
    np.testing.assert_allclose(after.keypoints, before.keypoints, atol=0.05)


@pytest.mark.slow
def test_what_the_proposal_head_says_of_a_frame_is_computed_once() -> None:
    network = resnet(18, 3)
    kept = network.encode(pictures(3))
    levels = [replace(frame, maps=frame.maps[:5]) for frame in kept]

    early, late = (network.detect_features(some, [0, 1, 2]) for some in (kept, levels))

    # five levels, and for each the objectness and regressions of three anchors in three steps
    assert [maps.shape[1] for maps in kept[0].maps] == [64] * 5 + [3 * 5 * 3] * 5
    assert len(early) > 0
    np.testing.assert_allclose(early.boxes, late.boxes, atol=1e-3)


def test_only_the_last_convolutions_over_a_person_mix_frames() -> None:
    assert [conv.time for conv in resnet(18, 3).keypoint_head.convs] == [1, 3]


def test_other_networks_stay_as_they_are() -> None:
    network = TubeRCNN(small_tiny())
    kinds = [type(part) for part in network.modules()]

    prepare_for_inference(network)

    assert [type(part) for part in network.modules()] == kinds


def pictures(count: int) -> ByteArray:
    coarse = np.random.default_rng(0).integers(0, 256, (count, 7, 9, 3), np.uint8)
    return coarse.repeat(10, axis=1).repeat(10, axis=2)


def resnet(depth: Literal[18, 50], length: int) -> TubeRCNN:
    """Random weights and norms, and a leaning towards people, so that somebody is found."""
    flat = keypoint_rcnn_r50()
    head = replace(flat.keypoint_head, channels=16, depth=2, time=length, time_depth=1)
    config = replace(
        flat,
        clip_length=length,
        preprocess=replace(flat.preprocess, short_side=96, long_side=160),
        body=ResNetConfig(depth=depth),
        neck=FPNConfig(channels=64),
        proposals=replace(flat.proposals, output_time=length, after_nms=20),
        box_head=replace(flat.box_head, hidden=32, max_people=6),
        keypoint_head=head,
        decode=DecodeConfig(),
    )
    torch.manual_seed(0)
    made = TubeRCNN(config).eval()
    for part in made.modules():
        if isinstance(part, Affine):
            part.scale.uniform_(0.2, 0.9)
            part.shift.uniform_(-0.2, 0.2)
    torch.nn.init.normal_(made.box_head.score.weight, std=0.02)
    with torch.no_grad():
        made.box_head.score.bias[1] = 1
    return made
