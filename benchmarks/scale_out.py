"""Measures many short videos: one process against several, and what a large job needs per clip.

Sixty clips of drawn people, one to three seconds long, 640 x 360; whole commands, in turns, so that
what else the machine does weighs on all. Results of all are compared byte for byte.

    python -m benchmarks.scale_out --record scale_out
    python -m benchmarks.scale_out --reckon scale_out     # the table of docs/many_videos.md

Takes a quarter of an hour on two quiet cores, ``--quick`` a minute.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.recording import RESULTS, write_record
from benchmarks.track_speed import write_clip
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.video.inputs import Input
from posetube.models3d.devices import usable_cores
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking.batch import InputOutcome
from posetube.pipelines.tracking.detect_stage import PART_FRAMES
from posetube.pipelines.tracking.track_input import TrackTask
from posetube.pipelines.watch import Watch
from posetube.pipelines.workers.scheduler import share_out
from posetube.pipelines.workers.worker_loop import Loaded, Message, WorkerTask

RATE, SIZE = 25.0, (360, 640)
SECONDS = (1.0, 2.0, 3.0)
"""Lengths of clips, in turn."""

TASKS = 20_000
"""Tasks that nobody does, to time who gives them out."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    clips: int
    runs: int


FULL, QUICK = Effort(60, 3), Effort(3, 1)


def write_clips(folder: Path, count: int) -> None:
    """Write clips of drawn people."""
    folder.mkdir()
    for number in range(count):
        seconds = SECONDS[number % len(SECONDS)]
        config = SceneConfig(people=2, seconds=seconds, rate=RATE, size=SIZE)
        images = (frame.image for frame in generate(config, seed=number).frames())
        write_clip(folder / f"{number:02d}.mp4", images, SIZE)


def tracked(clips: Sequence[Path], out: Path, processes: int) -> dict[str, float]:
    """Track clips as a user does; seconds, and the most memory of all processes together."""
    words = [sys.executable, "-P", "-m", "posetube", "track", *map(str, clips), "-o", str(out)]
    words += ["--processes", str(processes), "--no-overlay", "--no-report", "--progress", "none"]
    began, peak = time.perf_counter(), 0
    job = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while job.poll() is None:
        peak = max(peak, sum(map(_memory, [job.pid, *_children(job.pid)])))
        time.sleep(0.1)
    if job.returncode:
        raise SystemExit(f"posetube track ended with {job.returncode}")
    return {"seconds": time.perf_counter() - began, "peak_mb": peak / 1e6}


