"""Scores on labelled photographs."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from posetube.errors import FormatError, MediaError
from posetube.pipelines.training.picture_scores import check_pictures, score_pictures
from posetube.skeletons import COCO17
from posetube.structures import ByteArray, Detections

Detector = Callable[[ByteArray], Detections]


@pytest.fixture
def labelled(tmp_path: Path) -> tuple[Path, Detector]:
    """Two pictures with one person each, told apart by their grey, and a detector that knows."""
    rng = np.random.default_rng(0)
    joints = rng.uniform(20, 80, (2, 17, 2)).round(1)
    box = [10.0, 10.0, 80.0, 80.0]
    people = []
    for index in range(2):
        cv2.imwrite(
            str(tmp_path / f"{index}.png"), np.full((100, 120, 3), 50 + 100 * index, np.uint8)
        )
        triples = np.column_stack([joints[index], np.full(17, 2)])
        people.append(
            {
                "id": index + 1, "image_id": index, "category_id": 1, "iscrowd": 0, "area": 4000,
                "bbox": box, "keypoints": triples.ravel().tolist(), "num_keypoints": 17,
            }
        )  # fmt: skip
    truth = {
        "images": [{"id": i, "file_name": f"{i}.png", "height": 100, "width": 120} for i in (0, 1)],
        "annotations": people,
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))

    def detect(image: ByteArray) -> Detections:
        index = int(image[0, 0, 0] > 100)
        return Detections(
            boxes=np.array([[10, 10, 90, 90]], np.float32),
            scores=np.array([0.9], np.float32),
            keypoints=joints[index : index + 1].astype(np.float32),
            keypoint_scores=np.ones((1, 17), np.float32),
        )

    return tmp_path, detect


def test_the_truth_itself_scores_a_hundred(labelled: tuple[Path, Detector]) -> None:
    folder, detect = labelled

    scores = score_pictures(detect, annotations=folder / "truth.json", pictures=folder)

    assert scores.pictures == 2
    assert scores.oks_ap == pytest.approx(100)
    assert scores.box_ap == pytest.approx(100)


def test_who_finds_nobody_scores_nothing(labelled: tuple[Path, Detector]) -> None:
    folder, _ = labelled

    scores = score_pictures(
        lambda image: Detections.empty(17), annotations=folder / "truth.json", pictures=folder
    )

    assert (scores.oks_ap50, scores.box_ap50) == (0, 0)


def test_a_missing_picture_is_named(labelled: tuple[Path, Detector]) -> None:
    folder, detect = labelled
    (folder / "1.png").unlink()

    with pytest.raises(MediaError, match=r"1\.png: missing, or not a picture"):
        score_pictures(detect, annotations=folder / "truth.json", pictures=folder)


def test_photographs_that_cannot_be_measured_on_are_found_out_before(
    labelled: tuple[Path, Detector],
) -> None:
    folder, _ = labelled
    truth = folder / "truth.json"
    check_pictures(annotations=truth, pictures=folder)

    (folder / "1.png").unlink()
    with pytest.raises(MediaError, match=r"1\.png: no such picture; .*truth\.json names it"):
        check_pictures(annotations=truth, pictures=folder)

    truth.write_text(json.dumps({**json.loads(truth.read_text()), "images": []}))
    with pytest.raises(FormatError, match="each of images must have a file_name, and there be one"):
        check_pictures(annotations=truth, pictures=folder)
