"""Mask R-CNN files of torchvision, Detectron and Detectron2 load, and give what they came from."""

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from benchmarks.large_networks import tame_norms
from posetube.errors import WeightsError
from posetube.models3d.checkpoints.convert import Converted, convert_weights
from posetube.models3d.checkpoints.loading import load_network
from posetube.models3d.configs.networks import AnchorRCNNConfig
from posetube.models3d.configs.people_heads import MaskHeadConfig
from posetube.models3d.mask_pasting import paste_masks
from posetube.models3d.presets import (
    detectron2_keypoint_rcnn,
    detectron_keypoint_rcnn,
    mask_keypoint_rcnn_r50,
    mask_rcnn_r50,
    with_embedded_joints,
)
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import ByteArray, Clip
from tests.models3d.checkpoints.test_convert import (
    as_blobs,
    as_detectron2,
    made,
    same_answers,
    small,
    write_pickle,
)


def torchvision_state() -> tuple[Any, dict[str, torch.Tensor]]:
    """torchvision's Mask R-CNN with random weights that find some people."""
    detection: Any = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    network = detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None).eval()
    state = network.state_dict()
    tame_norms(state)
    state["roi_heads.box_predictor.cls_score.weight"] *= 4
    state["roi_heads.box_predictor.cls_score.bias"][1] += 3
    state["roi_heads.mask_predictor.mask_fcn_logits.weight"] *= 20
    return network, state


def torchvision_twin(tmp_path: Path) -> tuple[Any, Converted]:
    """torchvision's network, and ours from its file; both look small."""
    network, state = torchvision_state()
    torch.save(state, tmp_path / "tv.pth")
    converted = convert_weights(tmp_path / "tv.pth")
    assert converted.model.config == mask_rcnn_r50()
    network.transform.min_size, network.transform.max_size = (96,), 160
    network.rpn._post_nms_top_n["testing"] = 20
    network.roi_heads.detections_per_img = 2000  # of all classes
    config: Any = converted.model.config
    wanted = replace(
        config,
        preprocess=replace(config.preprocess, short_side=96, long_side=160),
        proposals=replace(config.proposals, after_nms=20),
    )
    model = TubeRCNN(wanted, info=converted.model.info).eval()
    model.load_state_dict(converted.model.state_dict())
    return network, replace(converted, model=model)


@torch.inference_mode()
def same_as_torchvision(network: Any, model: TubeRCNN, image: ByteArray) -> None:
    [theirs] = network([torch.from_numpy(image).permute(2, 0, 1) / 255])
    people = theirs["labels"] == 1
    ours = model.detect(Clip(frames=np.array([0]), times=np.array([0.0]), images=image[None]))
    assert len(ours) == int(people.sum()) > 0
    np.testing.assert_allclose(ours.boxes[:, 0], theirs["boxes"][people], atol=1e-3)
    np.testing.assert_allclose(ours.scores, theirs["scores"][people], atol=1e-5)

    [features] = model.encode(image[None], masks=True)
    part = model.clip_part([*features.maps], 1)
    boxes = torch.from_numpy(ours.boxes)[None]
    cells = model.mask_head.draw_people(part, features.geometry.to_network(boxes))[0, :, 0]
    size = (image.shape[0], image.shape[1])
    masks = np.stack([*paste_masks(cells.numpy(), ours.boxes[:, 0], size=size)])
    np.testing.assert_allclose(masks, theirs["masks"][people, 0], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parity
def test_torchvision_draws_the_same(tmp_path: Path) -> None:
    network, converted = torchvision_twin(tmp_path)

    assert converted.layout == "torchvision"
    assert all("num_batches_tracked" in name for name in converted.unused)
    assert converted.fresh == ()
    image = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    same_as_torchvision(network, converted.model, image)


@pytest.mark.slow
@pytest.mark.parity
def test_torchvision_draws_the_same_on_photographs(samples: Path, tmp_path: Path) -> None:
    network, converted = torchvision_twin(tmp_path)

    for photograph in sorted((samples / "tiny_coco" / "train2017").glob("*.jpg"))[:3]:
        picture = cv2.imread(str(photograph))
        assert picture is not None
        image = np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)
        same_as_torchvision(network, converted.model, image)


@pytest.mark.slow
def test_joints_are_those_of_the_embedded_model(tmp_path: Path) -> None:
    _, state = torchvision_state()
    file = tmp_path / "tv.pth"
    torch.save(state, file)

    converted = convert_weights(file)

    info, tiny = converted.model.info, load_network("tiny")
    assert info.source == "converted from tv.pth, with the joints of tiny"
    assert info.parents == tiny.info.as_parent()
    assert converted.model.skeleton == tiny.skeleton
    own = converted.model.keypoint_head.state_dict()
    for name, tensor in tiny.keypoint_head.state_dict().items():
        assert torch.equal(own[name], tensor)
    with pytest.raises(WeightsError, match="these weights know no joints; leave the joint set out"):
        convert_weights(file, skeleton="coco17")


def with_masks(flat: AnchorRCNNConfig) -> TubeRCNN:
    """A network of boxes and joints with a mask head of five classes beside them."""
    head = mask_keypoint_rcnn_r50().mask_head
    assert head is not None
    head = replace(head, pool=flat.keypoint_head.pool, channels=16, depth=2, classes=5)
    return made(replace(flat, box_head=replace(flat.box_head, classes=5), mask_head=head))


