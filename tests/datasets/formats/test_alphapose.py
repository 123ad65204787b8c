"""AlphaPose writes its poses in several forms; each is told by its content."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import alphapose
from posetube.datasets.formats.format_table import recognise
from posetube.datasets.formats.openpose import BODY18
from posetube.errors import FormatError
from posetube.skeletons import COCO17, HALPE26, MPII16
from posetube.structures import VideoTracks


def numbered(joints: int) -> list[float]:
    """Joint k at (k, 100 + k), with a score of 2."""
    return [number for k in range(joints) for number in (float(k), 100.0 + k, 2.0)]


def read(content: Any, folder: Path) -> VideoTracks:
    path = folder / "alphapose-results.json"
    path.write_text(json.dumps(content))
    assert recognise(path).name == "alphapose"
    return alphapose.read(path)


@pytest.mark.parametrize(
    ("count", "joints"),
    [
        (16, MPII16.joints),
        (17, COCO17.joints),
        (26, HALPE26.joints),
        (133, COCO17.joints),
        (136, HALPE26.joints),
    ],
)
def test_the_number_of_joints_tells_which_they_are(
    tmp_path: Path, count: int, joints: tuple[str, ...]
) -> None:
    entry = {"image_id": "3.jpg", "category_id": 1, "keypoints": numbered(count), "score": 2.5,
             "box": [1, 2, 30, 40], "idx": [[4.0], [5.0]]}  # fmt: skip

    found = read([entry], tmp_path)

    assert found.skeleton.joints == joints
    assert (len(found.frames), found.frame.tolist(), found.track_ids.tolist()) == (4, [3], [4])
    last = len(joints) - 1
    np.testing.assert_array_equal(found.keypoints[0, last], [last, 100 + last])
    np.testing.assert_array_equal(found.keypoint_scores[0], np.full(len(joints), 2))
    np.testing.assert_array_equal(found.boxes[0], [1, 2, 31, 42])


@pytest.mark.parametrize(("people", "joints"), [("bodies", "joints"),
                                                ("people", "pose_keypoints_2d")])  # fmt: skip
def test_its_cmu_and_open_forms_are_read(tmp_path: Path, people: str, joints: str) -> None:
    picture = {"version": "AlphaPose v0.3", people: [{joints: numbered(18)}]}
    empty: dict[str, Any] = {"version": "AlphaPose v0.3", people: []}

    found = read({"a.png": picture, "b.png": empty, "c.png": picture}, tmp_path)

    assert found.skeleton.joints == BODY18.joints
    assert found.frames.names == ("a.png", "b.png", "c.png")
    assert found.frame.tolist() == [0, 2]
    np.testing.assert_array_equal(found.keypoints[0, found.skeleton.index("neck")], [1, 101])


def test_poseflows_object_by_picture_is_read(tmp_path: Path) -> None:
    person = {"keypoints": numbered(16), "scores": 8.4, "idx": 2}

    found = read({"x/1.jpg": [person], "x/2.jpg": [], "x/3.jpg": [person] * 2}, tmp_path)

    assert found.skeleton.joints == MPII16.joints
    assert found.frames.names == ("x/1.jpg", "x/2.jpg", "x/3.jpg")
    assert found.frame.tolist() == [0, 2, 2]
    assert found.track_ids.tolist() == [2, 2, 2]
    np.testing.assert_allclose(found.scores, 8.4, rtol=1e-6)


def test_cocos_results_have_boxes_and_identities_under_other_names(tmp_path: Path) -> None:
    entry = {"image_id": 785, "category_id": 1, "keypoints": numbered(17), "score": 0.5,
             "bbox": [1, 2, 30, 40], "track_id": 6}  # fmt: skip

    found = read([entry, {**entry, "image_id": 900}], tmp_path)

    assert found.frames.names == ("785", "900")
    assert found.track_ids.tolist() == [6, 6]
    np.testing.assert_array_equal(found.boxes[1], [1, 2, 31, 42])


def test_detections_without_joints_are_boxes(tmp_path: Path) -> None:
    found = read([{"image_id": 7, "category_id": 1, "score": 0.5, "bbox": [1, 2, 3, 4]}], tmp_path)

    assert found.skeleton.joints == ()
    np.testing.assert_array_equal(found.boxes[0], [1, 2, 4, 6])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"keypoints": numbered(15)}], r"48, 51, 54, 78, 399, 408; got \[45\]"),
        ([{"keypoints": numbered(16)}, {"keypoints": numbered(17)}], r"got \[48, 51\]"),
        ([{"image": "a.jpg"}], "entry 0: neither keypoints nor a box"),
        ({"state": {"frames": 3}}, "missing required field version"),
        ([{"image_id": "9999999.jpg", "bbox": [1, 2, 3, 4]}], "10000000 frames; at most"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))

    with pytest.raises(FormatError, match=message):
        alphapose.read(tmp_path / "a.json")
