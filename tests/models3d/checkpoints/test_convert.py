"""Made files in the layouts of other programs load, and give what they were made from."""

import pickle
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.large_networks import tame_norms
from posetube.errors import WeightsError
from posetube.models3d.checkpoints.convert import Converted, convert_weights
from posetube.models3d.checkpoints.weights_io import save_weights
from posetube.models3d.configs.bodies import ResNetConfig
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from posetube.models3d.inference import prepare_for_inference
from posetube.models3d.model_info import ModelInfo
from posetube.models3d.presets import (
    detect_and_track_r18,
    detect_and_track_r101,
    detectron2_keypoint_rcnn,
    detectron_keypoint_rcnn,
    keypoint_rcnn_r50,
)
from posetube.models3d.training.over_time import over_time
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.structures import ByteArray, Clip
from tests.models3d.small_networks import small_anchor_rcnn, small_tiny

SKETCH: dict[str, Any] = {"short_side": 64, "long_side": 96}


def small(config: AnchorRCNNConfig) -> AnchorRCNNConfig:
    """A preset with narrow heads and few proposals, so that files stay small."""
    hidden = None if config.box_head.hidden is None else 24
    return replace(
        config,
        neck=FPNConfig(channels=16) if isinstance(config.neck, FPNConfig) else config.neck,
        proposals=replace(config.proposals, before_nms=30, after_nms=10),
        box_head=replace(config.box_head, hidden=hidden, max_people=3),
        keypoint_head=replace(config.keypoint_head, channels=16, depth=2),
    )


def made(config: AnchorRCNNConfig) -> TubeRCNN:
    """Random weights and norms, somebody to be found."""
    torch.manual_seed(0)
    model = TubeRCNN(config).eval()
    for name, tensor in model.state_dict().items():
        if name.endswith(("scale", "shift", "bias")):
            tensor += 0.1 * torch.rand_like(tensor)
    with torch.no_grad():
        model.box_head.score.weight *= 0.1
        model.box_head.score.bias[1] = 1
    # no box is regressed for the background, by nobody
    state = model.state_dict()
    state["box_head.deltas.weight"][:4] = 0
    state["box_head.deltas.bias"][:4] = 0
    return model


def same_answers(converted: Converted, original: TubeRCNN) -> None:
    """Both networks, brought to one small size, find the same."""
    images = np.random.default_rng(0).integers(0, 256, (original.clip_length, 60, 80, 3), np.uint8)
    steps = np.arange(original.clip_length)
    clip = Clip(frames=steps, times=steps / 25, images=images)
    results = []
    pixels = replace(original.config.preprocess, **SKETCH)
    for model in (converted.model, original):
        sketch = TubeRCNN(replace(original.config, preprocess=pixels)).eval()
        sketch.load_state_dict(model.state_dict())
        results.append(sketch.detect(clip))
    found, wanted = results
    assert len(found) == len(wanted) > 0
    np.testing.assert_allclose(found.boxes, wanted.boxes, atol=1e-3)
    np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
    np.testing.assert_allclose(found.keypoints, wanted.keypoints, atol=1e-2)


def same_architecture(found: TubeRCNNConfig, wanted: TubeRCNNConfig) -> None:
    assert isinstance(found, AnchorRCNNConfig)
    assert isinstance(wanted, AnchorRCNNConfig)
    for part in ("skeleton", "clip_length", "body", "neck", "preprocess", "decode"):
        assert getattr(found, part) == getattr(wanted, part), part
    assert found.keypoint_head == wanted.keypoint_head
    assert found.proposals.convention == wanted.proposals.convention
    assert found.proposals.time == wanted.proposals.time
    assert found.box_head.pool == wanted.box_head.pool
    assert found.box_head.hidden == wanted.box_head.hidden


# --- the layouts, written from our parameters ---------------------------------------------------

NORM_KIND = {"scale": "s", "shift": "b"}
KIND = {"weight": "w", "bias": "b"}


