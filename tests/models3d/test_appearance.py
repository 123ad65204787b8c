"""Appearance vectors: of whom, how long, and that they tell real people apart."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from posetube.errors import InputError
from posetube.models3d import load_network
from posetube.models3d.appearance import embed, embed_joints, look_maps
from posetube.models3d.configs.bodies import CSPBodyConfig
from posetube.models3d.configs.networks import JointDrawerConfig
from posetube.models3d.configs.people_heads import KeypointHeadConfig, PoolConfig
from posetube.models3d.configs.proposal_heads import DenseProposalConfig
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import ByteArray, Clip, FloatArray
from tests.models3d.small_networks import small_tiny

NUMBERS = 9 * 32
"""Nose and eight pairs of joints, times the channels of the crop network's stem."""

OF_BODY = 256

FROM_LEVELS = KeypointHeadConfig(pool=PoolConfig(size=4), joints=19, channels=8, depth=1)
"""A keypoint head that has no vectors of its own."""


def crowd(
    *,
    length: int = 1,
    times: tuple[int, int, int, int] = (1, 1, 1, 1),
    min_score: float = 0,
    head: JointDrawerConfig | None = None,
) -> TubeRCNN:
    """A network with random weights that takes four of its cells for people."""
    torch.manual_seed(0)
    flat = small_tiny()
    config = replace(
        flat,
        keypoint_head=head or flat.keypoint_head,
        clip_length=length,
        body=CSPBodyConfig(times=times),
        proposals=DenseProposalConfig(min_score=min_score, after_nms=4, nms=1),
        pose_nms=None,
    )
    return TubeRCNN(config).eval()


def noise(count: int) -> ByteArray:
    coarse = np.random.default_rng(0).integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, axis=1).repeat(8, axis=2))


def clip_of(images: ByteArray) -> Clip:
    count = len(images)
    return Clip(frames=np.arange(count), times=np.arange(count) / 25, images=images)


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize(("head", "numbers"), [(None, NUMBERS), (FROM_LEVELS, OF_BODY)])
def test_every_person_has_a_unit_vector_in_every_frame(
    length: int, head: JointDrawerConfig | None, numbers: int
) -> None:
    model = crowd(length=length, head=head)

    looks = model.detect(clip_of(noise(length)), embeddings=True).embeddings

    assert looks is not None
    assert looks.shape == (4, length, numbers)
    assert looks.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(looks, axis=2), 1, atol=1e-5)


def test_vectors_of_crops_are_those_of_the_boxes_of_the_people() -> None:
    model = crowd(length=3)
    features = model.encode(noise(3), embeddings=True)
    tubes = np.array([[[10, 5, 60, 90]] * 3, [[40, 0, 120, 80]] * 3], np.float32)

    both = model.find_joints(features, [0, 1, 2], tubes=tubes, scores=np.ones(2, np.float32))
    last = model.find_joints(
        features, [0, 1, 2], tubes=tubes[1:], scores=np.ones(1, np.float32)
    ).embeddings

    assert both.embeddings is not None
    assert last is not None
    np.testing.assert_allclose(both.embeddings[1:], last, atol=1e-4)
    assert not np.allclose(both.embeddings[:1], last, atol=1e-2)
    assert not np.allclose(last[:, 0], last[:, 1], atol=1e-2)  # other frames, other crops


def test_vectors_of_the_body_stand_in_the_order_of_the_people() -> None:
    model = crowd(length=3, head=FROM_LEVELS)
    images = noise(3)

    found = model.detect(clip_of(images), embeddings=True)

    assert found.embeddings is not None
    for frame in range(3):
        [alone] = model.encode(images[frame : frame + 1], embeddings=True)
        boxes = alone.geometry.to_network(torch.from_numpy(found.boxes[:, frame : frame + 1]))
        again = embed(alone.looks, boxes[None])[0, :, 0]
        # the first box is reported up to the picture's edge only; it reaches beyond
        np.testing.assert_allclose(found.embeddings[1:, frame], again[1:], atol=1e-3)


def test_they_come_only_when_asked_for() -> None:
    model = crowd()

    assert model.detect(clip_of(noise(1))).embeddings is None
    assert model.encode(noise(1))[0].looks == ()


def test_the_maps_of_the_body_are_kept_only_where_the_keypoint_head_has_no_vectors() -> None:
    [kept] = crowd(head=FROM_LEVELS).encode(noise(1), embeddings=True)
    [spared] = crowd().encode(noise(1), embeddings=True)

    assert len(kept.looks) == 2
    assert spared.looks == ()


@pytest.mark.parametrize("head", [None, FROM_LEVELS])
def test_they_change_nothing_else(head: JointDrawerConfig | None) -> None:
    model, clip = crowd(head=head), clip_of(noise(1))

    with_them, without = model.detect(clip, embeddings=True), model.detect(clip)

    for name in ("boxes", "scores", "keypoints", "keypoint_scores", "presence"):
        assert np.array_equal(getattr(with_them, name), getattr(without, name)), name


