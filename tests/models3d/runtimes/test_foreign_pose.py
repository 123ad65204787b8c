"""Other people's pose networks: each layout gives the joints that it holds, in the picture."""

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from posetube.errors import WeightsError
from posetube.models3d import load_network
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.high_resolution import HighResolutionNetwork
from posetube.models3d.joint_peaks import decode_parabola
from posetube.models3d.runtimes.foreign_pose import ForeignPose, JointMaps, ReadJoints, open_pose
from posetube.skeletons import COCO17, HALPE26, Skeleton
from posetube.structures import ByteArray, FloatArray
from tests.models3d.runtimes.foreign_files import constant_file, maps, margins, saved, simcc_file

SKELETONS = {17: COCO17, 26: HALPE26}
RNG = np.random.default_rng(3)
PICTURE = np.zeros((480, 640, 3), np.uint8)
BOXES = np.array([[100, 50, 253.6, 254.8], [10, 20, 317.2, 225]], np.float32)
"""1.25 times as large the first is 192 x 256 pixels; the second is too wide, its crop 384 x 512."""
CORNERS = np.array([[80.8, 24.4], [-28.4, -133.5]])
"""Where their crops begin."""


def find(pose: ForeignPose, image: ByteArray, boxes: FloatArray) -> ReadJoints:
    """The joints that it reads."""
    return pose.joints(pose.look(image, boxes), boxes)


def draw(pose: ForeignPose, image: ByteArray, boxes: FloatArray) -> JointMaps:
    """The maps that it reads."""
    return pose.maps(pose.look(image, boxes), boxes)


def places(joints: int, size: tuple[int, int] = (256, 192)) -> FloatArray:
    """(K, 2) x y in a crop, multiples of half a pixel, away from the border."""
    high = np.array([size[1], size[0]]) - 16
    return (RNG.integers(16, 2 * high, (joints, 2)) / 2 + 4).astype(np.float32)


@pytest.mark.parametrize("layout", ["simcc", "heatmaps"])
@pytest.mark.parametrize("known", [COCO17, HALPE26], ids=lambda s: s.name)
def test_every_layout_gives_its_joints_in_the_pictures_pixels(
    layout: str, known: Skeleton, tmp_path: Path
) -> None:
    wanted = places(len(known))
    outputs = margins(wanted) if layout == "simcc" else maps(wanted)
    pose = open_pose(
        constant_file(tmp_path / "x.onnx", outputs, size=(256, 192)), skeletons=SKELETONS
    )

    found = find(pose, PICTURE, BOXES)

    assert (pose.layout, pose.skeleton) == (layout, known)
    for person, factor in enumerate((1, 2)):
        expected = CORNERS[person] + wanted * factor
        # places between two cells of a map follow from the curve around its peak
        np.testing.assert_allclose(found.positions[person], expected, atol=0.02)
    assert (found.scores <= 0.8 + 1e-6).all()
    assert (found.scores > 0.7).all()


def test_the_crop_is_cut_where_the_joints_are_said_to_be(tmp_path: Path) -> None:
    pose = open_pose(simcc_file(tmp_path / "x.onnx"), skeletons=SKELETONS)
    box = np.array([[100.2, 50.6, 253.8, 255.4]], np.float32)  # its crop begins at 81, 25
    picture = PICTURE.copy()
    picture[200, 140] = (255, 0, 0)

    found = find(pose, picture, box)
    blue = find(pose, picture[..., ::-1], box)

    np.testing.assert_allclose(found.positions[0], np.tile([140, 200], (17, 1)), atol=1e-3)
    np.testing.assert_allclose(found.scores, 0.1 * (255 - 123.675) / 58.395, atol=1e-4)
    assert (blue.scores == 0).all()  # below none at all


