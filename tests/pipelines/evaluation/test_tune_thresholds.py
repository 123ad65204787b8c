"""``evaluate --tune``: thresholds for MOTA and AP, which export cuts by."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import posetrack18_writer
from posetube.errors import FormatError, InputError
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.evaluation.evaluate_config import EvaluateConfig
from posetube.pipelines.evaluation.tune_thresholds import tune_thresholds
from posetube.pipelines.thresholds_file import read_thresholds
from posetube.structures import VideoTracks
from posetube.tracker.thresholds import ThresholdConfig

Tracks = Callable[..., VideoTracks]
NAME = "000001_mpii_test"


@pytest.fixture
def unsure(tracks: Tracks, tmp_path: Path) -> tuple[Path, Path]:
    """Truth, and predictions with a person too many (0.3) and wrong ankles (0.12)."""
    truth = tracks()
    found = replace(
        truth,
        scores=np.where(truth.track_ids == 3, 0.3, 0.9).astype(np.float32),
        keypoints=truth.keypoints.copy(),
        keypoint_scores=np.full(truth.keypoint_scores.shape, 0.79),
        head_boxes=None,
    )
    found.keypoints[found.track_ids == 3] += 5000
    found.keypoint_scores[found.track_ids == 3] = 0.78
    found.keypoints[:, truth.skeleton.index("left_ankle")] += 900
    found.keypoint_scores[:, truth.skeleton.index("left_ankle")] = 0.12
    for side, one in (("pred", found), ("gt", truth.select(truth.track_ids != 3))):
        posetrack18_writer.write_tracks(tmp_path / side / f"{NAME}.json", one)
    return tmp_path / "pred", tmp_path / "gt"


@pytest.mark.parametrize("protocol", ["clean", "poseval"])
def test_mota_leaves_out_what_is_unsure_and_ap_does_not(
    unsure: tuple[Path, Path], protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = unsure[0].parent
    words = ["evaluate", str(unsure[0]), str(unsure[1]), "--protocol", protocol, "--tune"]

    code = main([*words, "--thresholds", str(folder / "t.toml"), "--json", str(folder / "t.json")])

    printed = capsys.readouterr().out.splitlines()
    assert code == 0
    assert read_thresholds(folder / "t.toml", "mota") == ThresholdConfig(
        min_joint=0.15, min_track=0.35
    )
    assert printed[1].split() == ["best", "for", "min_joint", "min_track", "MOTA", "AP"]
    assert [line.split()[:3] for line in printed[3:5]] == [
        ["MOTA", "0.15", "0.35"],
        ["AP", "0.00", "0.00"],
    ]
    content = json.loads((folder / "t.json").read_text())
    assert content["best"]["mota"]["mota"] == pytest.approx(100 * 14 / 15)
    assert len(content["by_track_and_joint"]["ap"]) == len(content["thresholds"]) == 20


def test_export_cuts_at_the_thresholds_and_has_their_value(unsure: tuple[Path, Path]) -> None:
    pred, folder = unsure[0] / f"{NAME}.json", unsure[0].parent
    chosen = ["--thresholds", str(folder / "t.toml")]
    assert main(["evaluate", *map(str, unsure), "--tune", *chosen]) == 0
    (folder / "cut").mkdir()
    out = ["--to", "posetrack18", "-o", str(folder / "cut" / f"{NAME}.json")]

    assert main(["export", str(pred), *out, *chosen, "--best-for", "mota"]) == 0
    report = evaluate(folder / "cut", unsure[1])
    assert main(["export", str(pred), *out, "--min-joint", "0.15", "--min-track", "0.35"]) == 0

    best = tune_thresholds(*unsure, EvaluateConfig())
    assert report.total("mota") == pytest.approx(best.mota[best.best("mota")], abs=1e-9)
    assert report.total("mota") == pytest.approx(100 * 14 / 15)
    assert evaluate(folder / "cut", unsure[1]).metrics == report.metrics


@pytest.mark.slow
def test_processes_and_order_change_nothing(files: tuple[Path, Path]) -> None:
    one = tune_thresholds(*files, EvaluateConfig())
    two = tune_thresholds(*files, EvaluateConfig(workers=2))

    np.testing.assert_array_equal(one.mota, two.mota)
    np.testing.assert_array_equal(one.ap, two.ap)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tune", "--protocol", "posetrack21"], "chosen by poseval or clean, got posetrack21"),
        (["--tune", "--events", "e.csv"], "--events does not go with --tune"),
        (["--tune", "--upper-bounds"], "--upper-bounds does not go with --tune"),
        (["--thresholds", "t.toml"], "--thresholds is written with --tune"),
        (["--tune", "--split", "val"], "has no video of part 'val'; there is (none)"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(
    words: list[str],
    message: str,
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["evaluate", *map(str, files), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_tracks_without_scores_and_truth_without_frames_are_refused(
    tracks: Tracks, tmp_path: Path
) -> None:
    truth, nan = tracks(), np.float32(np.nan)
    blind = replace(
        truth,
        scores=np.full_like(truth.scores, nan),
        keypoint_scores=np.full_like(truth.keypoint_scores, nan),
    )
    with pytest.raises(FormatError, match="nobody has a score, by which a threshold could go"):
        tune_thresholds(blind, truth, EvaluateConfig())
    short = truth.take_frames(np.array([0]))
    with pytest.raises(InputError, match="MOTA is undefined by poseval here"):
        tune_thresholds(short, short, EvaluateConfig(protocol="poseval"))
    boxes: Any = tmp_path / "000001" / "gt"
    boxes.mkdir(parents=True)
    (boxes / "gt.txt").write_text("1,1,10,10,20,40,1,1,1\n")
    with pytest.raises(InputError, match="the truth holds boxes only; thresholds are chosen for"):
        tune_thresholds(truth, tmp_path, EvaluateConfig())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--best-for", "mota"], "--thresholds FILE and --best-for mota|ap go together"),
        (["--thresholds", "t.toml"], "--thresholds FILE and --best-for mota|ap go together"),
        (
            ["--thresholds", "t.toml", "--best-for", "ap", "--min-joint", "0.1"],
            "--thresholds stands for --min-joint and --min-track; give one",
        ),
        (["--thresholds", "t.toml", "--best-for", "ap"], "t.toml: no such file"),
        (["--min-track", "2"], "--min-track must be in [0, 1], got 2"),
        (["--split", "val"], "--split chooses among the sequences of --like"),
    ],
)
def test_thresholds_of_an_export_that_do_not_fit_are_one_line(
    words: list[str],
    message: str,
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    pred = files[0] / f"{NAME}.json"
    out = ["--to", "csv", "-o", str(files[0].parent / "out.csv")]

    assert main(["export", str(pred), *out, *words]) in (2, 5)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
