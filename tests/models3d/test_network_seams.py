"""Several clips at once, a device that nobody waits for, known people, and parts of one's own."""

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision import ops

from posetube.errors import InputError
from posetube.models3d.configs.bodies import CSPBodyConfig, ResNetConfig
from posetube.models3d.configs.necks import C4Config, FPNConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from posetube.models3d.configs.people_heads import (
    CropKeypointHeadConfig,
    KeypointHeadConfig,
    PoolConfig,
)
from posetube.models3d.configs.proposal_heads import (
    AnchorConfig,
    DenseProposalConfig,
    FurtherScalesConfig,
)
from posetube.models3d.features import ClipFeatures, Pictures, ScaledMaps, join_frames
from posetube.models3d.joint_peaks import DecodeConfig
from posetube.models3d.packed_maps import unpack
from posetube.models3d.parts import PARTS, PartKind
from posetube.models3d.preprocess import geometries_of
from posetube.models3d.presets import keypoint_rcnn_r50, tiny
from posetube.models3d.refiners.evidence import evidence_of
from posetube.models3d.roi_align import tube_rois
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.network import HeatmapNetwork, Network, TubeHeatmaps
from posetube.structures import ByteArray, Clip, PoseTubes

SIDE = 96


def small(length: int, *, body: ResNetConfig, neck: C4Config | FPNConfig) -> AnchorRCNNConfig:
    """A ResNet with refined joints."""
    flat = keypoint_rcnn_r50()
    return replace(
        flat,
        clip_length=length,
        preprocess=replace(flat.preprocess, short_side=SIDE, long_side=2 * SIDE),
        body=body,
        neck=neck,
        proposals=replace(flat.proposals, before_nms=50, after_nms=20),
        box_head=replace(flat.box_head, hidden=32, presence=length > 1, max_people=6, nms=0.8),
        keypoint_head=replace(flat.keypoint_head, channels=16, depth=2),
        decode=DecodeConfig(rescore=0.5),
    )


def pyramid(length: int) -> AnchorRCNNConfig:
    time = min(length, 3)
    body = ResNetConfig(depth=18, times=(1, 1, 1, time, time))
    return small(length, body=body, neck=FPNConfig(channels=32, time=time))


def single_level(length: int) -> AnchorRCNNConfig:
    body = ResNetConfig(depth=18, stages=3, times=(1, 1, 1, min(length, 3), 1))
    config = small(length, body=body, neck=C4Config())
    return replace(
        config,
        # each one passes through res5, which is slow
        proposals=replace(config.proposals, anchors=AnchorConfig(sizes=((32, 64),)), after_nms=8),
        box_head=replace(config.box_head, pool=PoolConfig(size=7), hidden=None),
        keypoint_head=replace(config.keypoint_head, pool=PoolConfig(size=14)),
    )


def embedded(length: int) -> TubeRCNNConfig:
    config, time = tiny(), min(length, 3)
    return replace(
        config,
        clip_length=length,
        preprocess=replace(config.preprocess, long_side=SIDE),
        body=CSPBodyConfig(times=(1, 1, 1, time)),
        proposals=DenseProposalConfig(min_score=0, before_nms=50, after_nms=6, nms=1),
        keypoint_head=CropKeypointHeadConfig(skeleton="coco19", added=2, size=(64, 64)),
        pose_nms=None,
    )


def embedded_at_two_scales(length: int) -> TubeRCNNConfig:
    config = embedded(length)
    assert isinstance(config.proposals, DenseProposalConfig)
    return replace(
        config, proposals=replace(config.proposals, further=FurtherScalesConfig(long_sides=(48,)))
    )


Build = Callable[[int], TubeRCNNConfig]
KINDS = pytest.mark.parametrize("build", [pyramid, single_level, embedded, embedded_at_two_scales])


def network(config: TubeRCNNConfig) -> TubeRCNN:
    """Random weights, and a leaning towards people, so that somebody is found."""
    torch.manual_seed(0)
    made = TubeRCNN(config).eval()
    if made.box_head is not None:
        torch.nn.init.normal_(made.box_head.score.weight, std=0.02)
        with torch.no_grad():
            made.box_head.score.bias[1] = 1
    return made


def pictures(count: int) -> ByteArray:
    coarse = np.random.default_rng(0).integers(0, 256, (count, 7, 9, 3), dtype=np.uint8)
    return coarse.repeat(10, axis=1).repeat(10, axis=2)


