"""The network as a whole, with small random weights."""

import os
import shutil
import sysconfig
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from posetube.errors import InputError
from posetube.models3d.checkpoints.network_check import unfilled
from posetube.models3d.configs.bodies import CSPBodyConfig, ResNetConfig
from posetube.models3d.configs.necks import C4Config, FPNConfig, PathAggregationConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from posetube.models3d.configs.people_heads import CropKeypointHeadConfig, PoolConfig
from posetube.models3d.configs.proposal_heads import AnchorConfig, DenseProposalConfig
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.dense_proposals import DenseProposalHead
from posetube.models3d.features import ClipFeatures, Pictures
from posetube.models3d.inflate import Inflation, inflate
from posetube.models3d.model_info import ModelInfo
from posetube.models3d.network_input import prepare
from posetube.models3d.presets import PRESETS, keypoint_rcnn_r50, tiny
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import ByteArray, Clip, PoseTubes

SIDE = 96


def pyramid(*, time: int = 1, length: int = 1) -> AnchorRCNNConfig:
    """A small network with a pyramid."""
    flat = keypoint_rcnn_r50()
    box_pool, keypoint_pool = flat.box_head.pool, flat.keypoint_head.pool
    return replace(
        flat,
        clip_length=length,
        preprocess=replace(flat.preprocess, short_side=SIDE, long_side=2 * SIDE),
        body=ResNetConfig(depth=18, times=(1, 1, 1, time, time)),
        neck=FPNConfig(channels=32, time=time),
        proposals=replace(flat.proposals, time=time, before_nms=50, after_nms=20),
        box_head=replace(
            flat.box_head, pool=box_pool, hidden=32, presence=length > 1, max_people=6, nms=0.8
        ),
        keypoint_head=replace(
            flat.keypoint_head, pool=keypoint_pool, channels=16, depth=2, time=time
        ),
    )


def single_level(*, time: int = 1, length: int = 1) -> AnchorRCNNConfig:
    """A small network without."""
    config = pyramid(time=time, length=length)
    return replace(
        config,
        body=ResNetConfig(depth=18, stages=3, times=(1, 1, time, time, 1)),
        neck=C4Config(),
        # each one passes through res5, which is slow
        proposals=replace(config.proposals, anchors=AnchorConfig(sizes=((32, 64),)), after_nms=8),
        box_head=replace(config.box_head, pool=PoolConfig(size=7), hidden=None),
        keypoint_head=replace(config.keypoint_head, pool=PoolConfig(size=14)),
    )


def embedded(*, time: int = 1, length: int = 1) -> TubeRCNNConfig:
    """The embedded model's parts, in small pictures."""
    config = tiny()
    return replace(
        config,
        clip_length=length,
        preprocess=replace(config.preprocess, long_side=SIDE),
        body=CSPBodyConfig(times=(1, 1, 1, time)),
        neck=PathAggregationConfig(time=time),
        proposals=DenseProposalConfig(time=time, min_score=0, before_nms=50, after_nms=6, nms=1),
        keypoint_head=CropKeypointHeadConfig(skeleton="coco19", added=2, size=(64, 64), time=time),
        pose_nms=None,
    )


Build = Callable[..., TubeRCNNConfig]
KINDS = pytest.mark.parametrize("build", [pyramid, single_level, embedded])


def network(config: TubeRCNNConfig, *, seed: int = 0) -> TubeRCNN:
    """Random weights, and a leaning towards people, so that somebody is found."""
    torch.manual_seed(seed)
    made = TubeRCNN(config).eval()
    if made.box_head is not None:
        torch.nn.init.normal_(made.box_head.score.weight, std=0.02)
        with torch.no_grad():
            made.box_head.score.bias[1] = 1
    return made


def pictures(count: int, *, seed: int = 0, size: tuple[int, int] = (70, 90)) -> ByteArray:
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (count, 7, 9, 3), dtype=np.uint8)
    smooth = coarse.repeat(size[0] // 7 + 1, axis=1).repeat(size[1] // 9 + 1, axis=2)
    return np.ascontiguousarray(smooth[:, : size[0], : size[1]])


def clip_of(images: ByteArray) -> Clip:
    count = len(images)
    return Clip(frames=np.arange(count), times=np.arange(count) / 25, images=images)


def same(first: PoseTubes, second: PoseTubes, *, tolerance: float) -> None:
    assert len(first) == len(second) > 0
    for name in ("boxes", "keypoints", "keypoint_scores", "scores", "presence"):
        ours, theirs = getattr(first, name), getattr(second, name)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance, err_msg=name)


