"""PCK and accuracy in pixels of single people: Penn Action, JHMDB and others."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from posetube.errors import FormatError, InputError
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.evaluation.evaluate_config import EvaluateConfig, PckConfig
from posetube.pipelines.evaluation.evaluate_people import evaluate_people
from posetube.skeletons import (
    BBC7,
    COCO17,
    JHMDB15,
    LSP14,
    MPII16,
    PENN13,
    POSETRACK15,
    Skeleton,
)
from posetube.structures import FrameTable, VideoTracks

Tracks = Callable[..., VideoTracks]
ARMS = {f"{side}_{part}" for side in ("left", "right") for part in ("upper_arm", "forearm")}


def penn(
    folder: Path, number: int, points: np.ndarray, *, train: int, visibility: Any = None
) -> None:
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    frames = len(points)
    savemat(folder / "labels" / f"{number:04d}.mat", {
        "action": "bowl", "pose": "front", "x": points[..., 0], "y": points[..., 1],
        "visibility": np.ones((frames, 13), np.uint8) if visibility is None else visibility,
        "train": np.int32(train),
        "bbox": np.tile([50.0, 50, 150, 250], (frames, 1)),
        "dimensions": np.array([480, 640, frames], np.uint16), "nframes": np.uint16(frames),
    })  # fmt: skip


def test_pck_of_penn_action_counts_the_test_clips(tmp_path: Path) -> None:
    truth = np.random.default_rng(0).uniform(60, 140, (4, 13, 2))
    near = truth + np.array([39.9, 0.0])  # 0.2 of the box's longer side, 200, is 40
    far = truth + np.array([41.0, 0.0])
    for side, first, second in (("gt", truth, truth), ("pred", near, far)):
        penn(tmp_path / side, 1, first, train=-1)
        penn(tmp_path / side, 2, second, train=-1)
        penn(tmp_path / side, 3, truth, train=1)

    report = evaluate(tmp_path / "pred", tmp_path / "gt", protocol="pck-penn")

    assert sorted(report.per_sequence) == ["0001", "0002"]
    assert report.total("pck") == pytest.approx(50)
    assert report.per_sequence["0001"].total("pck") == 100
    assert report["pck"]["left_knee"] == pytest.approx(50)
    assert report.notes == ("pck is PCK@0.2 of the box, rule lstm-pm",)
    narrow = PckConfig(rule="mmpose", threshold=0.1)
    report = evaluate(tmp_path / "pred", tmp_path / "gt", protocol="pck-penn", pck=narrow)
    assert report.total("pck") == 0
    assert report.total("pck@0.2") == pytest.approx(50)
    assert "PCK" in report.table()


def test_the_truth_s_data_set_can_be_named(tmp_path: Path, tracks: Tracks) -> None:
    truth = np.random.default_rng(0).uniform(60, 140, (4, 13, 2))
    penn(tmp_path, 1, truth, train=-1)
    found = tracks("0001", skeleton=PENN13)
    one = {**_first_rows(found, 4), "keypoints": truth, "frame": np.arange(4)}
    found = replace(found, **one, frames=FrameTable(times=np.zeros(4)))

    report = evaluate(found, tmp_path, protocol="pixels", dataset="penn-action")

    assert report.total("within_0px") == 100
    assert "20 pixels" in report.table()
    with pytest.raises(InputError, match="no data set is called 'pen'; there are posetrack17, "):
        evaluate(found, tmp_path, dataset="pen")


def _first_rows(video: VideoTracks, count: int) -> dict[str, Any]:
    few = video.select(np.arange(count))
    names = ("track_ids", "boxes", "scores", "keypoint_scores", "head_boxes")
    return {name: getattr(few, name) for name in names}


def test_pck_of_jhmdb(tmp_path: Path, tracks: Tracks) -> None:
    rng = np.random.default_rng(0)
    masks = np.zeros((240, 320, 3), np.uint8)
    masks[50:150, 60:110] = 1  # the longer side is 100
    for clip in ("one", "two"):
        points = rng.uniform(60, 110, (2, 15, 3))
        for side, shift in (("gt", 0.0), ("pred", 19.0)):
            folder = tmp_path / side / "joint_positions" / "catch" / clip
            folder.mkdir(parents=True)
            savemat(
                folder / "joint_positions.mat", {"pos_img": points + np.array([[[shift]], [[0]]])}
            )
        folder = tmp_path / "gt" / "puppet_mask" / "catch" / clip
        folder.mkdir(parents=True)
        savemat(folder / "puppet_mask.mat", {"part_mask": masks})

    report = evaluate(tmp_path / "pred", tmp_path / "gt", protocol="pck-jhmdb")

    assert sorted(report.per_sequence) == ["catch/one", "catch/two"]
    assert report.total("pck") == 100
    assert report.total("pck@0.1") == 0
    named = [tracks("one", skeleton=JHMDB15), tracks("two", skeleton=JHMDB15)]
    with pytest.raises(FormatError, match="one: 6 frames|one has no frame"):
        evaluate(named, tmp_path / "gt", protocol="pck-jhmdb")  # found by the clip's own name


def test_pck_needs_the_size_that_it_divides_by(tracks: Tracks) -> None:
    truth = replace(tracks(), head_boxes=None)
    head = PckConfig(normalizer="head")
    with pytest.raises(FormatError, match="person 1 has no head, which errors are divided by"):
        evaluate(tracks(), truth, protocol="pck-jhmdb", pck=head)
    with pytest.raises(InputError, match="PckConfig.threshold must be above 0, got 0"):
        PckConfig(threshold=0)


def test_accuracy_in_pixels(tracks: Tracks) -> None:
    found = tracks()
    found.keypoints[:] += (3.0, 3.9)
    report = evaluate(found, tracks(), protocol="pixels")
    assert report.total("within_4px") == 0
    assert report.total("within_5px") == 100
    half = evaluate(found, tracks(), protocol="pixels", pck=PckConfig(scale=0.5))
    assert half.total("within_3px") == 100
    torso = evaluate(found, tracks(), protocol="pixels", pck=PckConfig(normalizer="torso"))
    assert "as if the torso were 100 pixels long" in torso.notes[0]


def test_nothing_is_right_of_whoever_has_no_size(tracks: Tracks) -> None:
    truth, found = tracks(), tracks()
    truth.keypoints[:] = 7.0  # all joints in one place
    found.keypoints[:] = 300.0
    report = evaluate(found, truth, protocol="pixels", pck=PckConfig(normalizer="torso"))
    assert report.total("within_20px") == 0


def test_pckh_is_half_of_the_head_and_leaves_out_pelvis_and_thorax(tracks: Tracks) -> None:
    truth = tracks(skeleton=MPII16)
    heads = np.tile([0.0, 0, 30, 40], (len(truth.frame), 1))  # 0.6 of the diagonal is 30
    truth, found = replace(truth, head_boxes=heads), tracks(skeleton=MPII16)
    found.keypoints[:, MPII16.index("left_knee"), 0] += 14.99
    found.keypoints[:, MPII16.index("left_ankle"), 0] += 15.01
    found.keypoints[:, MPII16.index("thorax")] += 100

    report = evaluate(found, truth, protocol="pckh")

    assert (report["pck"]["left_knee"], report["pck"]["left_ankle"]) == (100, 0)
    assert report["pck"]["thorax"] is None
    assert report.total("pck") == pytest.approx(1300 / 14)
    assert report.notes == ("pck is PCK@0.5 of the head, rule lstm-pm",)


def test_detected_joints_are_within_a_fifth_of_the_torso(tracks: Tracks) -> None:
    truth, found = tracks(skeleton=LSP14), tracks(skeleton=LSP14)
    shoulder, hip = LSP14.index("left_shoulder"), LSP14.index("right_hip")
    for side in (truth, found):
        side.keypoints[:, shoulder] = side.keypoints[:, hip] + (60.0, 80.0)
    found.keypoints[:, LSP14.index("left_wrist"), 0] += 19.9
    found.keypoints[:, LSP14.index("right_wrist"), 0] += 20.1

    report = evaluate(found, truth, protocol="pdj")

    assert (report["pck"]["left_wrist"], report["pck"]["right_wrist"]) == (100, 0)


def test_limbs_are_right_by_both_ends_or_by_their_mean(tracks: Tracks) -> None:
    truth, found = tracks(skeleton=LSP14), tracks(skeleton=LSP14)
    elbow, wrist = LSP14.index("left_elbow"), LSP14.index("left_wrist")
    for side in (truth, found):
        side.keypoints[:, wrist] = side.keypoints[:, elbow] + (0.0, 20.0)
    found.keypoints[:, wrist, 0] += 15  # more than half of the forearm; 7.5 in the mean

    report = evaluate(found, truth, protocol="pcp")

    assert report["pcp"]["left_forearm"] == 0
    assert report["pcp_loose"]["left_forearm"] == 100
    assert report.total("pcp") == pytest.approx(90)
    assert "left_forearm" in report.table()
    few = tracks(skeleton=BBC7)
    assert {*evaluate(few, few, protocol="pcp")["pcp"]} == {*ARMS, "total"}


def test_without_any_limb_there_is_no_pcp(tracks: Tracks) -> None:
    face = Skeleton(name="face", joints=("nose", "left_eye"), edges=())
    people = tracks(skeleton=face)

    with pytest.raises(FormatError, match="the joints nose, left_eye are the ends of no limb"):
        evaluate(people, people, protocol="pcp")


def test_joints_that_predictions_lack_are_estimated_and_that_is_said(tracks: Tracks) -> None:
    report = evaluate(tracks(skeleton=COCO17), tracks(skeleton=PENN13), protocol="pck-penn")
    assert report.notes[1:] == ("predictions: joints estimated: head",)


def test_joints_that_are_not_visible_do_not_count_in_penn_action(tmp_path: Path) -> None:
    truth = np.random.default_rng(0).uniform(60, 140, (4, 13, 2))
    hidden = np.ones((4, 13), np.uint8)
    hidden[:, 5] = 0  # the left wrist
    penn(tmp_path / "gt", 1, truth, train=-1, visibility=hidden)
    wrong = truth.copy()
    wrong[:, 5] += 100
    penn(tmp_path / "pred", 1, wrong, train=-1)
    assert evaluate(tmp_path / "pred", tmp_path / "gt", protocol="pck-penn").total("pck") == 100


def test_the_torso_is_a_shoulder_and_the_opposite_hip(tracks: Tracks) -> None:
    for protocol, ends in (
        ("pck-penn", ("right_shoulder", "left_hip")),
        ("pck-jhmdb", ("left_shoulder", "right_hip")),
        ("pixels", ("left_shoulder", "right_hip")),
    ):
        truth, found = tracks(), tracks()
        first, second = (POSETRACK15.index(joint) for joint in ends)
        for side in (truth, found):
            side.keypoints[:, first] = side.keypoints[:, second] + (60.0, 80.0)  # 100 pixels
        found.keypoints[:, POSETRACK15.index("nose")] += (20.01, 0.0)
        config = PckConfig(normalizer="torso", scale=0.999)
        report = evaluate(found, truth, protocol=protocol, pck=config)
        near, far = (
            ("within_19px", "within_20px") if protocol == "pixels" else ("pck@0.1", "pck@0.5")
        )
        assert (report[near]["nose"], report[far]["nose"]) == (0, 100), protocol


def test_joints_that_nobody_labels_are_undefined_by_every_rule(tracks: Tracks) -> None:
    truth = tracks()
    truth.keypoints[:, 3] = np.nan
    for protocol in ("pck-penn", "pixels"):
        report = evaluate(tracks(), truth, protocol=protocol)
        metric = "pck" if protocol == "pck-penn" else "within_0px"
        assert report[metric]["left_hip"] is None
        assert report.total(metric) == 100


def test_a_person_whom_nobody_found_misses_all_joints(tracks: Tracks) -> None:
    found = tracks().select(tracks().track_ids != 2)
    report = evaluate(found, tracks(), protocol="pixels")
    assert report.total("within_20px") == pytest.approx(200 / 3)


def test_people_need_a_protocol_for_people_and_one_joint_set(tracks: Tracks) -> None:
    with pytest.raises(InputError, match="no protocol 'clean' for people; there are pck-penn"):
        evaluate_people(tracks(), tracks(), EvaluateConfig(protocol="clean"))
    other = tracks("000002_mpii_test", skeleton=COCO17)
    with pytest.raises(FormatError, match="its sequences have different joints"):
        evaluate([tracks(), other], [tracks(), other], protocol="pixels")
