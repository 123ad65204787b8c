"""A program that tracks clips of squares, slowly and in small parts, in several processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking import detect_stage, track_command

PROGRAM = """
import sys, time
sys.path.insert(0, {tests!r})
from conftest import SquareFinder
from posetube.models3d.devices import Device
from posetube.pipelines.cli import main
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.storage.manifest import ModelRecord
from posetube.pipelines.tracking import detect_stage, stretches, track_command

class SlowFinder(SquareFinder):
    def encode(self, images, *, embeddings=False):
        time.sleep({pause})
        return super().encode(images, embeddings=embeddings)

def load(*_, **__):
    detect_stage.PART_FRAMES, stretches.STRETCH_PARTS = 8, 2
    record = ModelRecord(name="squares", sha256="0" * 64, licence="none")
    device = Device(name="cpu", reason="a test")
    return LoadedModel(network=SlowFinder(), record=record, device=device)

track_command.as_loaded = load
if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program: ``program("track", clip, pause=0.01)``."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: object, pause: float = 0.0) -> subprocess.Popen[str]:
        script = tmp_path / f"program-{len(begun)}.py"
        tests = str(Path(__file__).parents[1])
        script.write_text(PROGRAM.format(tests=tests, pause=pause))
        process = subprocess.Popen(
            [sys.executable, str(script), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # signals to its group are not for the tests
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def track_here(
    monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., LoadedModel]
) -> Callable[..., int]:
    """Does what the program does, at once and in this process."""

    def track(*words: object) -> int:
        with monkeypatch.context() as patched:
            patched.setattr(detect_stage, "PART_FRAMES", 8)
            patched.setattr(track_command, "as_loaded", lambda *_, **__: make_model())
            return main([*map(str, words)])

    return track


def children(process: subprocess.Popen[str]) -> list[int]:
    """Numbers of a process's workers."""
    folder = Path(f"/proc/{process.pid}/task/{process.pid}")
    if not folder.is_dir():
        return []
    numbers = map(int, (folder / "children").read_text().split())
    return [number for number in numbers if "spawn_main" in _words(number)]


def _words(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_text()
    except OSError:
        return ""


def wait_for(what: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.005)


def alive(number: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def results(folder: Path) -> Mapping[str, bytes]:
    """What each run in a folder found, by file."""
    files = {}
    for path in sorted(folder.glob("*/run.json")):
        run = RunDirectory(path.parent)
        for file in [*run.detections.iterdir(), run.tracks, run.posetrack]:
            if file.exists():
                files[str(file.relative_to(folder))] = file.read_bytes()
    return files
