"""Measures ``posetube track`` as a user runs it: a process of its own, from a file to tracks."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from posetube.errors import PoseTubeError

from ..storage.run_directory import RunDirectory

TRACK = """
import sys
from posetube.pipelines.cli import main
code = main(sys.argv[1:])
from posetube.pipelines.bench.whole_run import peak_memory
print('{"event": "peak", "bytes": %s}' % (peak_memory() or "null"))
sys.exit(code)
"""
"""The command, which then tells its memory: what a parent is told of a child includes the parent's
own memory at the time when it began the child."""


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
    command = [sys.executable, "-P", "-c", TRACK, "track", source, "-o", str(out), *words]
    began, start, peak = time.perf_counter(), None, None
    with subprocess.Popen(
        [*command, "--no-overlay", "--no-report", "--progress", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            said = json.loads(line)
            if start is None and said["event"] == "progress":
                start = time.perf_counter() - began
            peak = said.get("bytes", peak)
        complaint = process.stderr.read()
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


def peak_memory() -> int | None:
    """Most memory that this process had, bytes; None where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
