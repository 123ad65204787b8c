"""Measures the time of linking per frame for 1 to 1,000 people, and its memory in a long video.

People stand in a grid and sway, each detected in every frame, with 17 joints: dense enough that
neighbours compete. Times are those of one core. Memory is the size of the tracker's state and the
growth of the process, after short and long videos: it must depend on the number of people, not on
the length of the video.

    OMP_NUM_THREADS=1 python -m benchmarks.link_speed
"""

import argparse
import json
import pickle
import resource
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.recording import RESULTS, write_record
from posetube.skeletons import COCO17
from posetube.structures import Detections
from posetube.tracker.tracker import Tracker

FRAME_RATE = 30.0


def crowd(people: int, *, frames: int, seed: int = 0) -> Iterator[Detections]:
    """Everybody on a grid of 60 x 120 pixels, 40 x 100 pixels large, swaying by 20 pixels."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(people)))
    place = np.stack(np.divmod(np.arange(people), side), axis=1)[:, ::-1] * [60.0, 120.0] + 100
    half = np.array([20.0, 50.0])
    pose = rng.uniform([-18, -45], [18, 45], (people, len(COCO17), 2))
    for frame in range(frames):
        sway = 20 * np.sin(frame / FRAME_RATE + np.arange(people))
        centre = place + np.stack([sway, np.zeros(people)], axis=1)
        boxes = np.concatenate([centre - half, centre + half], axis=1)
        yield Detections(
            boxes=(boxes + rng.normal(0, 1, boxes.shape)).astype(np.float32),
            scores=rng.uniform(0.5, 1, people).astype(np.float32),
            keypoints=(centre[:, None] + pose + rng.normal(0, 1, pose.shape)).astype(np.float32),
            keypoint_scores=np.ones((people, len(COCO17)), np.float32),
        )


def milliseconds(people: int, *, frames: int) -> dict[str, float]:
    """Median and 95th percentile of the time of a frame, without the first ten."""
    tracker, spent, ids = Tracker(skeleton=COCO17), [], set()
    for index, found in enumerate(crowd(people, frames=frames)):
        start = time.process_time()
        settled = tracker.update(found, frame=index, time=index / FRAME_RATE)
        spent.append(1000 * (time.process_time() - start))
        ids |= {int(i) for poses in settled for i in poses.track_ids}
    return {
        "median": round(float(np.median(spent[10:])), 3),
        "p95": round(float(np.percentile(spent[10:], 95)), 3),
        "ids": len(ids),
    }


def remembered(*, frames: int, people: int = 8) -> dict[str, int]:
    """Bytes of the tracker's state after some frames, and growth of the process."""
    tracker = Tracker(skeleton=COCO17)
    second = list(crowd(people, frames=50))
    before = resident()
    for index in range(frames):
        tracker.update(second[index % 50], frame=index, time=index / FRAME_RATE)
    return {
        "state_bytes": len(pickle.dumps(tracker)),
        "process_growth_bytes": resident() - before,
    }


def resident() -> int:
    """Bytes of memory of the process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main() -> None:
    """Measure, print, write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000, help="of the long video")
    parser.add_argument("--output", type=Path, default=RESULTS / "link_speed.json")
    options = parser.parse_args()
    record = {
        "versions": {name: version(name) for name in ("posetube", "numpy", "scipy", "lap")},
        "milliseconds_per_frame": {
            str(people): milliseconds(people, frames=60) for people in (1, 10, 100, 1000)
        },
        "memory_after_frames": {
            str(frames): remembered(frames=frames) for frames in (1000, options.frames)
        },
    }
    print(json.dumps(record, indent=2))
    write_record(options.output, record)


if __name__ == "__main__":
    main()