@KINDS
@pytest.mark.parametrize("length", [1, 3, 5])
def test_a_clip_of_any_odd_length_gives_tubes(build: Build, length: int) -> None:
    model = network(build(time=min(length, 3), length=length))

    tubes = model.detect(clip_of(pictures(length)))

    assert len(tubes) > 0
    assert tubes.boxes.shape[1:] == (length, 4)
    assert tubes.keypoints.shape[1:] == (length, len(model.skeleton), 2)
    assert (np.diff(tubes.scores) <= 0).all()
    for name in ("scores", "keypoint_scores", "presence"):
        assert 0 <= getattr(tubes, name).min() <= getattr(tubes, name).max() <= 1
    assert (tubes.boxes >= 0).all()
    assert (tubes.boxes <= np.array([90, 70, 90, 70])).all()


@KINDS
def test_frames_encoded_once_give_what_the_whole_clip_gives(build: Build) -> None:
    model = network(build(time=3, length=3))
    images = pictures(4)

    kept = [model.encode(image[None])[0] for image in images]
    sliding = model.detect_features(kept[1:4], [1, 2, 3])

    whole = model.detect(replace(clip_of(images[1:4]), frames=np.array([1, 2, 3])))
    same(sliding, whole, tolerance=2e-3)
    assert sliding.frames.tolist() == [1, 2, 3]


def inflated(build: Build, *, length: int, mode: Inflation = "center") -> tuple[TubeRCNN, TubeRCNN]:
    """A 2D network, and the same over time."""
    flat = network(build())
    moving = network(build(time=3, length=length), seed=1)
    weights = inflate(flat.state_dict(), moving.state_dict(), mode=mode)
    moving.load_state_dict({**moving.state_dict(), **weights})
    return flat, moving


def outputs(model: TubeRCNN, images: ByteArray, tubes: Tensor) -> dict[str, Tensor]:
    """What every part says of given tubes (R, T, 4), frame by frame."""
    pixels, geometry = prepare(images, model.config.preprocess)
    length = len(images)
    frames = Pictures(torch.from_numpy(images).permute(0, 3, 1, 2), geometry)
    found = model.clip_part(model.frame_part(pixels), length, frames)
    head: Any = model.keypoint_head
    draw = head.heatmaps if isinstance(head, CropKeypointHead) else head  # before the logarithm
    heatmaps = draw(head.pool(found, [tubes]), length)
    return {
        **{f"level {i}": level for i, level in enumerate(found.levels)},
        **proposal_outputs(model, found),
        **box_outputs(model, found, tubes),
        "heatmaps": torch.unflatten(heatmaps, 0, (-1, length)).transpose(0, 1).flatten(0, 1),
    }


def proposal_outputs(model: TubeRCNN, found: ClipFeatures) -> dict[str, Tensor]:
    head = model.proposals
    if isinstance(head, DenseProposalHead):
        said = [
            part(level, found.length) for part, level in zip(head.levels, found.levels, strict=True)
        ]
        scores, boxes = zip(*said, strict=True)
    else:
        scores, boxes = head(found.levels, found.length)
    named = {"objectness": scores, "deltas": boxes}
    return {f"{name} {i}": level for name in named for i, level in enumerate(named[name])}


def box_outputs(model: TubeRCNN, found: ClipFeatures, tubes: Tensor) -> dict[str, Tensor]:
    if model.box_head is None:
        return {}
    judged = model.box_head(model.box_head.pool(found, [tubes]), found.length)
    said = {"classes": judged.class_logits, "boxes": judged.deltas}
    if judged.presence_logits is not None:
        said["presence"] = judged.presence_logits
    return {name: each.transpose(0, 1).flatten(0, 1) for name, each in said.items()}


@KINDS
@pytest.mark.parametrize("length", [3, 5])
@torch.no_grad()
def test_center_inflation_says_of_each_frame_what_the_2d_network_says(
    build: Build, length: int
) -> None:
    flat, moving = inflated(build, length=length)
    images = pictures(length)
    tubes = torch.tensor([[10.0, 10, 60, 90], [0, 0, 30, 30]])[:, None].repeat(1, length, 1)
    tubes = tubes + torch.arange(length)[:, None] * 2.0

    together = outputs(moving, images, tubes)

    alone = [outputs(flat, images[t : t + 1], tubes[:, t : t + 1]) for t in range(length)]
    for name in alone[0]:
        ours, theirs = together[name], torch.cat([frame[name] for frame in alone])
        scale = theirs.abs().max()
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5 * scale.item(), msg=name)


