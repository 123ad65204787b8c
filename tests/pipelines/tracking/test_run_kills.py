"""Kills the job at random moments of every stage, and looks whether the run ends as it should."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import detect_stage, track_command

SLOW_TRACK = """
import sys, time
sys.path.insert(0, {tests!r})
from conftest import SquareFinder
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.manifest import ModelRecord
from posetube.pipelines.storage.recorder import Recorder
from posetube.pipelines.tracking import detect_stage, track_command
from posetube.models3d.devices import Device

def slow(self, done, fast=Recorder.progress):
    time.sleep(0.004)
    fast(self, done)

Recorder.progress = slow
detect_stage.PART_FRAMES = 8
record = ModelRecord(name="squares", sha256="0" * 64, licence="none")
device = Device(name="cpu", reason="a test")
model = LoadedModel(network=SquareFinder(), record=record, device=device)
track_command.as_loaded = lambda *_, **__: model
sys.exit(main(sys.argv[1:]))
"""

FRAMES = 60


def begun(run: RunDirectory) -> list[str]:
    """The stages that a process has begun, by its events."""
    lines = run.events.read_text().splitlines() if run.events.exists() else []
    events = [json.loads(line) for line in lines if line.endswith("}")]
    return [event["stage"] for event in events if event["event"] == "stage"]


def kill_in(stage: str, words: list[str], run: RunDirectory, *, after: float) -> bool:
    """Start the job, and kill it so many seconds after a stage began; whether it was at work."""
    program = SLOW_TRACK.format(tests=str(Path(__file__).parents[1]))
    process = subprocess.Popen([sys.executable, "-c", program, *words], stdout=subprocess.DEVNULL)
    while stage not in begun(run) and process.poll() is None:
        time.sleep(0.002)
    time.sleep(after)
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


def results(run: RunDirectory) -> Mapping[str, bytes]:
    files = [*run.detections.glob("part-*"), run.tracks, run.posetrack]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "kills"), [("detect", 2), ("link", 2), ("render", 2)], ids=lambda value: str(value)
)
def test_a_run_killed_in_any_stage_ends_as_one_that_was_not(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    kills: int,
) -> None:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 8)
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())
    clip, rng = make_clip(frames=FRAMES, pan=2), np.random.default_rng()
    whole = RunDirectory(tmp_path / "whole")
    assert main(["track", str(clip), "-o", str(whole.path)]) == 0

    for number in range(kills):
        run = RunDirectory(tmp_path / str(number))
        words = ["track", str(clip), "-o", str(run.path)]
        kill_in(stage, words, run, after=float(rng.uniform(0, 0.3)))
        assert main(words) == 0
        assert run.read().state == "complete"
        assert results(run) == results(whole)
        assert {p.name for p in run.path.iterdir()} == {p.name for p in whole.path.iterdir()}