def agree(ours: PoseTubes, alone: PoseTubes) -> None:
    """To what another order of summing in larger batches may change."""
    assert ours.frames.tolist() == alone.frames.tolist()
    assert len(ours) == len(alone) > 0
    for name in ("boxes", "keypoints", "keypoint_scores", "scores", "presence", "embeddings"):
        tolerance = 0.05 if name == "keypoints" else 1e-3
        found, wanted = getattr(ours, name), getattr(alone, name)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("length", [1, 3])
def test_clips_together_give_what_each_gives_alone(build: Build, length: int) -> None:
    model = network(build(length))
    kept = model.encode(pictures(length + 2), embeddings=True)
    clips = [kept[start : start + length] for start in range(3)]
    frames = [list(range(start, start + length)) for start in range(3)]

    together = model.detect_clips(clips, frames)

    for found, clip, indices in zip(together, clips, frames, strict=True):
        agree(found, model.detect_features(clip, indices))


def test_clips_with_different_numbers_of_people_keep_their_own() -> None:
    config = pyramid(1)
    head = replace(config.box_head, nms=0.1, max_people=20)
    model = network(replace(config, box_head=head))
    [full] = model.encode(pictures(1))
    [empty] = model.encode(np.full((1, 70, 90, 3), 90, np.uint8))
    alone = [len(model.detect_features([kept], [0])) for kept in (empty, full)]

    found = model.detect_clips([[empty], [full]], [[0], [0]])

    assert alone[0] != alone[1]
    assert [len(tubes) for tubes in found] == alone


@pytest.mark.parametrize("head", ["box_head", "keypoint_head"])
@pytest.mark.parametrize("build", [pyramid, single_level])
def test_every_head_can_pool_by_roi_pool(build: Build, head: str) -> None:
    aligned = build(1)
    own = getattr(aligned, head)
    pooled = replace(aligned, **{head: replace(own, pool=replace(own.pool, operator="pool"))})
    clip = Clip(frames=np.zeros(1, int), times=np.zeros(1), images=pictures(1))

    found, other = (network(config).detect(clip) for config in (aligned, pooled))

    assert len(found) > 0
    assert len(other) > 0
    changed = "scores" if head == "box_head" else "keypoints"
    assert not np.array_equal(getattr(found, changed), getattr(other, changed))
    if head == "keypoint_head":
        assert np.array_equal(np.sort(found.boxes, axis=0), np.sort(other.boxes, axis=0))


def test_no_clips_are_no_answers() -> None:
    assert network(embedded(1)).detect_clips([], []) == []


def test_every_clip_needs_its_frames() -> None:
    model = network(embedded(3))
    kept = model.encode(pictures(3))

    with pytest.raises(InputError, match="looks at clips of 3 frames, got 2 frames with 2 indices"):
        model.detect_clips([kept, kept[:2]], [[0, 1, 2], [0, 1]])