def drawn_masks(model: TubeRCNN) -> Any:
    """(N, 60, 80) masks that a network draws on noise, of people in three boxes."""
    image = np.random.default_rng(0).integers(0, 256, (1, 60, 80, 3), np.uint8)
    pixels = replace(model.config.preprocess, short_side=64, long_side=96)
    sketch = TubeRCNN(replace(model.config, preprocess=pixels)).eval()
    sketch.load_state_dict(model.state_dict())
    boxes = np.array([[2, 3, 30, 55], [20, 5, 79, 40], [50, 30, 60, 50]], np.float32)
    with torch.inference_mode():
        [features] = sketch.encode(image, masks=True)
        part = sketch.clip_part([*features.maps], 1)
        tubes = features.geometry.to_network(torch.from_numpy(boxes)[None, :, None])
        cells = sketch.mask_head.draw_people(part, tubes)[0, :, 0]
    return np.stack([*paste_masks(cells.numpy(), boxes, size=(60, 80))])


@pytest.mark.slow
def test_detectron_pickles_with_masks_and_joints_load(tmp_path: Path) -> None:
    original = with_masks(small(detectron_keypoint_rcnn()))
    blobs = as_blobs(original, video=False)
    assert blobs["mask_fcn_logits_w"].shape == (5, 16, 1, 1)
    assert blobs["_[mask]_fcn2_b"].shape == (16,)
    file = write_pickle(tmp_path / "d1.pkl", {"blobs": blobs})

    converted = convert_weights(file)

    assert converted.layout == "detectron"
    assert converted.fresh == ()
    assert converted.unused == ("conv1_w_momentum", "kps_score_w")
    assert converted.model.config.mask_head == original.config.mask_head
    same_answers(converted, original)
    np.testing.assert_allclose(drawn_masks(converted.model), drawn_masks(original), atol=1e-6)


@pytest.mark.slow
def test_detectron_pickles_with_masks_alone_get_the_embedded_joints(tmp_path: Path) -> None:
    original = with_masks(small(detectron_keypoint_rcnn()))
    blobs = as_blobs(original, video=False)
    alone = {name: blob for name, blob in blobs.items() if not name.startswith(("conv_f", "kps"))}

    converted = convert_weights(write_pickle(tmp_path / "d1.pkl", {"blobs": alone}))

    assert converted.model.draws_masks
    assert converted.model.skeleton == load_network("tiny").skeleton
    np.testing.assert_allclose(drawn_masks(converted.model), drawn_masks(original), atol=1e-6)


@pytest.mark.slow
def test_detectrons_one_mask_for_all_classes_is_the_persons(tmp_path: Path) -> None:
    original = with_masks(small(detectron_keypoint_rcnn()))
    blobs = as_blobs(original, video=False)
    for kind in "wb":  # of the person alone
        blobs[f"mask_fcn_logits_{kind}"] = blobs[f"mask_fcn_logits_{kind}"][1:2]

    converted = convert_weights(write_pickle(tmp_path / "d1.pkl", {"blobs": blobs}))

    np.testing.assert_allclose(drawn_masks(converted.model), drawn_masks(original), atol=1e-6)


@pytest.mark.slow
def test_detectrons_masks_of_resnets_last_stage_are_left_out(tmp_path: Path) -> None:
    original = with_masks(small(detectron_keypoint_rcnn()))
    blobs = as_blobs(original, video=False)
    shared = {name: blob for name, blob in blobs.items() if not name.startswith("_[mask]_fcn")}

    converted = convert_weights(write_pickle(tmp_path / "d1.pkl", {"blobs": shared}))

    assert not converted.model.draws_masks
    layers = ("conv5_mask", "mask_fcn_logits")
    left = {name for name in converted.unused if "mask" in name}
    assert left == {f"{layer}_{kind}" for layer in layers for kind in "wb"}
    for name, tensor in converted.model.state_dict().items():
        assert torch.equal(tensor, original.state_dict()[name])


@pytest.mark.slow
def test_a_layer_whose_weights_are_missing_is_told(tmp_path: Path) -> None:
    original = with_masks(small(detectron2_keypoint_rcnn()))
    tensors = OrderedDict(as_detectron2(original))
    last = max(
        name
        for name in tensors
        if "mask_head.mask_fcn" in name and "logits" not in name and name.endswith("weight")
    )
    del tensors[last]

    converted = convert_weights(write_pickle(tmp_path / "d2.pkl", {"model": tensors}))

    assert isinstance(original.config.mask_head, MaskHeadConfig)
    lost = original.config.mask_head.depth - 1
    assert converted.fresh == (f"mask_head.convs.{lost}.weight",)


@pytest.mark.slow
def test_detectron2_pickles_with_masks_load(tmp_path: Path) -> None:
    # both heads in one file, which Detectron2 allows, so that the answers can be compared
    original = with_masks(small(detectron2_keypoint_rcnn()))
    file = write_pickle(tmp_path / "d2.pkl", {"model": OrderedDict(as_detectron2(original))})

    converted = convert_weights(file)

    assert converted.fresh == ()
    assert converted.model.config.mask_head == original.config.mask_head
    same_answers(converted, original)
    own, theirs = converted.model.mask_head.state_dict(), original.mask_head.state_dict()
    for name, tensor in theirs.items():
        # nobody draws masks of the background
        drawn = slice(1, None) if name.startswith("logits") else slice(None)
        assert torch.equal(own[name][drawn], tensor[drawn])


def test_boxes_alone_get_the_joints_of_the_embedded_model() -> None:
    config = with_embedded_joints(small(detectron2_keypoint_rcnn()))

    assert config.skeleton == "coco19"
    assert config.mask_head is None
    assert config.decode.rescore == 0
