"""Evaluating files, folders, runs and tracks in memory, and what is refused."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

import posetube
from posetube.datasets.formats import posetrack18_writer
from posetube.datasets.formats.joint_sets import with_joints
from posetube.datasets.readers import posetrack17
from posetube.errors import FormatError, InputError, MissingExtraError
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.evaluation.evaluate_people import PckConfig, evaluate_people
from posetube.pipelines.evaluation.evaluation_plots import draw_plots
from posetube.pipelines.storage import tracks_store
from posetube.skeletons import (
    COCO17,
    JHMDB15,
    PENN13,
    POSETRACK15,
    POSETRACK17SLOTS,
    Skeleton,
)
from posetube.structures import FrameTable, VideoTracks

FRAMES, PEOPLE = 6, 3


def tracks(
    name: str = "000001_mpii_test",
    *,
    skeleton: Skeleton = POSETRACK15,
    noise: float = 0.0,
    seed: int = 0,
) -> VideoTracks:
    """Three people who walk; with noise, predictions."""
    rng = np.random.default_rng(seed)
    rows, k = FRAMES * PEOPLE, len(skeleton)
    frame = np.repeat(np.arange(FRAMES), PEOPLE)
    person = np.tile(np.arange(PEOPLE), FRAMES)
    body = np.random.default_rng(7).uniform(0, 80, (k, 2))
    keypoints = body + np.stack([100 + 3.0 * frame, 100 + 300.0 * person], axis=1)[:, None]
    keypoints = (keypoints + rng.normal(0, noise, keypoints.shape)).round(2)
    corner = keypoints.min(axis=1)
    return VideoTracks(
        source=name,
        size=None,
        skeleton=skeleton,
        frames=FrameTable(
            times=np.arange(FRAMES) / 25,
            names=tuple(f"images/val/{name}/{i:06d}.jpg" for i in range(FRAMES)),
        ),
        frame=frame,
        track_ids=person + 1,
        boxes=np.concatenate([corner, keypoints.max(axis=1)], axis=1).astype(np.float32),
        scores=rng.uniform(0, 1, rows).astype(np.float32),
        keypoints=keypoints,
        keypoint_scores=rng.uniform(0, 1, (rows, k)).round(5),
        head_boxes=np.concatenate([corner, corner + np.array([30.0, 40.0])], axis=1),
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two sequences as PoseTrack18: predictions and truth."""
    for side, noise in (("pred", 6.0), ("gt", 0.0)):
        for number in (1, 2):
            name = f"00000{number}_mpii_test"
            posetrack18_writer.write_tracks(
                tmp_path / side / f"{name}.json", tracks(name, noise=noise, seed=number)
            )
    return tmp_path / "pred", tmp_path / "gt"


def write_17(folder: Path, *sequences: VideoTracks) -> Path:
    folder.mkdir()
    for sequence in sequences:
        posetrack17.write_tracks(folder / f"{sequence.source}.json", sequence)
    return folder


def pair(noise: float = 6.0, **given: Any) -> tuple[list[VideoTracks], list[VideoTracks]]:
    names = ("000001_mpii_test", "000002_mpii_test")
    found = [tracks(n, noise=noise, seed=i, **given) for i, n in enumerate(names, start=1)]
    return found, [tracks(name, **given) for name in names]


def test_files_and_memory_give_the_same_report(files: tuple[Path, Path]) -> None:
    for protocol in ("clean", "poseval", "posetrack21"):
        from_files = evaluate(*files, protocol=protocol)
        in_memory = evaluate(*pair(), protocol=protocol)
        assert from_files.metrics == in_memory.metrics
        assert from_files.sequences == 2
    assert posetube.evaluate is evaluate


def test_both_formats_can_be_mixed_and_converted(files: tuple[Path, Path], tmp_path: Path) -> None:
    found, truth = pair()
    old_found, old_truth = write_17(tmp_path / "f", *found), write_17(tmp_path / "t", *truth)
    for protocol in ("clean", "poseval", "poseval2017"):
        want = evaluate(*files, protocol=protocol).metrics
        for sides in ((old_found, old_truth), (files[0], old_truth), (old_found, files[1])):
            assert evaluate(*sides, protocol=protocol).metrics == want