def as_blobs(model: TubeRCNN, *, video: bool) -> dict[str, Any]:
    """Our parameters as Detectron and Detect-and-Track name them."""
    pyramid = isinstance(model.config.neck, FPNConfig)
    body = model.config.body
    assert isinstance(body, ResNetConfig)
    last = {2: 2, 3: 3, 4: 22 if body.depth == 101 else 5, 5: 2}
    if body.depth == 18:
        last = dict.fromkeys((2, 3, 4, 5), 1)
    blobs = {}
    for name, tensor in model.state_dict().items():
        parts = name.split(".")
        array = tensor.numpy()
        if name.startswith("body.stages.0."):
            blob = "conv1_w" if parts[3] == "conv" else f"res_conv1_bn_{NORM_KIND[parts[4]]}"
        elif ".blocks." in name:
            stage = 5 if parts[0] == "box_head" else int(parts[2]) + 1
            blob = residual_blob(stage, parts[parts.index("blocks") + 1 :])
        elif parts[0] == "neck":
            stage = int(parts[2]) + 2
            middle = {"lateral": "fpn_inner_res", "output": "fpn_res"}[parts[1]]
            tail = "_lateral" if parts[1] == "lateral" and stage < 5 else ""
            blob = f"{middle}{stage}_{last[stage]}_sum{tail}_{KIND[parts[3]]}"
        elif parts[1] == "convs":
            head = "conv" if parts[0] == "keypoint_head" else "_[mask]"
            blob = f"{head}_fcn{int(parts[2]) + 1}_{KIND[parts[3]]}"
        else:
            blob = head_blob(name, pyramid=pyramid, video=video)
        backbone = name.startswith(("body", "neck")) or ".stage." in name
        moving = video and array.ndim == 4 and (backbone or (not pyramid and "up" not in parts))
        if moving and not (parts[0] == "keypoint_head" and pyramid):
            array = array[:, :, None]
        if video and not pyramid and parts[0] == "box_head" and array.ndim == 2:
            array = array[:, :, None, None, None]
        blobs[blob] = array
    joints = model.config.keypoint_head.joints
    blobs["kps_score_w"] = np.zeros((joints, joints, 4, 4), np.float32)
    blobs["conv1_w_momentum"] = np.zeros(3, np.float32)
    return blobs


def residual_blob(stage: int, parts: list[str]) -> str:
    block, layer, *rest = parts
    if layer == "shortcut":
        return f"res{stage}_{block}_branch1_w"
    if layer == "shortcut_norm":
        return f"res{stage}_{block}_branch1_bn_{NORM_KIND[rest[0]]}"
    branch = f"res{stage}_{block}_branch2{'abc'[int(rest[0])]}"
    return f"{branch}_w" if layer == "convs" else f"{branch}_bn_{NORM_KIND[rest[1]]}"


def head_blob(name: str, *, pyramid: bool, video: bool) -> str:
    layer, kind = name.rsplit(".", 1)
    blob = {
        "proposals.conv": "conv_rpn",
        "proposals.objectness": "rpn_cls_logits",
        "proposals.deltas": "rpn_bbox_pred",
        "box_head.body.fc1": "fc6",
        "box_head.body.fc2": "fc7",
        "box_head.score": "cls_score",
        "box_head.deltas": "bbox_pred",
        "keypoint_head.up": "kps_score_lowres",
        "mask_head.up": "conv5_mask",
        "mask_head.logits": "mask_fcn_logits",
    }[layer]
    tail = ""
    if layer.startswith("proposals"):
        tail = "_fpn2" if pyramid else "_1" if video and layer != "proposals.conv" else ""
    elif video and not pyramid and layer.startswith("box_head"):
        tail = "_1"
    return f"{blob}{tail}_{KIND[kind]}"


def as_detectron2(model: TubeRCNN) -> dict[str, Any]:
    """Our parameters as Detectron2 names them."""
    found: dict[str, Any] = {}
    for name, tensor in model.state_dict().items():
        array = tensor.numpy()
        if name in ("box_head.score.weight", "box_head.score.bias"):
            array = np.concatenate([array[1:], array[:1]])
        if name.startswith("mask_head.logits"):
            array = array[1:]
        if name in ("box_head.deltas.weight", "box_head.deltas.bias"):
            array = array[4:]
        theirs = detectron2_name(name)
        if name.endswith("scale"):
            found[f"{theirs}.weight"] = array
            # frozen: the variance is what makes the epsilon vanish
            found[f"{theirs}.running_mean"] = np.zeros_like(array)
            found[f"{theirs}.running_var"] = np.full_like(array, 1 - 1e-5)
        elif name.endswith("shift"):
            found[f"{theirs}.bias"] = array
        else:
            found[f"{theirs}.{name.rsplit('.', 1)[1]}"] = array
    found["proposal_generator.anchor_generator.cell_anchors.0"] = np.zeros((3, 4), np.float32)
    return found


