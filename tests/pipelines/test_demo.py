from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.pipelines import doctor as doctor_command
from posetube.pipelines.cli import main
from posetube.pipelines.demo_score import score
from posetube.skeletons import COCO17
from posetube.structures import FrameTable, VideoTracks


def crowd(frames: int = 4) -> VideoTracks:
    """Two people, side by side, in every frame; heads of 10 pixels' diagonal."""
    rows = 2 * frames
    boxes = np.tile(np.array([[0, 0, 50, 100], [200, 0, 250, 100]], np.float32), (frames, 1))
    steps = np.linspace(0.1, 0.9, 17)
    keypoints = boxes[:, None, :2] + steps[:, None] * np.array([50.0, 100.0])
    head = boxes[:, :2].astype(np.float64)
    return VideoTracks(
        source="crowd",
        size=(100, 300),
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(frames) / 25),
        frame=np.repeat(np.arange(frames), 2),
        track_ids=np.tile(np.array([1, 2]), frames),
        boxes=boxes,
        scores=np.ones(rows, np.float32),
        keypoints=keypoints,
        keypoint_scores=np.ones((rows, 17)),
        joint_states=np.full((rows, 17), 2, np.uint8),
        head_boxes=np.concatenate([head, head + np.array([6.0, 8.0])], axis=1),
    )


def test_the_truth_agrees_with_itself() -> None:
    result = score(crowd(), crowd())

    assert (result.people, result.found, result.switches) == (8, 8, 0)
    assert (result.found_percent, result.near_percent) == (100, 100)


def test_a_joint_is_near_within_half_a_head() -> None:
    truth = crowd()
    near, far = np.zeros((17, 2)), np.zeros((17, 2))
    near[0, 0], far[0, 0] = 2.9, 3.1  # half of 0.6 of 10 pixels

    assert score(replace(truth, keypoints=truth.keypoints + near), truth).near_percent == 100
    assert score(
        replace(truth, keypoints=truth.keypoints + far), truth
    ).near_percent == pytest.approx(100 * 16 / 17)


def test_a_change_of_identity_is_counted_once() -> None:
    truth = crowd(4)

    swapped = replace(truth, track_ids=np.array([1, 2, 1, 2, 2, 1, 2, 1]))

    assert score(swapped, truth).switches == 2


def test_one_box_around_two_people_is_no_switch_while_both_keep_their_tracks() -> None:
    """For a moment the box of one fits the other better, whose own is missing."""
    truth = crowd(3)
    truth.boxes[1::2] = [10, 0, 60, 100]
    found = replace(truth, boxes=truth.boxes.copy())
    found.boxes[3] = [0, 0, 55, 100]

    assert score(found.select(np.arange(6) != 2), truth).switches == 0


def test_people_who_are_mostly_hidden_are_not_asked_for() -> None:
    truth = crowd()
    hidden = np.array(truth.joint_states)
    hidden[::2, :9] = 1

    result = score(truth.select(truth.track_ids == 2), replace(truth, joint_states=hidden))

    assert (result.people, result.found) == (4, 4)


def test_nobody_found_is_zero_percent() -> None:
    result = score(crowd().select(np.zeros(8, np.bool_)), crowd())

    assert result.found_percent == 0
    assert np.isnan(result.near_percent)


def test_a_truth_that_lacks_something_is_refused() -> None:
    with pytest.raises(InputError, match="lacks joint states or head boxes"):
        score(crowd(), replace(crowd(), head_boxes=None))


@pytest.mark.slow
def test_the_doctor_says_a_line_for_each_thing_and_tracks_a_clip_with_the_shipped_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("versions", "device", "codecs", "disk", "trial")
    ]
    assert "10 frames tracked and drawn" in lines[-1]


def test_the_doctor_goes_on_after_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(path: Path, **rest: object) -> None:
        raise InputError("no device")

    monkeypatch.setattr(doctor_command, "track", broken)

    assert main(["doctor"]) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "FAIL  trial     no device"