def test_there_and_back_between_the_formats_changes_nothing(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    old = write_17(tmp_path / "old", tracks(noise=6.0, seed=1))
    again = posetrack17.read(old / "000001_mpii_test.json")
    posetrack18_writer.write_tracks(tmp_path / "new" / "000001_mpii_test.json", again)

    once = evaluate(files[0] / "000001_mpii_test.json", files[1] / "000001_mpii_test.json")
    twice = evaluate(tmp_path / "new", files[1] / "000001_mpii_test.json")

    assert once.metrics == twice.metrics


def test_one_file_with_several_sequences_is_as_many_files(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    joined = []
    for folder in files:
        parts = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
        whole = {
            "images": [image for part in parts for image in part["images"]],
            "annotations": [person for part in parts for person in part["annotations"]],
            "categories": parts[0]["categories"],
        }
        joined.append(tmp_path / f"{folder.name}.json")
        joined[-1].write_text(json.dumps(whole))

    report = evaluate(*joined)

    assert report.metrics == evaluate(*files).metrics
    assert sorted(report.per_sequence) == ["000001_mpii_test", "000002_mpii_test"]
    joined[1].rename(files[1] / "000001_mpii_test.json")
    with pytest.raises(FormatError, match="frames of several sequences"):
        evaluate(*files)


@pytest.mark.slow
def test_several_processes_give_the_same_report(files: tuple[Path, Path]) -> None:
    assert evaluate(*files, workers=2).metrics == evaluate(*files).metrics
    with pytest.raises(InputError, match="EvaluateConfig.workers must be 1 or more, got 0"):
        evaluate(*files, workers=0)


def test_frames_are_matched_by_name_whatever_their_order(files: tuple[Path, Path]) -> None:
    path = files[0] / "000001_mpii_test.json"
    want = evaluate(*files)
    content = json.loads(path.read_text())
    content["images"].reverse()
    extra = {"id": 1, "file_name": "images/val/000001_mpii_test/000999.jpg"}
    content["images"].append(extra)  # a frame that the truth does not have
    path.write_text(json.dumps(content))

    assert evaluate(*files).metrics == want.metrics
    with pytest.raises(FormatError, match=r"7 frames, but the truth .* has 6"):
        evaluate(*files, protocol="poseval")


def test_frames_that_are_called_differently_are_matched_by_id(files: tuple[Path, Path]) -> None:
    path = files[0] / "000001_mpii_test.json"
    want = evaluate(*files)
    path.write_text(path.read_text().replace("000001_mpii_test/0000", "000001_mpii_test/frame"))
    assert evaluate(*files).metrics == want.metrics


def test_a_frame_that_is_not_predicted_is_named_with_both_sides(files: tuple[Path, Path]) -> None:
    path = files[0] / "000001_mpii_test.json"
    content = json.loads(path.read_text())
    del content["images"][2]
    path.write_text(json.dumps(content))
    with pytest.raises(
        FormatError,
        match=r"pred/000001_mpii_test.json has no frame 000002.jpg: its 5 frames go from "
        r"000000.jpg to 000005.jpg, those of the truth .*gt/000001_mpii_test.json, 6, from 0000",
    ):
        evaluate(*files)


def test_frames_that_share_a_name_are_refused() -> None:
    truth = tracks()
    names = (*truth.frames.names[:5], truth.frames.names[0])
    twice = replace(truth, frames=replace(truth.frames, names=names))
    with pytest.raises(FormatError, match="000001_mpii_test has two frames of one name: its 6"):
        evaluate(twice, twice)


def test_frames_without_names_are_matched_by_their_index(files: tuple[Path, Path]) -> None:
    found, truth = tracks(noise=6.0, seed=1), tracks()
    video = replace(found, frames=FrameTable(times=found.frames.times))
    assert evaluate(video, truth).metrics == evaluate(found, truth).metrics
    short = replace(video, frames=FrameTable(times=found.frames.times[:0]), **_no_rows(video))
    with pytest.raises(FormatError, match="0 frames, but the truth 000001_mpii_test has 6"):
        evaluate(short, truth)


def _no_rows(video: VideoTracks) -> dict[str, Any]:
    empty = video.select(np.zeros(len(video.frame), np.bool_))
    names = ("frame", "track_ids", "boxes", "scores", "keypoints", "keypoint_scores", "head_boxes")
    return {name: getattr(empty, name) for name in names}


def test_other_joint_sets_are_converted_and_that_is_said() -> None:
    both = evaluate(tracks(skeleton=COCO17), tracks(skeleton=COCO17))
    assert both.total("mota") == 100
    assert both.notes == (
        "predictions: joints estimated: head_bottom, head_top",
        "truth: joints estimated: head_bottom, head_top",
    )
    few = evaluate(tracks(skeleton=PENN13), tracks())
    assert few.notes == ("predictions: joints left unknown: head_bottom, nose, head_top",)


def test_tracks_and_runs_are_evaluated_with_the_joints_that_they_would_submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = tracks(skeleton=COCO17)
    (tmp_path / "run.json").write_text("{}")
    monkeypatch.setattr(tracks_store, "read_tracks", lambda _: video)
    posetrack18_writer.write_tracks(tmp_path / "000001_mpii_test.json", video)
    truth, _ = with_joints(video, POSETRACK15)

    written = evaluate(tmp_path / "000001_mpii_test.json", truth, protocol="poseval")
    for found in (tmp_path, video):
        report = evaluate(found, truth, protocol="poseval")
        assert report.total("ap") == pytest.approx(100)
        assert report["mota"] == written["mota"]
        assert report.notes == ("predictions: joints estimated: head_bottom, head_top",)


def test_files_and_truth_need_the_joints_of_poseval(files: tuple[Path, Path]) -> None:
    with pytest.raises(FormatError, match="mpii_test: no joint 'head_bottom'; poseval needs all"):
        evaluate(tracks(), tracks(skeleton=COCO17), protocol="poseval")
    path = files[0] / "000001_mpii_test.json"
    path.write_text(path.read_text().replace('"head_top"', '"left_eye"'))
    with pytest.raises(FormatError, match="mpii_test.json: no joint 'head_top'; poseval needs all"):
        evaluate(*files, protocol="poseval")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"track_ids": -1}, "frame images/val/.*/000000.jpg, person 2 has no track id"),
        ({"track_ids": 1}, r"person 2 \(track id 1\) has a track id that another one in the frame"),
    ],
)
def test_people_who_cannot_be_told_apart_are_named(change: dict[str, int], message: str) -> None:
    found, truth = tracks(noise=6.0), tracks()
    found.track_ids[1] = change["track_ids"]
    for sides in ((found, truth), (truth, found)):
        with pytest.raises(FormatError, match=message):
            evaluate(*sides)


