"""Corrections of a run: kept, replayed after linking and refining, undone to the same bytes."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import posetube
from posetube.pipelines.cli import main
from posetube.pipelines.editing.edited_run import EditedRun
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.refining import refine_stage
from posetube.pipelines.refining.refined_frames import refined_frames
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import track_command
from posetube.structures import FramePoses
from tests.pipelines.editing.conftest import FRAMES

NAMES = ("tracks.parquet", "tracks.json")


def edit(run: Path, *words: str) -> int:
    return main(["edit", str(run), *words, "--progress", "none"])


def files(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in NAMES]


def test_corrections_are_in_the_tracks_and_undone_to_the_same_bytes(run: Path) -> None:
    linked = files(run)
    first, second = posetube.load(run).ids.tolist()

    assert edit(run, "split", str(first), "@2s") == 0
    split = files(run)
    assert edit(run, "rename", str(second), "anna") == 0
    named = files(run)
    tracks = posetube.load(run)

    assert len(tracks) == 3
    assert tracks.track_names == {second: "anna"}
    assert json.loads((run / "run.json").read_text())["tracks"] == 3
    assert edit(run, "undo") == 0
    assert files(run) == split
    assert edit(run, "undo") == 0
    assert files(run) == linked
    assert edit(run, "redo") == edit(run, "redo") == 0
    assert files(run) == named


def test_frames_that_were_not_looked_at_stay_out(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())
    run = tmp_path / "run"
    words = ["--every", "2", "--no-overlay", "--no-report", "--refine", "none"]
    assert main(["track", str(make_clip(frames=9)), "-o", str(run), *words]) == 0
    linked = files(run)

    assert edit(run, "rename", "1", "anna") == edit(run, "undo") == 0

    assert files(run) == linked


def test_what_was_corrected_is_listed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit(run) == 0
    assert edit(run, "merge", "1", "2") == 2
    assert "track 1 would be twice in 40 frames" in capsys.readouterr().err
    assert edit(run, "split", "1", "@2s") == edit(run, "keep", "1") == edit(run, "undo") == 0
    capsys.readouterr()

    assert edit(run, "list") == 0

    assert capsys.readouterr().out == "1. split 1 @2s\nundone: keep 1\n"
    assert edit(run, "delete 1 @1s..3s") == 0
    assert edit(run, "redo") == 2
    assert "there is nothing to redo" in capsys.readouterr().err


def test_corrections_survive_another_linking_where_they_can(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(run, "split", "1", "@2s") == edit(run, "rename", "2", "anna") == 0
    corrected = files(run)

    assert main(["link", str(run), "--preset", "paper", "--link.paper.min-score", "0.1"]) == 0
    again = posetube.load(run)
    assert len(again) == 3
    assert [*again.track_names.values()] == ["anna"]
    capsys.readouterr()
    # pieces of the two people: what was said of whole tracks makes no sense any more
    assert main(["link", str(run), "--preset", "paper", "--link.paper.min-score", "1"]) == 0

    said = capsys.readouterr().err
    assert "left out 'split 1 @2s': its tracks are other ones now" in said
    assert "left out 'rename 2 anna': its tracks are other ones now" in said
    assert main(["link", str(run), "--preset", "offline"]) == 0
    assert files(run) == corrected


def test_joints_are_placed_after_refining(run: Path) -> None:
    assert main(["refine", str(run), "--refine", "kalman"]) == 0
    refined = posetube.load(run)

    assert edit(run, "move", "1", "left_wrist", "@2s", "300,200") == 0
    moved = posetube.load(run)
    assert main(["refine", str(run), "--refine", "median"]) == 0

    place = moved.skeleton.joints.index("left_wrist")
    row = np.flatnonzero((moved.frame == 20) & (moved.track_ids == 1))[0]
    for tracks in (moved, posetube.load(run)):
        assert tracks.keypoints[row, place].tolist() == [300, 200]
        assert tracks.keypoint_scores[row, place] == 1
    others = np.ones(moved.keypoints.shape[:2], bool)
    others[row, place] = False
    np.testing.assert_array_equal(moved.keypoints[others], refined.keypoints[others])
    assert edit(run, "undo") == 0
    assert main(["refine", str(run), "--refine", "kalman"]) == 0
    np.testing.assert_array_equal(posetube.load(run).keypoints, refined.keypoints)


def test_exports_evaluation_and_a_second_job_see_the_corrected_tracks(run: Path) -> None:
    assert main(["export", str(run), "--to", "csv"]) == 0
    assert edit(run, "keep", "2") == 0

    assert not (run / "tracks-export.csv").exists()  # made of the old tracks
    assert main(["export", str(run), "--to", "csv"]) == 0
    assert posetube.load(run / "tracks-export.csv").ids.tolist() == [2]
    assert main(["edit", str(run), "undo"]) == 0
    assert len(posetube.load(run)) == 2


@pytest.mark.parametrize("again", ["refine {run} --refine none", "edit {run}"])
def test_a_job_that_was_killed_before_its_end_is_made_up_for(
    again: str, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    linked = files(run)
    assert edit(run, "keep", "2") == 0
    journal = (run / "edits.jsonl").read_bytes()
    corrected = files(run)
    assert edit(run, "undo") == 0
    assert files(run) == linked
    # as a kill leaves it: the correction is noted, the tracks do not have it yet
    (run / "edits.jsonl").write_bytes(journal)

    with caplog.at_level("WARNING"):
        assert len(posetube.load(run)) == 2
    assert "the last corrections are not in the tracks yet" in caplog.text

    assert main(again.format(run=run).split()) == 0

    assert files(run) == corrected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"edits": [{"edit": 1}]}\n', "line 1 is no correction"),
        (b"\xff\n", "line 1 is no correction"),
    ],
)
def test_a_damaged_journal_is_refused(
    run: Path, line: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    linked = files(run)
    (run / "edits.jsonl").write_bytes(line)

    assert edit(run, "list") == 2
    assert edit(run, "keep", "1") == 2

    assert message in capsys.readouterr().err
    assert files(run) == linked


def test_only_a_run_is_corrected(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(tmp_path / "walk.json", "keep", "1") == 2
    assert "is no run; `posetube link" in capsys.readouterr().err
    assert RunDirectory(run).owns(run / "edits.jsonl")
    assert RunDirectory(run).owns(run / "linked.parquet")


def test_tracking_anew_keeps_what_people_corrected(run: Path, tmp_path: Path) -> None:
    assert edit(run, "keep", "2") == 0

    found = str(tmp_path / "walk.json")
    again = ["link", found, "-o", str(run), "--frame-rate", "10", "--on-existing", "overwrite"]
    assert main(again) == 0

    assert (run / "edits.jsonl").exists()
    assert posetube.load(run).ids.tolist() == [2]


@pytest.mark.parametrize("chain", ["kalman", "savitzky-golay,fill-gaps", "one-euro"])
def test_tracks_that_nobody_corrected_are_not_refined_again(
    run: Path, chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = posetube.load(run).ids.tolist()
    assert main(["refine", str(run), "--refine", chain]) == 0
    refined, seen = files(run), []

    def watched(frames: Iterable[FramePoses], **rest: Any) -> Iterator[FramePoses]:
        for poses in refined_frames(frames, **rest):
            seen.extend(poses.track_ids.tolist())
            yield poses

    monkeypatch.setattr(refine_stage, "refined_frames", watched)
    assert edit(run, "split", str(first), "@2s") == edit(run, "rename", str(second), "anna") == 0
    corrected = files(run)

    assert second not in seen
    assert {first, 3} <= {*seen}
    monkeypatch.setattr(EditedRun, "touched", property(lambda self: np.full(2 * FRAMES, True)))
    assert edit(run, "undo") == edit(run, "redo") == 0
    assert files(run) == corrected
    assert edit(run, "undo") == edit(run, "undo") == 0
    assert files(run) == refined


def test_after_other_refiners_everybody_is_refined_once(run: Path) -> None:
    first, _ = posetube.load(run).ids.tolist()
    assert edit(run, "split", str(first), "@2s") == 0
    assert main(["refine", str(run), "--refine", "median"]) == 0
    corrected = files(run)
    assert edit(run, "undo") == 0
    plain = files(run)

    assert main(["refine", str(run), "--refine", "none"]) == 0
    assert main(["refine", str(run), "--refine", "median"]) == 0
    assert files(run) == plain
    assert edit(run, "redo") == 0
    assert files(run) == corrected


def test_what_was_stopped_while_refining_is_finished_by_a_look_at_the_corrections(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = posetube.load(run).ids.tolist()
    assert main(["refine", str(run), "--refine", "median"]) == 0
    assert edit(run, "split", str(first), "@2s") == 0
    corrected = files(run)
    assert edit(run, "undo") == 0

    with monkeypatch.context() as stopped:

        def stop(*_: Any, **__: Any) -> Iterator[FramePoses]:
            raise Interrupted("interrupted, what is done is kept")

        stopped.setattr(refine_stage, "refined_frames", stop)
        assert edit(run, "split", str(first), "@2s") == 130
    assert f"To go on: posetube edit {run}\n" in capsys.readouterr().err
    assert files(run) != corrected
    assert edit(run) == 0

    assert "1. split" in capsys.readouterr().out
    assert files(run) == corrected
