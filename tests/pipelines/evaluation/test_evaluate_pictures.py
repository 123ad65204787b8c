"""COCO's protocol over its own files, and over tracks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats.joint_sets import with_joints
from posetube.errors import FormatError
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.skeletons import COCO17, POSETRACK17SLOTS
from posetube.structures import VideoTracks

Tracks = Callable[..., VideoTracks]


def test_tracks_can_be_measured_as_coco_does(files: tuple[Path, Path], tracks: Tracks) -> None:
    perfect = evaluate(tracks(), tracks(), protocol="coco")
    assert perfect.total("ap") == pytest.approx(100)
    assert perfect.frames == 6
    assert [line.split()[-1] for line in perfect.table().splitlines()[1:4]] == ["100.0"] * 3
    by_file = evaluate(*files, protocol="coco")
    assert 0 < (by_file.total("ap") or 0) < 100
    assert by_file.sequences == 2
    nobody = tracks().select(np.zeros(18, np.bool_))
    assert evaluate(nobody, tracks(), protocol="coco").total("ap") == 0


def test_coco_compares_joints_of_one_name(tracks: Tracks) -> None:
    found, truth = tracks(skeleton=COCO17), with_joints(tracks(skeleton=COCO17), POSETRACK17SLOTS)
    report = evaluate(found, truth[0], protocol="coco")
    assert report.total("ap") == pytest.approx(100)  # the eyes are not the ends of the head
    assert report.notes == (
        "pycocotools, keypoints",
        "predictions: joints lost: left_eye, right_eye",
        "predictions: joints estimated: head_bottom, head_top",
    )


def test_missing_results_of_coco_are_named_with_both_files(tmp_path: Path) -> None:
    truth, results = tmp_path / "t.json", tmp_path / "r.json"
    truth.write_text(json.dumps({
        "images": [{"id": 1}], "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 4, "iscrowd": 0,
                         "bbox": [0, 0, 2, 2]}],
    }))  # fmt: skip
    results.write_text('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}]')
    with pytest.raises(FormatError, match=r"r.json against .*t.json: results\[0\]: no score"):
        evaluate(results, truth, protocol="coco")
    results.write_text('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "score": 1}]')
    assert evaluate(results, truth, protocol="coco").total("ap") == pytest.approx(100)


@pytest.mark.parametrize("where", ["annotations", "results"])
def test_damaged_masks_are_refused_before_anybody_looks_for_their_end(
    tmp_path: Path, where: str
) -> None:
    one = {"image_id": 7, "category_id": 1, "segmentation": [[0, 0, 9, 0, 9, 9, 0, 9]]}
    damaged = {**one, "segmentation": {"size": [20, 20], "counts": "~~~~"}}
    theirs, ours = (damaged, one) if where == "annotations" else (one, damaged)
    image = {"id": 7, "width": 20, "height": 20}
    labelled = {"id": 1, "area": 81, "iscrowd": 0, "bbox": [0, 0, 9, 9], **theirs}
    content = {"categories": [{"id": 1, "name": "person"}], "annotations": [labelled]}
    truth, results = tmp_path / "t.json", tmp_path / "r.json"
    results.write_text(json.dumps([{"score": 1, **ours}]))
    named = "truth: annotations" if where == "annotations" else where
    messages = (
        (image, named, "this is no mask by COCO's run lengths"),
        ({"id": 7}, "truth: annotations", "its image has no width and height"),
    )
    for sized, name, message in messages:
        truth.write_text(json.dumps({**content, "images": [sized]}))
        with pytest.raises(FormatError, match=rf"json: {name}\[0\]: {message}"):
            evaluate(results, truth, protocol="coco", shape="segm")


def test_a_picture_with_a_crowd_that_no_picture_has_is_refused(tmp_path: Path) -> None:
    one = {"image_id": 7, "category_id": 1, "area": 4, "iscrowd": 0, "bbox": [0, 0, 2, 2]}
    content = {"images": [{"id": 7}], "categories": [{"id": 1, "name": "person"}],
               "annotations": [{"id": i, **one} for i in range(1, 1002)]}  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(content))
    (tmp_path / "r.json").write_text(json.dumps([{**one, "score": 1}]))
    with pytest.raises(FormatError, match=r"t.json: image 7: 1001 annotations, no picture may"):
        evaluate(tmp_path / "r.json", tmp_path / "t.json", protocol="coco")


def test_results_of_coco_are_no_sequence(files: tuple[Path, Path]) -> None:
    path = files[0] / "000001_mpii_test.json"
    path.write_text('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "score": 1}]')
    with pytest.raises(FormatError, match="000001_mpii_test.json: a list, as COCO's results are"):
        evaluate(*files)


JOINTS = list(COCO17.joints)


def coco_truth(**changes: object) -> dict[str, Any]:
    """Two pictures with a person each."""
    rng = np.random.default_rng(0)
    people = []
    for image in (1, 2):
        points = rng.uniform(0, 200, (17, 2))
        numbers = np.column_stack([points, np.full(17, 2)]).ravel().tolist()
        people.append({
            "id": image, "image_id": image, "category_id": 1, "keypoints": numbers, "area": 4e4,
            "num_keypoints": 17, "iscrowd": 0, "bbox": [0, 0, 200, 200], "score": 0.5, **changes,
        })  # fmt: skip
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in (1, 2)]
    return {"images": images, "annotations": people,
            "categories": [{"id": 1, "name": "person", "keypoints": JOINTS}]}  # fmt: skip


def test_results_that_name_their_joints_are_compared_by_name(tmp_path: Path) -> None:
    truth, found = coco_truth(), coco_truth()
    found["categories"][0]["keypoints"] = JOINTS[::-1]
    for person in found["annotations"]:
        person["keypoints"] = np.reshape(person["keypoints"], (17, 3))[::-1].ravel().tolist()
    (tmp_path / "t.json").write_text(json.dumps(truth))
    (tmp_path / "r.json").write_text(json.dumps(found))

    report = evaluate(tmp_path / "r.json", tmp_path / "t.json", protocol="coco")

    assert report.total("ap") == pytest.approx(100)
    assert report.notes == ("pycocotools, keypoints",)


@pytest.mark.parametrize("which", [[0], [0, 1]], ids=["one", "all"])
def test_a_truth_without_areas_is_what_is_wrong(tmp_path: Path, which: list[int]) -> None:
    truth = coco_truth()
    for place in which:
        del truth["annotations"][place]["area"]
    (tmp_path / "t.json").write_text(json.dumps(truth))
    (tmp_path / "r.json").write_text(json.dumps(coco_truth()["annotations"]))

    with pytest.raises(FormatError, match=r"t.json: truth: annotations\[0\]: no area; add that of"):
        evaluate(tmp_path / "r.json", tmp_path / "t.json", protocol="coco")


def test_a_truth_without_annotations_is_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(coco_truth() | {"annotations": []}))
    (tmp_path / "r.json").write_text(json.dumps(coco_truth()["annotations"]))

    with pytest.raises(FormatError, match="t.json: no annotations, so there is nothing to compare"):
        evaluate(tmp_path / "r.json", tmp_path / "t.json", protocol="coco")


@pytest.mark.parametrize("ids", [[0, 1], [5, 5], [None, None]])
def test_ids_of_annotations_carry_no_meaning(tmp_path: Path, ids: list[int | None]) -> None:
    truth = coco_truth()
    for person, number in zip(truth["annotations"], ids, strict=True):
        person["id"] = number
    (tmp_path / "t.json").write_text(json.dumps(truth))
    (tmp_path / "r.json").write_text(json.dumps(coco_truth()["annotations"]))

    report = evaluate(tmp_path / "r.json", tmp_path / "t.json", protocol="coco")

    assert report.total("ap") == pytest.approx(100)