def test_poseval_2017_accepts_what_it_accepted() -> None:
    found, truth = tracks(noise=6.0), tracks()
    found.track_ids[1] = 1
    assert evaluate(found, truth, protocol="poseval2017").total("mota") is not None
    found.track_ids[1] = 1000
    with pytest.raises(FormatError, match=r"\(track id 1000\) has a track id over 999"):
        evaluate(found, truth, protocol="poseval2017")


def test_2017_needs_scores_in_files(tmp_path: Path) -> None:
    truth = write_17(tmp_path / "t", tracks())
    bare = replace(tracks(), keypoint_scores=np.full((FRAMES * PEOPLE, 15), np.nan))
    with pytest.raises(FormatError, match="person 1 .track id 1. has a joint without a score"):
        evaluate(write_17(tmp_path / "f", bare), truth, protocol="poseval2017")


def test_people_without_a_head_are_named_where_somebody_was_predicted() -> None:
    found, truth = tracks(noise=6.0), tracks()
    assert truth.head_boxes is not None
    truth.head_boxes[4] = np.nan
    with pytest.raises(FormatError, match="frame images/val/.*/000001.jpg, person 2 has no head"):
        evaluate(found, truth)
    assert evaluate(found.select(found.frame != 1), truth).total("mota") is not None


def test_names_that_poseval_refuses_are_refused(files: tuple[Path, Path]) -> None:
    path = files[0] / "000001_mpii_test.json"
    text = path.read_text()
    path.write_text(text.replace("000001_mpii_test/", "dance/"))
    with pytest.raises(FormatError, match="poseval wants a folder like 000123_mpii_test.*'dance'"):
        evaluate(*files, protocol="poseval")
    path.write_text(text.replace("/000003.jpg", "/010000.jpg"))
    with pytest.raises(FormatError, match="poseval wants a number up to 9999 .*'010000'"):
        evaluate(*files, protocol="poseval")


