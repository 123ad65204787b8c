"""Peak memory of the track job on a clip and on the same clip over and over: it must not grow.

python -m benchmarks.track_memory ../shared/samples/robustness/generated/base_h264.mp4 --record
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.recording import RESULTS, write_record
from posetube.datasets.video import open_video
from posetube.datasets.video.writer import VideoWriter
from posetube.pipelines.storage.run_directory import RunDirectory

TRACK = "import sys; from posetube.pipelines.cli import main; sys.exit(main(sys.argv[1:]))"


def write_loop(source: Path, path: Path, *, times: int) -> None:
    """Write a clip so many times in a row, its time going on."""
    with open_video(source) as video, VideoWriter(path, size=video.size, rate=video.rate) as out:
        shift = 0.0
        for _ in range(times):
            last = shift
            for frame in video.frames():
                if frame.image is not None:
                    last = shift + frame.time
                    out.write(frame.image, last)
            shift = last + 1 / (video.rate or 30)


def peak_memory(words: list[str]) -> int:
    """Run ``posetube`` in a process of its own; its peak resident memory, bytes."""
    process = subprocess.Popen([sys.executable, "-c", TRACK, *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"posetube {' '.join(words)} ended with {process.returncode}")
    return usage.ru_maxrss * 1024


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--times", type=int, default=10, help="how often the clip is repeated")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    rows = []
    with TemporaryDirectory() as scratch:
        for times in (1, options.times):
            clip, run = Path(scratch) / f"{times}.mp4", RunDirectory(Path(scratch) / str(times))
            write_loop(options.clip, clip, times=times)
            words = ["track", str(clip), "-o", str(run.path), "--model", options.model]
            words.append("--no-report")  # it holds all tracks while it is made
            peak = peak_memory([*words, "--progress", "none"])
            frames = run.read().frames.done
            rows.append({"times": times, "frames": frames, "peak_mb": round(peak / 1e6, 1)})
            print(f"{times:4d} times, {frames:6d} frames: {peak / 1e6:.0f} MB")
    growth = rows[-1]["peak_mb"] / rows[0]["peak_mb"] - 1
    print(f"growth {100 * growth:.1f} %")
    if options.record:
        record = {
            "rows": rows,
            "growth_percent": round(100 * growth, 2),
            "model": options.model,
        }
        write_record(RESULTS / "track_memory.json", record)


if __name__ == "__main__":
    main()
