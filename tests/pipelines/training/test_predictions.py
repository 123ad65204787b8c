"""Pictures of what a network in training finds, and what TensorBoard is told."""

import base64
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset
from posetube.datasets.training.labelled_clip import LabelledClip
from posetube.errors import InputError, MissingExtraError
from posetube.masks import encode_mask
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.training.curves_page import PAGE
from posetube.pipelines.training.drawn_predictions import GAP, SCORE, SIDE, beside_labels
from posetube.pipelines.training.held_out_videos import HeldOutConfig
from posetube.pipelines.training.prediction_files import (
    FOLDER,
    forget_predictions_after,
    kept_predictions,
    write_predictions,
)
from posetube.pipelines.training.tensorboard_log import FOLDER as BOARD
from posetube.pipelines.training.train import train_network
from posetube.pipelines.training.train_config import TrainConfig, ValidationConfig
from posetube.pipelines.training.training_metrics import METRICS
from posetube.pipelines.watch import Watch
from posetube.skeletons import COCO17
from posetube.structures import FloatArray, PoseTubes
from tests.pipelines.training.small_run import config, make_data

HEIGHT, WIDTH = 60, 80
LEFT = np.array([10, 10, 30, 50], np.float32)
RIGHT = np.array([50, 10, 70, 50], np.float32)
YELLOW, GREEN, PURPLE = (240, 228, 66), (0, 158, 115), (204, 121, 167)
"""Colours of the first three people."""


def labelled(*boxes: FloatArray, times: int = 1, masks: bool = False) -> LabelledClip:
    """Grey frames with people who stand still and whose joints nobody knows."""
    n = len(boxes)
    inside = np.zeros((n, times, HEIGHT, WIDTH), np.bool_)
    for row, (x1, y1, x2, y2) in enumerate(np.array(boxes, int).reshape(n, 4)):
        inside[row, :, y1:y2, x1:x2] = True
    return LabelledClip(
        images=np.full((times, HEIGHT, WIDTH, 3), 100, np.uint8),
        times=np.arange(times) / 25,
        skeleton=COCO17,
        boxes=np.array(boxes, np.float32).reshape(n, 1, 4).repeat(times, axis=1),
        keypoints=np.full((n, times, 17, 2), np.nan, np.float32),
        joint_states=np.zeros((n, times, 17), np.uint8),
        ignore=np.zeros((0, times, 4), np.float32),
        masks=inside if masks else None,
    )


def found(*boxes: FloatArray, times: int = 1, scores: float = 0.9, **more: Any) -> PoseTubes:
    n = len(boxes)
    return PoseTubes(
        frames=np.arange(times),
        boxes=np.array(boxes, np.float32).reshape(n, 1, 4).repeat(times, axis=1),
        keypoints=np.full((n, times, 17, 2), np.nan, np.float32),
        keypoint_scores=np.zeros((n, times, 17), np.float32),
        scores=np.full(n, scores, np.float32),
        presence=np.ones((n, times), np.float32),
        **more,
    )


def colours(picture: Any) -> set[tuple[int, ...]]:
    return set(map(tuple, picture.reshape(-1, 3).tolist()))


def shows(picture: Any, colour: tuple[int, ...]) -> bool:
    """Whether lines of a colour are drawn; their edges are mixed with what lies below."""
    return bool((np.abs(picture.astype(int) - colour).sum(axis=-1) < 40).any())


