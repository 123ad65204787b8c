"""How long an evaluation of the size of PoseTrack18's validation set takes, and how much memory.

Makes 170 sequences as PoseTrack18 JSON (20,402 frames, 8,682 labelled, 52,532 people, 150,986
predictions), then measures AP, MOTA, IDF1 and HOTA over them in a process of its own. Where the
reference tool can be imported (``poseval``, which the package index does not have), its AP and MOTA
are measured in the same run, and how many times as long they take.

    python -m benchmarks.evaluate --record posetrack18_size
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.recording import RESULTS, write_record
from posetube.datasets.formats.posetrack18_writer import write_tracks
from posetube.skeletons import POSETRACK17SLOTS
from posetube.structures import FrameTable, VideoTracks

BODY = np.array(
    [(0, -52), (0, -40), (0, -68), (0, 0), (0, 0), (17, -34), (-17, -34), (24, -8), (-24, -8),
     (26, 16), (-26, 16), (11, 18), (-11, 18), (12, 56), (-12, 56), (13, 94), (-13, 94)],
    np.float64,
)  # fmt: skip
"""(17, 2) a standing person, pixels from the middle; the ears are never labelled."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is."""

    sequences: int = 170
    frames: int = 20_402
    labeled: int = 8_682
    people: int = 52_532
    predictions: int = 150_986


def make(folder: Path, size: Size, seed: int = 0) -> None:
    """Write ``folder/gt`` and ``folder/pred``, one file per sequence."""
    rng = np.random.default_rng(seed)
    frames = spread(size.frames, size.sequences)
    labeled = spread(size.labeled, size.sequences)
    people = spread(size.people, size.labeled)
    predictions = spread(size.predictions, size.frames)
    first, first_labeled = 0, 0
    for number, (count, marked) in enumerate(zip(frames, labeled, strict=True)):
        name = f"{number + 1:06d}_mpii_test"
        flags = np.zeros(count, np.bool_)
        flags[np.linspace(0, count - 1, marked).round().astype(int)] = True
        here = np.zeros(count, np.int64)
        here[flags] = people[first_labeled : first_labeled + marked]
        found = predictions[first : first + count]
        table = FrameTable(
            times=np.arange(count) / 25,
            names=tuple(f"images/val/{name}/{i:06d}.jpg" for i in range(count)),
            ids=10**10 + (number + 1) * 10**4 + np.arange(count),
            labeled=flags,
        )
        crowd = walk(rng, count, people=int(max(here.max(), found.max())))
        write_tracks(folder / "gt" / f"{name}.json", rows(rng, crowd, here, table, name, noise=0))
        write_tracks(
            folder / "pred" / f"{name}.json", rows(rng, crowd, found, table, name, noise=6)
        )
        first, first_labeled = first + count, first_labeled + marked


def spread(total: int, parts: int) -> np.ndarray:
    """Whole numbers that differ by at most one and add up to a total."""
    return np.diff(np.linspace(0, total, parts + 1).round().astype(np.int64))


def walk(rng: np.random.Generator, frames: int, *, people: int) -> np.ndarray:
    """(frames, people, 17, 2) where everybody is."""
    start = rng.uniform((100, 150), (1800, 900), (people, 2))
    steps = rng.normal(0, 3, (frames, people, 2)).cumsum(axis=0)
    swing = rng.normal(0, 2, (frames, people, len(BODY), 2))
    return np.asarray((start + steps)[:, :, None] + BODY + swing)


