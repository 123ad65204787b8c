"""Clips are varied in space, time and colour: pixels and labels stay together."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.training.augment import augment_clip
from posetube.datasets.training.augment_config import AugmentConfig, VideoAugmentConfig
from posetube.datasets.training.augment_pixels import blur, occlude, recolour
from posetube.datasets.training.augment_places import (
    crop,
    cut,
    flip,
    middle,
    mosaic,
    placement,
    quarters,
    reverse,
    scale,
    shrink,
    warp,
)
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import JointState

Change = Callable[[LabelledClip], LabelledClip]


def _clip(seed: int = 0, *, people: int = 2, frames: int = 3) -> LabelledClip:
    rng = np.random.default_rng(seed)
    size = (60, 80)
    points = rng.uniform(5, 55, (people, frames, 17, 2)).astype(np.float32)
    masks = np.zeros((people, frames, *size), np.bool_)
    masks[:, :, 10:40, 20:50] = True
    return LabelledClip(
        images=rng.integers(0, 256, (frames, *size, 3), np.uint8),
        times=np.arange(frames) / 25,
        skeleton=COCO17,
        boxes=np.concatenate([points.min(axis=2), points.max(axis=2)], axis=-1),
        keypoints=points,
        joint_states=np.full((people, frames, 17), JointState.VISIBLE, np.uint8),
        masks=masks,
        ignore=np.full((1, frames, 4), [1, 2, 11, 12], np.float32),
    )


def _dotted(x: float, y: float) -> LabelledClip:
    """A black clip with a white dot at a joint."""
    clip = _clip(people=1)
    images = np.zeros_like(clip.images)
    images[:, int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2] = 255
    points = np.full_like(clip.keypoints, np.nan)
    points[:, :, 5] = [int(x) + 0.5, int(y) + 0.5]
    return replace(clip, images=images, keypoints=points)


def _assert_same(first: LabelledClip, second: LabelledClip) -> None:
    for name in ("images", "times", "boxes", "keypoints", "joint_states", "masks", "ignore"):
        np.testing.assert_allclose(
            getattr(first, name), getattr(second, name), atol=1e-4, err_msg=name
        )


def test_flipping_twice_is_the_identity() -> None:
    _assert_same(flip(flip(_clip())), _clip())


def test_reversing_twice_is_the_identity() -> None:
    clip = replace(_clip(), times=np.array([0.0, 0.04, 0.12]))
    _assert_same(reverse(reverse(clip)), clip)
    np.testing.assert_allclose(reverse(clip).times, [0, 0.08, 0.12])


def test_a_left_joint_stays_left_by_name_when_the_picture_is_mirrored() -> None:
    clip = _clip()
    left, right = COCO17.index("left_wrist"), COCO17.index("right_wrist")
    mirrored = flip(clip).keypoints
    np.testing.assert_allclose(mirrored[:, :, left, 0], 80 - clip.keypoints[:, :, right, 0])


CHANGES: dict[str, Change] = {
    "flip": flip,
    "rotate": lambda clip: warp(
        clip,
        placement(degrees=17, source=middle(clip.size), target=middle(clip.size)),
        size=clip.size,
    ),
    "scale": lambda clip: scale(clip, 2.0, size=(150, 190)),
    "crop": lambda clip: crop(clip, top=3, left=-6, size=(70, 90)),
    "warp": lambda clip: warp(
        clip,
        placement(factor=1.3, degrees=-40, source=middle(clip.size), target=np.array([49, 42])),
        size=(90, 90),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@given(x=st.floats(20, 60), y=st.floats(15, 45))
@settings(max_examples=15)
def test_a_joint_stays_on_its_pixel(name: str, x: float, y: float) -> None:
    moved = CHANGES[name](_dotted(x, y))
    joint = 6 if name == "flip" else 5
    for frame in range(len(moved)):
        weight = (moved.images[frame, ..., 0] > 128).astype(float)
        rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
        centre = [(weight * columns).sum() / weight.sum(), (weight * rows).sum() / weight.sum()]
        np.testing.assert_allclose(moved.keypoints[0, frame, joint], centre, atol=0.75)


def test_masks_and_boxes_move_with_the_pixels() -> None:
    clip = replace(_clip(), boxes=np.full((2, 3, 4), [20, 10, 50, 40], np.float32))
    moved = scale(clip, 2.0, size=(120, 160))
    assert moved.masks is not None
    rows, columns = np.nonzero(moved.masks[0, 0])
    around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(moved.boxes[0, 0], around, atol=1)


def test_joints_and_boxes_that_leave_the_canvas_are_absent() -> None:
    moved = crop(_clip(), top=0, left=200, size=(60, 80))
    assert np.isnan(moved.keypoints).all()
    assert np.isnan(moved.boxes).all()
    assert (moved.joint_states == JointState.ABSENT).all()
    assert (moved.images == 114).all()


def test_a_matrix_per_frame_moves_every_frame_on_its_own() -> None:
    clip = _dotted(30, 30)
    maps = np.repeat(np.eye(3)[None], 3, axis=0)
    maps[:, 0, 2] = [0, 5, 10]
    moved = warp(clip, maps, size=clip.size)
    np.testing.assert_allclose(moved.keypoints[0, :, 5, 0], [30.5, 35.5, 40.5])


def test_a_mosaic_puts_four_clips_side_by_side() -> None:
    clips = tuple(replace(_dotted(40, 30), times=_clip().times) for _ in range(4))
    whole = mosaic((clips[0], clips[1], clips[2], clips[3]), size=(120, 160))
    assert len(whole.boxes) == 4
    np.testing.assert_allclose(
        whole.keypoints[:, 0, 5], [[40.5, 30.5], [120.5, 30.5], [40.5, 90.5], [120.5, 90.5]]
    )
    for x, y in whole.keypoints[:, 0, 5].astype(int):
        assert whole.images[0, y, x].min() == 255


def test_masks_of_a_mosaic_lie_in_their_quarters_and_need_all_four() -> None:
    whole = mosaic((_clip(),) * 4, size=(120, 160))
    assert whole.masks is not None
    assert [whole.masks[person, 0].argmax() for person in (0, 2, 4, 6)] == [
        y * 160 + x for y, x in [(10, 20), (10, 100), (70, 20), (70, 100)]
    ]
    bare = replace(_clip(), masks=None)
    assert mosaic((bare, _clip(), _clip(), _clip()), size=(120, 160)).masks is None


def test_weights_stay_with_their_joints() -> None:
    weights = np.random.default_rng(0).random((2, 3, 17), np.float32)
    clip = replace(_clip(), keypoint_weights=weights)
    left, right = COCO17.index("left_wrist"), COCO17.index("right_wrist")
    np.testing.assert_array_equal(flip(clip).weights[..., left], weights[..., right])
    np.testing.assert_array_equal(reverse(clip).weights, weights[:, ::-1])
    whole = mosaic((clip, _clip(), _clip(), _clip()), size=(120, 160))
    np.testing.assert_array_equal(whole.weights[:2], weights)
    assert (whole.weights[2:] == 1).all()


def test_who_has_hardly_anything_left_in_a_frame_is_ignored_there() -> None:
    boxes = np.tile(np.array([20, 10, 50, 40], np.float32), (2, 3, 1))
    boxes[0, 1] = [-90, 10, 10, 40]
    clip = replace(_clip(), boxes=boxes, ignore=np.zeros((0, 3, 4), np.float32))
    left = cut(clip, least_visible=0.3)
    assert np.isnan(left.boxes[0, 1]).all()
    assert left.present.sum() == 5
    np.testing.assert_array_equal(left.ignore[:, 1], [[0, 10, 10, 40]])
    assert np.isnan(left.ignore[:, [0, 2]]).all()
    assert cut(clip, least_side=31).present.sum() == 0


def test_shrinking_takes_all_frames_and_labels_along_and_never_enlarges() -> None:
    clip = replace(_clip(), boxes=np.full((2, 3, 4), [20, 10, 50, 40], np.float32))
    small = shrink(clip, long_side=40)
    assert small.images.shape == (3, 30, 40, 3)
    np.testing.assert_allclose(small.keypoints, clip.keypoints / 2, atol=1e-4)
    np.testing.assert_allclose(small.boxes[0, 0], [10, 5, 25, 20])
    assert small.masks is not None
    np.testing.assert_array_equal(small.masks, clip.masks[..., ::2, ::2])  # type: ignore[index]
    _assert_same(shrink(clip, long_side=500), clip)


def test_the_quarters_of_a_canvas_cover_it() -> None:
    assert quarters((10, 20), (0.3, 0.6)) == [
        (0, 3, 0, 12), (0, 3, 12, 20), (3, 10, 0, 12), (3, 10, 12, 20),
    ]  # fmt: skip


def test_what_is_hidden_by_something_is_marked_as_occluded() -> None:
    clip = _clip(5, people=40, frames=4)
    hidden = occlude(clip, rng=np.random.default_rng(3))
    changed = (hidden.images != clip.images).any(axis=-1)
    columns, rows = clip.keypoints.astype(int)[..., 0], clip.keypoints.astype(int)[..., 1]
    behind = changed[np.arange(4)[None, :, None], rows, columns]
    occluded = hidden.joint_states == JointState.OCCLUDED
    assert 0 < behind.sum() < behind.size
    assert (behind == occluded).mean() > 0.99
    assert hidden.masks is not None
    assert not (hidden.masks & changed[None]).any()


def test_colours_change_alike_in_all_frames_and_places_stay() -> None:
    clip = _clip()
    clip = replace(clip, images=np.repeat(clip.images[:1], 3, axis=0))
    painted = recolour(clip, config=AugmentConfig(), rng=np.random.default_rng(1))
    assert (painted.images[0] != clip.images[0]).any()
    np.testing.assert_array_equal(painted.images[0], painted.images[2])
    np.testing.assert_array_equal(painted.keypoints, clip.keypoints)


def test_blurring_takes_detail_away() -> None:
    assert blur(_clip(), sigma=1.5).images.std() < 0.6 * _clip().images.std()


def test_the_same_generator_gives_the_same_variation() -> None:
    config = VideoAugmentConfig(drift=0.1, occlusion_share=1.0)
    clips = [
        augment_clip(_clip, size=(64, 64), config=config, rng=np.random.default_rng(4))
        for _ in range(2)
    ]
    _assert_same(*clips)
    assert clips[0].size == (64, 64)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=25)
def test_what_is_known_after_a_variation_lies_on_the_canvas(seed: int) -> None:
    config = VideoAugmentConfig(aim_share=0.5, mosaic_share=0.5, drift=0.2)
    clip = augment_clip(
        lambda: _clip(seed, frames=4),
        size=(48, 72),
        config=config,
        rng=np.random.default_rng(seed),
    )
    known = ~np.isnan(clip.keypoints[..., 0])
    np.testing.assert_array_equal(known, clip.joint_states != JointState.ABSENT)
    assert (clip.keypoints[known] >= 0).all()
    assert (clip.keypoints[known] < [72, 48]).all()
    boxes = clip.boxes[~np.isnan(clip.boxes[..., 0])]
    assert (boxes[..., :2] <= boxes[..., 2:]).all()
    assert (boxes >= 0).all()
    assert (boxes <= [72, 48, 72, 48]).all()
    regions = clip.ignore[~np.isnan(clip.ignore[..., 0])]
    assert (regions >= 0).all()
    assert (regions <= [72, 48, 72, 48]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: warp(_clip(), np.eye(2), size=(9, 9)), "warp: expected a matrix of shape"),
        (lambda: blur(_clip(), sigma=0), "blur: sigma must be above 0 pixels, got 0"),
        (lambda: mosaic((_clip(), _clip(), _clip(), _clip(frames=2)), size=(9, 9)), "one length"),
        (lambda: mosaic((_clip(),) * 4, size=(9, 9), split=(0, 0.5)), "every quarter needs pixels"),
        (lambda: AugmentConfig(scale=(2, 1)), r"AugmentConfig.scale must rise from above 0"),
        (lambda: AugmentConfig(flip_share=2), r"AugmentConfig.flip_share must be in \[0, 1\]"),
        (lambda: mosaic((_clip(),) * 4, size=(90, 80)), "mosaic: expected clips of .*45, 40"),
        (lambda: AugmentConfig(grey_share=-1), r"AugmentConfig.grey_share must be in \[0, 1\]"),
        (lambda: VideoAugmentConfig(reverse_share=2), "VideoAugmentConfig.reverse_share must be"),
        (lambda: VideoAugmentConfig(size=(0, 9)), "VideoAugmentConfig.size must be above 0"),
        (lambda: replace(_clip(), times=np.zeros(2)), "LabelledClip.times: expected shape"),
        (lambda: replace(_clip(), times=np.array([1.0, 0, 2])), "times must not decrease"),
        (lambda: replace(_clip(), images=np.zeros((3, 4, 4), np.uint8)), "LabelledClip.images"),
        (lambda: replace(_clip(), boxes=np.zeros((2, 4), np.float32)), "LabelledClip.boxes"),
    ],
)
def test_impossible_wishes_are_refused(change: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        change()