def test_perfect_tracking_and_keypoints_bound_the_numbers() -> None:
    found, truth = tracks(noise=14.0, seed=3), tracks()
    found.track_ids[9:] += 10  # everybody changes identity half way
    plain = evaluate(found, truth)
    tracked = evaluate(found, truth, upper_bound="tracking")
    placed = evaluate(found, truth, upper_bound="keypoints")
    both = evaluate(found, truth, upper_bound="both")

    assert tracked["ap"] == plain["ap"]
    assert tracked.total("switches") == 0
    assert (tracked.total("mota") or 0) > (plain.total("mota") or 0)
    assert placed.total("ap") == pytest.approx(100)
    assert (placed.total("misses"), placed.total("switches")) == (0, 45)
    assert both.total("mota") == pytest.approx(100)


def mot_text(video: VideoTracks) -> str:
    lines = []
    for row in range(len(video.frame)):
        x1, y1, x2, y2 = video.boxes[row].tolist()
        numbers = (video.frame[row] + 1, video.track_ids[row], x1, y1, x2 - x1, y2 - y1, 1)
        lines.append(",".join(str(number) for number in numbers) + ",-1,-1,-1")
    return "\n".join(lines) + "\n"


def test_boxes_of_motchallenge(tmp_path: Path) -> None:
    found, truth = tmp_path / "found.txt", tmp_path / "truth.txt"
    truth.write_text(mot_text(tracks()))
    shifted = tracks()
    shifted.track_ids[9:] += 10
    found.write_text(mot_text(shifted))

    report = evaluate(found, truth, events=True)

    assert report.protocol == "clean (boxes)"
    assert report.total("switches") == 3
    assert report.total("mota") == pytest.approx(100 * (1 - 3 / 18))
    assert [event.kind for event in report.events] == ["switch"] * 3
    assert ["MOTA", "83.3"] in [line.split() for line in report.table().splitlines()]
    assert report.curves["hota"]["total"].shape == (19,)
    with pytest.raises(InputError, match="has boxes and no joints: use the protocol clean or"):
        evaluate(found, truth, protocol="poseval")


def test_pixels_of_motchallenge_count_from_1(tmp_path: Path) -> None:
    one_on = replace(tracks(), boxes=tracks().boxes + 1)
    (tmp_path / "truth.txt").write_text(mot_text(one_on))
    assert evaluate(tracks(), tmp_path / "truth.txt").total("motp") == pytest.approx(100)