def rows(
    rng: np.random.Generator,
    crowd: np.ndarray,
    counts: np.ndarray,
    table: FrameTable,
    name: str,
    *,
    noise: float,
) -> VideoTracks:
    """The first so many people of each frame, with errors if there is noise."""
    frame = np.repeat(np.arange(len(counts)), counts)
    person = np.concatenate([np.arange(n) for n in counts])
    total = len(frame)
    keypoints = crowd[frame, person].round(2)
    ids = person.astype(np.int64)
    if noise:
        keypoints = (keypoints + rng.normal(0, noise, keypoints.shape)).round(2)
        ids = ids + 100 * (frame // rng.integers(20, 60))  # identities change now and then
    keypoints[:, [POSETRACK17SLOTS.index("left_ear"), POSETRACK17SLOTS.index("right_ear")]] = np.nan
    keypoints[rng.random(keypoints.shape[:2]) < 0.1] = np.nan
    head = crowd[frame, person, 0]
    return VideoTracks(
        source=name,
        size=(1080, 1920),
        skeleton=POSETRACK17SLOTS,
        frames=table,
        frame=frame,
        track_ids=ids,
        boxes=np.concatenate([head - 40, head + np.array([40, 160])], axis=1).astype(np.float32),
        scores=rng.uniform(0.3, 1, total).astype(np.float32),
        keypoints=keypoints,
        keypoint_scores=rng.uniform(0.05, 1, keypoints.shape[:2]).round(4),
        head_boxes=None if noise else np.concatenate([head - 18, head + 18], axis=1).round(1),
    )


OURS = """
import resource, sys, time
start = time.perf_counter()
from posetube.pipelines.evaluation.evaluate import evaluate
if __name__ == "__main__":
    report = evaluate(sys.argv[1] + "/pred", sys.argv[1] + "/gt", protocol=sys.argv[2],
                      workers=int(sys.argv[3]))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(time.perf_counter() - start, own / 1024, children.ru_maxrss / 1024,
          used.ru_utime + used.ru_stime + children.ru_utime + children.ru_stime,
          report.frames, *(report.total(m) for m in ("ap", "mota", "idf1", "hota")))
"""


def measure(folder: Path, protocol: str, workers: int) -> dict[str, Any]:
    """Evaluate in a fresh process."""
    with TemporaryDirectory() as scratch:
        script = Path(scratch) / "run.py"
        script.write_text(OURS)
        done = subprocess.run(
            [sys.executable, str(script), str(folder), protocol, str(workers)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    wall, own, children, cpu, frames, *totals = done.stdout.split()
    return {
        "protocol": protocol,
        "workers": workers,
        "wall_s": round(float(wall), 2),
        "cpu_s": round(float(cpu), 2),
        "peak_memory_mb": round(float(own)),
        "peak_memory_of_a_worker_mb": round(float(children)) if workers > 1 else None,
        "frames": int(frames),
        **{
            name: None if value == "None" else round(float(value), 3)
            for name, value in zip(("ap", "mota", "idf1", "hota"), totals, strict=True)
        },
    }


def measure_poseval(folder: Path) -> dict[str, Any] | None:
    """AP and MOTA by the reference tool, if it can be imported."""
    if importlib.util.find_spec("poseval") is None:
        return None
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "poseval.evaluate", "--groundTruth", f"{folder}/gt/",
         "--predictions", f"{folder}/pred/", "--evalPoseEstimation", "--evalPoseTracking",
         "--outputDir", str(folder / "out")],
        check=True, capture_output=True,
    )  # fmt: skip
    return {"wall_s": round(time.perf_counter() - start, 1)}


@contextmanager
def data(given: Path | None, size: Size) -> Iterator[Path]:
    """The folder with the files, made if it is not there."""
    with TemporaryDirectory() as scratch:
        folder = given or Path(scratch)
        if not (folder / "gt").is_dir():
            make(folder, size)
        yield folder


def main(say: Callable[[str], None] = print) -> None:
    """Measure, print, and record where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="keep the files here for the next time")
    parser.add_argument("--sequences", type=int, default=Size.sequences, help="for a quick look")
    parser.add_argument("--record", help="name of the file in benchmarks/results")
    options = parser.parse_args()
    share = options.sequences / Size.sequences
    size = Size(
        sequences=options.sequences,
        frames=round(Size.frames * share),
        labeled=round(Size.labeled * share),
        people=round(Size.people * share),
        predictions=round(Size.predictions * share),
    )
    with data(options.data, size) as folder:
        megabytes = sum(file.stat().st_size for file in folder.glob("*/*.json")) / 1e6
        runs = [measure(folder, *how) for how in (("clean", 1), ("clean", 2), ("poseval", 1))]
        reference = measure_poseval(folder)
    if reference is not None:
        reference["times_as_long_as_all_our_metrics"] = round(
            reference["wall_s"] / runs[0]["wall_s"], 1
        )
    record = {
        "data": {**vars(size), "json_mb": round(megabytes, 1)},
        "runs": runs,
        "poseval": reference or "not compared: not installed, and not on the package index",
        "machine": {
            "cpus": os.cpu_count(),
            "load_average": [round(load, 1) for load in os.getloadavg()],
            "system": platform.platform(),
            "processor": platform.machine(),
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("posetube", "numpy", "scipy", "msgspec")},
        },
    }
    say(json.dumps(record, indent=1))
    if options.record:
        write_record(RESULTS / f"evaluate_{options.record}.json", record)


if __name__ == "__main__":
    main()
