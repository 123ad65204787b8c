"""A detector and a pose network together keep the promises of a network."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.models3d.packed_maps import unpack
from posetube.models3d.refiners.evidence import evidence_of
from posetube.models3d.runtimes.foreign_detector import open_detector
from posetube.models3d.runtimes.foreign_pose import open_pose
from posetube.models3d.runtimes.top_down import TopDownNetwork
from posetube.network import BoxNetwork, HeatmapNetwork
from posetube.skeletons import COCO17
from posetube.structures import ByteArray, PoseTubes
from tests.models3d.runtimes.foreign_files import constant_file, levels, margins, simcc_file

BOXES = np.array([[4, 2, 20, 30], [34, 6, 70, 58]], np.float32)
PLACES = np.random.default_rng(0).uniform(20, 170, (17, 2)).round().astype(np.float32)


@pytest.fixture
def network(tmp_path: Path) -> TopDownNetwork:
    detections = constant_file(tmp_path / "x.onnx", levels(BOXES, [0.6, 0.9]))
    joints = constant_file(tmp_path / "y.onnx", margins(PLACES), size=(256, 192))
    return TopDownNetwork(
        pose=open_pose(joints, skeletons={17: COCO17}), detector=open_detector(detections)
    )


def test_people_come_by_falling_score_with_boxes_in_the_picture(network: TopDownNetwork) -> None:
    given: BoxNetwork = network
    known: HeatmapNetwork = network
    kept = network.encode(np.zeros((2, 64, 64, 3), np.uint8), embeddings=True)

    found = network.detect_features(kept[:1], [7])

    assert given.clip_length == known.clip_length == 1
    assert found.frames.tolist() == [7]
    np.testing.assert_allclose(found.scores, [0.9, 0.6], atol=1e-5)
    np.testing.assert_allclose(found.boxes[:, 0], [[34, 6, 64, 58], BOXES[0]], atol=1e-4)
    assert found.embeddings is None
    # joints follow from the whole box, the part outside the picture included
    again = network.find_joints(kept[1:], [8], tubes=BOXES[::-1, None], scores=found.scores)
    np.testing.assert_allclose(found.keypoints, again.keypoints, atol=1e-4)
    drawn = network.heatmaps(kept[:1], BOXES[::-1, None])
    assert drawn.logits.shape == (2, 1, 17, 64, 48)
    assert found.heatmaps is None
    keeping = network.encode(np.zeros((1, 64, 64, 3), np.uint8), heatmaps=True)
    packed = network.detect_features(keeping, [7]).heatmaps
    assert packed is not None
    for row, evidence in enumerate(evidence_of(drawn)[:, 0]):
        np.testing.assert_allclose(unpack(packed[row, 0]).evidence, evidence, atol=0.03)


def test_of_two_equal_poses_the_surer_one_stays(tmp_path: Path) -> None:
    boxes = np.array([[10, 6, 46, 54], [18, 6, 38, 54]], np.float32)  # little overlap, one crop
    detections = constant_file(tmp_path / "x.onnx", levels(boxes, [0.6, 0.9]))
    network = TopDownNetwork(
        pose=open_pose(simcc_file(tmp_path / "y.onnx"), skeletons={17: COCO17}),
        detector=open_detector(detections),
    )
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[0, 30, 28, 0] = 255

    found = network.detect_features(network.encode(image), [0])

    np.testing.assert_allclose(found.scores, [0.9], atol=1e-5)


def test_without_a_detector_boxes_must_come_from_outside(network: TopDownNetwork) -> None:
    alone = TopDownNetwork(pose=network.pose)
    kept = alone.encode(np.zeros((1, 64, 64, 3), np.uint8))

    with pytest.raises(InputError, match="finds nobody: give a detector= as well, or boxes="):
        alone.detect_features(kept, [0])
    given = alone.find_joints(kept, [0], tubes=BOXES[:, None], scores=np.ones(2, np.float32))
    assert given.keypoints.shape == (2, 1, 17, 2)


def test_threads_may_share_it(tmp_path: Path, network: TopDownNetwork) -> None:
    seeing = TopDownNetwork(
        pose=open_pose(simcc_file(tmp_path / "z.onnx"), skeletons={17: COCO17}),
        detector=network.detector,
    )
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3)).astype(np.uint8)

    def people(image: ByteArray) -> PoseTubes:
        return seeing.detect_features(seeing.encode(image[None]), [0])

    alone = [people(image) for image in images]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(people, images))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
    assert any((one.keypoints != alone[0].keypoints).any() for one in alone[1:])
