"""What tracking would do, said without doing it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.tracking import detect_stage, track_command

ClipMaker = Callable[..., Path]


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., LoadedModel]) -> None:
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 8)


@pytest.mark.slow
def test_a_plan_says_what_each_input_needs_and_how_long_all_take(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for name, frames in (("done", 10), ("more", 20), ("new", 30), ("other", 10)):
        make_clip(f"clips/{name}.mp4", frames=frames)
    clips = tmp_path / "clips"
    (clips / "broken.mp4").write_bytes(b"no video at all")
    for name in ("done", "more"):
        words = ["-o", str(out / name), "--no-overlay", "--no-report"]
        assert main(["track", str(clips / f"{name}.mp4"), *words]) == 0
    assert main(["track", str(clips / "other.mp4"), "-o", str(out / "other"), "--every", "2"]) == 0
    last = out / "more" / "detections" / "part-00002.parquet"
    manifest = out / "more" / "run.json"
    manifest.write_text(manifest.read_text().replace('"done": true', '"done": false'))
    last.unlink()
    before = sorted(path for path in out.rglob("*"))
    capsys.readouterr()

    assert main(["track", str(clips), "-o", str(out), "--dry-run", "--processes", "2"]) == 4

    told = capsys.readouterr()
    assert sorted(path for path in out.rglob("*")) == before
    lines = told.out.splitlines()
    assert [line.split() for line in lines[1:5]] == [
        ["input", "would", "frames", "done"],
        ["done", "nothing", "10", "10"],
        ["more", "go", "on", "20", "20"],
        ["new", "begin", "30", "0"],
    ]
    assert lines[5] == "2 of 5 inputs have something to do: 30 frames"
    assert re.fullmatch(
        r"about \d+:\d\d with 2 processes, and \d+\.\d MB of results: \d+\.\d frames/s per process "
        r"and \d+\.\d kB per frame, measured here by tracking the first 30 frames of new in "
        r"\d+\.\d s",
        lines[6],
    )
    assert "broken.mp4" in told.err
    assert "other was made differently: every was 2, is now 1" in told.err


@pytest.mark.slow
def test_a_trial_looks_at_the_first_frames_alone(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = str(make_clip(frames=100))

    assert main(["track", clip, "-o", str(tmp_path / "run"), "--dry-run"]) == 0
    assert "by tracking the first 64 frames of clip in" in capsys.readouterr().out
    assert main(["track", clip, "-o", str(tmp_path / "run")]) == 0
    again = ["track", clip, "-o", str(tmp_path / "run"), "--dry-run"]
    assert main(again) == 0
    assert "0 of 1 inputs have something to do" in capsys.readouterr().out
    assert main([*again, "--on-existing", "overwrite", "--progress", "json"]) == 0
    told = capsys.readouterr()
    assert "clip   start again" in told.err
    assert told.out == ""


def test_a_stretch_beyond_the_end_is_refused_as_the_run_refuses_it(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short, long = make_clip("short.mp4", frames=5), make_clip("long.mp4", frames=20)
    words = ["--start", "0.5", "--no-overlay", "--no-report", "-o", str(tmp_path / "out")]
    dry, told = [], []
    for inputs, code in (([short], 5), ([short, long], 4)):
        line = ["track", *map(str, inputs), *words]
        assert main([*line, "--dry-run"]) == code
        dry.append(capsys.readouterr())
        assert not (tmp_path / "out").exists()
        assert main(line) == code
        told.append(capsys.readouterr())
        shutil.rmtree(tmp_path / "out", ignore_errors=True)

    assert [one.err for one in dry] == [one.err for one in told]
    assert re.fullmatch(
        r"posetube track: \S+short.mp4: there is no frame in the stretch that was asked for; .* "
        r"the last one is 0\.160 s after it .*\n",
        dry[0].err,
    )
    assert "begin" not in dry[0].out
    lines = dry[1].out.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["input", "would", "frames", "done"],
        ["long", "begin", "8", "0"],
    ]
    assert lines[3] == "1 of 2 inputs have something to do: 8 frames"


def test_to_start_again_beyond_the_end_is_refused(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["track", str(make_clip(frames=5)), "--no-overlay", "--no-report"]
    line += ["-o", str(tmp_path / "run")]
    assert main(line) == 0
    begun = (tmp_path / "run" / "run.json").read_text()
    again = [*line, "--start", "9", "--dry-run", "--on-existing", "overwrite"]

    assert main(again) == 5

    assert "no frame in the stretch that was asked for" in capsys.readouterr().err
    assert (tmp_path / "run" / "run.json").read_text() == begun
