"""Several processes: the same files, whatever happens to one of them."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.workers.process_pool import GPUS, usable_gpus
from tests.pipelines.workers.conftest import alive, children, results, wait_for

ClipMaker = Callable[..., Path]
Program = Callable[..., subprocess.Popen[str]]
TrackHere = Callable[..., int]
PLAIN = ("--no-overlay", "--no-report")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="finds processes in /proc"),
]


@pytest.fixture
def clips(make_clip: ClipMaker, tmp_path: Path) -> Path:
    for number, frames in enumerate((25, 12, 20)):
        make_clip(f"clips/{number}.mp4", frames=frames, pan=2)
    return tmp_path / "clips"


def without_speed(text: str) -> list[str]:
    return re.sub(r"[0-9.]+ frames/s", "", text.replace(" 2 processes", "")).splitlines()


def test_files_lines_and_exit_code_are_those_of_one_after_the_other(
    clips: Path,
    program: Program,
    track_here: TrackHere,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (clips / "1b.mp4").write_bytes(b"no video at all")
    outs = tmp_path / "one", tmp_path / "two"

    assert track_here("track", clips, "missing.mp4", "-o", outs[0], "--overlay") == 4
    told = capfd.readouterr()
    two = program("track", clips, "missing.mp4", "-o", outs[1], "--overlay", "--processes", 2)
    told_by_two = two.communicate()

    assert two.returncode == 4
    assert results(outs[0]) == results(outs[1]) != {}
    for name in ("0", "1", "2"):
        assert {p.name for p in (outs[0] / name).iterdir()} == {
            p.name for p in (outs[1] / name).iterdir()
        }
    lines, lines_of_two = (
        without_speed(text[0].replace(str(out), ""))
        for text, out in zip((told, told_by_two), outs, strict=True)
    )
    table = next(i for i, line in enumerate(lines) if line.startswith("input"))
    assert lines[1:table] == lines_of_two[1:table]
    assert [line.split()[:3] for line in lines[table:]] == [
        line.split()[:3] for line in lines_of_two[table:]
    ]
    assert told.err == told_by_two[1]


def test_whoever_is_killed_is_named_and_its_video_goes_on_from_its_parts(
    clips: Path, program: Program, track_here: TrackHere, tmp_path: Path
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert track_here("track", clips, "-o", whole) == 0
    first = killed / "0" / "detections" / "part-00000.parquet"

    job = program("track", clips, "-o", killed, "--processes", 2, pause=0.05)
    wait_for(first.exists)
    [worker] = _owners(killed / "0" / "run.lock")
    written = first.stat().st_mtime_ns
    os.kill(worker, signal.SIGKILL)
    _, complaint = job.communicate()

    assert job.returncode == 0
    assert f"0: warning: process {worker} on " in complaint
    assert "was killed (SIGKILL); another goes on from the parts that are there" in complaint
    assert first.stat().st_mtime_ns == written
    assert results(killed) == results(whole)


def _owners(lock: Path) -> set[int]:
    """Processes that have a file open."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(os.readlink(one) == str(lock) for one in folder.iterdir()):
                found.add(int(folder.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_a_signal_to_all_stops_them_and_the_same_line_goes_on(
    clips: Path, program: Program, track_here: TrackHere, tmp_path: Path, number: signal.Signals
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert track_here("track", clips, "-o", whole) == 0
    words = ["track", clips, "-o", stopped, "--processes", 2]

    job = program(*words, pause=0.03)
    wait_for((stopped / "0" / "detections" / "part-00000.parquet").exists)
    workers = children(job)
    os.killpg(job.pid, number)
    _, complaint = job.communicate()

    assert job.returncode == 130
    assert "interrupted, what is done is kept. To go on: posetube track" in complaint
    assert "Traceback" not in complaint
    assert "warning" not in complaint
    assert not any(map(alive, workers))
    assert RunDirectory(stopped / "0").read().state == "partial"
    assert track_here(*words[:4]) == 0
    assert results(stopped) == results(whole)


def test_where_the_first_process_dies_the_others_end(
    clips: Path, program: Program, track_here: TrackHere, tmp_path: Path
) -> None:
    words = ["track", clips, "-o", tmp_path / "out", "--processes", 2]
    job = program(*words, pause=0.03)
    wait_for((tmp_path / "out" / "0" / "detections" / "part-00000.parquet").exists)
    workers = children(job)
    job.kill()

    wait_for(lambda: not any(map(alive, workers)))
    assert track_here(*words[:4]) == 0


def test_a_long_video_is_shared(
    make_clip: ClipMaker, program: Program, track_here: TrackHere, tmp_path: Path
) -> None:
    clip = make_clip(frames=90, pan=2)
    whole, cut = tmp_path / "whole" / "clip", tmp_path / "cut" / "clip"
    assert track_here("track", clip, "-o", whole, *PLAIN) == 0

    words = ["track", clip, "-o", cut, *PLAIN, "--processes", 3, "--progress", "json"]
    told, complaint = program(*words).communicate()

    events = [json.loads(line) for line in told.splitlines()]
    assert {e["run"] for e in events} >= {f"clip {n}/6" for n in range(1, 7)} | {"all", "clip"}
    assert complaint.startswith("squares on cpu (a test), 3 processes\nclip: 4 tracks, 90 frames")
    assert results(cut.parent) == results(whole.parent)
    manifests = [RunDirectory(path).read() for path in (whole, cut)]
    assert manifests[0].frames == manifests[1].frames
    assert manifests[0].state == manifests[1].state == "complete"


def test_whoever_is_killed_in_a_stretch_is_named_and_another_goes_on(
    make_clip: ClipMaker, program: Program, track_here: TrackHere, tmp_path: Path
) -> None:
    clip = make_clip("clip.mp4", frames=70, pan=2)
    whole, killed = tmp_path / "whole" / "clip", tmp_path / "killed" / "clip"
    assert track_here("track", clip, "-o", whole, *PLAIN) == 0

    job = program("track", clip, "-o", killed, *PLAIN, "--processes", 2, pause=0.03)
    wait_for(lambda: any((killed / "detections").glob("part-*")))
    os.kill(children(job)[0], signal.SIGKILL)
    _, complaint = job.communicate()

    assert job.returncode == 0
    assert "clip: warning: process " in complaint
    assert results(killed.parent) == results(whole.parent)


def test_weights_that_no_process_can_load_are_refused_in_one_line(
    clips: Path, tmp_path: Path
) -> None:
    words = ["track", clips, "-o", tmp_path / "out", "--model", "gone.pt", "--processes", "2"]
    job = [sys.executable, "-P", "-m", "posetube", *map(str, words)]
    done = subprocess.run(job, capture_output=True, text=True, check=False)

    assert done.returncode == 6
    assert done.stderr.count("\n") == 1
    assert "gone.pt" in done.stderr


def test_processes_take_turns_with_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GPUS, "2,5")
    assert usable_gpus() == ("2", "5")
    monkeypatch.setenv(GPUS, "1")
    assert usable_gpus() == ()