@pytest.mark.slow
@KINDS
@pytest.mark.parametrize("length", [1, 3])
def test_nothing_waits_for_the_device(
    build: Build, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = build(length)
    with torch.device("meta"):
        model = TubeRCNN(config).eval()
    geometry, *smaller = geometries_of((70, 90), config.preprocess, config.further_sides)
    pixels, *copies = (
        torch.zeros(2 * length, 3, *one.padded, device="meta") for one in (geometry, *smaller)
    )

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("numbers are copied from host memory, which waits for the device")

    monkeypatch.setattr(torch, "tensor", refuse)
    monkeypatch.setattr(Tensor, "new_tensor", refuse)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # knows no "meta"
    images = torch.zeros(2 * length, 3, 70, 90, dtype=torch.uint8, device="meta")
    # the device "meta" has shapes and no numbers: whoever asks for a number fails
    with torch.no_grad():
        maps, *rest = (model.frame_part(one) for one in (pixels, *copies))
        further = list(map(ScaledMaps, rest, smaller))
        found = model.find(maps, geometry, Pictures(images, geometry), further=further)

    assert found.people.taken.shape == (2, 6)
    assert found.joints.positions.shape == (2, 6, length, len(model.skeleton), 2)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@KINDS
def test_nothing_waits_for_a_gpu(build: Build) -> None:
    model = network(build(3)).to("cuda")
    kept = model.encode(pictures(6))
    joined = join_frames(kept)
    with torch.no_grad():
        model.find(
            joined.maps, joined.geometry, joined.pictures, further=joined.further
        )  # libraries wait once, at start
        torch.cuda.set_sync_debug_mode("error")
        try:
            found = model.find(
                joined.maps, joined.geometry, joined.pictures, further=joined.further
            )
        finally:
            torch.cuda.set_sync_debug_mode("default")

    assert found.people.taken.any(dim=1).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@KINDS
def test_frames_are_copied_to_a_gpu_without_waiting(build: Build) -> None:
    model = network(build(3)).to("cuda")
    frames = pictures(6)
    model.encode(frames)  # libraries wait once, at start
    torch.cuda.set_sync_debug_mode("error")
    try:
        kept = model.encode(frames)
    finally:
        torch.cuda.set_sync_debug_mode("default")

    on_host = model.to("cpu").encode(frames)
    for theirs, ours in zip(kept, on_host, strict=True):
        for found, wanted in zip(theirs.maps, ours.maps, strict=True):
            torch.testing.assert_close(found.cpu(), wanted, atol=1e-2, rtol=1e-2)


@KINDS
@torch.no_grad()
def test_empty_slots_change_nothing(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network(build(3))
    kept = model.encode(pictures(3))
    joined = join_frames(kept)
    wanted = model.find(joined.maps, joined.geometry, joined.pictures, further=joined.further)

    for module in ("tube_rcnn", "box_head", "tube_nms", "roi_align"):
        monkeypatch.setattr(f"posetube.models3d.{module}.on_host", lambda tensor: False)
    found = model.find(joined.maps, joined.geometry, joined.pictures, further=joined.further)

    taken = found.people.taken
    assert int(taken.sum()) == len(wanted.people.scores[0]) > 0
    torch.testing.assert_close(found.people.boxes[taken], wanted.people.boxes[0])
    torch.testing.assert_close(found.people.scores[taken], wanted.people.scores[0])
    torch.testing.assert_close(found.heatmaps[taken], wanted.heatmaps[0], atol=1e-4, rtol=1e-4)
    assert found.people.boxes.isfinite().all()
    assert (found.people.boxes[~taken] == 0).all()


@KINDS
@torch.no_grad()
def test_heatmaps_at_given_tubes_are_those_of_the_search(build: Build) -> None:
    model = network(build(3))
    # both sides are resized by one factor, so that crops keep their shape
    kept = model.encode(pictures(3)[:, :60])
    joined = join_frames(kept)
    found = model.find(joined.maps, joined.geometry, joined.pictures, further=joined.further)
    boxes = found.people.boxes[0]

    drawn = model.heatmaps(kept, boxes.numpy())

    assert drawn.logits.shape == found.heatmaps[0].shape
    np.testing.assert_allclose(drawn.logits, found.heatmaps[0], atol=1e-4)
    seen = model.keypoint_head.regions(joined.geometry.to_network(boxes))
    np.testing.assert_allclose(drawn.regions, joined.geometry.to_picture(seen), atol=1e-3)


@pytest.mark.slow
@KINDS
def test_heatmaps_of_the_centre_frame_are_kept_if_asked_for(build: Build) -> None:
    model = network(build(3))
    images, frames = pictures(3)[:, :60], [0, 1, 2]
    assert model.detect_features(model.encode(images), frames).heatmaps is None
    people = model.detect_features(model.encode(images, heatmaps=True), frames)

    found = model.find_joints(
        model.encode(images, heatmaps=True), frames, tubes=people.boxes, scores=people.scores
    )

    assert people.heatmaps is not None
    assert found.heatmaps is not None
    assert all(people.heatmaps[:, 1])
    assert not any(found.heatmaps[:, [0, 2]].ravel())
    drawn = model.heatmaps(model.encode(images), found.boxes)
    for row, evidence in enumerate(evidence_of(drawn)[:, 1]):
        kept = unpack(found.heatmaps[row, 1])
        np.testing.assert_allclose(kept.region, drawn.regions[row, 1], atol=1e-3)
        np.testing.assert_allclose(kept.evidence, evidence, atol=0.03 * evidence.max())


@pytest.mark.parametrize(
    ("tubes", "message"),
    [
        (np.zeros((2, 3, 4), np.float32), r"tubes: expected \(N, 1, 4\), got \(2, 3, 4\)"),
        (np.zeros((2, 4), np.float32), r"tubes: expected \(N, 1, 4\), got \(2, 4\)"),
        (np.full((2, 1, 4), np.nan, np.float32), "tubes: expected finite boxes, got NaN"),
    ],
)
def test_tubes_of_another_shape_are_refused(tubes: Any, message: str) -> None:
    model = network(embedded(1))

    with pytest.raises(InputError, match=message):
        model.heatmaps(model.encode(pictures(1)), tubes)


def test_heatmaps_need_all_frames_of_a_clip() -> None:
    model = network(embedded(3))

    with pytest.raises(InputError, match="looks at clips of 3 frames, got 2 frames"):
        model.heatmaps(model.encode(pictures(2)), np.zeros((1, 3, 4), np.float32))


def test_heatmaps_of_nobody_are_none() -> None:
    model = network(embedded(1))

    drawn = model.heatmaps(model.encode(pictures(1)), np.zeros((0, 1, 4), np.float32))

    assert drawn.logits.shape == (0, 1, 19, 16, 16)


def test_heatmaps_need_a_region_per_box() -> None:
    with pytest.raises(InputError, match=r"expected logits \(N, T, K, h, w\) and regions"):
        TubeHeatmaps(
            logits=np.zeros((1, 1, 2, 4, 4), np.float32),
            regions=np.zeros((2, 1, 4), np.float32),
            kind="softmax",
        )


def test_our_networks_keep_the_promises() -> None:
    found: Network = network(embedded(1))
    known: HeatmapNetwork = network(embedded(1))

    assert found.clip_length == known.clip_length == 1


@dataclass(frozen=True, kw_only=True)
class BrightnessHeadConfig(KeypointHeadConfig):
    """A toy: every joint is where the picture is brightest, in a box twice as wide."""


class BrightnessHead(nn.Module):
    """Pools the displayed frame itself."""

    wants_pictures, remembers = True, False

    def __init__(self, config: BrightnessHeadConfig, channels: Sequence[int]) -> None:
        super().__init__()

    def pool(self, features: ClipFeatures, tubes: Sequence[Tensor]) -> Tensor:
        assert features.pictures is not None
        images, geometry = features.pictures
        rois = tube_rois([geometry.to_picture(self.regions(tube)) for tube in tubes])
        pooled: Tensor = ops.roi_align(images.float(), rois, (8, 8), aligned=True)
        return pooled.mean(dim=1, keepdim=True)

    def forward(self, pooled: Tensor, length: int) -> Tensor:
        return pooled.expand(-1, 17, -1, -1)

    def regions(self, tubes: Tensor) -> Tensor:
        half = (tubes[..., 2:] - tubes[..., :2]) / 2 * torch.tensor([1.0, 0.0])
        return torch.cat([tubes[..., :2] - half, tubes[..., 2:] + half], dim=-1)


def test_a_head_of_ones_own_pools_from_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    config = pyramid(1)
    # what its file and its row in the table of models3d/parts.py do
    monkeypatch.setitem(sys.modules, "posetube.models3d.brightness", sys.modules[__name__])
    row = PartKind(config="brightness:BrightnessHeadConfig", module="brightness:BrightnessHead")
    monkeypatch.setitem(PARTS, "keypoint_head", (*PARTS["keypoint_head"], row))
    model = network(replace(config, keypoint_head=BrightnessHeadConfig(pool=PoolConfig(size=4))))
    image = np.zeros((1, 70, 90, 3), np.uint8)
    image[0, 40:44, 20:24] = 255

    kept = model.encode(image)
    drawn = model.heatmaps(kept, np.array([[[30.0, 30, 50, 50]]], np.float32))
    tubes = model.detect_features(kept, [0])

    assert kept[0].picture is not None
    assert kept[0].picture.shape == (1, 3, 70, 90)
    assert drawn.regions[0, 0].tolist() == pytest.approx([20, 30, 60, 50], abs=1e-3)
    row, column = np.unravel_index(drawn.logits[0, 0, 0].argmax(), (8, 8))
    assert (row, column) == (4, 0)
    # of those whose region holds it, everybody's joints are at the bright spot
    low, high = tubes.boxes[:, 0, :2], tubes.boxes[:, 0, 2:]
    reach = (high - low) * [1.0, 0.5]
    offset = np.abs((low + high) / 2 - [22, 42])
    holds = (offset < 0.9 * reach).all(axis=1)
    cell = reach / 4
    assert holds.any()
    assert (np.abs(tubes.keypoints[holds, 0] - [22, 42]) <= cell[holds, None]).all()


def test_pictures_may_be_views_with_channels_turned_round() -> None:
    model, turned = network(embedded(1)), pictures(1)[..., ::-1]

    [view], [copy] = (
        model.encode(images, embeddings=True) for images in (turned, np.ascontiguousarray(turned))
    )

    agree(model.detect_features([view], [0]), model.detect_features([copy], [0]))


def test_frames_keep_no_picture_that_nobody_asks_for() -> None:
    assert network(pyramid(1)).encode(pictures(1))[0].picture is None
