"""The whole command, in a process that cannot import PyTorch."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from posetube.errors import PoseTubeError
from posetube.pipelines.bench.whole_run import whole_run
from posetube.pipelines.cli import main

BLOCKED = """
import sys
sys.modules["torch"] = sys.modules["torchvision"] = None  # importing them fails
from posetube.pipelines.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_video_is_measured_without_torch(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    words = ["bench", str(make_clip(frames=4)), "--frames", "3", "--json", str(file)]

    done = subprocess.run(
        [sys.executable, "-P", "-c", BLOCKED, *words, "--device", "cpu"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_bytes())
    assert (found["frames"], found["size"], found["runtime"]) == (3, [96, 160], "onnx")
    assert len(found["settings"]) == 6
    for name in ("network_rate", "pipeline_rate", "convolution_gflops", "start_seconds"):
        assert found[name] > 0
    for line in ("measures for linking", "file to tracks", "plain convolution", "--quality best"):
        assert line in done.stdout
    assert done.stdout.endswith(found["suggestion"] + "\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--frames", "1"], "--frames must be 2 or more, got 1"),
        (["camera:0"], "camera:0: bench takes one video, or a folder of numbered pictures"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    clip = [str(tmp_path / "none.mp4")] if words[0] == "--frames" else []

    assert main(["bench", *clip, *words]) == 2
    assert complaint in capsys.readouterr().err


def test_a_video_of_one_frame_is_too_short(
    make_clip: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["bench", str(make_clip(frames=1))])

    assert code != 0
    assert "bench needs two frames with a picture or more" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems may not tell")
def test_memory_is_that_of_the_run_and_not_of_who_started_it(
    make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    ballast = bytearray(b"x") * (1 << 29)

    run = whole_run(str(make_clip(frames=2)), tmp_path / "run", ["--device", "cpu"])

    assert run.frames == 2
    assert run.start > 0
    assert run.peak_bytes is not None
    assert 5e7 < run.peak_bytes < len(ballast)


@pytest.mark.slow
def test_a_run_of_its_own_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(PoseTubeError, match=r"bench: the run of its own failed: .*none\.mp4"):
        whole_run(str(tmp_path / "none.mp4"), tmp_path / "run")
