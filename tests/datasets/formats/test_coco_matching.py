"""Results in a whole file of COCO's form are told in the truth's terms, by name."""

from typing import Any

from posetube.datasets.formats.coco_matching import in_terms_of

TRUTH = {
    "images": [{"id": 1, "file_name": "v/a.jpg"}, {"id": 2, "file_name": "v/b.jpg"}],
    "annotations": [],
    "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "left_hip", "right_hip"]}],
}


def told(file: dict[str, Any], *results: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    return in_terms_of(TRUTH, file, results)


def test_joints_are_put_into_the_truths_order() -> None:
    file = {"categories": [{"id": 1, "name": "person",
                            "keypoints": ["right_hip", "nose", "left_hip"]}]}  # fmt: skip

    found, lines = told(file, {"image_id": 1, "category_id": 1,
                               "keypoints": [1, 2, 0.1, 3, 4, 0.2, 5, 6, 0.3]})  # fmt: skip

    assert found[0]["keypoints"] == [3, 4, 0.2, 5, 6, 0.3, 1, 2, 0.1]
    assert lines == []


def test_what_the_results_lack_is_said() -> None:
    file = {"categories": [{"id": 1, "name": "person", "keypoints": ["right_hip", "nose"]}]}

    found, lines = told(file, {"image_id": 1, "category_id": 1, "keypoints": [1, 2, 1, 3, 4, 1]})

    assert found[0]["keypoints"] == [3, 4, 1, 0, 0, 0, 1, 2, 1]
    assert lines == ["joints left unknown: left_hip"]


def test_joints_of_other_names_stay_where_they_are() -> None:
    file = {"categories": [{"id": 1, "name": "person", "keypoints": ["k0", "k1", "k2"]}]}
    result = {"image_id": 1, "category_id": 1, "keypoints": [1, 2, 1, 3, 4, 1, 5, 6, 1]}

    assert told(file, result) == ([result], [])
    assert told({}, result) == ([result], [])


def test_images_and_categories_are_found_by_name() -> None:
    file = {
        "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 2, "file_name": "a.jpg"}],
        "categories": [{"id": 0, "name": "Person"}],
    }

    found, _ = told(file, {"image_id": 7, "category_id": 0}, {"image_id": 2, "category_id": 0})

    assert [(r["image_id"], r["category_id"]) for r in found] == [(2, 1), (1, 1)]


def test_ids_stay_where_names_do_not_tell() -> None:
    unknown = {"images": [{"id": 1, "file_name": "c.jpg"}]}
    twice = {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "u/a.jpg"}]}

    for file in (unknown, twice):
        assert told(file, {"image_id": 2, "category_id": 1})[0] == [
            {"image_id": 2, "category_id": 1}
        ]