def detectron2_name(name: str) -> str:
    layer = name.rsplit(".", 1)[0]
    parts = layer.split(".")
    if layer == "body.stages.0.conv":
        return "backbone.bottom_up.stem.conv1"
    if layer == "body.stages.0.norm":
        return "backbone.bottom_up.stem.conv1.norm"
    if parts[0] == "body":
        block = f"backbone.bottom_up.res{int(parts[2]) + 1}.{parts[4]}"
        if parts[5].startswith("shortcut"):
            return f"{block}.shortcut" + (".norm" if parts[5].endswith("norm") else "")
        tail = ".norm" if parts[5] == "norms" else ""
        return f"{block}.conv{int(parts[6]) + 1}{tail}"
    if parts[0] == "neck":
        return f"backbone.fpn_{parts[1]}{int(parts[2]) + 2}"
    if parts[:2] == ["keypoint_head", "convs"]:
        return f"roi_heads.keypoint_head.conv_fcn{int(parts[2]) + 1}"
    if parts[:2] == ["mask_head", "convs"]:
        return f"roi_heads.mask_head.mask_fcn{int(parts[2]) + 1}"
    return {
        "mask_head.up": "roi_heads.mask_head.deconv",
        "mask_head.logits": "roi_heads.mask_head.predictor",
        "proposals.conv": "proposal_generator.rpn_head.conv",
        "proposals.objectness": "proposal_generator.rpn_head.objectness_logits",
        "proposals.deltas": "proposal_generator.rpn_head.anchor_deltas",
        "box_head.body.fc1": "roi_heads.box_head.fc1",
        "box_head.body.fc2": "roi_heads.box_head.fc2",
        "box_head.score": "roi_heads.box_predictor.cls_score",
        "box_head.deltas": "roi_heads.box_predictor.bbox_pred",
        "keypoint_head.up": "roi_heads.keypoint_head.score_lowres",
    }[layer]


def write_pickle(path: Path, content: Any) -> Path:
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


# --- round trips --------------------------------------------------------------------------------


@pytest.mark.slow
def test_detect_and_track_3d_pickles_load(tmp_path: Path) -> None:
    original = made(small(detect_and_track_r18()))
    blobs = as_blobs(original, video=True)
    assert blobs["bbox_pred_1_w"].shape == (8, 512, 1, 1, 1)
    file = write_pickle(tmp_path / "dt.pkl", {"blobs": blobs, "cfg": "NUM_GPUS: 1"})

    converted = convert_weights(file)

    assert converted.layout == "detect-and-track"
    assert converted.unused == ("conv1_w_momentum", "kps_score_w")
    assert converted.fresh == ()
    same_architecture(converted.model.config, original.config)
    same_answers(converted, original)


@pytest.mark.slow
def test_detect_and_track_pyramid_pickles_load(tmp_path: Path) -> None:
    original = made(small(detect_and_track_r101()))
    blobs = as_blobs(original, video=True)
    assert blobs["fpn_inner_res5_2_sum_w"].shape == (16, 2048, 1, 1, 1)
    assert blobs["conv_rpn_fpn2_w"].ndim == 4
    file = write_pickle(tmp_path / "dt.pkl", {"blobs": blobs})

    converted = convert_weights(file)

    same_architecture(converted.model.config, original.config)
    same_answers(converted, original)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "skeleton"),
    [("posetrack_v1.0_posetrack_train", "posetrack17slots"), ("keypoints_coco_2014", "coco17")],
)
def test_detect_and_track_2d_pickles_keep_its_habits(
    tmp_path: Path, dataset: str, skeleton: str
) -> None:
    config = small(detect_and_track_r18())
    config = replace(
        config,
        skeleton=skeleton,
        clip_length=1,
        body=ResNetConfig(depth=18, stages=3, stride_in_1x1=True, frozen_stages=2),
        proposals=replace(config.proposals, time=1, nms_suppresses="at"),
        box_head=replace(config.box_head, nms_suppresses="at", order="proposal"),
        keypoint_head=replace(config.keypoint_head, time=1),
    )
    original = made(config)
    settings = f"MODEL:\n  VIDEO_ON: false\nTRAIN:\n  DATASET: {dataset}\n"
    blobs = as_blobs(original, video=False)
    assert blobs["conv1_w"].ndim == 4
    file = write_pickle(tmp_path / "dt.pkl", {"blobs": blobs, "cfg": settings})

    converted = convert_weights(file)

    assert converted.layout == "detect-and-track"
    same_architecture(converted.model.config, config)
    for part in ("proposals", "box_head"):
        ours, theirs = getattr(converted.model.config, part), getattr(config, part)
        assert ours.nms_suppresses == theirs.nms_suppresses == "at"
    same_answers(converted, original)


