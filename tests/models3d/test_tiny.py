"""The embedded model: what ships, and its floor on real photographs."""

import contextlib
import io
import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from posetube.boxes import around
from posetube.datasets.people import open_people
from posetube.models3d import load_network
from posetube.models3d.checkpoints.convert import convert_weights
from posetube.models3d.crop_keypoint_head import CropKeypointHead
from posetube.models3d.presets import tiny, tiny_clip
from posetube.models3d.runtimes.loading import load_onnx_network
from posetube.models3d.runtimes.onnx_network import OnnxNetwork
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.skeletons import LSP14
from posetube.structures import Clip


def clip_of(file: Path) -> Clip:
    """A photograph."""
    picture = cv2.imread(str(file))
    assert picture is not None
    frames = np.ascontiguousarray(picture[..., ::-1])[None].astype(np.uint8)
    return Clip(frames=np.array([0]), times=np.array([0.0]), images=frames)


WEIGHTS = Path(__file__).parents[2] / "models3d" / "weights" / "tiny.safetensors"

PUBLISHED_NAMES = (
    (r"body\.stem\.", "body.stages.0.stem."),
    (r"head\.", "proposals."),
)
"""What the description of the detector calls its parts, and what we do."""


def test_the_package_ships_a_small_model_that_says_where_it_is_from() -> None:
    model = load_network("tiny")

    assert model.clip_length == 1
    assert model.config == tiny()
    assert model.info.name == "tiny"
    assert model.info.licence == "Apache-2.0"
    assert model.info.source.startswith("RTMDet-nano for people (open-mmlab, LW-CVer/rtmpose) and ")
    assert model.info.sha256 is not None
    assert WEIGHTS.stat().st_size < 5 * 1024**2
    assert {tensor.dtype for tensor in load_file(WEIGHTS).values()} == {torch.float16}
    assert WEIGHTS.with_suffix(".md").is_file()


def our_name(name: str) -> str:
    """A stage of the description, by its name in our network."""
    network, _, rest = name.partition(".")
    if network == "crop":
        return f"keypoint_head.network.{rest}"
    for pattern, ours in PUBLISHED_NAMES:
        rest = re.sub(f"^{pattern}", ours, f"{rest}.").removesuffix(".")
    return rest


def test_its_weights_are_those_that_were_converted(training: Path) -> None:
    ours = load_file(WEIGHTS)
    theirs = {
        our_name(f"{network}.{name}"): tensor
        for network in ("detector", "crop")
        for name, tensor in load_file(training / "tiny2" / f"{network}.safetensors").items()
    }

    own = {name for name in ours if name.startswith("keypoint_head.network.added.")}
    assert ours.keys() - own == theirs.keys()
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())


@pytest.mark.slow
def test_it_finds_the_ends_of_heads_in_photographs_that_it_did_not_learn_from(
    samples: Path,
) -> None:
    """They were learned on the photographs with odd numbers; places from 0."""
    data = open_people(samples / "lsp_extended", form="lspet")
    model, near = load_network("tiny"), []
    for name in data.videos()[1:60:2]:
        tracks = data.read(name).tracks
        joints = {joint: tracks.keypoints[0, LSP14.index(joint)] for joint in LSP14.joints}
        torso = np.linalg.norm(joints["left_shoulder"] - joints["right_hip"])
        clip = clip_of(samples / "lsp_extended" / name)
        box = around(tracks.keypoints, scale=1.2).astype(np.float32)
        found = model.find_joints(
            model.encode(clip.images), [0], tubes=box[None], scores=np.ones(1, np.float32)
        )
        ends = zip(("neck", "head_top"), found.keypoints[0, 0, 17:], strict=True)
        offsets = [np.linalg.norm(joints[joint] - place) / torso for joint, place in ends]
        near += [offset < 0.3 for offset in offsets if np.isfinite(offset)]

    assert len(near) > 20
    assert np.mean(near) > 0.75


class Stages:
    """What the modules of a network gave when it last ran, by their names."""

    def __init__(self, network: nn.Module) -> None:
        self.seen: dict[str, Any] = {}
        for name, module in network.named_modules():
            module.register_forward_hook(partial(self._keep, name))

    def _keep(self, name: str, module: nn.Module, given: Any, out: Any) -> None:
        self.seen[name] = out

    def __getitem__(self, name: str) -> Tensor:
        """The output of a stage; of a branch, if the name ends in its number."""
        if name in self.seen:
            whole: Tensor = self.seen[name]
            return whole
        unit, _, branch = name.rpartition(".")
        found: Tensor = self.seen[unit][int(branch)]
        return found


