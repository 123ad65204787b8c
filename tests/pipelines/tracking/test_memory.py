"""The job in processes of its own, to see how much memory it takes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TRACK = """
import sys
sys.path.insert(0, {tests!r})
from conftest import SquareFinder
from posetube.pipelines.tracking import track_command
from posetube.pipelines.cli import main
from posetube.models3d.devices import Device
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.manifest import ModelRecord

record = ModelRecord(name="squares", sha256="0" * 64, licence="none")
device = Device(name="cpu", reason="a test")
model = LoadedModel(network=SquareFinder(), record=record, device=device)
track_command.as_loaded = lambda *_, **__: model
sys.exit(main(["track", *sys.argv[1:]]))
"""


def peak_memory(clip: Path, run: Path) -> int:
    program = TRACK.format(tests=str(Path(__file__).parents[1]))
    words = [sys.executable, "-c", program, str(clip), "-o", str(run)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return int(usage.ru_maxrss)


@pytest.mark.slow
def test_a_clip_ten_times_as_long_takes_no_more_memory(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    short = peak_memory(make_clip("short.mp4", frames=250), tmp_path / "short")
    long = peak_memory(make_clip("long.mp4", frames=2500), tmp_path / "long")

    frames = 2250 * 96 * 160 * 3 / 1024  # of the rest, if they were kept: 100 MB
    assert long - short < 0.4 * frames
