"""Speed against accuracy, with the same weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from posetube.errors import InputError
from posetube.models3d.configs.people_heads import CropKeypointHeadConfig
from posetube.models3d.preprocess import PreprocessConfig, geometry_of
from posetube.models3d.presets import keypoint_rcnn_r50, tiny, tiny_clip
from posetube.models3d.quality import adjusted, with_quality
from posetube.network import Quality
from tests.models3d.test_network_seams import embedded, network, pictures, pyramid


def test_normal_is_the_networks_own_configuration() -> None:
    model = network(embedded(1))

    assert with_quality(model, quality="normal", flip=False) is model
    assert adjusted(tiny(), quality="normal", flip=False) == tiny()


def test_fast_looks_at_smaller_pictures_and_best_also_at_mirrored_people() -> None:
    words: tuple[Quality, ...] = ("fast", "normal", "best")
    fast, normal, best = (adjusted(tiny(), quality=word, flip=False) for word in words)

    assert fast.preprocess.long_side < normal.preprocess.long_side
    assert not _head(fast).mirror
    assert _head(best).mirror
    assert replace(best, preprocess=normal.preprocess, keypoint_head=normal.keypoint_head) == normal


def _head(config: object) -> CropKeypointHeadConfig:
    head = getattr(config, "keypoint_head")  # noqa: B009
    assert isinstance(head, CropKeypointHeadConfig)
    return head


@pytest.mark.parametrize("quality", ["fast", "normal", "best"])
def test_a_flip_can_be_asked_for_at_any_quality(quality: Quality) -> None:
    without, flipped = (adjusted(tiny_clip(), quality=quality, flip=flip) for flip in (False, True))

    assert _head(flipped).mirror
    assert flipped.preprocess == without.preprocess


def test_the_weights_are_shared_and_the_network_stays_as_it_was() -> None:
    model = network(embedded(1))
    clip = model.encode(pictures(1))

    best = with_quality(model, quality="normal", flip=True)

    assert isinstance(best, type(model))
    assert not best.training
    assert not _head(model.config).mirror
    for ours, theirs in zip(best.parameters(), model.parameters(), strict=True):
        assert ours.data_ptr() == theirs.data_ptr()
    boxes, sure = np.array([[[5.0, 5, 60, 60]]], np.float32), np.ones(1, np.float32)
    plain = model.find_joints(clip, [0], tubes=boxes, scores=sure)
    mirrored = best.find_joints(clip, [0], tubes=boxes, scores=sure)
    assert not np.array_equal(plain.keypoint_scores, mirrored.keypoint_scores)


@torch.no_grad()
def test_fast_finds_people_in_a_smaller_input() -> None:
    model = network(embedded(1))

    fast = with_quality(model, quality="fast", flip=False)

    small, large = (m.encode(pictures(1))[0].geometry for m in (fast, model))
    assert max(small.resized) < max(large.resized)


@pytest.mark.parametrize(("quality", "flip"), [("fast", False), ("best", False), ("normal", True)])
def test_networks_without_a_crop_head_have_no_choice(quality: Quality, flip: bool) -> None:
    message = f"quality {quality}.*only networks with a crop keypoint head"
    with pytest.raises(InputError, match=message):
        adjusted(keypoint_rcnn_r50(), quality=quality, flip=flip)
    with pytest.raises(InputError, match=message):
        with_quality(network(pyramid(1)), quality=quality, flip=flip)


def test_somebody_elses_network_has_no_choice() -> None:
    class Own:
        clip_length = 1

    with pytest.raises(InputError, match="Own has no choice of quality, got best with flip"):
        with_quality(Own(), quality="best", flip=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("picture", "resized"),
    [((100, 200), (125, 250)), ((480, 400), (600, 500)), ((600, 800), (480, 640))],
)
def test_small_pictures_are_enlarged_by_no_more_than_a_factor(
    picture: tuple[int, int], resized: tuple[int, int]
) -> None:
    config = replace(tiny().preprocess, long_side=640, max_enlargement=1.25)

    assert geometry_of(picture, config).resized == resized


def test_an_enlargement_must_be_above_0() -> None:
    with pytest.raises(InputError, match=r"max_enlargement must be in \[0.001, 1000\], got 0"):
        PreprocessConfig(
            short_side=None, long_side=64, mean=(0, 0, 0), std=(1, 1, 1), max_enlargement=0
        )
