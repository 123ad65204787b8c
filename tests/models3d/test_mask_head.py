"""The mask head and the pasting of masks into the picture."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from posetube.errors import InputError
from posetube.masks import decode_mask
from posetube.models3d.configs.people_heads import MaskHeadConfig, PoolConfig
from posetube.models3d.mask_head import MaskHead
from posetube.models3d.mask_pasting import packed_masks, paste_masks
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import BoolArray, Clip, FloatArray
from tests.models3d.small_networks import small_anchor_rcnn

CONFIG = MaskHeadConfig(pool=PoolConfig(size=14, levels=4), channels=8, depth=2)


def pasted(mask: FloatArray, box: list[float], size: tuple[int, int]) -> FloatArray:
    [picture] = paste_masks(mask[None], np.array([box], np.float32), size=size)
    return picture


def small_mask_network() -> TubeRCNN:
    torch.manual_seed(0)
    flat = small_anchor_rcnn()
    box_head = replace(flat.box_head, min_score=0.0)
    return TubeRCNN(replace(flat, box_head=box_head, mask_head=CONFIG)).eval()


def test_the_head_doubles_what_was_pooled() -> None:
    torch.manual_seed(0)
    head = MaskHead(CONFIG, channels=5)

    assert head(torch.rand(3, 5, 14, 14)).shape == (3, 2, 28, 28)
    assert CONFIG.mask_size == 28


def test_a_full_mask_fills_its_box() -> None:
    found = pasted(np.ones((28, 28), np.float32), [10, 20, 66, 48], (60, 90)) >= 0.5

    rows, columns = np.nonzero(found)
    assert abs(rows.min() - 20) <= 1
    assert abs(rows.max() - 47) <= 1
    assert abs(columns.min() - 10) <= 1
    assert abs(columns.max() - 65) <= 1
    assert found.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)


def test_what_lies_outside_the_picture_is_cut_off() -> None:
    mask = np.ones((28, 28), np.float32)
    whole = np.zeros((90, 90), np.float32)
    whole[20:, 20:] = pasted(mask, [-15, -15, 45, 45], (70, 70))

    # the same box moved by 20 pixels, in a larger picture
    moved = pasted(mask, [5, 5, 65, 65], (90, 90))

    assert np.abs(moved - whole)[21:, 21:].max() < 0.6
    np.testing.assert_array_equal((moved >= 0.5)[22:64, 22:64], (whole >= 0.5)[22:64, 22:64])
    assert not pasted(mask, [200, 200, 300, 300], (70, 70)).any()


def test_a_box_far_larger_than_the_picture_takes_no_memory() -> None:
    found = pasted(np.ones((28, 28), np.float32), [-1e8, -1e8, 1e8, 1e8], (20, 30))

    np.testing.assert_allclose(found, 1)


def test_a_box_without_area_is_one_pixel() -> None:
    found = pasted(np.ones((28, 28), np.float32), [5, 5, 5, 5], (20, 30))

    assert np.argwhere(found > 0).tolist() == [[5, 5]]


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(5))
def test_pixels_are_those_of_torchvision(seed: int) -> None:
    detection: Any = pytest.importorskip("torchvision.models.detection.roi_heads")
    rng = np.random.default_rng(seed)
    masks = rng.random((4, 28, 28)).astype(np.float32)
    corners = rng.uniform(0, 60, (4, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.2, 60, (4, 2))], 1).astype(np.float32)

    wanted = detection.paste_masks_in_image(
        torch.from_numpy(masks)[:, None], torch.from_numpy(boxes), (80, 100)
    )
    found = np.stack([*paste_masks(masks, boxes, size=(80, 100))])

    np.testing.assert_allclose(found, wanted[:, 0].numpy(), atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_pixels_are_those_of_detectron(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((28, 28)).astype(np.float32)
    corner = rng.uniform(0, 40, 2)
    box = np.concatenate([corner, corner + rng.uniform(2, 30, 2)]).astype(np.float32)

    # a cell of zeros around the mask, the box wider by as much and cut to whole pixels, both ends
    # of which belong to it
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * np.float32(30 / 28)
    (x1, y1), (x2, y2) = (middle - half).astype(int), (middle + half).astype(int)
    wanted = np.zeros((80, 100), np.float32)
    resized = cv2.resize(np.pad(mask, 1), (x2 - x1 + 1, y2 - y1 + 1))
    top, left = max(y1, 0), max(x1, 0)
    wanted[top : y2 + 1, left : x2 + 1] = resized[top - y1 :, left - x1 :]

    np.testing.assert_allclose(pasted(mask, box.tolist(), (80, 100)), wanted, atol=1e-4)


def test_masks_are_kept_as_bytes() -> None:
    rng = np.random.default_rng(0)
    masks = rng.random((2, 28, 28)).astype(np.float32)
    boxes = np.array([[3, 4, 40, 30], [-5, -5, 20, 60]], np.float32)

    packed = packed_masks(masks, boxes, size=(40, 50))

    for counts, wanted in zip(packed, paste_masks(masks, boxes, size=(40, 50)), strict=True):
        inside: BoolArray = wanted >= 0.5
        np.testing.assert_array_equal(decode_mask(counts), inside)


def test_a_network_draws_masks_only_when_it_is_asked() -> None:
    network = small_mask_network()
    images = np.random.default_rng(0).integers(0, 256, (1, 60, 80, 3), np.uint8)
    index = np.array([0])

    plain = network.detect(Clip(frames=index, times=index / 25, images=images))
    features = network.encode(images, masks=True)
    drawn = network.detect_features(features, [0])

    assert plain.masks is None
    assert drawn.masks is not None
    assert len(drawn) == len(plain) > 0
    np.testing.assert_array_equal(drawn.boxes, plain.boxes)
    assert all(decode_mask(mask).shape == (60, 80) for mask in drawn.masks[:, 0])
    again = network.find_joints(features, [0], tubes=drawn.boxes, scores=drawn.scores)
    assert again.masks is not None
    assert again.masks.tolist() == drawn.masks.tolist()


def test_a_network_without_a_mask_head_says_so() -> None:
    network = TubeRCNN(small_anchor_rcnn()).eval()

    with pytest.raises(InputError, match="untrained has no mask head, so it draws no masks"):
        network.encode(np.zeros((1, 60, 80, 3), np.uint8), masks=True)
