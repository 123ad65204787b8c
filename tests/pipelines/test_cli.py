import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from posetube.errors import WeightsError
from posetube.pipelines import cli
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.progress import JsonLines
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import track_command
from posetube.tracker.refiners.refine_config import OF_HEATMAPS, OF_JOINTS

ClipMaker = Callable[..., Path]


@pytest.fixture(autouse=True)
def _squares(monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., LoadedModel]) -> None:
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())


def test_help_names_the_commands_without_importing_them() -> None:
    program = (
        "import sys; from posetube.pipelines.cli import main; code = main(['--help']); "
        "heavy = {'torch', 'av', 'cv2', 'pyarrow', 'posetube.pipelines.tracking.track_input'}; "
        "loaded = heavy & {*sys.modules}; "
        "sys.exit(code or len(loaded))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    for name, _, line in cli.COMMANDS:
        assert f" {name} " in done.stdout
        assert line in done.stdout


@pytest.mark.parametrize(
    ("chosen", "used"),
    [
        ({}, ["system", "1"]),
        ({"ARROW_DEFAULT_MEMORY_POOL": "mimalloc"}, ["mimalloc", "1"]),
        ({"OPENCV_FOR_THREADS_NUM": "3"}, ["system", "3"]),
    ],
)
def test_libraries_are_told_where_to_take_memory_and_threads_unless_somebody_has_told_them(
    chosen: dict[str, str], used: list[str]
) -> None:
    program = (
        "from posetube.pipelines.cli import main; main(['--version']); import cv2, pyarrow; "
        "print(pyarrow.default_memory_pool().backend_name, cv2.getNumThreads())"
    )
    there = {name: value for name, value in os.environ.items() if name not in cli.LIBRARIES}
    done = subprocess.run(
        [sys.executable, "-c", program], env=there | chosen, check=True, capture_output=True
    )
    assert done.stdout.decode().split()[-2:] == used


@pytest.mark.parametrize(
    ("words", "line", "more"),
    [
        (["train"], "Train a network on pictures or clips", "goes on with a run that was stopped"),
        (["data", "convert"], "Read one video's people, or a data set", "the exit code is then 3"),
        (["data", "preview"], "Draw a page of pictures", "--pictures"),
    ],
)
def test_a_commands_own_help_is_all_that_is_to_be_known(
    words: list[str], line: str, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0

    said = " ".join(capsys.readouterr().out.split())
    assert line in said
    assert more in said


def test_a_video_is_tracked_into_the_folder_that_was_named(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["track", str(make_clip(frames=6)), "-o", str(tmp_path / "run")])

    said = capsys.readouterr()
    assert code == 0
    assert said.out.splitlines()[0] == "squares on cpu (a test)"
    assert said.out.splitlines()[1].startswith("clip: 2 tracks, 6 frames (0 corrupt), ")
    assert said.out.splitlines()[1].endswith("run/report.html")
    assert said.err == ""


def test_several_inputs_have_a_folder_each_and_the_others_go_on_when_one_fails(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, last = make_clip("a.mp4", frames=4), make_clip("c.mp4", frames=4)
    (tmp_path / "b.mp4").write_text("this is no video at all")
    inputs = [str(first), str(tmp_path / "b.mp4"), str(tmp_path / "gone.mp4"), str(last)]

    code = main(["track", *inputs, "-o", str(tmp_path / "o")])

    said = capsys.readouterr()
    assert code == 4
    assert [RunDirectory(tmp_path / "o" / name).read().state for name in "ac"] == ["complete"] * 2
    assert not (tmp_path / "o" / "a" / "overlay.mp4").exists()
    gone, broken = said.err.splitlines()
    assert gone.startswith("posetube track: ")
    assert gone.endswith("gone.mp4: no such file or folder")
    assert "b.mp4: not a video in a supported format" in broken


def test_an_input_that_cannot_be_read_is_one_line_and_5(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", str(tmp_path / "no.mp4")]) == 5
    said = capsys.readouterr().err
    assert said.startswith("posetube track: ")
    assert said.count("\n") == 1


def test_frames_that_are_lost_end_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    (tmp_path / "frames").mkdir()
    for number in (1, 2, 4):
        path = tmp_path / "frames" / f"{number:03d}.png"
        cv2.imwrite(str(path), np.full((40, 60, 3), 40, np.uint8))

    assert main(["track", str(tmp_path / "frames"), "-o", str(tmp_path / "run")]) == 3
    assert "4 frames (0 corrupt, 1 missing)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--link.maxgap", "1"], "Did you mean --link.max-gap"),
        (["--every", "x"], "--every"),
        (["--every", "0"], "--every must be 1 or more, got 0"),
        (["--start", "soon"], "expected a time such as 12.5s or 00:01:02, got 'soon'"),
        (["--on-existing", "maybe"], "--on-existing"),
        (["--link.min-score", "7"], r"--link.min-score must be in \[0, 1\], got 7"),
    ],
)
def test_wrong_options_are_2_and_say_what_is_right(
    make_clip: ClipMaker, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["track", str(make_clip(frames=2)), *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("posetube track: ")
    assert said.count("\n") == 1
    assert message.replace("\\", "") in said


def test_a_command_that_does_not_exist_names_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["trakc"]) == 2
    assert 'Did you mean "track"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nosuch", "posetube: Unknown command"),
        ("nosuch", " and more. See `posetube --help`."),
        ("track a --nosuch 1", "Did you mean --out? See `posetube track --help`."),
        ("track a --overlay.sure-joint nan", "--overlay.sure-joint must be in [0, 1], got nan"),
        ("data nosuch", "See `posetube data --help`."),
        ("data check", "posetube data check: SOURCE is missing. See `posetube data check --help`."),
        ("export run", "posetube export: --to is missing. See `posetube export --help`."),
        ("track a --start soon", "got 'soon'. See `posetube track --help`."),
        ("models info", "posetube models info: NAME is missing."),
    ],
)
def test_errors_name_the_whole_command(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("help", "Usage: posetube COMMAND"),
        ("help data check", "Usage: posetube data check"),
        ("track --help", "--link.max-gap TIME"),
        ("data archive --help", "[choices: train, val, test]"),
    ],
)
def test_help_says_what_is_a_time_and_what_can_be_chosen(
    line: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(line.split()) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("command", ["track", "refine"])
def test_help_names_all_refiners(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert f"{', '.join(OF_HEATMAPS)} (these work on heatmaps" in said
    assert f"; {', '.join(OF_JOINTS)}; or none" in said


def test_times_may_be_written_as_people_write_them(make_clip: ClipMaker, tmp_path: Path) -> None:
    words = ["--start", "00:00:00.2", "--end", "400ms", "--link.max-gap", "1.5s"]

    assert main(["track", str(make_clip(frames=20)), "-o", str(tmp_path / "run"), *words]) == 0

    manifest = RunDirectory(tmp_path / "run").read()
    assert (manifest.settings.video.start, manifest.settings.video.end) == (0.2, 0.4)
    assert manifest.settings.link.max_gap == 1.5
    assert manifest.frames.done == 5


def test_weights_that_are_missing_are_6(
    make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(model: str, **_: object) -> LoadedModel:
        raise WeightsError(f"no model {model!r}")

    monkeypatch.setattr(track_command, "as_loaded", missing)

    assert main(["track", str(make_clip(frames=2)), "--model", "none"]) == 6
    assert capsys.readouterr().err == "posetube track: no model 'none'\n"


def test_a_bug_is_1_and_its_traceback_goes_to_a_file(
    make_clip: ClipMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_model: Callable[..., LoadedModel],
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = make_model()

    def broken(images: object, *, embeddings: bool) -> list[object]:
        raise ZeroDivisionError("one by nothing")

    monkeypatch.setattr(model.network, "encode", broken)
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: model)

    assert main(["track", str(make_clip(frames=2)), "-o", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err
    log = tmp_path / "run" / "logs" / "posetube-error.log"
    assert said.startswith("posetube track: unexpected ZeroDivisionError: one by nothing.")
    assert str(log) in said
    assert "Traceback" in log.read_text()
    assert RunDirectory(tmp_path / "run").read().state == "failed"


def test_memory_that_runs_out_is_7(
    make_clip: ClipMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_model: Callable[..., LoadedModel],
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = make_model()

    def hungry(images: object, *, embeddings: bool) -> list[object]:
        raise MemoryError

    monkeypatch.setattr(model.network, "encode", hungry)
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: model)

    assert main(["track", str(make_clip(frames=2)), "-o", str(tmp_path / "run")]) == 7
    assert "memory ran out" in capsys.readouterr().err


def test_skip_leaves_what_is_there(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["track", str(make_clip(frames=4)), "-o", str(tmp_path / "run")]
    main(words)
    (tmp_path / "run" / "tracks.parquet").write_text("mine")

    assert main([*words, "--on-existing", "skip"]) == 0
    assert (tmp_path / "run" / "tracks.parquet").read_text() == "mine"
    assert "skipped" in capsys.readouterr().out


def test_json_progress_leaves_stdout_to_machines(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--progress", "json", "-o", str(tmp_path / "run")]

    assert main(["track", str(make_clip(frames=4)), *words]) == 0

    lines = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"event": "stage", "run": "clip", "stage": "detect", "done": 0, "total": 4}
    assert (lines[-1]["event"], lines[-1]["state"]) == ("end", "complete")


def test_a_run_is_linked_and_drawn_again(
    make_clip: ClipMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    main(["track", str(make_clip(frames=6)), "-o", run])

    assert main(["link", run, "--link.max-gap", "2s"]) == 0
    assert main(["render", run, "--overlay.trail", "500ms"]) == 0
    assert main(["link", str(tmp_path)]) == 2

    said = capsys.readouterr()
    assert "a folder of runs; name one of them, such as" in said.err
    assert said.out.splitlines()[-1].endswith("overlay.mp4")


def test_help_whose_reader_goes_away_ends_quietly() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "posetube", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""

    assert process.returncode == 141


def test_lines_that_nobody_reads_are_141(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "boxes.txt").write_text("1,-1,100,50,40,100,0.97\n")
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)

        assert main(["link", str(tmp_path / "boxes.txt"), "-o", str(tmp_path / "run")]) == 141


def test_a_run_whose_reader_goes_away_counts_as_stopped_and_goes_on(
    make_clip: ClipMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(line: str, progress: object) -> None:
        raise BrokenPipeError

    clip, run = str(make_clip(frames=6)), RunDirectory(tmp_path / "run")
    with monkeypatch.context() as patched, (tmp_path / "said.txt").open("w") as said:
        patched.setattr(JsonLines, "__call__", gone)
        patched.setattr(sys, "stdout", said)  # what is let go of must not be the tests' own output
        assert main(["track", clip, "-o", str(run.path), "--progress", "json"]) == 141
        assert run.read().state == "partial"

    assert main(["track", clip, "-o", str(run.path)]) == 0
    assert run.read().state == "complete"


SLOW_TRACK = """
import sys, time
sys.path.insert(0, {tests!r})
from conftest import SquareFinder
from posetube.pipelines.tracking import detect_stage, track_command
from posetube.pipelines.cli import main
from posetube.models3d.devices import Device
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.manifest import ModelRecord

class Slow(SquareFinder):
    def encode(self, images, *, embeddings=False):
        time.sleep(0.01)
        return super().encode(images, embeddings=embeddings)

detect_stage.PART_FRAMES = 8
record = ModelRecord(name="squares", sha256="0" * 64, licence="none")
device = Device(name="cpu", reason="a test")
model = LoadedModel(network=Slow(), record=record, device=device)
track_command.as_loaded = lambda *_, **__: model
sys.exit(main(sys.argv[1:]))
"""


def start(words: list[str]) -> "subprocess.Popen[str]":
    program = SLOW_TRACK.format(tests=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_finishes_the_part_and_says_how_to_go_on(
    make_clip: ClipMaker, tmp_path: Path, number: signal.Signals
) -> None:
    words = ["track", str(make_clip(frames=60)), "-o", str(tmp_path / "run")]
    words += ["--on-existing", "overwrite"]
    process = start(words)
    wait_for(tmp_path / "run" / "detections" / "part-00000.parquet", process)
    process.send_signal(number)
    _, said = process.communicate()

    run = RunDirectory(tmp_path / "run")
    assert process.returncode == 130
    assert "finishing the part at hand" in said
    again = "posetube " + " ".join(words[:-2])
    assert said.splitlines()[-1] == (
        f"posetube track: interrupted, what is done is kept. To go on: {again}"
    )
    assert run.read().state == "partial"
    assert 0 < run.read().frames.done < 60
    assert main(words[:-2]) == 0
    assert run.read().frames.done == 60


@pytest.mark.slow
def test_a_second_interrupt_stops_at_once(make_clip: ClipMaker, tmp_path: Path) -> None:
    process = start(["track", str(make_clip(frames=60)), "-o", str(tmp_path / "run")])
    wait_for(tmp_path / "run" / "detections" / "part-00000.parquet", process)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, said = process.communicate()

    assert process.returncode == 130
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_as_one_that_was_not(
    make_clip: ClipMaker, make_model: Callable[..., LoadedModel], tmp_path: Path
) -> None:
    words = ["track", str(make_clip(frames=60, pan=2)), "-o"]
    whole, killed = RunDirectory(tmp_path / "whole"), RunDirectory(tmp_path / "killed")
    assert main([*words, str(whole.path)]) == 0
    rng = np.random.default_rng()

    for _ in range(10):
        process = start([*words, str(killed.path)])
        wait_for(killed.manifest, process)
        time.sleep(float(rng.uniform(0, 0.3)))
        process.kill()
        process.communicate()
        if killed.read().state == "complete":
            break
    assert main([*words, str(killed.path)]) == 0

    assert killed.read().state == "complete"
    assert killed.tracks.read_bytes() == whole.tracks.read_bytes()
    assert killed.posetrack.read_bytes() == whole.posetrack.read_bytes()
    left = {path.name for path in killed.path.rglob("*") if path.is_file()}
    assert not {name for name in left if "tmp" in name or name.startswith(".")}
