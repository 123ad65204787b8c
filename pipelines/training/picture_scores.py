"""How well people are found and posed in labelled photographs: COCO's average precisions.

Not here: the precisions themselves (:mod:`posetube.tracker.metrics.coco`), videos, tracks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posetube.boxes import to_xywh
from posetube.errors import FormatError, MediaError
from posetube.structures import ByteArray, Detections

from ...datasets.formats.coco_results import read_truth
from ...tracker.metrics.coco import coco_metrics


@dataclass(frozen=True, kw_only=True)
class PictureScores:
    """COCO's average precisions, in percent."""

    oks_ap: float
    """Joints, mean over object keypoint similarities 0.50 to 0.95."""

    oks_ap50: float
    """Joints, at similarity 0.50."""

    box_ap: float
    """Boxes, mean over overlaps 0.50 to 0.95."""

    box_ap50: float
    """Boxes, at overlap 0.50."""

    pictures: int
    """How many pictures were looked at."""


def check_pictures(*, annotations: Path, pictures: Path) -> None:
    """Refuse photographs that cannot be measured on, before training begins.

    Args:
        annotations: COCO person-keypoints JSON.
        pictures: Folder with the files that it names.

    Raises:
        FormatError: If it is no COCO-keypoint file, or names no picture.
        MediaError: If a picture is missing.
    """
    names = [image.get("file_name") for image in read_truth(annotations)["images"]]
    if not names or not all(isinstance(name, str) for name in names):
        raise FormatError(f"{annotations}: each of images must have a file_name, and there be one")
    for path in map(pictures.joinpath, names):
        if not path.is_file():
            raise MediaError(f"{path}: no such picture; {annotations} names it")


def score_pictures(
    detect: Callable[[ByteArray], Detections], *, annotations: Path, pictures: Path
) -> PictureScores:
    """Run a detector over labelled photographs and compare with their labels.

    Args:
        detect: An (H, W, 3) RGB picture to its people, COCO's 17 joints.
        annotations: COCO person-keypoints JSON.
        pictures: Folder with the files that it names.

    Raises:
        InputError: If there is no such file.
        FormatError: If it is no COCO-keypoint file.
        MediaError: If a picture is missing or cannot be read.
    """
    truth = read_truth(annotations)
    boxes: list[dict[str, Any]] = []
    poses: list[dict[str, Any]] = []
    for image in truth["images"]:
        people = detect(read_labelled(pictures / image["file_name"]))
        for index in range(len(people)):
            record = {"image_id": image["id"], "category_id": 1}
            record["score"] = float(people.scores[index])
            boxes.append({**record, "bbox": to_xywh(people.boxes[index]).tolist()})
            poses.append({**record, "keypoints": _triples(people, index)})
    box = coco_metrics(truth, boxes, kind="bbox").stats
    oks = coco_metrics(truth, poses, kind="keypoints").stats
    return PictureScores(
        oks_ap=100 * oks["ap"],
        oks_ap50=100 * oks["ap50"],
        box_ap=100 * box["ap"],
        box_ap50=100 * box["ap50"],
        pictures=len(truth["images"]),
    )


def _triples(people: Detections, index: int) -> list[float]:
    joints = np.column_stack([people.keypoints[index], people.keypoint_scores[index]])
    return [float(value) for value in np.nan_to_num(joints).ravel()]


def read_labelled(path: Path) -> ByteArray:
    """A data set's picture, (H, W, 3) RGB, turned as its labels are.

    Raises:
        MediaError: If it is missing or cannot be read.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise MediaError(f"{path}: missing, or not a picture")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