@pytest.mark.slow
def test_detectron_pickles_load(tmp_path: Path) -> None:
    original = made(small(detectron_keypoint_rcnn()))
    file = write_pickle(tmp_path / "d1.pkl", {"blobs": as_blobs(original, video=False)})

    converted = convert_weights(file)

    assert converted.layout == "detectron"
    same_architecture(converted.model.config, original.config)
    same_answers(converted, original)


@pytest.mark.slow
def test_detectron_pickles_without_a_pyramid_load(tmp_path: Path) -> None:
    single, habits = small(detect_and_track_r18()), small(detectron_keypoint_rcnn())
    config = replace(
        habits,
        body=ResNetConfig(depth=18, stages=3, stride_in_1x1=True, frozen_stages=2),
        neck=single.neck,
        proposals=replace(habits.proposals, anchors=single.proposals.anchors),
        box_head=replace(habits.box_head, pool=single.box_head.pool, hidden=None),
        keypoint_head=replace(habits.keypoint_head, pool=single.keypoint_head.pool),
    )
    original = made(config)
    file = write_pickle(tmp_path / "d1.pkl", {"blobs": as_blobs(original, video=False)})

    converted = convert_weights(file)

    same_architecture(converted.model.config, original.config)
    same_answers(converted, original)


@pytest.mark.slow
def test_detectron2_pickles_load(tmp_path: Path) -> None:
    original = made(small(detectron2_keypoint_rcnn()))
    model = OrderedDict(as_detectron2(original))
    content = {"model": model, "__author__": "Detectron2 Model Zoo"}
    file = write_pickle(tmp_path / "d2.pkl", content)

    converted = convert_weights(file)

    assert converted.layout == "detectron2"
    assert converted.unused == ("proposal_generator.anchor_generator.cell_anchors.0",)
    assert converted.fresh == ()
    same_architecture(converted.model.config, original.config)
    same_answers(converted, original)


# --- what is refused ----------------------------------------------------------------------------


