"""A large network in bfloat16: what it finds is near; what is decoded is computed in float32."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from posetube.errors import InputError
from posetube.models3d import half_precision
from posetube.models3d.half_precision import choose_precision, compute_in_bfloat16
from posetube.models3d.inference import prepare_for_inference
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.models3d.winograd import WinogradConv
from posetube.network import Precision
from posetube.structures import Clip

from .small_networks import small_anchor_rcnn, small_tiny
from .test_inference import pictures, resnet


def native(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr(half_precision, "computes_bfloat16", lambda device: answer)


@pytest.mark.parametrize(
    ("wanted", "answer", "chosen"),
    [
        ("float32", True, "float32"),
        ("auto", True, "bfloat16"),
        ("auto", False, "float32"),
        ("bfloat16", True, "bfloat16"),
    ],
)
def test_the_device_decides_where_it_may(
    wanted: Precision, answer: bool, chosen: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    native(monkeypatch, answer)
    assert choose_precision(wanted, resnet(18, 1), device="cpu") == chosen


def test_imitated_bfloat16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    native(monkeypatch, False)
    with pytest.raises(InputError, match="the device cpu would only imitate it, slowly; take auto"):
        choose_precision("bfloat16", resnet(18, 1), device="cpu")


def test_small_networks_stay_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    native(monkeypatch, True)
    network = TubeRCNN(small_tiny())

    assert choose_precision("auto", network, device="cpu") == "float32"
    with pytest.raises(InputError, match='"bfloat16" is for networks with a ResNet, such as keyp'):
        choose_precision("bfloat16", network, device="cpu")


def test_a_copy_computes_with_its_own_weights() -> None:
    network = TubeRCNN(small_anchor_rcnn()).eval()
    compute_in_bfloat16(network)
    images = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
    copied = copy.deepcopy(network)

    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    mine, its = (one.detect_clips([one.encode(images)], [[0]])[0] for one in (network, copied))

    assert not np.array_equal(mine.scores, its.scores)


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 3])
def test_people_and_joints_stay_where_they_are(length: int) -> None:
    frames = np.arange(length)
    clip = Clip(frames=frames, times=frames / 25, images=pictures(length))
    exact, half = resnet(18, length), resnet(18, length)
    prepare_for_inference(exact)
    prepare_for_inference(half, precision="bfloat16")

    people = exact.detect_features(exact.encode(clip.images), frames.tolist())
    kept = half.encode(clip.images)
    found = half.detect_features(kept, frames.tolist())
    joints = half.find_joints(kept, frames.tolist(), tubes=people.boxes, scores=people.scores)

    assert not any(isinstance(part, WinogradConv) for part in half.modules())
    assert {maps.dtype for maps in kept[0].maps[:5]} == {torch.bfloat16}
    assert len(people) > 0
    np.testing.assert_allclose(found.scores, people.scores, atol=0.01)
    # of a random network: single joints have several peaks of nearly the same height
    assert np.median(np.abs(joints.keypoints - people.keypoints)) < 0.1


@pytest.mark.slow
def test_what_is_decoded_is_computed_in_float32() -> None:
    network = resnet(18, 1)
    types: dict[str, torch.dtype] = {}

    def noted(name: str, part: nn.Module) -> None:
        def note(_: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
            types[name] = out.dtype

        part.register_forward_hook(note)

    noted("hidden of the box head", network.box_head.body.fc2)
    noted("scores", network.box_head.score)
    noted("boxes", network.box_head.deltas)
    noted("hidden of the keypoint head", network.keypoint_head.convs[-1])
    noted("joints", network.keypoint_head.up)
    compute_in_bfloat16(network)

    [frame] = network.encode(pictures(1))
    network.detect_features([frame], [0])

    assert types == {
        "hidden of the box head": torch.bfloat16,
        "scores": torch.float32,
        "boxes": torch.float32,
        "hidden of the keypoint head": torch.bfloat16,
        "joints": torch.float32,
    }
    assert frame.maps[-1].dtype == torch.float32  # what the proposal head says of the frame


@pytest.mark.slow
def test_a_head_that_looks_at_the_picture_computes_in_float32() -> None:
    large = resnet(18, 1).config
    head = small_tiny().keypoint_head
    network = TubeRCNN(replace(large, keypoint_head=head, skeleton=small_tiny().skeleton)).eval()
    compute_in_bfloat16(network)
    tubes = np.array([[[10, 10, 60, 60]]], np.float32)

    drawn = network.heatmaps(network.encode(pictures(1)), tubes)

    rounded = torch.from_numpy(drawn.logits).bfloat16().float().numpy()
    assert (drawn.logits != rounded).mean() > 0.9
