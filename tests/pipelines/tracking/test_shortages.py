"""Runs that memory, the disk or file handles run out for: exit 7, one line, and the run goes on."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import track_command
from tests.pipelines.conftest import ClipMaker

resource = pytest.importorskip("resource", reason="limits as POSIX has them")

TRACK = """
import resource, sys
sys.path.insert(0, {tests!r})
from conftest import SquareFinder
from posetube.datasets.video import writer
from posetube.models3d.devices import Device
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage import detections_store, tracks_store
from posetube.pipelines.storage.manifest import ModelRecord
from posetube.pipelines.tracking import camera_motion, track_command

record = ModelRecord(name="squares", sha256="0" * 64, licence="none")
device = Device(name="cpu", reason="a test")
model = LoadedModel(network=SquareFinder(), record=record, device=device)
track_command.as_loaded = lambda *_, **__: model
{limit}
sys.exit(main(sys.argv[1:]))
"""

MEMORY = """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
most = int(status["VmSize"].split()[0]) * 1024 + {left} * 1_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""
FILE_SIZE = "resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}))"
HANDLES = """
import os
used = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + {left}, used + {left}))
"""

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def words(clip: Path, run: Path) -> list[str]:
    return ["track", str(clip), "-o", str(run), "--progress", "none"]


def run_with(limit: str, clip: Path, run: Path) -> subprocess.CompletedProcess[str]:
    """The line in a process of its own, which the limit binds."""
    program = TRACK.format(tests=str(Path(__file__).parents[1]), limit=limit)
    return subprocess.run(
        [sys.executable, "-c", program, *words(clip, run)],
        capture_output=True,
        text=True,
        check=False,
    )


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    "limit",
    [
        *(MEMORY.format(left=left) for left in (20, 300, 550, 650)),
        *(FILE_SIZE.format(most=most) for most in (100, 6_000)),
        *(HANDLES.format(left=left) for left in (1, 2, 4)),
    ],
)
def test_a_run_that_something_runs_out_for_says_so_and_goes_on(
    limit: str,
    make_clip: ClipMaker,
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())
    clip, short, whole = make_clip(frames=12), tmp_path / "short", tmp_path / "whole"

    ended = run_with(limit, clip, short)

    assert ended.returncode in (0, 7), ended.stderr
    if ended.returncode:
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert "run the same line again, it goes on" in ended.stderr
    assert main(words(clip, short)) == 0
    assert main(words(clip, whole)) == 0
    assert RunDirectory(short).tracks.read_bytes() == RunDirectory(whole).tracks.read_bytes()