def penn(folder: Path, number: int, points: np.ndarray, *, train: int) -> None:
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    frames = len(points)
    savemat(folder / "labels" / f"{number:04d}.mat", {
        "action": "bowl", "pose": "front", "x": points[..., 0], "y": points[..., 1],
        "visibility": np.ones((frames, 13), np.uint8), "train": np.int32(train),
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


def test_the_truth_s_data_set_can_be_named(tmp_path: Path) -> None:
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


def test_pck_of_jhmdb(tmp_path: Path) -> None:
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


def test_pck_needs_the_size_that_it_divides_by() -> None:
    truth = replace(tracks(), head_boxes=None)
    head = PckConfig(normalizer="head")
    with pytest.raises(FormatError, match="person 1 has no head, which errors are divided by"):
        evaluate(tracks(), truth, protocol="pck-jhmdb", pck=head)
    with pytest.raises(InputError, match="PckConfig.threshold must be over 0, got 0"):
        PckConfig(threshold=0)


def test_accuracy_in_pixels() -> None:
    found = tracks()
    found.keypoints[:] += (3.0, 3.9)
    report = evaluate(found, tracks(), protocol="pixels")
    assert report.total("within_4px") == 0
    assert report.total("within_5px") == 100
    half = evaluate(found, tracks(), protocol="pixels", pck=PckConfig(scale=0.5))
    assert half.total("within_3px") == 100
    torso = evaluate(found, tracks(), protocol="pixels", pck=PckConfig(normalizer="torso"))
    assert "as if the torso were 100 pixels long" in torso.notes[0]


def test_a_person_whom_nobody_found_misses_all_joints() -> None:
    found = tracks().select(tracks().track_ids != 2)
    report = evaluate(found, tracks(), protocol="pixels")
    assert report.total("within_20px") == pytest.approx(200 / 3)


def test_tracks_can_be_measured_as_coco_does(files: tuple[Path, Path]) -> None:
    perfect = evaluate(tracks(), tracks(), protocol="coco")
    assert perfect.total("ap") == pytest.approx(100)
    assert perfect.frames == 6
    assert [line.split()[-1] for line in perfect.table().splitlines()[1:4]] == ["100.0"] * 3
    by_file = evaluate(*files, protocol="coco")
    assert 0 < (by_file.total("ap") or 0) < 100
    assert by_file.sequences == 2
    nobody = tracks().select(np.zeros(18, np.bool_))
    assert evaluate(nobody, tracks(), protocol="coco").total("ap") == 0


def test_coco_compares_joints_of_one_name() -> None:
    found, truth = tracks(skeleton=COCO17), with_joints(tracks(skeleton=COCO17), POSETRACK17SLOTS)
    report = evaluate(found, truth[0], protocol="coco")
    assert report.total("ap") == pytest.approx(100)  # the eyes are not the ends of the head
    assert report.notes == (
        "pycocotools, keypoints",
        "predictions: joints lost: left_eye, right_eye",
        "predictions: joints estimated: head_bottom, head_top",
    )


BAD = {
    "cut short": '{"images": [{"id": 1, "file_name": "a.j',
    "NaN": '{"images": [], "annotations": [], "categories": [], "x": NaN}',
    "text for a number": '{"images": [{"id": "1", "file_name": "a"}], "categories": []}',
    "something else": '{"hello": 1}',
    "a list": "[1, 2, 3]",
    "nested": '{"images": ' + "[" * 50_000 + "]" * 50_000 + "}",
    "empty": "",
    "binary": "\x00\x01\x02",
    "huge number": '{"images": [{"id": 1e999, "file_name": "a"}]}',
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("protocol", ["clean", "poseval", "coco", "pixels"])
def test_bad_input_is_one_line_and_exit_code_2(
    name: str, protocol: str, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = files[0] / "000001_mpii_test.json"
    path.write_text(BAD[name])

    code = main(["evaluate", str(files[0]), str(files[1]), "--protocol", protocol])

    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert str(path) in error
    assert "our fault" not in error


def test_a_folder_without_anything_to_evaluate_is_named(files: tuple[Path, Path]) -> None:
    (files[0].parent / "other").mkdir()
    (files[0].parent / "other" / "picture.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="other: nothing to evaluate in it; understood are Pose"):
        evaluate(files[0].parent / "other", files[1])
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        evaluate(files[0], files[1].parent / "nowhere")
    (files[1] / "README.txt").write_text("labels")  # beside JSON it is no sequence
    assert evaluate(*files).sequences == 2


def test_a_sequence_without_prediction_is_named(files: tuple[Path, Path]) -> None:
    (files[0] / "000002_mpii_test.json").unlink()
    (files[0] / "000003_mpii_test.json").write_text("{}")
    with pytest.raises(InputError, match="pred: no prediction of sequence 000002_mpii_test, which"):
        evaluate(*files)


def test_the_command_writes_what_is_asked_for(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, events = tmp_path / "report.json", tmp_path / "events.csv"

    code = main([
        "evaluate", *map(str, files), "--json", str(out), "--events", str(events),
        "--upper-bounds", "--per-sequence",
    ])  # fmt: skip

    shown = capsys.readouterr().out
    content = json.loads(out.read_text())
    assert code == 0
    assert shown.startswith("protocol clean: 12 frames of 2 sequences\n")
    assert "Head  Shou   Elb   Wri   Hip  Knee  Ankl Total  MOTP  Prec   Rec" in shown
    assert "perfect tracking" in shown
    assert "000002_mpii_test" in shown
    assert (content["protocol"], content["frames"], content["sequences"]) == ("clean", 12, 2)
    names = {*POSETRACK15.joints, "Head", "Shou", "Elb", "Wri", "Hip", "Knee", "Ankl", "total"}
    for metric in ("ap", "ap_precision", "ap_recall", "mota", "motp", "precision", "recall",
                   "idf1", "hota", "deta", "assa", "loca", "misses", "false_positives",
                   "switches", "objects"):  # fmt: skip
        assert content[metric].keys() == names, metric
        assert content["per_sequence"]["000001_mpii_test"][metric].keys() == names
    header, *rows = events.read_text().splitlines()
    assert header == "sequence,frame,kind,joint,truth_id,predicted_id,distance"
    assert len(rows) == len(content["events"])


def test_upper_bounds_are_for_tracking(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", *map(str, files), "--upper-bounds", "--protocol", "posetrack21"]
    assert main(arguments) == 2
    assert "--upper-bounds is for clean, poseval and poseval2017" in capsys.readouterr().err


@pytest.mark.slow
def test_plots_are_drawn(files: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = files[0] / "000001_mpii_test.json"
    found.write_text(found.read_text().replace('"track_id":1,', '"track_id":9,', 2))
    plots = tmp_path / "plots"

    for protocol in ("clean", "pixels"):
        command = ["evaluate", *map(str, files), "--plots", str(plots), "--protocol", protocol]
        assert main(command) == 0

    names = ("recall_precision", "hota", "pixels", "sequences", "timeline-000001_mpii_test")
    for name in names:
        assert (plots / f"{name}.png").stat().st_size > 5000
        assert "<svg" in (plots / f"{name}.svg").read_text()


def test_without_anything_to_draw_that_is_said_after_the_table(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    arguments = ["--plots", str(tmp_path / "plots"), "--protocol", "coco"]
    assert main(["evaluate", *map(str, files), *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out.startswith("protocol coco: 12 frames of 2 sequences")
    assert "there are no plots for the protocol coco" in shown.err
    assert not (tmp_path / "plots").exists()


def test_a_report_becomes_a_data_frame() -> None:
    pandas: Any = pytest.importorskip("pandas")
    frame = evaluate(*pair()).to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert set(frame["sequence"]) == {"all", "000001_mpii_test", "000002_mpii_test"}
    row = frame[(frame["sequence"] == "all") & (frame["metric"] == "mota")]
    assert len(row) == 23


def test_evaluating_does_not_import_the_network_library(files: tuple[Path, Path]) -> None:
    code = (
        "import sys; from posetube.pipelines.cli import main; "
        f"main(['evaluate', {str(files[0])!r}, {str(files[1])!r}]); "
        "heavy = {'torch', 'pandas', 'matplotlib', 'av', 'cv2', 'pyarrow'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_posetrack17slots_is_what_is_written(files: tuple[Path, Path]) -> None:
    content = json.loads((files[0] / "000001_mpii_test.json").read_text())
    assert content["categories"][0]["keypoints"] == list(POSETRACK17SLOTS.joints)


def test_people_need_a_protocol_for_people_and_one_joint_set() -> None:
    with pytest.raises(InputError, match="no protocol 'clean' for people; there are pck-penn"):
        evaluate_people(tracks(), tracks(), protocol="clean")
    other = tracks("000002_mpii_test", skeleton=COCO17)
    with pytest.raises(FormatError, match="its sequences have different joints"):
        evaluate([tracks(), other], [tracks(), other], protocol="pixels")


def test_a_file_that_is_far_too_large_is_refused(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posetube.datasets.files.json_files.MAX_BYTES", 1000)
    with pytest.raises(FormatError, match="files over 1000 bytes are not read"):
        evaluate(*files)


def test_missing_results_of_coco_are_named_with_both_files(tmp_path: Path) -> None:
    truth, results = tmp_path / "t.json", tmp_path / "r.json"
    truth.write_text(json.dumps({
        "images": [{"id": 1}], "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 4, "iscrowd": 0,
                         "bbox": [0, 0, 2, 2]}],
    }))  # fmt: skip
    results.write_text('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}]')
    with pytest.raises(FormatError, match=r"r.json against .*t.json: results\[0\]: no score"):
        evaluate(results, truth, protocol="coco")
    results.write_text('[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2], "score": 1}]')
    assert evaluate(results, truth, protocol="coco").total("ap") == pytest.approx(100)


def test_a_picture_with_a_crowd_that_no_picture_has_is_refused(tmp_path: Path) -> None:
    one = {"image_id": 7, "category_id": 1, "area": 4, "iscrowd": 0, "bbox": [0, 0, 2, 2]}
    content = {"images": [{"id": 7}], "categories": [{"id": 1, "name": "person"}],
               "annotations": [{"id": i, **one} for i in range(1, 1002)]}  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(content))
    (tmp_path / "r.json").write_text(json.dumps([{**one, "score": 1}]))
    with pytest.raises(FormatError, match=r"t.json: image 7: 1001 annotations, no picture may"):
        evaluate(tmp_path / "r.json", tmp_path / "t.json", protocol="coco")


def test_plots_ask_for_matplotlib_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'posetube\[plots\]'"):
        draw_plots(evaluate(tracks(), tracks()), tmp_path)
