"""Compares the speed of the video reader with that of a bare PyAV loop that converts to RGB.

The two alternate, so that other load on the machine affects both; medians are compared. Processor
time per frame, over all threads, depends less on other load. Opening, which looks through the
packets and decodes the first frame, is part of every run and is also reported by itself.

    python -m benchmarks.decode --record decode                    # synthetic 1280 x 720 H.264
    python -m benchmarks.decode clip.mp4 --record decode_clip
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np

from benchmarks.recording import RESULTS, write_record
from posetube.datasets.video import open_video
from posetube.datasets.video.writer import VideoWriter

FRAMES = 1200
"""Length of the synthetic clip: so long that opening it is a small part of reading it."""


def make_clip(path: Path, *, frames: int = FRAMES, size: tuple[int, int] = (720, 1280)) -> None:
    """Write moving noise on a coarse grid, about as hard to decode as a street scene."""
    rng = np.random.default_rng(0)
    height, width = size
    farthest = frames // 3
    coarse = rng.integers(
        0, 255, (height // 8 + farthest, width // 8 + farthest, 3), dtype=np.uint8
    )
    with VideoWriter(path, size=size, rate=30) as writer:
        for i in range(frames):
            part = coarse[i // 4 : i // 4 + height // 8, i // 3 : i // 3 + width // 8]
            image = np.kron(part, np.ones((8, 8, 1), np.uint8)).astype(np.int16)
            image += rng.integers(-9, 10, image.shape, dtype=np.int16)
            writer.write(image.clip(0, 255).astype(np.uint8), i / 30)


def bare(path: Path, threads: str | None) -> int:
    """Decode and convert with PyAV alone; returns the number of frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if threads:
            stream.thread_type = threads
        return sum(len(f.to_ndarray(format="rgb24")) > 0 for f in container.decode(stream))


def reader(path: Path) -> int:
    """Read with posetube; returns the number of frames."""
    with open_video(path) as video:
        return sum(frame.image is not None for frame in video)


def opening(path: Path) -> float:
    """Milliseconds that opening takes, including the first frame."""
    begin = time.perf_counter()
    with open_video(path):
        return 1000 * (time.perf_counter() - begin)


def timed(run: Callable[[], int]) -> tuple[float, float]:
    """Frames per second of one run, and milliseconds of the processor per frame."""
    begin, busy = time.perf_counter(), time.process_time()
    frames = run()
    work = (time.process_time() - busy) / frames
    return frames / (time.perf_counter() - begin), 1000 * work


def measure(path: Path, runs: int) -> dict[str, float]:
    """Medians of each way to read, and the reader's speed relative to the bare loops."""
    ways: dict[str, Callable[[], int]] = {
        "bare PyAV loop": lambda: bare(path, None),
        "bare PyAV loop, frame threads": lambda: bare(path, "AUTO"),
        "posetube": lambda: reader(path),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, run in ways.items():
            found[name].append(timed(run))
    rates = {name: statistics.median(rate for rate, _ in each) for name, each in found.items()}
    work = {name: statistics.median(busy for _, busy in each) for name, each in found.items()}
    plain, threaded, ours = rates.values()
    return {
        **{f"{name}, frames/s": rate for name, rate in rates.items()},
        **{f"{name}, processor ms/frame": busy for name, busy in work.items()},
        "posetube, opening, ms": statistics.median(opening(path) for _ in range(runs)),
        "share of bare": ours / plain,
        "share of threaded": ours / threaded,
    }


def main() -> None:
    """Measure, print, and record if asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("video", type=Path, nargs="?", help="default: a synthetic clip")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--record", help="write results/NAME.json")
    args = parser.parse_args()
    with TemporaryDirectory() as scratch:
        path = args.video or Path(scratch) / "clip.mp4"
        if args.video is None:
            make_clip(path)
        results = measure(path, args.runs)
    for name, value in results.items():
        print(f"{name:52} {value:8.2f}")
    if args.record:
        record = {
            "video": args.video.name if args.video else f"synthetic, {FRAMES} frames of 1280 x 720",
            "runs": args.runs,
            "results": {name: round(value, 3) for name, value in results.items()},
            "machine": {
                "processor": platform.machine(),
                "cores": os.cpu_count(),
                "load": os.getloadavg()[0],
            },
        }
        write_record(RESULTS / f"{args.record}.json", record)


if __name__ == "__main__":
    main()
