"""How well people are found and posed in labelled photographs: COCO's average precisions.

pycocotools measures. Not here: videos, tracks, PoseTrack's metrics.
"""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posetube.boxes import to_xywh
from posetube.errors import FormatError, InputError, MediaError
from posetube.structures import ByteArray, Detections


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
    images = _images(annotations)
    boxes: list[dict[str, Any]] = []
    poses: list[dict[str, Any]] = []
    for image_id, name in images.items():
        people = detect(_read(pictures / name))
        for index in range(len(people)):
            record = {"image_id": image_id, "category_id": 1, "score": float(people.scores[index])}
            boxes.append({**record, "bbox": to_xywh(people.boxes[index]).tolist()})
            poses.append({**record, "keypoints": _triples(people, index)})
    box_ap, box_ap50 = _measure(annotations, boxes, "bbox")
    oks_ap, oks_ap50 = _measure(annotations, poses, "keypoints")
    return PictureScores(
        oks_ap=oks_ap, oks_ap50=oks_ap50, box_ap=box_ap, box_ap50=box_ap50, pictures=len(images)
    )


def _triples(people: Detections, index: int) -> list[float]:
    joints = np.column_stack([people.keypoints[index], people.keypoint_scores[index]])
    return [float(value) for value in np.nan_to_num(joints).ravel()]


def _images(annotations: Path) -> dict[int, str]:
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
        return {image["id"]: image["file_name"] for image in content["images"]}
    except FileNotFoundError:
        raise InputError(f"{annotations}: no such file; expected COCO person keypoints") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{annotations}: not a COCO-keypoint file: {error!r}") from None


def _read(path: Path) -> ByteArray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise MediaError(f"{path}: missing, or not a picture")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _measure(annotations: Path, records: list[dict[str, Any]], kind: str) -> tuple[float, float]:
    """Average precision and that at 0.50, percent."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not records:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(records), kind)
        evaluation.params.catIds = [1]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(100 * evaluation.stats[0]), float(100 * evaluation.stats[1])
