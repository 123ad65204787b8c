"""Mask R-CNN's files of torchvision and Detectron2 load, and give what they were made from."""

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from posetube.errors import WeightsError
from posetube.models3d.checkpoints.convert import Converted, convert_weights
from posetube.models3d.checkpoints.loading import load_network
from posetube.models3d.mask_pasting import paste_masks
from posetube.models3d.presets import (
    detectron2_keypoint_rcnn,
    mask_keypoint_rcnn_r50,
    mask_rcnn_r50,
    with_embedded_joints,
)
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import ByteArray, Clip
from tests.models3d.checkpoints.test_convert import (
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
    generator = torch.Generator().manual_seed(1)
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1, generator=generator)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith("bn3.weight"):
            tensor.fill_(0.3)
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


@pytest.mark.slow
def test_detectron2_pickles_with_masks_load(tmp_path: Path) -> None:
    # both heads in one file, which Detectron2 allows, so that the answers can be compared
    flat = small(detectron2_keypoint_rcnn())
    head = mask_keypoint_rcnn_r50().mask_head
    assert head is not None
    pool = flat.keypoint_head.pool
    head = replace(head, pool=pool, channels=16, depth=2, classes=5)
    original = made(replace(flat, box_head=replace(flat.box_head, classes=5), mask_head=head))
    file = write_pickle(tmp_path / "d2.pkl", {"model": OrderedDict(as_detectron2(original))})

    converted = convert_weights(file)

    assert converted.fresh == ()
    assert converted.model.config.mask_head == head
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