class Bomb:
    """Says so when it is unpickled by anything that executes."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.mkdir, ("executed",)


@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
def test_a_pickle_that_would_execute_code_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"bomb{suffix}"
    if suffix == ".pkl":
        write_pickle(file, {"blobs": {"conv1_w": Bomb()}})
    else:
        torch.save({"weight": Bomb()}, file)

    refusal = r"bomb\.p\w+: refused: it asks for (posix|nt)\.mkdir; only data is read$"
    with pytest.raises(WeightsError, match=refusal) as caught:
        convert_weights(file)

    assert caught.value.exit_code == 6
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a sound pickle"),
        (b"not a pickle", "not a sound pickle"),
        (pickle.dumps([1, 2]), "expected named arrays, got list"),
        (pickle.dumps({"blobs": [1]}), "expected named arrays, got list"),
        (pickle.dumps({"blobs": {"x": np.zeros(3)}}), "unknown layout, expected .* it holds x"),
    ],
)
def test_pickles_that_hold_no_weights_are_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "odd.pkl"
    file.write_bytes(content)

    with pytest.raises(WeightsError, match=message):
        convert_weights(file)


@pytest.mark.parametrize("name", ["no.pkl", "no.pth", "no.safetensors"])
def test_missing_files_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError, match=f"{name}: no such weights file"):
        convert_weights(tmp_path / name)


def test_our_own_file_fills_a_network_of_more_frames(tmp_path: Path) -> None:
    torch.manual_seed(0)
    flat = TubeRCNN(small_tiny(), info=ModelInfo(name="mine", licence="MIT", source="made up"))
    save_weights(flat, tmp_path / "flat.safetensors")

    same = convert_weights(tmp_path / "flat.safetensors")
    grown = convert_weights(tmp_path / "flat.safetensors", into=over_time(small_tiny(), length=5))

    for converted in (same, grown):
        assert (converted.layout, converted.unused, converted.fresh) == ("ours", (), ())
        info = converted.model.info
        assert (info.name, info.licence) == ("mine", "MIT")
        assert info.source == "converted from flat.safetensors: made up"
    assert same.model.config == flat.config
    assert grown.model.clip_length == 5
    kernel = grown.model.state_dict()["keypoint_head.network.out.weight"]
    assert torch.equal(kernel[:, :, 1], flat.state_dict()["keypoint_head.network.out.weight"])
    assert not kernel[:, :, ::2].any()


@pytest.mark.slow
def test_our_own_file_says_what_of_it_another_network_has_no_use_for(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = small_anchor_rcnn()
    moving = replace(plain, box_head=replace(plain.box_head, presence=True))
    for name, config in (("plain", plain), ("moving", moving)):
        save_weights(TubeRCNN(config), tmp_path / f"{name}.safetensors")
    presence = ("box_head.presence.bias", "box_head.presence.weight")

    assert convert_weights(tmp_path / "plain.safetensors", into=moving).fresh == presence
    assert convert_weights(tmp_path / "moving.safetensors", into=plain).unused == presence
    with pytest.raises(WeightsError, match="none of its weights has a place in this network"):
        convert_weights(tmp_path / "plain.safetensors", into=small_tiny())


def torchvision_state() -> tuple[Any, dict[str, Tensor]]:
    detection: Any = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    network = detection.keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None).eval()
    return network, network.state_dict()


@pytest.mark.slow
@pytest.mark.parity
def test_a_resnet_that_classifies_becomes_a_body(tmp_path: Path) -> None:
    models: Any = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    classifier = models.resnet50(weights=None).eval()
    for name, tensor in classifier.state_dict().items():
        if name.endswith(("running_var", "bn3.weight")):
            tensor.uniform_(0.5, 1.0)
    torch.save(classifier.state_dict(), tmp_path / "resnet50.pth")

    converted = convert_weights(tmp_path / "resnet50.pth", into=keypoint_rcnn_r50())

    assert {name for name in converted.unused if "num_batches" not in name} == {
        "fc.bias",
        "fc.weight",
    }
    assert not [name for name in converted.fresh if name.startswith("body.")]
    frames = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        maps = frames
        for stage in converted.model.body.stages:
            maps = stage(maps, 1)
        for layer in [*classifier.children()][:-2]:
            frames = layer(frames)
    assert (maps - frames).norm() < 1e-4 * frames.norm()
    with pytest.raises(WeightsError, match=r"holds a body alone, .*it shall fill \(--into\)"):
        convert_weights(tmp_path / "resnet50.pth")


@pytest.mark.slow
def test_detectrons_body_alone_fills_a_network(tmp_path: Path) -> None:
    config = small(detectron_keypoint_rcnn())
    original = made(config)
    blobs = as_blobs(original, video=False)
    body = {n: b for n, b in blobs.items() if n.startswith(("conv1_w", "res"))}
    file = write_pickle(tmp_path / "R-50.pkl", {"blobs": body | {"pred_w": np.zeros((9, 9))}})

    converted = convert_weights(file, into=config)

    assert "pred_w" in converted.unused
    for name, tensor in converted.model.state_dict().items():
        assert torch.equal(tensor, original.state_dict()[name]) or not name.startswith("body.")


@pytest.mark.slow
def test_a_shape_that_does_not_fit_is_named(tmp_path: Path) -> None:
    _, state = torchvision_state()
    state["roi_heads.box_head.fc7.weight"] = torch.zeros(7, 5)
    file = tmp_path / "tv.pth"
    torch.save(state, file)

    with pytest.raises(
        WeightsError,
        match=r"roi_heads.box_head.fc7.weight \(our box_head.body.fc2.weight\) has shape \(7, 5\), "
        r"expected \(1024, 1024\)",
    ):
        convert_weights(file)


@pytest.mark.slow
def test_another_number_of_joints_needs_its_skeleton(tmp_path: Path) -> None:
    _, state = torchvision_state()
    predictor = "roi_heads.keypoint_predictor.kps_score_lowres"
    state[f"{predictor}.weight"] = torch.zeros(512, 13, 4, 4)
    state[f"{predictor}.bias"] = torch.zeros(13)
    file = tmp_path / "tv.safetensors"
    save_file(state, file)

    with pytest.raises(WeightsError, match=r"find 13 joints, which is not skeleton coco17; .*penn"):
        convert_weights(file)

    assert convert_weights(file, skeleton="penn13").model.skeleton.name == "penn13"


def torchvision_twin(tmp_path: Path) -> tuple[Any, Converted]:
    """torchvision's network with random weights, and ours from its file; both look small."""
    network, state = torchvision_state()
    tame_norms(state)
    state["roi_heads.box_predictor.cls_score.weight"] *= 8
    torch.save(state, tmp_path / "tv.pth")
    converted = convert_weights(tmp_path / "tv.pth")
    assert converted.model.config == keypoint_rcnn_r50()

    network.transform.min_size, network.transform.max_size = (96,), 160
    network.rpn._post_nms_top_n["testing"] = 200
    network.roi_heads.detections_per_img = 10
    config = converted.model.config
    wanted = replace(
        config,
        preprocess=replace(config.preprocess, short_side=96, long_side=160),
        proposals=replace(config.proposals, after_nms=200),
        box_head=replace(config.box_head, max_people=10),
    )
    model = TubeRCNN(wanted, info=converted.model.info).eval()
    model.load_state_dict(converted.model.state_dict())
    return network, replace(converted, model=model)