def test_nobody_in_the_clip_has_no_vectors() -> None:
    looks = crowd(min_score=1).detect(clip_of(noise(1)), embeddings=True).embeddings

    assert looks is not None
    assert looks.shape == (0, 1, NUMBERS)


def test_wide_bodies_give_no_longer_vectors() -> None:
    maps = [torch.rand(1, width, 16, 16) for width in (64, 256, 512, 1024, 2048)]
    box = torch.tensor([[[[8.0, 8, 40, 60]]]])

    assert embed(look_maps(maps, (4, 4, 8, 16, 32)), box).shape == (1, 1, 1, OF_BODY)


def test_stages_after_the_first_time_kernel_are_not_needed() -> None:
    model = crowd(length=3, times=(1, 3, 3, 3), head=FROM_LEVELS)

    looks = model.detect(clip_of(noise(3)), embeddings=True).embeddings

    assert looks is not None
    assert looks.shape[1] == 3


def test_a_body_that_mixes_frames_from_the_start_has_none() -> None:
    model = crowd(times=(3, 1, 1, 1), head=FROM_LEVELS)

    with pytest.raises(
        InputError, match="embeddings need a body whose first stage looks at single"
    ):
        model.encode(noise(1), embeddings=True)


def test_brightness_and_contrast_of_the_frame_cancel() -> None:
    maps = [torch.rand(1, 8, 20, 20)]
    box = torch.tensor([[[[10.0, 10, 50, 70]]]])

    plain, brighter = (embed(look_maps(m, (4,)), box) for m in (maps, [2 * maps[0] + 3]))

    torch.testing.assert_close(plain, brighter, atol=1e-4, rtol=0)


def test_crops_do_not_need_the_body() -> None:
    looks = crowd(times=(3, 1, 1, 1)).detect(clip_of(noise(1)), embeddings=True).embeddings

    assert looks is not None
    assert looks.shape == (4, 1, NUMBERS)


def test_a_pair_of_joints_takes_the_mean_around_both_and_an_unseen_joint_has_zeros() -> None:
    maps = torch.zeros(1, 1, 4, 4)
    maps[0, 0, 0, :2] = torch.tensor([3.0, 5])
    heatmaps = torch.zeros(1, 3, 4, 4)
    heatmaps[0, 1, 0, 0] = heatmaps[0, 2, 0, 1] = 100
    heatmaps[0, 0, 2] = -1

    [vector] = embed_joints(maps, heatmaps, flip=[0, 2, 1])

    assert vector.tolist() == pytest.approx([0, 1])


def test_brightness_and_contrast_of_the_crop_cancel_and_a_mirror_changes_nothing() -> None:
    torch.manual_seed(0)
    maps, heatmaps = torch.rand(2, 4, 8, 8), torch.rand(2, 3, 8, 8)
    flip = [0, 2, 1]

    plain = embed_joints(maps, heatmaps, flip=flip)
    brighter = embed_joints(2 * maps + 3, heatmaps, flip=flip)
    mirrored = embed_joints(maps.flip(3), heatmaps[:, flip].flip(3), flip=flip)

    torch.testing.assert_close(brighter, plain, atol=1e-4, rtol=0)
    torch.testing.assert_close(mirrored, plain, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_real_people_look_more_like_themselves_than_like_others(samples: Path) -> None:
    folder = samples / "bonn_multiperson_posetrack"
    labels = json.loads((folder / "posetrack18_json" / "950022_mpii_test.json").read_text())
    vectors, names = [], []
    for frame in range(0, 41, 8):
        image: Any = cv2.imread(str(folder / "videos" / "060470979" / f"{frame + 1:05}.jpg"))
        people = [a for a in labels["annotations"] if a["image_id"] % 1000 == frame]
        boxes = np.array([a["bbox"] for a in people], np.float32)
        boxes[:, 2:] += boxes[:, :2]
        vectors.append(_looks(np.ascontiguousarray(image[..., ::-1]), boxes))
        names += [a["track_id"] for a in people]

    likeness = np.concatenate(vectors) @ np.concatenate(vectors).T
    alike = np.equal.outer(names, names)
    pairs = np.triu(np.ones_like(alike), 1)
    same, others = likeness[pairs & alike], likeness[pairs & ~alike]

    assert len(same) > 20
    assert np.mean(same[:, None] > others) > 0.85


def _looks(image: ByteArray, boxes: FloatArray) -> FloatArray:
    """(N, D) of the embedded model, for N given boxes of one frame."""
    model = load_network("tiny")
    sure = np.ones(len(boxes), np.float32)
    features = model.encode(image[None], embeddings=True)
    vectors = model.find_joints(features, [0], tubes=boxes[:, None], scores=sure).embeddings
    assert vectors is not None
    return vectors[:, 0]