@pytest.mark.parametrize("layout", ["simcc", "heatmaps"])
def test_its_maps_peak_at_the_joints(layout: str, tmp_path: Path) -> None:
    wanted = places(17)
    outputs = margins(wanted) if layout == "simcc" else maps(wanted)
    pose = open_pose(
        constant_file(tmp_path / "x.onnx", outputs, size=(256, 192)), skeletons=SKELETONS
    )

    drawn = draw(pose, PICTURE, BOXES[:1])

    assert drawn.logits.shape == (1, 17, 64, 48)
    flat = drawn.logits[0].reshape(17, -1).argmax(1)
    cells = np.stack([flat % 48, flat // 48], 1)
    start, end = drawn.regions[0, :2], drawn.regions[0, 2:]
    peaks = start + (cells + 0.5) / [48, 64] * (end - start)
    assert np.abs(peaks - (CORNERS[0] + wanted)).max() <= 2.01


def test_a_larger_crop_and_nobody(tmp_path: Path) -> None:
    wanted = places(17, (384, 288))
    file = constant_file(
        tmp_path / "x.onnx", margins(wanted, size=(384, 288)), size=(384, 288), declared=False
    )
    pose = open_pose(file, skeletons=SKELETONS)

    found = find(pose, PICTURE, np.array([[0, 0, 230.4, 307.2]], np.float32))
    none = find(pose, PICTURE, np.zeros((0, 4), np.float32))

    np.testing.assert_allclose(found.positions[0], wanted - [28.8, 38.4], atol=1e-3)
    assert none.positions.shape == (0, 17, 2)
    assert draw(pose, PICTURE, np.zeros((0, 4), np.float32)).logits.shape == (0, 17, 96, 72)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"x": np.zeros((1, 21, 384)), "y": np.zeros((1, 21, 512))},
         r"finds 21 joints, expected 17 \(coco17\), 26 \(halpe26\); name another .* skeleton="),
        ({"x": np.zeros((1, 17, 384)), "y": np.zeros((1, 17, 500))},
         r"192 x 256 it gives x \(1, 17, 384\), y \(1, 17, 500\); understood are SimCC scores"),
        ({"maps": np.zeros((1, 17, 32, 24))}, r"gives maps \(1, 17, 32, 24\); understood are"),
        ({"x": np.zeros((1, 17, 384))}, r"gives x \(1, 17, 384\); understood are SimCC"),
    ],
)  # fmt: skip
def test_other_outputs_are_refused_and_named(
    outputs: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    file = constant_file(tmp_path / "x.onnx", outputs, size=(256, 192))

    with pytest.raises(WeightsError, match=message):
        open_pose(file, skeletons=SKELETONS)


def test_a_file_that_fails_on_the_size_that_it_leaves_open_is_refused(tmp_path: Path) -> None:
    picture, out = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "height", "width"])
        for name in ("input", "out")
    )
    fixed = numpy_helper.from_array(np.zeros((1, 3, 384, 288), np.float32), "fixed")
    node = helper.make_node("Add", ["input", "fixed"], ["out"])
    file = saved(tmp_path / "x.onnx", [node], picture, [out], [fixed])

    with pytest.raises(WeightsError, match=r"x\.onnx: fails on a picture of 192 x 256 \("):
        open_pose(file, skeletons=SKELETONS)


@pytest.mark.slow
def test_our_own_crop_network_as_a_file_of_somebody_else_finds_our_joints(
    samples: Path, tmp_path: Path
) -> None:
    ours = load_network("tiny")
    head = ours.keypoint_head
    assert isinstance(head, CropKeypointHead)

    class Maps(nn.Module):
        def __init__(self, network: HighResolutionNetwork) -> None:
            super().__init__()
            self.network = network

        def forward(self, crop: Tensor) -> Tensor:
            """(1, 3, H, W) to heatmaps."""
            maps: Tensor = self.network.out(self.network.features(crop)[-1])
            return maps

    crop = torch.zeros(1, 3, *head.config.size)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Maps(head.network).eval(), (crop,), tmp_path / "y.onnx", opset_version=17, dynamo=False
        )
    picture = cv2.imread(str(samples / "tiny_coco" / "train2017" / "000000005802.jpg"))
    assert picture is not None
    image = np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)

    people = ours.detect_features(ours.encode(image[None]), [0])
    found = find(open_pose(tmp_path / "y.onnx", skeletons=SKELETONS), image, people.boxes[:, 0])
    wanted = ours.heatmaps(ours.encode(image[None]), people.boxes)
    theirs = decode_parabola(wanted.logits[:, 0], wanted.regions[:, 0])

    # crops differ by where in a pixel they are sampled: half a pixel of the picture against half
    # a pixel of the crop
    away = np.linalg.norm(found.positions - theirs.positions[:, :17], axis=-1)
    sure = theirs.scores[:, :17] > 0.5
    assert sure.sum() > 20
    assert np.median(away[sure]) < 1
    np.testing.assert_allclose(found.scores[sure], theirs.scores[:, :17][sure], atol=0.1)
