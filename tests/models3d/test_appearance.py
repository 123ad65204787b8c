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
from posetube.models3d.appearance import embed, look_maps
from posetube.models3d.mobile_body import MobileBodyConfig
from posetube.models3d.presets import tiny
from posetube.models3d.tube_rcnn import TubeRCNN, TubeRCNNConfig
from posetube.structures import ByteArray, Clip, FloatArray

NUMBERS = 256


def crowd(config: TubeRCNNConfig) -> TubeRCNN:
    """A network with random weights that takes some of its proposals for people."""
    torch.manual_seed(0)
    small = replace(config.preprocess, short_side=96, long_side=128)
    head = replace(config.box_head, min_score=0.0, nms=0.9, max_people=4)
    return TubeRCNN(replace(config, preprocess=small, box_head=head)).eval()


def noise(count: int) -> ByteArray:
    coarse = np.random.default_rng(0).integers(0, 256, (count, 12, 16, 3), dtype=np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, axis=1).repeat(8, axis=2))


def clip_of(images: ByteArray) -> Clip:
    count = len(images)
    return Clip(frames=np.arange(count), times=np.arange(count) / 25, images=images)


@pytest.mark.parametrize("length", [1, 3])
def test_every_person_has_a_unit_vector_in_every_frame(length: int) -> None:
    model = crowd(replace(tiny(), clip_length=length))

    looks = model.detect(clip_of(noise(length)), embeddings=True).embeddings

    assert looks is not None
    assert looks.shape == (4, length, NUMBERS)
    assert looks.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(looks, axis=2), 1, atol=1e-5)


def test_vectors_stand_in_the_order_of_the_people() -> None:
    model = crowd(replace(tiny(), clip_length=3))
    images = noise(3)

    found = model.detect(clip_of(images), embeddings=True)

    assert found.embeddings is not None
    for frame in range(3):
        [alone] = model.encode(images[frame : frame + 1], embeddings=True)
        boxes = alone.geometry.to_network(torch.from_numpy(found.boxes[:, frame : frame + 1]))
        again = embed(alone.looks, boxes[None])[0, :, 0]
        np.testing.assert_allclose(found.embeddings[:, frame], again, atol=1e-3)


def test_they_come_only_when_asked_for() -> None:
    model = crowd(tiny())

    assert model.detect(clip_of(noise(1))).embeddings is None
    assert model.encode(noise(1))[0].looks == ()


def test_they_change_nothing_else() -> None:
    model, clip = crowd(tiny()), clip_of(noise(1))

    with_them, without = model.detect(clip, embeddings=True), model.detect(clip)

    for name in ("boxes", "scores", "keypoints", "keypoint_scores", "presence"):
        assert np.array_equal(getattr(with_them, name), getattr(without, name)), name


def test_nobody_in_the_clip_has_no_vectors() -> None:
    model = crowd(tiny())
    torch.nn.init.zeros_(model.box_head.score.weight)
    with torch.no_grad():
        model.box_head.score.bias[0] = 200

    looks = model.detect(clip_of(noise(1)), embeddings=True).embeddings

    assert looks is not None
    assert looks.shape == (0, 1, NUMBERS)


def test_wide_bodies_give_no_longer_vectors() -> None:
    maps = [torch.rand(1, width, 16, 16) for width in (64, 256, 512, 1024, 2048)]
    box = torch.tensor([[[[8.0, 8, 40, 60]]]])

    assert embed(look_maps(maps, (4, 4, 8, 16, 32)), box).shape == (1, 1, 1, NUMBERS)


def test_stages_after_the_first_time_kernel_are_not_needed() -> None:
    config = replace(tiny(), clip_length=3, body=MobileBodyConfig(stage_times=(1, 3, 3, 3, 3)))

    looks = crowd(config).detect(clip_of(noise(3)), embeddings=True).embeddings

    assert looks is not None
    assert looks.shape[1] == 3


def test_a_body_that_mixes_frames_from_the_start_has_none() -> None:
    model = crowd(replace(tiny(), body=MobileBodyConfig(stage_times=(3, 1, 1, 1, 1))))

    with pytest.raises(
        InputError, match="embeddings need a body whose first stage looks at single"
    ):
        model.encode(noise(1), embeddings=True)


def test_brightness_and_contrast_of_the_frame_cancel() -> None:
    maps = [torch.rand(1, 8, 20, 20)]
    box = torch.tensor([[[[10.0, 10, 50, 70]]]])

    plain, brighter = (embed(look_maps(m, (4,)), box) for m in (maps, [2 * maps[0] + 3]))

    torch.testing.assert_close(plain, brighter, atol=1e-4, rtol=0)


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
    [features] = load_network("tiny").encode(image[None], embeddings=True)
    tubes = features.geometry.to_network(torch.from_numpy(boxes)[:, None])
    return np.asarray(embed(features.looks, tubes[None])[0, :, 0])
