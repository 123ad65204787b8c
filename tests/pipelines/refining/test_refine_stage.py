"""Refining as a stage of a run: what it writes, what it keeps, and how it is undone."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import posetube
from posetube.errors import InputError, MissingFileError
from posetube.pipelines.api.refine import as_chain
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.refining.refine_stage import with_all_joints
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import track_command
from posetube.records import take_rows
from posetube.structures import DetectedFrame, Detections, FramePoses, FrameTable, PoseTubes
from posetube.tracker.refiners.refine_config import RefineConfig

ClipMaker = Callable[..., Path]
PEOPLE = ("boxes", "keypoints", "keypoint_scores", "scores", "presence", "embeddings")
"""What tubes have one of for each person."""


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., LoadedModel]) -> LoadedModel:
    model = make_model()
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: model)
    return model


@pytest.fixture
def line(make_clip: ClipMaker, tmp_path: Path) -> list[str]:
    return ["track", str(make_clip(frames=15)), "-o", str(tmp_path / "run")]


def files(line: list[str]) -> tuple[bytes, bytes]:
    run = RunDirectory(Path(line[-1]))
    return run.tracks.read_bytes(), run.posetrack.read_bytes()


def test_none_changes_no_byte_and_gives_back_the_joints_as_linked(line: list[str]) -> None:
    run = line[-1]
    assert main([*line, "--no-overlay", "--refine", "none"]) == 0
    linked = files(line)

    assert main(["refine", run]) == 0
    refined = files(line)
    assert main(["refine", run, "--refine", "median,one-euro"]) == 0
    assert main(["refine", run, "--refine", "kalman"]) == 0
    assert files(line) == refined != linked

    assert main(["refine", run, "--refine", "none"]) == 0
    assert files(line) == linked


def test_the_same_line_with_other_refiners_only_refines(line: list[str]) -> None:
    assert main([*line, "--no-overlay"]) == 0
    refined = files(line)
    parts = sorted((Path(line[-1]) / "detections").iterdir())
    written = [path.stat().st_mtime_ns for path in parts]

    assert main([*line, "--no-overlay", "--refine", "none"]) == 0
    assert files(line) != refined
    assert main([*line, "--no-overlay"]) == 0
    assert files(line) == refined
    assert [path.stat().st_mtime_ns for path in parts] == written


def test_linking_again_refines_again(line: list[str]) -> None:
    assert main([*line, "--no-overlay"]) == 0
    refined = files(line)

    assert main(["link", line[-1]]) == 0

    assert files(line) == refined


def test_the_run_says_what_was_done_and_keeps_the_joints_as_linked(line: list[str]) -> None:
    assert main([*line, "--no-overlay", "--refine", "none"]) == 0
    linked = posetube.load(line[-1])
    assert linked.keypoints_raw is None

    assert main(["refine", line[-1], "--refine", "kalman", "--refine.kalman.noise", "0.1"]) == 0

    refined = posetube.load(line[-1])
    assert refined.keypoints_raw is not None
    np.testing.assert_array_equal(refined.keypoints_raw[..., :2], linked.keypoints)
    np.testing.assert_array_equal(refined.boxes, linked.boxes)
    np.testing.assert_array_equal(refined.track_ids, linked.track_ids)
    said = json.loads((Path(line[-1]) / "run.json").read_text())
    assert said["settings"]["refine"]["refiners"] == ["kalman"]
    assert said["settings"]["refine"]["kalman"]["noise"] == 0.1
    assert said["stages"]["refine"]["done"]


def test_overlays_and_exports_of_the_old_joints_go(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(line[-1])
    assert main(line) == 0
    assert main(["export", str(run), "--to", "csv", "-o", str(run / "people.csv")]) == 0

    assert main(["refine", str(run), "--refine", "median"]) == 0

    assert not (run / "overlay.mp4").exists()
    assert not (run / "people.csv").exists()
    assert "overlay.mp4: made of earlier results" in capsys.readouterr().err
    assert main(["render", str(run)]) == 0


def test_a_stream_answers_at_once_and_its_joints_are_refined(
    line: list[str], model: LoadedModel
) -> None:
    plain = list(posetube.stream(line[1], model=model, refine="none"))
    steady = list(posetube.stream(line[1], model=model))

    assert [poses.frame for poses in plain] == [poses.frame for poses in steady]
    assert plain[-1].keypoints_raw is None
    assert steady[-1].keypoints_raw is not None
    np.testing.assert_array_equal(steady[-1].keypoints_raw[..., :2], plain[-1].people.keypoints)


def test_tracks_in_memory_are_those_of_a_run(line: list[str], model: LoadedModel) -> None:
    assert main([*line, "--no-overlay"]) == 0
    stored = posetube.load(line[-1])

    found = posetube.track(line[1], model=model)

    np.testing.assert_array_equal(found.keypoints, stored.keypoints)
    np.testing.assert_array_equal(found.keypoints_raw, stored.keypoints_raw)


def test_tracks_from_anywhere_can_be_refined(line: list[str]) -> None:
    assert main([*line, "--no-overlay", "--refine", "none"]) == 0
    linked = posetube.load(line[-1])

    steady = posetube.refine(line[-1], "savitzky-golay")

    assert not np.array_equal(steady.keypoints, linked.keypoints)
    np.testing.assert_array_equal(
        steady.keypoints, posetube.refine(linked, as_chain("savitzky-golay")).keypoints
    )
    assert as_chain(None) == RefineConfig()
    with pytest.raises(InputError, match="refiners as text, such as 'median,kalman'.*, got list"):
        posetube.refine(linked, ["median", "kalman"])  # type: ignore[arg-type]


def test_a_file_is_told_how_to_become_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text("")

    assert main(["refine", str(tmp_path / "people.csv")]) == InputError.exit_code

    assert "people.csv is no run; `posetube link " in capsys.readouterr().err


def test_joints_too_doubtful_for_tracks_come_from_the_detections() -> None:
    rng = np.random.default_rng(0)
    people = Detections(
        boxes=rng.uniform(0, 100, (3, 4)).astype(np.float32),
        scores=rng.uniform(0, 1, 3).astype(np.float32),
        keypoints=rng.uniform(0, 100, (3, 17, 2)).astype(np.float32),
        keypoint_scores=rng.uniform(0, 1, (3, 17)).astype(np.float32),
    )
    found = DetectedFrame(frame=4, time=0.4, state="ok", people=people)
    known = people[[2, 0, 1]]
    shown = replace(known, keypoints=np.full_like(known.keypoints, np.nan))
    shown.boxes[2] += 1  # an interpolated row
    poses = FramePoses(
        frame=4,
        time=0.4,
        track_ids=np.arange(3),
        people=shown,
        states=np.zeros(3, np.uint8),
        link_margins=np.zeros(3, np.float32),
    )

    joints = with_all_joints(poses, found).people.keypoints

    np.testing.assert_array_equal(joints[:2], people.keypoints[[2, 0]])
    assert np.isnan(joints[2]).all()


def test_tracks_without_times_get_a_frame_rate(
    line: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert main([*line, "--no-overlay", "--refine", "none"]) == 0
    known = posetube.load(line[-1])
    unknown = replace(known, frames=FrameTable(times=np.full(len(known.frames), np.nan)))

    steady = posetube.refine(unknown, "kalman", frame_rate=25.0)

    assert "there are no times; 25 frames per second are assumed" in caplog.text
    np.testing.assert_allclose(
        steady.keypoints, posetube.refine(known, "kalman").keypoints, atol=1e-3
    )
    with pytest.raises(InputError, match="the frame rate must be positive, got 0"):
        posetube.refine(unknown, frame_rate=0)


def test_people_without_boxes_are_as_large_as_their_joints(line: list[str]) -> None:
    assert main([*line, "--no-overlay", "--refine", "none"]) == 0
    known = posetube.load(line[-1])
    joints = known.keypoints.copy()
    joints[3, 2] = np.inf

    steady = posetube.refine(
        replace(known, boxes=np.full_like(known.boxes, np.nan), keypoints=joints), "kalman"
    )

    assert np.isfinite(np.delete(steady.keypoints[:, 2], 3, axis=0)).all()


def test_two_chains_on_one_line_are_refused(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*line, "--refine", "kalman", "--refine.refiners", "median"]
    assert main(words) == InputError.exit_code
    assert "--refine is kalman, --refine.refiners is median; give one" in capsys.readouterr().err


def test_a_run_whose_video_is_gone_says_so(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*line, "--no-overlay"]) == 0
    Path(line[1]).unlink()

    assert main(["render", line[-1]]) == MissingFileError.exit_code

    assert "clip.mp4 is not there any more, which is needed to draw over" in capsys.readouterr().err


def test_people_who_were_filled_in_are_refined_alike_with_and_without_a_run(
    line: list[str], model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = model.network.detect_features

    def missed(features: Sequence[Any], frames: Sequence[int]) -> PoseTubes:
        people = found(features, frames)
        people.keypoint_scores[:, :, 4] = 0.05
        return take_rows(people, [], columns=PEOPLE) if frames[0] in (6, 7) else people

    monkeypatch.setattr(model.network, "detect_features", missed)
    words = ["--no-overlay", "--preset", "offline", "--min-joint", "0.3", "--refine", "median"]
    assert main([*line, *words]) == 0

    in_memory = posetube.track(
        line[1],
        model=model,
        link=posetube.LinkConfig(preset="offline"),
        min_joint=0.3,
        refine="median",
    )

    stored = posetube.load(line[-1])
    assert stored.states is not None
    assert stored.states.any()
    np.testing.assert_allclose(stored.keypoints, in_memory.keypoints, atol=1e-3)