def test_labels_stand_left_and_whoever_is_found_has_their_colour() -> None:
    missed = beside_labels(labelled(LEFT, RIGHT), found(RIGHT), COCO17)

    assert missed.shape == (SIDE * HEIGHT // WIDTH, 2 * SIDE + GAP, 3)
    left, right = missed[:, :SIDE], missed[:, SIDE + GAP :]
    assert shows(left, YELLOW)
    assert shows(left, GREEN)
    assert shows(right, GREEN)
    assert not shows(right, YELLOW)
    invented = beside_labels(labelled(LEFT, RIGHT), found(LEFT + 25), COCO17)
    assert shows(invented[:, SIDE + GAP :], PURPLE)
    assert not shows(invented[:, :SIDE], PURPLE)


def test_people_with_a_low_score_are_left_out() -> None:
    picture = beside_labels(labelled(LEFT), found(LEFT, scores=SCORE - 0.01), COCO17)

    assert colours(picture[:, SIDE + GAP :]) == {(100, 100, 100)}
    empty = beside_labels(labelled(), found(), COCO17)
    assert colours(empty) == {(100, 100, 100), (255, 255, 255)}


def test_each_frame_of_a_clip_has_a_row_and_a_still_clip_one() -> None:
    moving, height = labelled(LEFT, times=3), SIDE * HEIGHT // WIDTH
    picture = beside_labels(moving, found(LEFT, times=3), COCO17)
    assert len(picture) == 3 * height + 2 * GAP
    assert np.array_equal(picture[:height], picture[-height:])

    still = replace(moving, times=np.zeros(3))
    assert len(beside_labels(still, found(LEFT, times=3), COCO17)) == height


def test_masks_tint_both_sides() -> None:
    inside = np.zeros((HEIGHT, WIDTH), np.bool_)
    inside[10:50, 10:30] = True
    masks = np.array([[encode_mask(inside)]], object)
    picture = beside_labels(labelled(LEFT, masks=True), found(LEFT, masks=masks), COCO17)

    middle = SIDE * 20 // WIDTH
    tint = [(c + 100 + 1) // 2 for c in YELLOW]
    for side in (middle, SIDE + GAP + middle):
        assert np.abs(picture[SIDE * 30 // WIDTH, side].astype(int) - tint).max() <= 1


def test_the_pictures_of_the_last_states_are_kept(tmp_path: Path) -> None:
    grey = np.full((20, 30, 3), 100, np.uint8)
    for step in (2, 4, 6):
        write_predictions(tmp_path, [("a-1", grey), ("a-2", grey)], step=step, most=2)

    kept = kept_predictions(tmp_path)
    assert {step: [*names] for step, names in kept.items()} == {
        4: ["a-1", "a-2"],
        6: ["a-1", "a-2"],
    }
    forget_predictions_after(tmp_path, 5)
    assert [*kept_predictions(tmp_path)] == [4]
    write_predictions(tmp_path, [("a-1", grey)], step=8, most=0)
    assert [*kept_predictions(tmp_path)] == [8]


def validated(folder: Path) -> ValidationConfig:
    """Drawn pictures as COCO's."""
    scene = SceneConfig(people=2, seconds=0.1, size=(64, 96), noise=0.0)
    write_dataset(folder / "coco", [generate(scene, seed=2)], layout="coco")
    [labels] = (folder / "coco" / "annotations").glob("*.json")
    [pictures] = {path.parent for path in (folder / "coco").rglob("*.jpg")}
    return ValidationConfig(
        annotations=labels.relative_to(folder), pictures=pictures.relative_to(folder)
    )


@pytest.mark.slow
def test_a_run_draws_the_same_clips_at_every_state_and_shows_them(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    small = config(validation=validated(tmp_path), predictions=2)

    train_network(small, tmp_path / "run", root=data)

    kept = kept_predictions(tmp_path / "run")
    assert {step: [*names] for step, names in kept.items()} == {
        step: ["validation-1", "validation-2"] for step in (2, 4)
    }
    for name, path in kept[2].items():
        before, after = (cv2.imread(str(each)) for each in (path, kept[4][name]))
        assert before is not None
        assert after is not None
        assert np.array_equal(before[:, :SIDE], after[:, :SIDE])  # the labels' side
    page = (tmp_path / "run" / PAGE).read_text()
    shown = re.findall(r'alt="([^"]+)" src="data:image/jpeg;base64,([^"]+)"', page)
    assert [said for said, _ in shown] == ["validation-1, step 4", "validation-2, step 4"]
    assert base64.b64decode(shown[0][1]) == kept[4]["validation-1"].read_bytes()


@pytest.mark.slow
def test_clips_that_are_measured_on_come_before_others(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    held_out = HeldOutConfig(root=Path("coco"), dataset="coco")
    both = config(steps=1, validation=validated(tmp_path), held_out=held_out, predictions=1)

    train_network(both, tmp_path / "both", root=data)
    train_network(config(steps=1, predictions=1), tmp_path / "neither", root=data)
    train_network(config(steps=1, predictions=0), tmp_path / "none", root=data)

    drawn = [path.name for path in sorted(tmp_path.glob(f"*/{FOLDER}/*"))]
    assert drawn == ["step-00000001-held-out-1.jpg", "step-00000001-training-1.jpg"]


def points(folder: Path) -> dict[str, list[int]]:
    """Steps by tag, as TensorBoard shows them, and as they stand in its files."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed: pip install -e '.[tensorboard]'",
    )
    events = accumulator.EventAccumulator(str(folder), purge_orphaned_data=False).Reload()
    tags = events.Tags()
    found = {tag: [event.step for event in events.Scalars(tag)] for tag in tags["scalars"]}
    return found | {tag: [event.step for event in events.Images(tag)] for tag in tags["images"]}


@pytest.mark.slow
def test_tensorboard_is_told_what_the_metrics_say_also_after_a_kill(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="pip install -e '.[tensorboard]'")
    data, interrupt = make_data(tmp_path), Interrupt()
    wanted = config(steps=5, tensorboard=True, predictions=1)

    def stop_at_three(event: Any) -> None:
        interrupt.requested = event.stage == "train" and event.done == 3

    watch = Watch(listener=stop_at_three, interrupt=interrupt)
    with pytest.raises(Interrupted):
        train_network(wanted, tmp_path / "run", root=data, watch=watch)
    assert points(tmp_path / "run" / BOARD)["loss"] == [2]
    with (tmp_path / "run" / METRICS).open("a") as file:
        file.write('{"step": 4, "loss": 9.0}\n')  # of a run that was killed before it saved
    train_network(wanted, tmp_path / "run", root=data)

    told = points(tmp_path / "run" / BOARD)
    lines = [json.loads(line) for line in (tmp_path / "run" / METRICS).read_text().splitlines()]
    assert told["loss"] == [2, 4, 5] == [line["step"] for line in lines]
    assert told.keys() - {"predictions/training-1"} == {n for line in lines for n in line} - {
        "step"
    }
    assert told["predictions/training-1"] == [2, 4, 5]
    train_network(replace(wanted, tensorboard=False), tmp_path / "run", root=data)
    assert points(tmp_path / "run" / BOARD) == told


def test_without_tensorboard_the_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_data(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    message = r"tensorboard = true needs .* tensorboard; .*pip install 'posetube\[tensorboard\]'"
    with pytest.raises(MissingExtraError, match=message):
        train_network(config(tensorboard=True), tmp_path / "run", root=data)
    assert not (tmp_path / "run" / "drawn.tar").exists()


def test_the_number_of_pictures_is_checked() -> None:
    with pytest.raises(InputError, match=r"TrainConfig.predictions must be 0 or more, got -1"):
        TrainConfig(**{**vars(config()), "predictions": -1})
