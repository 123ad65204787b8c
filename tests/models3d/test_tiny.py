"""The embedded model: its port from the checkpoint, and its floor on real photographs."""

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
from torch import Tensor

from posetube.models3d import load_model
from posetube.models3d.checkpoints.convert import convert
from posetube.models3d.preprocess import Geometry
from posetube.models3d.proposals import propose
from posetube.models3d.tube_rcnn import Found, TubeRCNN
from posetube.structures import Clip

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def student(training: Path) -> TubeRCNN:
    """The checkpoint that the embedded model comes from."""
    [file] = sorted((training / "student").glob("*.safetensors"))
    return convert(file).model


@pytest.fixture(scope="module")
def check(training: Path) -> dict[str, Any]:
    """One picture, and what every stage of the checkpoint's own program said of it."""
    with np.load(training / "student" / "student_check.npz", allow_pickle=False) as file:
        return dict(file)


def agree(ours: Tensor, wanted: Any) -> None:
    assert tuple(ours.shape) == wanted.shape
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(ours.numpy(), wanted, rtol=0, atol=TOLERANCE * scale)


def pixels_of(check: dict[str, Any]) -> Tensor:
    image = torch.from_numpy(check["image"]).float()
    return (image / 127.5 - 1).permute(2, 0, 1)[None]


@torch.no_grad()
def test_the_body_and_the_decoder_say_what_the_checkpoint_said(
    student: TubeRCNN, check: dict[str, Any]
) -> None:
    maps = [pixels_of(check)]
    for stage in student.body.stages:
        maps.append(stage(maps[-1], 1))
    neck: Any = student.neck

    p2, p3, p4, p5 = neck.decoder(maps[1:])

    agree(maps[-1][0], check["c5"])
    agree(p5[0], check["p5"])
    agree(p4[0], check["p4"])
    agree(p3[0], check["p3"])
    agree(p2[0, ::4], check["p2_every4"])
    agree(neck.joints(p2)[0, ::16], check["J_every16"])
    agree(neck.center(p2)[0, ::16], check["C_every16"])
    agree(neck.logits(neck.joints(p2))[0], check["L"])


@torch.no_grad()
def test_the_levels_and_the_proposals_say_what_the_checkpoint_said(
    student: TubeRCNN, check: dict[str, Any]
) -> None:
    size = check["image"].shape[:2]
    levels = student.clip_part(student.frame_part(pixels_of(check)), 1).levels

    objectness, deltas = student.proposals(levels, 1)

    for level in range(len(levels)):
        agree(levels[level][0, ::8], check[f"neck{level}_every8"])
        agree(objectness[level][0], check[f"objectness{level}"])
        agree(deltas[level][0], check[f"deltas{level}"])
    maps = student.proposals.maps(levels, length=1, padded=size)
    [(tubes, _)] = propose(maps, size=size, padded=size, config=student.config.proposals)
    agree(tubes[:, 0], check["proposals"])


@torch.no_grad()
def test_the_heads_say_what_the_checkpoint_said(student: TubeRCNN, check: dict[str, Any]) -> None:
    pyramid = student.clip_part(student.frame_part(pixels_of(check)), 1)
    proposals = torch.from_numpy(check["proposals"])[:, None]

    judged = student.box_head(student.pool_boxes(pyramid, [proposals]), 1)

    agree(judged.tube_logits, check["class_logits"])
    agree(judged.deltas[:, 0].flatten(1), check["box_deltas"])
    found = find(student, check)
    people = len(check["scores"])
    agree(found.people.boxes[:people, 0], check["boxes"])
    agree(found.people.scores[:people], check["scores"])
    agree(found.heatmaps[:2], check["keypoint_logits_first2"])


@torch.no_grad()
def test_joints_lie_within_a_cell_of_the_checkpoints(
    student: TubeRCNN, check: dict[str, Any]
) -> None:
    people = len(check["scores"])

    joints = find(student, check).joints.positions[:people].numpy()

    # its program took the highest cell of a 112 x 112 map; ours goes between the cells
    boxes = check["boxes"]
    cell = ((boxes[:, 2:] - boxes[:, :2]) / 112)[:, None]
    assert (np.abs(joints - check["keypoints"][..., :2]) <= cell / 2 + 1e-3).all()


def clip_of(file: Path) -> Clip:
    """A photograph."""
    picture = cv2.imread(str(file))
    assert picture is not None
    frames = np.ascontiguousarray(picture[..., ::-1])[None].astype(np.uint8)
    return Clip(frames=np.array([0]), times=np.array([0.0]), images=frames)


def find(model: TubeRCNN, check: dict[str, Any]) -> Found:
    height, width = check["image"].shape[:2]
    size = (height, width)
    geometry = Geometry(picture=size, resized=size, padded=size, scale=(1.0, 1.0))
    return model.find(model.frame_part(pixels_of(check)), geometry)


def test_the_package_ships_a_small_model_that_says_where_it_is_from() -> None:
    model = load_model("tiny")

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
    model = load_model("tiny")
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
    model = load_model("tiny")
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
