"""COCO's metrics: pycocotools' numbers, its traps mended or named."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from posetube.errors import FormatError, InputError
from posetube.skeletons import COCO17, CROWDPOSE14, POSETRACK21, SKELETONS
from posetube.tracker.metrics.coco import coco_metrics, kind_of, sigmas_of

Entry = dict[str, Any]


def truth(rng: np.random.Generator, *, images: int = 6, people: int = 2) -> dict[str, Any]:
    annotations = []
    for number in range(images * people):
        x, y = rng.uniform(0, 400, 2)
        size = rng.uniform(40, 200)
        points = rng.uniform(0, size, (17, 2)) + np.array([x, y])
        flagged = np.column_stack([points, np.full(17, 2.0)])
        annotations.append({
            "id": number + 1, "image_id": number // people, "category_id": 1, "iscrowd": 0,
            "area": size * size, "bbox": [x, y, size, size], "num_keypoints": 17,
            "keypoints": flagged.ravel().tolist(),
        })  # fmt: skip
    return {
        "images": [{"id": i} for i in range(images)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }


def results(
    content: dict[str, Any], rng: np.random.Generator, noise: float
) -> list[dict[str, Any]]:
    found = []
    for annotation in content["annotations"]:
        points = np.array(annotation["keypoints"]).reshape(17, 3)
        points[:, :2] += rng.normal(0, noise, (17, 2))
        found.append({
            "image_id": annotation["image_id"], "category_id": 1, "score": rng.random(),
            "keypoints": points.ravel().tolist(),
        })  # fmt: skip
    return found


def test_a_perfect_result_has_100() -> None:
    rng = np.random.default_rng(0)
    content = truth(rng)
    result = coco_metrics(content, results(content, rng, 0), kind="keypoints")
    assert result.stats["ap"] == pytest.approx(1)
    assert result.categories == {"person": pytest.approx(1)}


def test_no_results_at_all_have_0() -> None:
    result = coco_metrics(truth(np.random.default_rng(0)), [], kind="keypoints")
    assert (result.stats["ap"], result.stats["ar"]) == (0, 0)


@pytest.mark.parametrize(
    "ids",
    [range(12), [7] * 12, [1, 2] * 6, [None] * 12, [f"a{i}" for i in range(12)]],
    ids=["from 0", "all the same", "per image", "none", "texts"],
)
def test_ids_of_annotations_do_not_change_the_numbers(ids: Sequence[Any]) -> None:
    content, rng = truth(np.random.default_rng(0)), np.random.default_rng(1)
    found = results(content, rng, 12)
    expected = coco_metrics(content, found, kind="keypoints").stats
    for annotation, number in zip(content["annotations"], ids, strict=True):
        annotation["id"] = number
        if number is None:
            del annotation["id"]

    assert coco_metrics(content, found, kind="keypoints").stats == expected
    assert 0.1 < expected["ap"] < 0.9


def test_images_with_one_id_are_refused() -> None:
    content = truth(np.random.default_rng(0))
    content["images"].append({"id": 0})

    with pytest.raises(FormatError, match="truth: two images have the same id"):
        coco_metrics(content, [], kind="keypoints")


def test_every_joint_set_has_sigmas() -> None:
    for skeleton in SKELETONS.values():
        assert len(sigmas_of(skeleton.joints)) == len(skeleton)
    np.testing.assert_array_equal(sigmas_of([f"k{i}" for i in range(14)]), CROWDPOSE14.sigmas)
    np.testing.assert_array_equal(sigmas_of([f"k{i}" for i in range(15)]), POSETRACK21.sigmas)
    with pytest.raises(InputError, match="no sigmas are known for the 2 joints a, b"):
        sigmas_of(["a", "b"])


def test_the_kind_follows_from_the_results() -> None:
    assert kind_of([{"bbox": [], "keypoints": []}]) == kind_of([]) == "keypoints"
    assert kind_of([{"bbox": [], "segmentation": {}}]) == "segm"
    assert kind_of([{"bbox": []}]) == "bbox"


@pytest.mark.parametrize(
    ("part", "broken", "message"),
    [
        ("annotations", {"area": None}, r"truth: annotations\[0\]: no area; add"),
        ("annotations", {"num_keypoints": None}, "no num_keypoints; add the number of joints"),
        ("annotations", {"iscrowd": None}, "no iscrowd; add 0, or 1 for a crowd"),
        ("results", {"score": None}, r"results\[0\]: no score"),
        ("results", {"image_id": 99}, "image 99 is not among the truth's images"),
        ("results", {"category_id": 3}, "category 3 is not among the truth's"),
        ("results", {"keypoints": [1.0]}, "expected 51 numbers in keypoints, got 1"),
    ],
)
def test_what_pycocotools_would_fail_on_is_named(
    part: str, broken: dict[str, Any], message: str
) -> None:
    rng = np.random.default_rng(0)
    content = truth(rng)
    found = results(content, rng, 1)
    (content["annotations"] if part == "annotations" else found)[0].update(broken)
    with pytest.raises(FormatError, match=message):
        coco_metrics(content, found, kind="keypoints")


def test_what_only_pycocotools_finds_wrong_is_told_in_a_line() -> None:
    rng = np.random.default_rng(0)
    content = truth(rng)
    found = results(content, rng, 1)
    found[0]["keypoints"] = ["x"] * 51
    with pytest.raises(FormatError, match="pycocotools cannot read an entry: "):
        coco_metrics(content, found, kind="keypoints")
