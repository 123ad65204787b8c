"""Commands that need no PyTorch: they neither import it nor miss it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.models3d.runtimes.foreign_files import constant_file, levels, margins

BLOCKED = """
import sys
sys.modules["torch"] = sys.modules["torchvision"] = None  # importing them fails
from posetube.pipelines.cli import main
for line in sys.argv[1:]:
    code = main(line.split("|"))
    assert code == 0, (line, code)
"""


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    """Commands in a process that cannot import torch, their words joined by ``|``."""
    return subprocess.run(
        [sys.executable, "-P", "-c", BLOCKED, *lines], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_video_is_tracked_linked_exported_and_evaluated(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    clip, out = make_clip(frames=3), tmp_path / "run"

    done = run(
        "--help",
        "models|list",
        "models|info|tiny",
        f"track|{clip}|-o|{out}|--device|cpu|--flip",
        f"link|{out}|--preset|offline",
        f"export|{out}|--to|csv",
        f"evaluate|{out}|{out}|--protocol|clean",
    )

    assert done.returncode == 0, done.stderr
    assert (out / "tracks.parquet").is_file()


def test_other_peoples_networks_run(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    boxes = np.array([[4, 2, 20, 30]], np.float32)
    detector = constant_file(tmp_path / "x.onnx", levels(boxes, [0.9]))
    places = np.full((17, 2), 50, np.float32)
    pose = constant_file(tmp_path / "y.onnx", margins(places), size=(256, 192))

    done = run(
        f"track|{make_clip(frames=3)}|-o|{tmp_path / 'run'}|--detector|{detector}|--pose|{pose}"
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_demo_says_what_was_found_and_where_the_overlay_lies(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    run_folder, truth, report = folder / "run", folder / "demo.json", folder / "report.json"

    done = run(
        f"demo|-o|{folder}|--device|cpu|--progress|none",
        f"evaluate|{run_folder}|{truth}|--protocol|clean|--json|{report}",
    )

    assert done.returncode == 0, done.stderr
    for word in ("tracks", "people found", "joints", "id switches", "MOTA ", "mAP ", "frames/s"):
        assert word in done.stdout
    assert "tiny by onnx on cpu" in done.stdout
    assert f"truth        {truth}" in done.stdout
    assert str(run_folder / "overlay.mp4") in done.stdout
    assert (run_folder / "overlay.mp4").exists()
    total = json.loads(report.read_text(encoding="utf-8"))["mota"]["total"]
    assert f"MOTA {total:.1f}," in done.stdout


def test_what_needs_torch_says_so(make_clip: Callable[..., Path]) -> None:
    done = run(f"track|{make_clip(frames=2)}|--device|cuda")

    assert "posetube track: this network or device needs PyTorch: pip install torch" in done.stderr