@KINDS
def test_center_inflation_finds_in_a_still_clip_what_the_2d_network_finds(build: Build) -> None:
    flat, moving = inflated(build, length=3)
    still = pictures(1).repeat(3, axis=0)

    tubes, alone = moving.detect(clip_of(still)), flat.detect(clip_of(still[:1]))

    assert len(tubes) == len(alone) > 0
    np.testing.assert_allclose(tubes.scores, alone.scores, atol=1e-4)
    for t in range(3):
        np.testing.assert_allclose(tubes.boxes[:, t], alone.boxes[:, 0], atol=1e-2)
        np.testing.assert_allclose(tubes.keypoints[:, t], alone.keypoints[:, 0], atol=0.5)


def test_mean_inflation_averages_the_frames() -> None:
    flat, moving = inflated(pyramid, length=3, mode="mean")

    weight = moving.state_dict()["neck.output.0.weight"]

    kernel = flat.state_dict()["neck.output.0.weight"]
    torch.testing.assert_close(weight.sum(dim=2), kernel)
    torch.testing.assert_close(weight[:, :, 0], kernel / 3)


def test_random_inflation_keeps_the_centre() -> None:
    flat, moving = inflated(pyramid, length=3, mode="center-rest-random")

    weight = moving.state_dict()["neck.output.0.weight"]

    torch.testing.assert_close(weight[:, :, 1], flat.state_dict()["neck.output.0.weight"] / 3)
    assert 0 < weight[:, :, 0].abs().max() < 0.01


@KINDS
def test_the_per_frame_part_ends_where_time_begins(build: Build) -> None:
    flat, moving = network(build()), network(build(time=3, length=3))

    encoded, cut = flat.encode(pictures(1))[0], moving.encode(pictures(1))[0]

    levels = len(flat.neck.strides)
    assert len(encoded.maps) >= levels
    assert len(cut.maps) != len(encoded.maps) or build is embedded


@KINDS
def test_nobody_is_an_answer(build: Build) -> None:
    config = build()
    if isinstance(config.proposals, DenseProposalConfig):
        config = replace(config, proposals=replace(config.proposals, min_score=1.0))
    model = network(config)
    if model.box_head is not None:
        torch.nn.init.constant_(model.box_head.score.bias, 0)
        with torch.no_grad():
            model.box_head.score.bias[0] = 100

    tubes = model.detect(clip_of(pictures(1)))

    assert len(tubes) == 0
    assert tubes.keypoints.shape == (0, 1, len(model.skeleton), 2)


@KINDS
@torch.no_grad()
def test_numbers_that_are_not_finite_are_nobody(build: Build) -> None:
    model = network(build(time=3, length=3))
    images = pictures(3)
    pixels, geometry = prepare(images, model.config.preprocess)
    pixels[1, :, 10:20, 10:20] = torch.nan
    frames = Pictures(torch.from_numpy(images).permute(0, 3, 1, 2), geometry)

    found = model.find(model.frame_part(pixels), geometry, frames)

    assert found.people.boxes.isfinite().all()
    assert found.joints.positions.isfinite().all()


