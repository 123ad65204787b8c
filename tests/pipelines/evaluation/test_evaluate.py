"""Evaluating files, folders, runs and tracks in memory: which frame is which, who is compared."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posetube
from posetube.datasets.files import json_files
from posetube.datasets.formats import posetrack17, posetrack18_writer
from posetube.datasets.formats.format_table import find_format
from posetube.datasets.formats.joint_sets import with_joints
from posetube.errors import FormatError, InputError
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.storage import tracks_store
from posetube.skeletons import COCO17, PENN13, POSETRACK15
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.metrics.protocols import PROTOCOLS

Tracks = Callable[..., VideoTracks]


def write_17(folder: Path, *sequences: VideoTracks) -> Path:
    folder.mkdir()
    for sequence in sequences:
        posetrack17.write_tracks(folder / f"{sequence.source}.json", sequence)
    return folder


def write_18(folder: Path, *sequences: VideoTracks) -> Path:
    for sequence in sequences:
        posetrack18_writer.write_tracks(folder / f"{sequence.source}.json", sequence)
    return folder


def pair(
    tracks: Tracks, noise: float = 6.0, **given: Any
) -> tuple[list[VideoTracks], list[VideoTracks]]:
    names = ("000001_mpii_test", "000002_mpii_test")
    found = [tracks(n, noise=noise, seed=i, **given) for i, n in enumerate(names, start=1)]
    return found, [tracks(name, **given) for name in names]


def test_files_and_memory_give_the_same_report(files: tuple[Path, Path], tracks: Tracks) -> None:
    for protocol in ("clean", "poseval", "posetrack21"):
        from_files = evaluate(*files, protocol=protocol)
        in_memory = evaluate(*pair(tracks), protocol=protocol)
        assert from_files.metrics == in_memory.metrics
        assert from_files.sequences == 2
    assert posetube.evaluate is evaluate


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), protocol=st.sampled_from(sorted(PROTOCOLS)))
def test_forms_and_files_can_be_mixed_converted_split_and_joined(
    tracks: Tracks, seed: int, protocol: str
) -> None:
    rng = np.random.default_rng(seed)
    found, truth = (
        [video.select(rng.random(len(video.frame)) < 0.8) for video in side]
        for side in pair(tracks, noise=12.0)
    )
    want = evaluate(found, truth, protocol=protocol).metrics
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        new = write_18(folder / "f18", *found), write_18(folder / "t18", *truth)
        old = write_17(folder / "f17", *found), write_17(folder / "t17", *truth)
        again = write_18(folder / "again", *map(posetrack17.read, sorted(old[0].iterdir())))
        joined = joined_file(new[0]), joined_file(new[1])
        for sides in (new, old, (new[0], old[1]), (old[0], new[1]), (again, new[1]), joined):
            assert evaluate(*sides, protocol=protocol).metrics == want


def joined_file(folder: Path) -> Path:
    """One file with the sequences of a folder."""
    parts = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    whole = {
        "images": [image for part in parts for image in part["images"]],
        "annotations": [person for part in parts for person in part["annotations"]],
        "categories": parts[0]["categories"],
    }
    path = folder.with_suffix(".json")
    path.write_text(json.dumps(whole))
    return path


def test_a_file_with_several_sequences_stands_alone(files: tuple[Path, Path]) -> None:
    joined = [joined_file(folder) for folder in files]
    report = evaluate(*joined)
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


@pytest.mark.parametrize("protocol", ["poseval", "clean", "posetrack21"])
def test_a_video_is_measured_in_the_order_of_its_frames_and_by_poseval_in_that_of_the_file(
    files: tuple[Path, Path], tmp_path: Path, protocol: str
) -> None:
    """poseval knows no other order, neither to compare by position nor to follow people."""
    want = evaluate(*files, protocol=protocol).metrics
    for name in ("shuffled", "renamed"):
        for side, folder in zip(("found", "truth"), files, strict=True):
            (tmp_path / name / side).mkdir(parents=True)
            for file in folder.iterdir():
                content = json.loads(file.read_text())
                images = content["images"]
                order = np.random.default_rng(4).permutation(len(images))
                content["images"] = [images[i] for i in order]
                if name == "renamed":  # so that the order of the file is that of the frames
                    for index, image in enumerate(content["images"]):
                        folder_name = image["file_name"].rpartition("/")[0]
                        image |= {"file_name": f"{folder_name}/{index:06d}.jpg", "frame_id": index}
                (tmp_path / name / side / file.name).write_text(json.dumps(content))
    shuffled, renamed = (
        evaluate(tmp_path / name / "found", tmp_path / name / "truth", protocol=protocol).metrics
        for name in ("shuffled", "renamed")
    )

    assert protocol != "poseval" or renamed != want
    assert shuffled == (renamed if protocol == "poseval" else want)


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


def test_frames_that_share_a_name_are_refused(tracks: Tracks) -> None:
    truth = tracks()
    names = (*truth.frames.names[:5], truth.frames.names[0])
    twice = replace(truth, frames=replace(truth.frames, names=names))
    with pytest.raises(FormatError, match="000001_mpii_test has two frames of one name: its 6"):
        evaluate(twice, twice)


def test_frames_without_names_are_matched_by_their_index(
    files: tuple[Path, Path], tracks: Tracks
) -> None:
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


def test_other_joint_sets_are_converted_and_that_is_said(tracks: Tracks) -> None:
    both = evaluate(tracks(skeleton=COCO17), tracks(skeleton=COCO17))
    assert both.total("mota") == 100
    assert both.notes == (
        "predictions: joints estimated: head_bottom, head_top",
        "truth: joints estimated: head_bottom, head_top",
    )
    few = evaluate(tracks(skeleton=PENN13), tracks())
    assert few.notes == ("predictions: joints left unknown: head_bottom, nose, head_top",)


def test_tracks_and_runs_are_evaluated_with_the_joints_that_they_would_submit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracks: Tracks
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


def test_files_and_truth_need_the_joints_of_poseval(
    files: tuple[Path, Path], tracks: Tracks
) -> None:
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
def test_people_who_cannot_be_told_apart_are_named(
    change: dict[str, int], message: str, tracks: Tracks
) -> None:
    found, truth = tracks(noise=6.0), tracks()
    found.track_ids[1] = change["track_ids"]
    for sides in ((found, truth), (truth, found)):
        with pytest.raises(FormatError, match=message):
            evaluate(*sides)


def test_poseval_2017_accepts_what_it_accepted(tracks: Tracks) -> None:
    found, truth = tracks(noise=6.0), tracks()
    found.track_ids[1] = 1
    assert evaluate(found, truth, protocol="poseval2017").total("mota") is not None
    found.track_ids[1] = 1000
    with pytest.raises(FormatError, match=r"\(track id 1000\) has a track id over 999"):
        evaluate(found, truth, protocol="poseval2017")


def test_2017_needs_scores_in_files(tmp_path: Path, tracks: Tracks) -> None:
    truth = write_17(tmp_path / "t", tracks())
    bare = replace(tracks(), keypoint_scores=np.full((18, 15), np.nan))
    with pytest.raises(FormatError, match="person 1 .track id 1. has a joint without a score"):
        evaluate(write_17(tmp_path / "f", bare), truth, protocol="poseval2017")


def test_people_without_a_head_are_named_where_somebody_was_predicted(tracks: Tracks) -> None:
    found, truth = tracks(noise=6.0), tracks()
    assert truth.head_boxes is not None
    truth.head_boxes[4] = np.nan
    with pytest.raises(FormatError, match="frame images/val/.*/000001.jpg, person 2 has no head"):
        evaluate(found, truth)
    assert evaluate(found.select(found.frame != 1), truth).total("mota") is not None


def test_perfect_tracking_and_keypoints_bound_the_numbers(tracks: Tracks) -> None:
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


def test_boxes_of_motchallenge(tmp_path: Path, tracks: Tracks) -> None:
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


def test_pixels_of_motchallenge_count_from_1(tmp_path: Path, tracks: Tracks) -> None:
    one_on = replace(tracks(), boxes=tracks().boxes + 1)
    (tmp_path / "truth.txt").write_text(mot_text(one_on))
    assert evaluate(tracks(), tmp_path / "truth.txt").total("motp") == pytest.approx(100)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "mmpose", "coco"])
def test_predictions_of_any_format_are_compared_with_truth_of_posetrack(
    form: str, files: tuple[Path, Path], tracks: Tracks, tmp_path: Path
) -> None:
    found = tracks("000001_mpii_test", noise=6.0, seed=1)
    want = evaluate(found, files[1] / "000001_mpii_test.json")
    path = tmp_path / f"p{find_format(form).suffix}"

    find_format(form).write(path, found)
    report = evaluate(path, files[1] / "000001_mpii_test.json")

    assert report.total("mota") == pytest.approx(want.total("mota"))
    assert report["hota"] == pytest.approx(dict(want["hota"]))


def test_each_file_is_read_once(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def reading(path: Path) -> bytes:
        read.append(path)
        return json_files.read_bytes(path)

    monkeypatch.setattr("posetube.datasets.files.opened_file.read_bytes", reading)
    one = [folder / "000001_mpii_test.json" for folder in files]

    evaluate(*one)
    assert sorted(read) == sorted(one)
    read.clear()
    evaluate(*files)
    assert len(read) == len(set(read)) == 4


def test_a_sequence_without_prediction_is_named(files: tuple[Path, Path]) -> None:
    (files[0] / "000002_mpii_test.json").unlink()
    (files[0] / "000003_mpii_test.json").write_text("{}")
    with pytest.raises(InputError, match="pred: no prediction of sequence 000002_mpii_test, which"):
        evaluate(*files)


def test_sequences_without_prediction_can_be_left_out(files: tuple[Path, Path]) -> None:
    (files[0] / "000002_mpii_test.json").unlink()
    with pytest.raises(InputError, match="; --skip-missing scores the others"):
        evaluate(*files)

    report = evaluate(*files, skip_missing=True)

    assert report.sequences == 1
    assert report.notes[0] == "1 of 2 sequences have no prediction: 000002_mpii_test"
    one = files[0] / "000001_mpii_test.json", files[1] / "000001_mpii_test.json"
    assert report.metrics == evaluate(*one).metrics
    (files[0] / "000001_mpii_test.json").rename(files[0] / "other.json")
    with pytest.raises(InputError, match="no prediction of sequence 000001_mpii_test, 000002_mpii"):
        evaluate(*files, skip_missing=True)


def test_arguments_that_are_no_tracks_are_named(tracks: Tracks) -> None:
    one = tracks()
    nothing: Any = None
    for sides, message in (
        ((nothing, one), "expected a path or VideoTracks, got NoneType"),
        ((one, [one, nothing]), "expected a path or VideoTracks, got list"),
        ((one, []), "there is no truth to compare with: its list of tracks is empty"),
        (([], one), "predictions: no prediction of sequence 000001_mpii_test, which"),
        ((one, [one, one]), "000001_mpii_test: several sequences are called '000001_mpii_test'"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate(*sides)
    with pytest.raises(
        InputError, match="no protocol is called 'cocoa'; there are poseval, .*, coc"
    ):
        evaluate(one, one, protocol="cocoa")
    bound: Any = "everything"
    with pytest.raises(
        InputError, match="upper_bound must be one of none, tracking, .* got 'every"
    ):
        evaluate(one, one, upper_bound=bound)