@torch.no_grad()
def test_every_stage_gives_what_its_description_says(training: Path) -> None:
    model = load_network("tiny")
    stages = Stages(model)
    wanted = dict(np.load(training / "tiny2" / "check.npz"))
    pixels, crop = (
        torch.from_numpy(wanted.pop(f"{network}.input")) for network in ("detector", "crop")
    )

    model.proposals(model.clip_part(model.frame_part(pixels), 1).levels, 1)
    assert isinstance(model.keypoint_head, CropKeypointHead)
    heatmaps = model.keypoint_head.network(crop)
    assert torch.equal(heatmaps[:, :17], stages["keypoint_head.network.out"])

    assert len(wanted) == 59
    for name, expected in wanted.items():
        found = after_activation(name, stages[our_name(name)])
        tolerance = 1e-4 * float(np.abs(expected).max())
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=name)


def after_activation(name: str, output: Tensor) -> Tensor:
    """The output of a stage as the description counts it."""
    if name.startswith("detector.neck.reduce"):
        return functional.silu(output)
    if name == "crop.stem.first":
        return functional.relu(output)
    if name.endswith("sides"):
        return output * (8, 16, 32)[int(name.split(".")[3])]
    return output


@pytest.mark.slow
def test_over_three_frames_it_finds_in_a_still_clip_what_it_finds_in_its_frame(
    samples: Path,
) -> None:
    photograph = clip_of(samples / "tiny_coco" / "train2017" / "000000005802.jpg")
    converted = convert_weights(WEIGHTS, into=tiny_clip())
    times = np.arange(3)
    still = Clip(frames=times, times=times / 25, images=np.repeat(photograph.images, 3, axis=0))

    tubes = converted.model.detect(still)
    alone = load_network("tiny").detect(photograph)

    assert (converted.unused, converted.fresh) == ((), ())
    assert len(tubes) == len(alone) > 0
    np.testing.assert_allclose(tubes.scores, alone.scores, atol=1e-4)
    for frame in range(3):
        np.testing.assert_allclose(tubes.boxes[:, frame], alone.boxes[:, 0], atol=0.01)
        np.testing.assert_allclose(tubes.keypoints[:, frame], alone.keypoints[:, 0], atol=0.1)


@pytest.mark.slow
def test_a_window_crops_everybody_once_in_every_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny_clip()
    proposals = replace(config.proposals, min_score=0.0, after_nms=2)
    torch.manual_seed(0)
    model = TubeRCNN(replace(config, proposals=proposals, pose_nms=None)).eval()
    network, cropped = model.keypoint_head.network, list[int]()
    look = network.features

    def counted(crops: Tensor) -> list[Tensor]:
        cropped.append(len(crops))
        return list(look(crops))

    monkeypatch.setattr(network, "features", counted)
    picture = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), np.uint8)
    frames = model.encode(picture.repeat(4, axis=0))

    first = model.detect_features(frames[:3], [0, 1, 2])
    second = model.detect_features(frames[1:], [1, 2, 3])

    assert cropped == [6, 2]
    np.testing.assert_allclose(second.keypoints, first.keypoints, atol=1e-3)


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
            # the crop network is deep: rounding moves the peaks of its maps by up to 0.09
            assert abs(rough.scores[same] - exact.scores[person]) < 0.1
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
@pytest.mark.parametrize(
    ("mirror", "floors"),
    [(False, (62, 86, 44, 76)), (True, (65, 86, 44, 76))],
    ids=["as it ships", "with mirrored crops"],
)
def test_the_floors_on_human_labels_are_kept(
    samples: Path, *, mirror: bool, floors: tuple[float, ...]
) -> None:
    coco: Any = pytest.importorskip("pycocotools.coco")
    folder = samples / "tiny_coco"
    labels = folder / "annotations" / "person_keypoints_train2017.json"
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO(str(labels))
    model = load_onnx_network(WEIGHTS, flip=mirror)  # finds what torch finds, in half the time
    found = [
        entry
        for image in json.loads(labels.read_text())["images"]
        for entry in results(model, folder / "train2017" / image["file_name"], image["id"])
    ]

    boxes = [{k: v for k, v in entry.items() if k != "keypoints"} for entry in found]
    reached = (
        *average_precision(truth, found, "keypoints"),
        *average_precision(truth, boxes, "bbox"),
    )

    assert all(np.array(reached) >= floors), reached


def results(model: OnnxNetwork, file: Path, image: int) -> list[dict[str, Any]]:
    """The people of a photograph as COCO's results."""
    tubes = model.detect(clip_of(file))
    people = zip(
        tubes.boxes[:, 0],
        tubes.keypoints[:, 0, :17],
        tubes.keypoint_scores[:, 0, :17],
        tubes.scores,
        strict=True,
    )
    return [
        {
            "image_id": image,
            "category_id": 1,
            "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
            "keypoints": np.column_stack([points, sure]).ravel().tolist(),
            "score": float(score),
        }
        for box, points, sure, score in people
    ]
