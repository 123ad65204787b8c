"""A network of single frames that is made to look at clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from posetube.errors import InputError
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from posetube.models3d.configs.proposal_heads import DenseProposalConfig
from posetube.models3d.presets import detect_and_track_r18, keypoint_rcnn_r50, tiny, tiny_clip
from posetube.models3d.training.over_time import inflated, over_time
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import Clip
from tests.models3d.small_networks import small_anchor_rcnn, small_tiny


def dense() -> TubeRCNNConfig:
    """Takes cells of a network with random weights for people."""
    config = small_tiny()
    return replace(
        config,
        proposals=DenseProposalConfig(min_score=0, after_nms=4, nms=1),
        pose_nms=None,
    )


def flat_network(config: TubeRCNNConfig) -> TubeRCNN:
    torch.manual_seed(0)
    return TubeRCNN(config).eval()


@pytest.mark.parametrize("config", [small_anchor_rcnn(), dense()], ids=["anchors", "dense"])
def test_a_still_clip_gives_in_every_frame_what_the_single_frame_gives(
    config: TubeRCNNConfig,
) -> None:
    flat = flat_network(config)
    image = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3)).astype(np.uint8)
    times = np.arange(3)

    still = Clip(frames=times, times=times / 25, images=np.repeat(image, 3, axis=0))
    tubes = inflated(flat, length=3).detect(still)
    single = flat.detect(Clip(frames=times[:1], times=times[:1] / 25, images=image))

    assert len(tubes) == len(single)
    assert len(tubes) > 0
    np.testing.assert_allclose(tubes.scores, single.scores, atol=1e-5)
    for step in range(3):
        np.testing.assert_allclose(tubes.boxes[:, step], single.boxes[:, 0], atol=1e-3)
        np.testing.assert_allclose(tubes.keypoints[:, step], single.keypoints[:, 0], atol=1e-2)


def test_time_enters_behind_the_body() -> None:
    flat = keypoint_rcnn_r50()

    clips = over_time(flat, length=5)

    assert isinstance(clips, AnchorRCNNConfig)
    assert clips.body == flat.body
    assert clips.clip_length == 5
    assert isinstance(clips.neck, FPNConfig)
    assert clips.neck.time == clips.proposals.time == clips.keypoint_head.time == 3
    assert clips.box_head.presence


def test_the_embedded_model_over_time_is_its_preset_for_clips() -> None:
    assert over_time(tiny(), length=3) == tiny_clip()
    assert over_time(tiny(), length=5) == tiny_clip(clip_length=5)


def test_chance_has_no_part_in_it() -> None:
    flat = flat_network(small_anchor_rcnn())

    first, second = (inflated(flat, length=3).state_dict() for _ in range(2))

    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_network_that_has_the_length_stays_as_it_is() -> None:
    flat = flat_network(small_anchor_rcnn())

    assert inflated(flat, length=1) is flat


def test_the_length_of_a_clip_network_is_not_changed() -> None:
    with pytest.raises(InputError, match="looks at clips of 3 frames; it cannot be made to look a"):
        over_time(detect_and_track_r18(), length=5)
