"""Other people's detectors: each layout gives the boxes that it holds, in the picture's pixels."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from posetube.errors import InputError, WeightsError
from posetube.models3d.configs.proposal_heads import DenseProposalConfig
from posetube.models3d.runtimes.foreign_detector import INPUTS, open_detector
from posetube.models3d.runtimes.loading import load_onnx_network
from posetube.models3d.runtimes.onnx_network import OnnxNetwork
from posetube.network import DetectorFamily
from tests.models3d.runtimes.foreign_files import (
    constant_file,
    levels,
    saved,
    suppressed,
    yolox_cells,
)

WEIGHTS = Path(__file__).parents[3] / "models3d" / "weights" / "tiny.safetensors"
BOXES = np.array([[4, 2, 20, 30], [34, 6, 50, 28.5]], np.float32)
"""In the 64 x 64 pixels of the file's picture; with a picture of 128 x 64, twice as large there."""
SCORES = [0.6, 0.8]
WIDE = np.zeros((64, 128, 3), np.uint8)
LAYOUTS = {
    "rtmdet boxes": suppressed(BOXES, SCORES, [0, 0]),
    "yolox boxes": {"dets": suppressed(BOXES, SCORES, [0, 0])["dets"]},
    "rtmdet levels": levels(BOXES, SCORES, classes=3),
    "yolox raw cells": yolox_cells(BOXES, SCORES),
    "yolox cells": yolox_cells(BOXES, SCORES, classes=80, decoded=True),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_its_boxes_in_the_pictures_pixels(layout: str, tmp_path: Path) -> None:
    family = "rtmdet" if layout.startswith("rtmdet") else "yolox"
    file = constant_file(tmp_path / f"{family}.onnx", LAYOUTS[layout])

    detector = open_detector(file)
    found = detector.find(WIDE)

    assert (detector.layout, detector.family, detector.graph.size) == (layout, family, (64, 64))
    np.testing.assert_allclose(found.boxes, BOXES[::-1] * 2, atol=1e-3)  # the surer one first
    np.testing.assert_allclose(found.scores, SCORES[::-1], atol=1e-4)


def test_levels_may_come_scores_first(tmp_path: Path) -> None:
    outputs = dict(sorted(levels(BOXES, SCORES).items()))

    found = open_detector(constant_file(tmp_path / "x.onnx", outputs)).find(WIDE)

    np.testing.assert_allclose(found.boxes, BOXES[::-1] * 2, atol=1e-3)


def test_other_classes_doubles_and_what_is_no_box_are_left_out(tmp_path: Path) -> None:
    boxes = np.array(
        [BOXES[0], BOXES[0] + 1, BOXES[1], [1, 1, np.nan, 9], [2, 40, 60, 60], [8, 8, 9, 9]],
        np.float32,
    )
    outputs = suppressed(boxes, [0.9, 0.8, 0.7, 0.9, 0.9, 0.05], [0, 0, 16, 0, 0, 0])

    found = open_detector(constant_file(tmp_path / "rtmdet.onnx", outputs)).find(WIDE)

    # of six: a double, a dog, no number, in the grey below the picture, not sure
    np.testing.assert_allclose(found.boxes, BOXES[:1] * 2, atol=1e-3)


def test_nobody_is_an_answer(tmp_path: Path) -> None:
    outputs = suppressed(np.zeros((0, 4), np.float32), [], [])

    found = open_detector(constant_file(tmp_path / "yolox.onnx", outputs, declared=False)).find(
        WIDE
    )

    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == (0,)


def test_a_size_that_is_left_open_is_640(tmp_path: Path) -> None:
    outputs = suppressed(BOXES, SCORES, [0, 0])
    file = constant_file(tmp_path / "yolox.onnx", outputs, size=("height", "width"), declared=False)

    found = open_detector(file).find(np.zeros((480, 640, 3), np.uint8))

    np.testing.assert_allclose(found.boxes, BOXES[::-1], atol=1e-3)


@pytest.mark.parametrize("family", ["rtmdet", "yolox"])
def test_each_family_is_given_the_pixels_that_it_wants(
    family: DetectorFamily, tmp_path: Path
) -> None:
    """The file gives the mean of each channel as a score: what it was given, that is."""
    rows = np.array([[[4, 2, 20, 30], [34, 6, 50, 28], [8, 40, 24, 60]]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["small"]),
        helper.make_node("Reshape", ["small", "shape"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["dets"], axis=2),
    ]
    weights = [
        numpy_helper.from_array(np.array(0.003, np.float32), "scale"),
        numpy_helper.from_array(np.array([1, 3, 1]), "shape"),
        numpy_helper.from_array(rows, "boxes"),
    ]
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 64, 64])
    dets = helper.make_tensor_value_info("dets", TensorProto.FLOAT, [1, 3, 5])
    saved(tmp_path / "x.onnx", nodes, picture, [dets], weights)
    detector = open_detector(tmp_path / "x.onnx", family=family)
    colours = np.full((64, 64, 3), (250, 180, 90), np.uint8)  # red, green, blue

    given = (
        detector.graph.run(
            colours[..., ::-1], mean=INPUTS[detector.family].mean, std=INPUTS[detector.family].std
        )[0][0, :, 4]
        / 0.003
    )
    found = detector.find(colours)

    if family == "yolox":
        np.testing.assert_allclose(given, [90, 180, 250], rtol=1e-4)
        np.testing.assert_allclose(found.scores, [0.75, 0.54, 0.27], rtol=1e-3)
    else:
        wanted = [(90 - 103.53) / 57.375, (180 - 116.28) / 57.12, (250 - 123.675) / 58.395]
        np.testing.assert_allclose(given, wanted, rtol=1e-4)
        assert len(found.scores) == 0


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"out": np.zeros((1, 85, 84))}, r"64 x 64 it gives out \(1, 85, 84\); understood are box"),
        ({"a": np.zeros((1, 4, 5)), "b": np.zeros((1, 3))}, r"gives a \(1, 4, 5\), b \(1, 3\)"),
        ({"a": np.zeros((1, 4, 7)), "b": np.zeros((1, 4))}, r"gives a \(1, 4, 7\), b \(1, 4\)"),
        ({"a": np.zeros((1, 1, 8, 8)), "b": np.zeros((1, 5, 8, 8))}, "RTMDet's scores"),
        ({"a": np.zeros((1, 1, 7, 7)), "b": np.zeros((1, 4, 7, 7))}, "RTMDet's scores"),
    ],
)
def test_other_outputs_are_refused_and_named(
    outputs: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=message):
        open_detector(constant_file(tmp_path / "x.onnx", outputs))


