"""COCO's JSON as it is evaluated."""

import json
from pathlib import Path
from typing import Any

import pytest

from posetube.datasets.files.opened_file import OpenedFile
from posetube.datasets.formats.coco_results import is_truth, read_results_of, read_truth
from posetube.errors import FormatError

POSE = [float(number) for k in range(17) for number in (10 + k, 100 + k, 2)]
TRUTH: dict[str, Any] = {
    "images": [{"id": 1}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 5.0, "bbox": [0, 0, 1, 1]}],
    "categories": [{"id": 1, "name": "person"}],
}


def written(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_truth_and_results_are_read_as_they_are(tmp_path: Path) -> None:
    truth = written(tmp_path / "t.json", TRUTH)
    results = [{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [0, 0, 1, 1]}]
    assert read_truth(truth) == TRUTH
    assert is_truth(OpenedFile(truth))
    assert results_in(written(tmp_path / "r.json", results)) == results
    assert results_in(truth) == TRUTH["annotations"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, "expected a list of objects in 'images'"),
        ({"categories": [1]}, "expected a list of objects in 'categories'"),
        ({"images": [{}]}, r"t.json: images\[0\]: Object missing required field id"),
        ({"annotations": [{"area": "5"}]}, r"t.json: annotations\[0\]: Expected float.*at area"),
    ],
)
def test_broken_truth_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_truth(written(tmp_path / "t.json", TRUTH | change))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected a list of results"),
        ([1], "expected a list of results"),
        ({"annotations": [], "images": 5}, "expected a list of objects in 'images'"),
        (
            {"annotations": [], "categories": [{"id": 1, "keypoints": [[1]]}]},
            r"categories\[0\]: Expected str, got array, at keypoints\[0\]",
        ),
        ([{"score": "high"}], r"r.json: results\[0\]: Expected float, got str, at score"),
        (
            [{"keypoints": ["1"]}],
            r"results\[0\]: Expected float \| null, got str, at keypoints\[0\]",
        ),
    ],
)
def test_broken_results_are_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        results_in(written(tmp_path / "r.json", content))


def results_in(path: Path) -> list[dict[str, Any]]:
    return read_results_of(TRUTH, path)[0]


def test_null_in_joints_is_spelt_as_pycocotools_reads_it(tmp_path: Path) -> None:
    holed = [None, 5, 2, 7, 8, None, *POSE[6:]]
    spelt = [0, 0, 0, 7, 8, 1, *POSE[6:]]
    results = [{"image_id": 1, "keypoints": keypoints} for keypoints in (holed, None, POSE)]

    found = results_in(written(tmp_path / "r.json", results))

    assert [entry["keypoints"] for entry in found] == [spelt, [0] * len(POSE), POSE]
    bare = results_in(written(tmp_path / "b.json", [{"image_id": 1, "keypoints": None}]))
    assert bare == [{"image_id": 1}]
