"""Joints of people whose boxes come from outside."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from posetube.errors import InputError
from posetube.models3d.features import join_frames
from posetube.models3d.joint_peaks import calibrated
from posetube.network import BoxNetwork
from tests.models3d.test_network_seams import (
    KINDS,
    Build,
    embedded,
    network,
    pictures,
    pyramid,
    single_level,
)


@KINDS
@pytest.mark.parametrize("length", [1, 3])
@torch.no_grad()
def test_joints_at_given_boxes_are_those_of_the_search(build: Build, length: int) -> None:
    model = network(build(length))
    kept = model.encode(pictures(length), embeddings=True)
    joined = join_frames(kept)
    search = model.find(joined.maps, joined.geometry, joined.pictures, further=joined.further)
    frames = list(range(length))
    boxes, scores = search.people.boxes[0].numpy(), search.people.scores[0].numpy()

    found = model.find_joints(kept, frames, tubes=boxes[::-1].copy(), scores=scores[::-1].copy())

    assert found.frames.tolist() == frames
    np.testing.assert_array_equal(found.boxes, boxes[::-1])
    np.testing.assert_allclose(
        found.keypoints, search.joints.positions[0].flip(0), rtol=0, atol=0.05
    )
    sure = calibrated(search.joints.logits, search.joints.scores, model.config.decode)[0].flip(0)
    np.testing.assert_allclose(found.keypoint_scores, sure, rtol=0, atol=1e-3)
    np.testing.assert_array_equal(found.presence, np.ones_like(found.presence))
    assert found.embeddings is not None
    assert found.embeddings.shape[:2] == (len(boxes), length)


def test_the_score_of_a_given_box_counts_as_one_of_the_search() -> None:
    model = network(embedded(1))
    kept = model.encode(pictures(1))
    boxes = np.tile(np.array([5.0, 5, 60, 60], np.float32), (2, 1, 1))

    found = model.find_joints(kept, [7], tubes=boxes, scores=np.array([1, 0.5], np.float32))

    half = 0.5**model.config.decode.score_power
    np.testing.assert_allclose(found.scores[1], found.scores[0] * half, rtol=1e-5)
    assert found.frames.tolist() == [7]
    assert found.embeddings is None


def test_a_power_of_the_score_changes_nothing_else() -> None:
    config = embedded(1)
    plain, raised = (
        network(replace(config, decode=replace(config.decode, score_power=power)))
        for power in (1.0, 0.5)
    )
    boxes = np.tile(np.array([5.0, 5, 60, 60], np.float32), (2, 1, 1))
    sure = np.array([0.9, 0.4], np.float32)

    one, other = (
        model.find_joints(model.encode(pictures(1)), [0], tubes=boxes, scores=sure)
        for model in (plain, raised)
    )

    np.testing.assert_allclose(other.scores, one.scores**0.5, rtol=1e-5)
    np.testing.assert_array_equal(other.keypoint_scores, one.keypoint_scores)


def test_given_boxes_are_neither_clipped_nor_suppressed() -> None:
    model = network(embedded(1))
    box = np.array([-20.0, -10, 60, 200], np.float32)

    found = model.find_joints(
        model.encode(pictures(1)),
        [0],
        tubes=np.tile(box, (3, 1, 1)),
        scores=np.zeros(3, np.float32),
    )

    np.testing.assert_array_equal(found.boxes, np.tile(box, (3, 1, 1)))


def test_nobody_may_be_given() -> None:
    model: BoxNetwork = network(embedded(3))
    kept = model.encode(pictures(3), embeddings=True)

    found = model.find_joints(
        kept, [0, 1, 2], tubes=np.zeros((0, 3, 4), np.float32), scores=np.zeros(0, np.float32)
    )

    assert found.keypoints.shape == (0, 3, len(model.skeleton), 2)


@pytest.mark.parametrize(
    ("tubes", "frames", "message"),
    [
        (np.zeros((2, 3, 4)), [0], r"tubes: expected \(N, 1, 4\), got \(2, 3, 4\)"),
        (np.full((2, 1, 4), np.inf), [0], "tubes: expected finite boxes, got NaN or infinity"),
        (np.zeros((2, 1, 4)), [0, 1], "clips of 1 frames, got 1 frames with 2 indices"),
    ],
)
def test_boxes_that_do_not_fit_the_clip_are_refused(
    tubes: np.ndarray, frames: list[int], message: str
) -> None:
    model = network(embedded(1))

    with pytest.raises(InputError, match=message):
        model.find_joints(
            model.encode(pictures(1)), frames, tubes=tubes, scores=np.zeros(2, np.float32)
        )


@pytest.mark.parametrize("build", [pyramid, single_level])
@pytest.mark.parametrize("length", [1, 3])
@torch.no_grad()
def test_the_box_head_judges_boxes_from_outside_as_its_own_proposals(
    build: Build, length: int
) -> None:
    model, frames = network(build(length)), list(range(length))
    kept = model.encode(pictures(length), embeddings=True)
    joined = join_frames(kept)
    features = model.clip_part([*joined.maps], length, joined.pictures)
    proposed = model.propose(features, joined.geometry)
    tubes = joined.geometry.to_picture(proposed.tubes)[0, proposed.taken[0]].numpy()
    inside = model.detect_features(kept, frames)

    judged = model.judge_boxes(kept, frames, tubes=tubes[::-1].copy())

    assert 0 < len(judged) < len(tubes)
    assert len(judged) == len(inside)
    for name in ("boxes", "scores", "presence", "keypoints", "keypoint_scores", "embeddings"):
        ours, theirs = getattr(judged, name), getattr(inside, name)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-2, err_msg=name)


def test_nobody_is_found_among_no_boxes() -> None:
    model = network(pyramid(1))

    found = model.judge_boxes(model.encode(pictures(1)), [0], tubes=np.zeros((0, 1, 4), np.float32))

    assert len(found) == 0


def test_without_a_box_head_nothing_is_judged() -> None:
    model = network(embedded(1))
    box = np.array([[[5, 5, 60, 60]]], np.float32)

    assert not model.judges_boxes
    with pytest.raises(InputError, match="untrained has no box head, so it judges no boxes"):
        model.judge_boxes(model.encode(pictures(1)), [0], tubes=box)