def test_boxes_that_may_be_of_either_family_ask_which(tmp_path: Path) -> None:
    file = constant_file(tmp_path / "x.onnx", suppressed(BOXES, SCORES, [0, 0]))

    with pytest.raises(InputError, match='different pixels; say which, detector_family="rtmdet"'):
        open_detector(file)
    assert open_detector(file, family="yolox").layout == "yolox boxes"


def test_damaged_files_and_other_inputs_are_refused(tmp_path: Path) -> None:
    whole = constant_file(tmp_path / "whole.onnx", suppressed(BOXES, SCORES, [0, 0]))
    (tmp_path / "cut.onnx").write_bytes(whole.read_bytes()[:-40])
    (tmp_path / "text.onnx").write_text("no graph")
    odd = constant_file(tmp_path / "odd.onnx", suppressed(BOXES, SCORES, [0, 0]), size=(64, 50))

    for name in ("cut", "text"):
        with pytest.raises(
            WeightsError, match=rf"{name}\.onnx: not an ONNX graph, damaged, or of a"
        ):
            open_detector(tmp_path / f"{name}.onnx")
    with pytest.raises(WeightsError, match=r"absent\.onnx: no such file"):
        open_detector(tmp_path / "absent.onnx")
    with pytest.raises(WeightsError, match=r"takes input \[1, 3, 64, 50\] .*H and W multiples of"):
        open_detector(odd)


def one_look(network: OnnxNetwork) -> OnnxNetwork:
    """The same network without a further size of the picture, which the file does not look at."""
    config = network.config
    assert isinstance(config.proposals, DenseProposalConfig)
    alone = replace(config, proposals=replace(config.proposals, further=None))
    return OnnxNetwork(alone, graphs=network.graphs, info=network.info)


def test_a_real_rtmdet_finds_what_the_embedded_model_does(training: Path, samples: Path) -> None:
    """The embedded model's detector was made from this file."""
    file = training / "teacher" / "rtmdet_nano_person_640.onnx"
    if not file.is_file():
        pytest.skip(f"{file} is absent")
    picture = cv2.imread(str(samples / "tiny_coco" / "train2017" / "000000005802.jpg"))
    assert picture is not None
    # as both networks see it: with other borders around it the same weights say other things
    image = np.full((640, 640, 3), 114, np.uint8)
    image[: picture.shape[0], : picture.shape[1]] = picture[..., ::-1]
    network = one_look(load_onnx_network(WEIGHTS))

    detector = open_detector(file)
    theirs = detector.find(image)
    ours = network.detect_features(network.encode(image[None]), [0])

    assert detector.layout == "rtmdet levels"
    assert len(ours) > 0
    for box in ours.boxes[:, 0]:
        assert np.abs(theirs.boxes - box).max(1).min() < 1.5