def same_as_torchvision(network: Any, model: TubeRCNN, image: ByteArray) -> None:
    with torch.no_grad():
        [theirs] = network([torch.from_numpy(image).permute(2, 0, 1) / 255])
    ours = model.detect(Clip(frames=np.array([0]), times=np.array([0.0]), images=image[None]))
    assert len(ours) == len(theirs["scores"]) > 0
    np.testing.assert_allclose(ours.boxes[:, 0], theirs["boxes"], atol=1e-3)
    np.testing.assert_allclose(ours.scores, theirs["scores"], atol=1e-5)
    np.testing.assert_allclose(ours.keypoints[:, 0], theirs["keypoints"][..., :2], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parity
def test_torchvision_finds_the_same(tmp_path: Path) -> None:
    network, converted = torchvision_twin(tmp_path)

    assert converted.layout == "torchvision"
    assert all("num_batches_tracked" in name for name in converted.unused)
    assert converted.fresh == ()
    for size in ((61, 83), (120, 64)):
        image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        same_as_torchvision(network, converted.model, image)


@pytest.mark.slow
@pytest.mark.parity
def test_torchvision_finds_the_same_on_photographs(samples: Path, tmp_path: Path) -> None:
    network, converted = torchvision_twin(tmp_path)
    prepare_for_inference(converted.model)

    for photograph in sorted((samples / "tiny_coco" / "train2017").glob("*.jpg"))[:4]:
        picture = cv2.imread(str(photograph))
        assert picture is not None
        image = np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8)
        same_as_torchvision(network, converted.model, image)


def test_a_body_of_no_known_depth_is_refused(tmp_path: Path) -> None:
    config = small(detectron_keypoint_rcnn())
    config = replace(config, body=ResNetConfig(depth=18))
    blobs = as_blobs(made(config), video=False)
    spare = {name: array for name, array in blobs.items() if not name.startswith("res4_1")}
    file = write_pickle(tmp_path / "odd.pkl", {"blobs": spare})

    with pytest.raises(
        WeightsError, match=r"have \(2, 2, 1\) blocks in res2 to res4, as no ResNet"
    ):
        convert_weights(file)
