"""Pictures, clips of one frame, are varied, and their labels with them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.training.augment import augment_clip, place_clip
from posetube.datasets.training.augment_config import AugmentConfig
from posetube.datasets.training.augment_pixels import recolour
from posetube.datasets.training.augment_places import PADDING
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import JointState

NOTHING = AugmentConfig(
    flip_share=0, scale=(1, 1), aim_share=0, rotate_share=0, mosaic_share=0, brightness=0,
    contrast=0, saturation=0, channel_gain=0, grey_share=0, blur_share=0,
)  # fmt: skip


def dotted(seed: int = 0) -> LabelledClip:
    """A person whose joints are bright dots, so that the picture itself says where they are."""
    rng = np.random.default_rng(seed)
    image = np.full((96, 128, 3), 40, np.uint8)
    joints = rng.integers((24, 16), (104, 80), (17, 2))
    for x, y in joints:
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    points = (joints + 0.5).astype(np.float32)
    return LabelledClip(
        images=image[None],
        times=np.zeros(1),
        skeleton=COCO17,
        boxes=np.array([[[*points.min(axis=0) - 4, *points.max(axis=0) + 4]]], np.float32),
        keypoints=points[None, None],
        joint_states=np.full((1, 1, 17), JointState.VISIBLE, np.uint8),
        ignore=np.array([[[0, 0, 10, 10]]], np.float32),
    )


def test_nothing_changes_where_nothing_is_asked_for() -> None:
    picture = dotted()

    same = augment_clip(
        lambda: picture, size=(96, 128), config=NOTHING, rng=np.random.default_rng(0)
    )

    np.testing.assert_array_equal(same.images, picture.images)
    np.testing.assert_allclose(same.keypoints, picture.keypoints, atol=1e-4)
    np.testing.assert_allclose(same.boxes, picture.boxes, atol=1e-4)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_joints_stay_on_their_dots(seed: int) -> None:
    config = replace(NOTHING, flip_share=0.5, scale=(1.0, 2.0), aim_share=0.7, rotate_share=0.8)

    moved = place_clip(
        dotted(seed), size=(128, 160), config=config, rng=np.random.default_rng(seed)
    )

    for points in moved.keypoints[:, 0]:
        for x, y in points[~np.isnan(points[:, 0])]:
            assert moved.images[0, int(y), int(x)].min() > 150


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_labels_stay_inside_the_canvas_and_agree(seed: int) -> None:
    config = AugmentConfig(mosaic_share=0.5)

    made = augment_clip(
        lambda: dotted(seed), size=(96, 128), config=config, rng=np.random.default_rng(seed)
    )

    assert made.images.shape == (1, 96, 128, 3)
    for boxes in (made.boxes, made.ignore):
        assert (boxes >= 0).all()
        assert (boxes <= [128, 96, 128, 96]).all()
        assert (boxes[..., 2:] >= boxes[..., :2]).all()
    known = ~np.isnan(made.keypoints[..., 0])
    assert (known == (made.weights > 0)).all()


def test_a_flip_exchanges_left_and_right() -> None:
    picture = dotted()

    flipped = place_clip(
        picture,
        size=(96, 128),
        config=replace(NOTHING, flip_share=1),
        rng=np.random.default_rng(0),
    )

    left, right = COCO17.index("left_wrist"), COCO17.index("right_wrist")
    expected = 128 - picture.keypoints[0, 0, left, 0]
    assert flipped.keypoints[0, 0, right, 0] == pytest.approx(expected, abs=1e-3)


def test_who_has_mostly_left_the_canvas_is_ignored() -> None:
    picture = replace(dotted(), boxes=np.array([[[-90, 10, 20, 90]]], np.float32))

    made = augment_clip(
        lambda: picture, size=(96, 128), config=NOTHING, rng=np.random.default_rng(0)
    )

    assert len(made.boxes) == 0
    assert len(made.ignore) == 2


def test_the_same_generator_gives_the_same_picture() -> None:
    first, second = (
        augment_clip(dotted, size=(96, 128), config=AugmentConfig(), rng=np.random.default_rng(7))
        for _ in range(2)
    )

    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.keypoints, second.keypoints)


def test_what_lies_outside_the_picture_is_padding() -> None:
    small = replace(NOTHING, scale=(0.5, 0.5))

    made = augment_clip(dotted, size=(96, 128), config=small, rng=np.random.default_rng(1))

    assert np.mean(made.images == PADDING) > 0.6


def test_grey_takes_the_colours_away() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (1, 96, 128, 3), np.uint8)
    picture = replace(dotted(), images=noise)

    grey = recolour(picture, config=replace(NOTHING, grey_share=1), rng=np.random.default_rng(0))

    assert np.ptp(grey.images, axis=3).max() == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flip_share": 1.5}, r"AugmentConfig.flip_share must be in \[0, 1\], got 1.5"),
        ({"scale": (2.0, 1.0)}, r"AugmentConfig.scale must rise from above 0, got \(2.0"),
        ({"scale": (1.0, math.inf)}, r"AugmentConfig.scale must rise from above 0, got \(1.0, inf"),
        ({"contrast": math.nan}, "AugmentConfig.contrast must be 0 or more, got nan"),
        ({"rotate_degrees": -1.0}, "AugmentConfig.rotate_degrees must be 0 or more, got -1"),
    ],
)
def test_settings_name_the_field_and_the_value(changes: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(NOTHING, **changes)  # type: ignore[arg-type]
