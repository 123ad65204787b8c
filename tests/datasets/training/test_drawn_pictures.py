"""Synthetic people as training pictures."""

import cv2
import numpy as np
import pytest

from posetube.datasets.synthetic import PictureConfig
from posetube.datasets.training.drawn_pictures import DrawnConfig, drawn_pictures, onto_photograph
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import JointState

SMALL = PictureConfig(size=(120, 160), people=(1, 3))


def photograph() -> LabelledClip:
    """Somebody who fills the picture."""
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    rng = np.random.default_rng(1)
    return LabelledClip(
        images=image[None],
        times=np.zeros(1),
        skeleton=COCO17,
        boxes=np.array([[[2, 2, 158, 118]]], np.float32),
        keypoints=rng.uniform((2, 2), (158, 118), (1, 1, 17, 2)).astype(np.float32),
        joint_states=np.full((1, 1, 17), JointState.VISIBLE, np.uint8),
        ignore=np.zeros((0, 1, 4), np.float32),
    )


def test_pictures_depend_on_seed_and_number_alone() -> None:
    config = DrawnConfig(scene=SMALL)
    few, many = (
        list(drawn_pictures(lambda rng: photograph(), count=n, config=config, seed=4))
        for n in (2, 4)
    )

    for (name, picture), (same_name, same) in zip(few, many, strict=False):
        assert name == same_name
        np.testing.assert_array_equal(picture.images, same.images)
        np.testing.assert_array_equal(picture.keypoints, same.keypoints)


def test_known_joints_are_those_that_weigh() -> None:
    config = DrawnConfig(scene=SMALL, pasted_share=0)
    made = [p for _, p in drawn_pictures(lambda rng: photograph(), count=6, config=config, seed=0)]

    assert sum(len(p.boxes) for p in made) > 3
    for p in made:
        assert ((p.weights > 0) == ~np.isnan(p.keypoints[..., 0])).all()
        assert set(np.unique(p.weights)) <= {0, np.float32(0.3), np.float32(0.6)}


def test_who_stands_behind_drawn_people_loses_the_joints_that_they_hide() -> None:
    behind = photograph()
    column, row = behind.keypoints[0, 0].astype(int).T
    hidden = seen = 0
    for seed in range(8):
        made = onto_photograph(behind, config=DrawnConfig(), rng=np.random.default_rng(seed))
        if len(made.ignore) and (made.ignore == behind.boxes).all(axis=(1, 2)).any():
            continue  # mostly covered
        changed = (made.images[0] != behind.images[0]).any(axis=2).astype(np.uint8)
        inside = cv2.erode(changed, np.ones((5, 5), np.uint8))[row, column] > 0
        outside = changed[row, column] == 0
        kept = made.weights[-1, 0]

        assert not kept[inside].any()
        assert (kept[outside] == 1).all()
        hidden, seen = hidden + inside.sum(), seen + outside.sum()
    assert hidden > 3
    assert seen > 3


def test_settings_name_the_field_and_the_value() -> None:
    with pytest.raises(InputError, match=r"DrawnConfig.ignored must be in \[0, 1\], got -1"):
        DrawnConfig(ignored=-1)
    with pytest.raises(InputError, match="DrawnConfig.pasted_people must rise from at least 1"):
        DrawnConfig(pasted_people=(0, 2))
