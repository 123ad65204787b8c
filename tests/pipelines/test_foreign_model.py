"""Other people's networks by path: the whole job, its record, and what does not go together."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import posetube
from posetube.errors import InputError, WeightsError
from posetube.file_reading import sha256_of
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import load_model
from posetube.pipelines.settings import DetectConfig, TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.skeletons import POSETRACK17SLOTS
from posetube.structures import ByteArray
from posetube.tracker.filters.kalman import KalmanConfig
from posetube.tracker.refiners.refine_config import RefineConfig
from tests.models3d.runtimes.foreign_files import constant_file, levels, margins, suppressed

ClipMaker = Callable[..., Path]

BOXES = np.array([[4, 2, 20, 30], [34, 6, 50, 28]], np.float32)
PLACES = np.random.default_rng(0).uniform(20, 170, (17, 2)).round().astype(np.float32)
BLACK: list[ByteArray] = [np.zeros((64, 64, 3), np.uint8)] * 8


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    return constant_file(tmp_path / "rtmdet.onnx", levels(BOXES, [0.9, 0.8]))


@pytest.fixture
def pose(tmp_path: Path) -> Path:
    return constant_file(tmp_path / "rtmpose.onnx", margins(PLACES), size=(256, 192))


def test_a_run_finds_what_the_files_say_and_records_them(
    detector: Path, pose: Path, make_clip: ClipMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=8)
    line = ["track", str(clip), "--detector", str(detector), "--pose", str(pose), "--no-overlay"]

    code = main([*line, "-o", str(tmp_path / "run")])

    assert code == 0
    manifest = RunDirectory(tmp_path / "run").read()
    assert (manifest.model.name, manifest.model.sha256) == ("rtmpose.onnx", sha256_of(pose))
    assert (manifest.model.licence, manifest.model.layout) == ("not stated", "simcc, coco17")
    assert manifest.detector is not None
    assert (manifest.detector.name, manifest.detector.sha256) == (
        "rtmdet.onnx",
        sha256_of(detector),
    )
    assert manifest.detector.layout == "rtmdet levels"
    tracks = posetube.load(tmp_path / "run")
    assert tracks.ids.tolist() == [1, 2]
    assert len(tracks.frame) == 16
    # the clip is 160 x 96, the file's picture 64 x 64: one of 64 x 38, 2.5 times as small
    first = min(tracks, key=lambda person: person.boxes[0, 0])
    np.testing.assert_allclose(first.boxes[0], BOXES[0] * 2.5, rtol=0.02)
    assert np.isfinite(first.keypoints).all()  # no threshold: nobody knows what the scores mean


@pytest.mark.slow
def test_a_run_goes_on_with_the_same_files_only(
    detector: Path,
    pose: Path,
    make_clip: ClipMaker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip = make_clip(frames=4)
    line = ["track", str(clip), "--pose", str(pose), "--no-overlay", "-o", str(tmp_path / "run")]
    other = constant_file(tmp_path / "other.onnx", levels(BOXES, [0.9, 0.7]))

    assert main([*line, "--detector", str(detector)]) == 0
    assert main([*line, "--detector", str(detector)]) == 0
    assert main([*line, "--detector", str(other)]) == 2
    wanted = "detector was rtmdet.onnx (" + sha256_of(detector)[:12]
    assert wanted in capsys.readouterr().err
    swapped = [*line, "--detector", str(detector), "--skeleton", "posetrack17slots"]
    assert main(swapped) == 2
    assert "read as simcc, coco17), is now rtmpose.onnx" in capsys.readouterr().err


def test_boxes_from_outside_need_no_detector(pose: Path, tmp_path: Path) -> None:
    outputs = suppressed(BOXES, [0.9, 0.8], [0, 0])
    detector = constant_file(tmp_path / "yolox_tiny.onnx", outputs, declared=False)
    boxes = posetube.track(BLACK, times=np.arange(8) / 25, pose=pose, detector=detector)

    found = posetube.track(BLACK, times=np.arange(8) / 25, pose=pose, boxes=boxes)

    np.testing.assert_allclose(found.boxes, boxes.boxes)
    np.testing.assert_allclose(found.keypoints, boxes.keypoints, atol=1e-4)
    with pytest.raises(InputError, match="a pose network alone finds nobody: give a detector="):
        posetube.track(BLACK, times=np.arange(8) / 25, pose=pose)


def test_a_stream_takes_them_too(detector: Path, pose: Path) -> None:
    frames = list(posetube.stream(BLACK, times=np.arange(8) / 25, detector=detector, pose=pose))

    assert [len(poses.track_ids) for poses in frames][-1] == 2


def test_a_skeleton_may_be_named(pose: Path) -> None:
    assert load_model(pose=pose, skeleton="posetrack17slots").network.skeleton is POSETRACK17SLOTS
    with pytest.raises(WeightsError, match=r"finds 17 joints, expected 26 \(halpe26\)"):
        load_model(pose=pose, skeleton="halpe26")
    with pytest.raises(InputError, match="no skeleton is called 'coco'; there are coco17"):
        load_model(pose=pose, skeleton="coco")


def test_a_file_of_something_else_ends_with_6_and_one_line(
    pose: Path, detector: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(detector.read_bytes()[:100])
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), BLACK[0])
    line = ["track", str(picture), "--pose", str(pose), "--detector"]

    for file, said in ((damaged, "not an ONNX graph, damaged"), (pose, "understood are boxes")):
        assert main([*line, str(file)]) == 6
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert said in lines[0]
    boxes = constant_file(tmp_path / "unnamed.onnx", suppressed(BOXES, [0.9, 0.8], [0, 0]))
    assert main([*line, str(boxes)]) == 2
    assert "say which, --detector-family rtmdet or --detector-family" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"detector": "x.onnx"}, "detector=, skeleton= and detector_family= go with pose="),
        ({"pose": "y.onnx", "model": "own"}, "pose= takes the place of the model own"),
        ({"pose": "y.onnx", "quality": "best"}, "has no choice of quality= or flip="),
        ({"pose": "y.onnx", "runtime": "torch"}, 'ONNX file, which runtime="torch" cannot run'),
        ({"pose": "y.onnx", "device": "cuda"}, "--runtime onnx runs on the processor; got --dev"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_model(**given)  # type: ignore[arg-type]


def test_a_loaded_model_takes_no_files(pose: Path) -> None:
    with pytest.raises(InputError, match="model= is loaded already; leave detector= and pose="):
        posetube.track(BLACK, times=np.arange(8) / 25, model=load_model(pose=pose), pose=pose)
    with pytest.raises(InputError, match="loaded with quality normal, flip False; asked for are"):
        load_model(pose=pose).completed(TrackConfig(detect=DetectConfig(quality="best")))


def test_scores_that_nobody_measured_tell_filters_nothing(pose: Path) -> None:
    asked = TrackConfig(refine=RefineConfig(kalman=KalmanConfig(by_score=True)))

    foreign, tiny = load_model(pose=pose), load_model("tiny")

    assert foreign.completed(TrackConfig()).refine.kalman.by_score is False
    assert tiny.completed(TrackConfig()).refine.kalman.by_score is True
    assert foreign.completed(asked).refine.kalman.by_score is True
