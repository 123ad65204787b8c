"""The embedded model: what ships, and its floor on real photographs."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from posetube.models3d import load_network
from posetube.structures import Clip


def clip_of(file: Path) -> Clip:
    """A photograph."""
    picture = cv2.imread(str(file))
    assert picture is not None
    frames = np.ascontiguousarray(picture[..., ::-1])[None].astype(np.uint8)
    return Clip(frames=np.array([0]), times=np.array([0.0]), images=frames)


def test_the_package_ships_a_small_model_that_says_where_it_is_from() -> None:
    model = load_network("tiny")

    assert model.clip_length == 1
    assert model.skeleton.name == "coco17"
    assert model.info.name == "tiny"
    assert model.info.licence == "Apache-2.0"
    assert model.info.sha256 is not None
    file = Path(__file__).parents[2] / "models3d" / "weights" / "tiny.safetensors"
    assert file.stat().st_size < 12 * 1024**2
    assert {tensor.dtype for tensor in load_file(file).values()} == {torch.float16}
    assert file.with_name("tiny.md").is_file()


@pytest.mark.slow
def test_bfloat16_finds_the_same_people(samples: Path) -> None:
    model = load_network("tiny")
    compared = 0
    for file in sorted((samples / "tiny_coco" / "train2017").glob("*.jpg"))[:16]:
        clip = clip_of(file)
        exact = model.detect(clip)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model.detect(clip)
        sure = np.flatnonzero(exact.scores > 0.4)  # of others places rival, and rounding decides
        for person in sure:
            box = exact.boxes[person, 0]
            size = (box[2:] - box[:2]).max()
            corners = np.abs(rough.boxes[:, 0] - box).max(axis=1) / size
            same = int(corners.argmin())
            joints = np.linalg.norm(rough.keypoints[same, 0] - exact.keypoints[person, 0], axis=1)
            assert corners[same] < 0.15
            assert np.median(joints) / size < 0.02
            assert abs(rough.scores[same] - exact.scores[person]) < 0.05
            compared += 1

    assert compared >= 8


def average_precision(truth: Any, found: list[dict[str, Any]], kind: str) -> tuple[float, float]:
    """AP and AP at 0.5 of COCO's evaluation, in percent."""
    cocoeval: Any = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(found), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0]), 100 * float(evaluation.stats[1])


@pytest.mark.slow
def test_the_floor_on_human_labels_is_kept(samples: Path) -> None:
    coco: Any = pytest.importorskip("pycocotools.coco")
    folder = samples / "tiny_coco"
    labels = folder / "annotations" / "person_keypoints_train2017.json"
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO(str(labels))
    model = load_network("tiny")
    found: list[dict[str, Any]] = []
    for image in json.loads(labels.read_text())["images"]:
        tubes = model.detect(clip_of(folder / "train2017" / image["file_name"]))
        for box, points, sure, score in zip(
            tubes.boxes[:, 0],
            tubes.keypoints[:, 0],
            tubes.keypoint_scores[:, 0],
            tubes.scores,
            strict=True,
        ):
            size = box[2:] - box[:2]
            found.append(
                {
                    "image_id": image["id"],
                    "category_id": 1,
                    "bbox": [*box[:2].tolist(), *size.tolist()],
                    "keypoints": np.column_stack([points, sure]).ravel().tolist(),
                    "score": float(score),
                }
            )

    oks, _ = average_precision(truth, found, "keypoints")
    boxes = [{k: v for k, v in entry.items() if k != "keypoints"} for entry in found]
    _, box = average_precision(truth, boxes, "bbox")

    assert oks >= 29
    assert box >= 52
