"""Measures ``posetube track`` as a user runs it: a process of its own, from a file to tracks."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from posetube.errors import PoseTubeError

from ..storage.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeRun:
    """What a run of its own took."""

    frames: int
    """Frames that were tracked."""

    start: float
    """Seconds from the start of the process until the first frame was done."""

    seconds: float
    """Seconds of the stages detect and link."""

    peak_bytes: int | None
    """Most memory that the process had; None where the system does not tell."""

    @property
    def rate(self) -> float:
        """Frames per second, from the file to tracks."""
        return self.frames / self.seconds


def whole_run(source: str, out: Path, words: Sequence[str] = ()) -> WholeRun:
    """Track a video without drawing it.

    Args:
        source: The video.
        out: The run's directory.
        words: More of the command's words.

    Raises:
        PoseTubeError: If the command fails.
    """
    command = [sys.executable, "-m", "posetube", "track", source, "-o", str(out), *words]
    began, start = time.perf_counter(), None
    with subprocess.Popen(
        [*command, "--no-overlay", "--progress", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if start is None and json.loads(line)["event"] == "progress":
                start = time.perf_counter() - began
        complaint = process.stderr.read()
        peak = _ended(process)
    if process.returncode or start is None:
        last = complaint.strip().rpartition("\n")[2]
        raise PoseTubeError(f"bench: the run of its own failed: {last or 'no frame was tracked'}")
    manifest = RunDirectory(out).read()
    return WholeRun(
        frames=manifest.frames.done,
        start=start,
        seconds=sum(manifest.stages[name].seconds for name in ("detect", "link")),
        peak_bytes=peak,
    )


def _ended(process: "subprocess.Popen[str]") -> int | None:
    """Wait for a process; its peak memory, bytes."""
    if not hasattr(os, "wait4"):  # Windows
        process.wait()
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