def _children(number: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{number}/task/{number}/children").read_text().split())]
    except OSError:
        return []


def _memory(number: int) -> int:
    """Bytes of a process; those that it shares with others count in part."""
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def digest(out: Path) -> str:
    """SHA-256 of everything that runs found, without times of day and seconds."""
    found = sha256()
    for path in sorted(out.glob("*/**/*")):
        if path.is_file() and path.name not in ("run.json", "events.jsonl"):
            found.update(str(path.relative_to(out)).encode() + path.read_bytes())
    return found.hexdigest()


def sizes(clips: Iterable[Path], out: Path) -> dict[str, float]:
    """What goes in and comes out."""
    runs = [RunDirectory(path.parent).read() for path in sorted(out.glob("*/run.json"))]
    files = [path for path in out.glob("*/**/*") if path.is_file()]
    return {
        "frames": sum(run.frames.done for run in runs),
        "people_per_frame": round(
            sum(run.frames.detections or 0 for run in runs) / sum(r.frames.done for r in runs), 2
        ),
        "input_mb": round(sum(clip.stat().st_size for clip in clips) / 1e6, 3),
        "results_mb": round(sum(path.stat().st_size for path in files) / 1e6, 3),
        "files_beside_parts": round(
            sum(path.parent.name != "detections" for path in files) / len(runs), 1
        ),
    }


class IdlePool:
    """A worker that does nothing, and says at once that it has done it."""

    def __init__(self) -> None:
        self._said: list[Message] = []

    def start(self) -> int:
        """Begin."""
        self._said.append(Loaded(process="nobody", model="none"))
        return 0

    def give(self, worker: int, task: WorkerTask) -> None:
        """Do nothing."""
        self._said.append(InputOutcome(exit_code=0, line="done", name=task.track.item.name))

    def stop(self, worker: int) -> None:
        """Do nothing."""

    def messages(self, timeout: float) -> list[tuple[int, Message]]:
        """What there is to say."""
        said, self._said = self._said, []
        return [(0, message) for message in said]


def scheduling() -> dict[str, float]:
    """What the one who gives out tasks needs for each."""
    config = TrackConfig()
    tracemalloc.start()
    tasks = [
        TrackTask(
            item=Input(name=f"clip-{n}", source=f"/data/clips/clip-{n}.mp4", kind="video"),
            run=RunDirectory(Path(f"/data/out/clip-{n}")),
            config=config,
        )
        for n in range(TASKS)
    ]
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    began = time.perf_counter()
    done = sum(1 for _ in share_out(tasks, IdlePool(), workers=1, watch=Watch()))
    seconds = time.perf_counter() - began
    return {
        "tasks": done,
        "microseconds_per_task": round(1e6 * seconds / done, 1),
        "bytes_per_task": round(held / TASKS, 0),
    }


@dataclass(frozen=True, slots=True)
class LargeJob:
    """A job for many machines like the one that was measured."""

    clips: int = 1_000_000
    seconds: float = 10.0
    """Length of each."""

    machines: int = 100
    bits: float = 2e6
    """Of filmed video, per second; clips of drawn people have fewer."""


LARGE_JOB = LargeJob()


def reckoning(record: dict[str, Any], job: LargeJob = LARGE_JOB) -> list[tuple[str, str, str]]:
    """What a large job needs, from what one machine was measured to need: what, how much, how."""
    best = max(
        (value for name, value in record.items() if name.startswith("processes_")),
        key=lambda found: found["frames_per_second"],
    )
    rate, frames = best["frames_per_second"], job.clips * job.seconds * RATE
    seconds = frames / rate / job.machines
    given, found = job.clips * job.seconds * job.bits / 8, record["results_mb"] / record["frames"]
    results = frames * found * 1e6
    task, held = (record["scheduling"][f"{n}_per_task"] for n in ("microseconds", "bytes"))
    beside, parts = record["files_beside_parts"], math.ceil(job.seconds * RATE / PART_FRAMES)
    flow = (given + results) / seconds
    often = job.clips / seconds
    return [
        ("frames", f"{frames / 1e6:.0f} million", f"{job.seconds:.0f} s at {RATE:.0f} frames/s"),
        ("time", f"{seconds / 86400:.1f} days", f"{rate:.1f} frames/s per machine"),
        ("clips read", f"{given / 1e12:.2f} TB", f"{job.bits / 1e6:.0f} Mbit/s of filmed video"),
        (
            "results",
            f"{results / 1e12:.2f} TB",
            f"{found * 1e3:.1f} kB per frame, without overlays",
        ),
        (
            "files",
            f"{job.clips * (beside + parts) / 1e6:.0f} million",
            f"{beside:.0f} and {parts} parts per run",
        ),
        (
            "the shared disk's load",
            f"{flow / 1e6:.1f} MB/s",
            f"{flow / job.machines / 1e3:.0f} kB/s per machine, read and written",
        ),
        ("tasks given out", f"{often:.1f} per second", f"{task:.0f} \u00b5s each"),
        (
            "share of one core that gives them out",
            f"{100 * often * task / 1e6:.2g} %",
            "the rest waits",
        ),
        (
            "its memory for tasks",
            f"{job.clips * held / 1e9:.1f} GB",
            f"{held / 1e3:.1f} kB per task",
        ),
    ]


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer clips and runs")
    parser.add_argument("--runs", type=int, help="how often each is done")
    parser.add_argument("--processes", type=int, default=2, help="against one [default: 2]")
    parser.add_argument("--reckon", help="name of a file of results to reckon from, and no more")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    if options.reckon:
        record = json.loads((RESULTS / f"{options.reckon}.json").read_text(encoding="utf-8"))
        for row in reckoning(record):
            print(f"| {' | '.join(row)} |")
        return
    effort = QUICK if options.quick else FULL
    if options.runs:
        effort = replace(effort, runs=options.runs)
    rows: dict[int, list[dict[str, float]]] = {1: [], options.processes: []}
    starts: dict[int, list[float]] = {1: [], options.processes: []}
    record = {"clips": effort.clips, "runs": effort.runs}
    record["load_before"] = round(os.getloadavg()[0], 2)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_clips(folder / "clips", effort.clips)
        clips = sorted((folder / "clips").iterdir())
        for run in range(effort.runs):
            for processes, found in rows.items():
                out = folder / f"{processes}-{run}"
                found.append(tracked(clips, out, processes))
                print(processes, json.dumps(found[-1]), flush=True)
                if processes > 1 and digest(out) != digest(folder / f"1-{run}"):
                    raise SystemExit(f"{out}: other results than those of one process")
                starts[processes].append(
                    tracked(clips[:1], folder / f"start-{processes}-{run}", processes)["seconds"]
                )
        record |= sizes(clips, folder / "1-0")
    for processes, found in rows.items():
        seconds = median(row["seconds"] for row in found)
        record[f"processes_{processes}"] = {
            "seconds": round(seconds, 2),
            "range": [round(op(row["seconds"] for row in found), 2) for op in (min, max)],
            "frames_per_second": round(record["frames"] / seconds, 2),
            "clips_per_second": round(effort.clips / seconds, 3),
            "peak_mb": round(max(row["peak_mb"] for row in found), 1),
            "one_clip_seconds": round(median(starts[processes]), 2),
        }
    one, many = (record[f"processes_{n}"]["seconds"] for n in (1, options.processes))
    record["speed_of_several"] = round(one / many, 3)
    record["scheduling"] = scheduling()
    record["load_after"] = round(os.getloadavg()[0], 2)
    record["machine"] = f"{platform.machine()} {platform.system()}, {usable_cores()} cores"
    print(json.dumps(record, indent=1))
    if options.record:
        write_record(RESULTS / f"{options.record}.json", record)


if __name__ == "__main__":
    main()
