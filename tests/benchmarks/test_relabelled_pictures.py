"""Photographs for training parts of the embedded model: labels of its own, and harder crops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.relabelled_pictures import CANVAS, cut, relabelled, unlabelled, worse
from posetube.datasets.synthetic import PictureConfig, picture
from posetube.datasets.training.augment_places import flip
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.models3d import load_network
from posetube.models3d.joint_peaks import decode_parabola
from posetube.skeletons import skeleton
from posetube.structures import JointState


def person() -> LabelledClip:
    """Somebody drawn."""
    config = PictureConfig(size=(240, 320), people=(1, 1), person_height=(0.8, 0.8), tumbling=0)
    frame = picture(config, rng=np.random.default_rng(2))
    people = frame.people
    joints = people.keypoints[:1, None, :19].astype(np.float32)
    known = np.isfinite(joints).all(axis=-1)
    return LabelledClip(
        images=frame.image[None],
        times=np.zeros(1),
        skeleton=skeleton("coco19"),
        boxes=people.boxes[:1, None].astype(np.float32),
        keypoints=joints,
        joint_states=np.where(known, JointState.VISIBLE, JointState.ABSENT).astype(np.uint8),
        ignore=np.zeros((0, 1, 4), np.float32),
        keypoint_weights=np.asarray(known, np.float32),
    )


@pytest.mark.slow
@pytest.mark.parametrize("mirrored", [False, True])
def test_labels_are_those_of_a_single_look_without_its_noise(mirrored: bool) -> None:
    clip, head = flip(person()) if mirrored else person(), load_network("tiny").keypoint_head
    image, box = clip.images[0], clip.boxes[0, 0]

    labels = relabelled(head, image, box)

    boxes = torch.from_numpy(box[None])
    with torch.inference_mode():
        maps = head.network(cut(head, image, boxes)).clamp(min=1e-6).log()
    single = decode_parabola(maps, head.regions(boxes))
    sure = (labels[:, 2] > 0.5) & (single.scores[0] > 0.5)
    cells = (labels[:, :2] - single.positions[0])[sure] / (1.25 * (box[3] - box[1]) / 64)
    assert sure.sum() >= 8
    assert cells.median(dim=0).values.abs().max() < 0.2
    assert cells.abs().max() < 2


def test_whoever_a_teacher_saw_where_nobody_should_be_is_ignored() -> None:
    clip = person()

    nobody = unlabelled(clip)

    assert len(nobody.boxes) == 0
    np.testing.assert_array_equal(nobody.ignore, clip.boxes)


def test_a_harder_crop_depends_on_chance_alone() -> None:
    clip = person()

    crops = [worse(clip, np.random.default_rng(seed)) for seed in (*range(12), 3)]

    np.testing.assert_array_equal(crops[3][0].images, crops[-1][0].images)
    np.testing.assert_array_equal(crops[3][1], crops[-1][1])
    assert {made.size for made, _ in crops} > {CANVAS}  # some are coarse
    for made, box in crops:
        assert len(made.boxes) == 1
        assert (box[2:] > box[:2]).all()


def test_labels_move_with_a_harder_crop() -> None:
    clip = person()
    marked = replace(clip, keypoint_weights=np.ones_like(clip.weights))

    for seed in range(6):
        made, _ = worse(marked, np.random.default_rng(seed))
        left, top, right, bottom = made.boxes[0, 0]
        known = made.weights[0, 0] > 0
        x, y = made.keypoints[0, 0, known].T
        slack = 0.5 * max(right - left, bottom - top)  # turned boxes end nearer
        assert known.any()
        assert ((x > left - slack) & (x < right + slack)).all()
        assert ((y > top - slack) & (y < bottom + slack)).all()


def test_joints_keep_their_heights_as_weights() -> None:
    clip = replace(person(), keypoint_weights=np.full((1, 1, 19), 0.25, np.float32))

    made, _ = worse(clip, np.random.default_rng(0))

    assert set(np.unique(made.weights)) <= {0.0, np.float32(0.25)}
    assert torch.from_numpy(made.weights).dtype == torch.float32