def test_a_hundred_people_are_an_answer() -> None:
    config = pyramid()
    config = replace(
        config,
        proposals=replace(config.proposals, before_nms=400, after_nms=400, nms=1.0),
        box_head=replace(config.box_head, nms=1.0, min_score=0.0, max_people=100),
    )

    tubes = network(config).detect(clip_of(pictures(1)))

    assert len(tubes) == 100


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2)])
@KINDS
def test_pictures_of_any_size_are_looked_at(build: Build, size: tuple[int, int]) -> None:
    tubes = network(build()).detect(clip_of(pictures(1, size=size)))

    assert np.isfinite(tubes.boxes).all()
    assert (tubes.boxes <= np.array([size[1], size[0]] * 2)).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 9, 9, 4), np.uint8), r"expected \(B, H, W, 3\) with H, W above 0, got"),
        (np.zeros((1, 0, 9, 3), np.uint8), r"expected \(B, H, W, 3\) with H, W above 0, got"),
        (np.full((1, 9, 9, 3), np.nan, np.float32), r"expected RGB bytes \(uint8\), got float32"),
    ],
)
def test_what_is_no_picture_is_refused(images: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(embedded()).encode(images)


def test_clips_of_the_wrong_length_are_refused() -> None:
    with pytest.raises(InputError, match="looks at clips of 3 frames, got 2 frames with 2 indices"):
        network(embedded(time=3, length=3)).detect(clip_of(pictures(2)))


def test_frames_of_two_sizes_are_refused() -> None:
    model = network(embedded(time=3, length=3))
    frames = [*model.encode(pictures(2)), *model.encode(pictures(1, size=(40, 40)))]

    with pytest.raises(InputError, match="the frames of a clip must have one size"):
        model.detect_features(frames, [0, 1, 2])


@pytest.mark.parametrize("length", [0, 2])
def test_clips_of_even_length_are_refused(length: int) -> None:
    with pytest.raises(InputError, match=f"odd number of frames from 1, got {length}"):
        replace(tiny(), clip_length=length)


def test_joints_must_be_those_of_the_skeleton() -> None:
    with pytest.raises(InputError, match="must be the 15 of skeleton posetrack15, got 19"):
        replace(tiny(), skeleton="posetrack15")


def test_a_box_head_without_layers_needs_a_spare_stage() -> None:
    config = pyramid()

    with pytest.raises(InputError, match="may only be None behind a ResNet of 3 stages"):
        TubeRCNN(replace(config, box_head=replace(config.box_head, hidden=None)))


def test_every_level_needs_its_anchors() -> None:
    config = pyramid()
    anchors = AnchorConfig(sizes=((32,),))

    with pytest.raises(InputError, match=r"one entry per pyramid level \(5\), got 1"):
        TubeRCNN(replace(config, proposals=replace(config.proposals, anchors=anchors)))


@pytest.mark.slow
@KINDS
def test_gradients_reach_every_parameter_and_frozen_ones_stay(build: Build) -> None:
    config = build(time=3, length=3)
    config = replace(config, body=replace(config.body, frozen_stages=1))
    model = network(config).train()
    images = pictures(3)
    tubes = torch.tensor([[10.0, 10, 60, 90], [0, 0, 90, 30]])[:, None].repeat(1, 3, 1)
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)

    parts = outputs(model, images, tubes)
    total = sum(part.square().mean() for part in parts.values())
    assert isinstance(total, Tensor)
    total.backward()  # type: ignore[no-untyped-call]
    optimiser.step()

    assert frozen
    for name, parameter in model.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name]), name
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


@KINDS
def test_bfloat16_agrees_roughly(build: Build) -> None:
    model = network(build(time=3, length=3))
    images = pictures(3)
    tubes = torch.tensor([[10.0, 10, 60, 90]])[:, None].repeat(1, 3, 1)

    with torch.no_grad():
        exact = outputs(model, images, tubes)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = outputs(model, images, tubes)

    for name, wanted in exact.items():
        error = (rough[name].float() - wanted).abs().max() / wanted.abs().max()
        assert error < 0.2, name


COMPILER = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
HEADERS = Path(sysconfig.get_paths()["include"]) / "Python.h"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "build"),
    [
        ("aot_eager", embedded),
        pytest.param(
            "inductor",
            single_level,
            marks=pytest.mark.skipif(
                COMPILER is None or not HEADERS.is_file(),
                reason="torch's inductor needs a C++ compiler and Python's headers",
            ),
        ),
    ],
)
def test_the_per_frame_part_compiles(backend: str, build: Build) -> None:
    model: Any = network(build(time=3, length=3))
    [plain] = model.encode(pictures(1))

    model.frame_maps = torch.compile(model.frame_maps, backend=backend, fullgraph=True)
    [compiled] = model.encode(pictures(1))

    for ours, theirs in zip(compiled.maps, plain.maps, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees() -> None:
    model = network(embedded(time=3, length=3))
    clip = clip_of(pictures(3))
    wanted = model.detect(clip)

    # the tolerance is that of float32, not of the shortened floats that convolutions may use
    with torch.backends.cudnn.flags(allow_tf32=False):
        found = model.to("cuda").detect(clip)

    same(found, wanted, tolerance=0.05)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_consistent(name: str) -> None:
    config = PRESETS[name]()

    model = unfilled(config, info=ModelInfo(name=name), source=name, device="meta")

    assert model.clip_length == config.clip_length
    assert len(model.skeleton) == config.keypoint_head.joints
