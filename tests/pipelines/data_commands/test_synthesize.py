"""``posetube data synthesize``, from the words to the files."""

from pathlib import Path

import pytest

from posetube.datasets.formats.posetrack18 import read
from posetube.pipelines.cli import main

SMALL = ["--size", "72", "128", "--seconds", "0.2", "--people", "2"]


def test_it_writes_as_many_videos_as_asked_for_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "synthesize", str(tmp_path), "--clips", "2", *SMALL]) == 0
    assert capsys.readouterr().out == f"{tmp_path}: 2 clips, 10 frames, layout video\n"
    assert len(list(tmp_path.glob("*.mp4"))) == 2
    assert len(read(tmp_path / "synthetic_0001.json").frames) == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--people", "12"], "--people must be in [1, 10], got 12"),
        (["--clips", "0"], "--clips must be at least 1, got 0"),
        (["--layout", "zip"], "zip"),
    ],
)
def test_impossible_wishes_are_one_line_and_exit_code_2(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "synthesize", str(tmp_path), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_truth_as_prediction_scores_a_hundred(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMALL, "--layout", "posetrack18", "--camera", "shake", "--roles", "stay"]
    assert main(["data", "synthesize", str(tmp_path), *words]) == 0
    labels = str(tmp_path / "annotations" / "train")
    capsys.readouterr()
    assert main(["evaluate", labels, labels]) == 0
    lines = capsys.readouterr().out.splitlines()
    mota = next(line.split() for line in lines if line.startswith("MOTA"))
    assert {float(number) for number in mota[1:]} == {100.0}
