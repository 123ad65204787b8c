"""Memory and time of refining long tracks of many people.

Invented tracks: people who walk, with joints that shake and, for refiners of heatmaps, maps as a
run keeps them. Frames are made and refined one after the other, so that what is measured is what
refiners hold. Each row is a process of its own.

    python -m benchmarks.refiner_memory --record
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.recording import RESULTS, write_record
from posetube.models3d.devices import Device
from posetube.models3d.packed_maps import PersonMaps, pack
from posetube.pipelines.api.refine import as_chain
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.refining.drawn_maps import MapSource
from posetube.pipelines.refining.refined_frames import refined_frames
from posetube.pipelines.storage.manifest import ModelRecord
from posetube.skeletons import COCO19
from posetube.structures import DetectedFrame, Detections, FramePoses

RATE = 25
HOUR = 3600 * RATE
ROWS = (
    ("kalman", 10, 5000),
    ("kalman", 10, HOUR),
    ("kalman", 1, 5000),
    ("kalman", 5, 5000),
    ("running-kalman", 10, 5000),
    ("still,kalman", 10, 300),
    ("still,kalman", 10, 1500),
    ("still,kalman", 1, 1500),
    ("still,kalman", 5, 300),
)
"""Chain, people, frames."""

JOINTS = len(COCO19)


def frames(people: int, count: int) -> Iterator[FramePoses]:
    """Everybody in every frame."""
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 1000, (people, 2))
    body = rng.uniform(-30, 30, (people, JOINTS, 2))
    for frame in range(count):
        middle = start + 40 * np.sin(frame / 60)
        joints = middle[:, None] + body + rng.normal(0, 1.5, body.shape)
        yield FramePoses(
            frame=frame,
            time=frame / RATE,
            track_ids=np.arange(1, people + 1),
            people=Detections(
                boxes=np.concatenate([middle - 40, middle + 40], axis=1).astype(np.float32),
                scores=np.full(people, 0.9, np.float32),
                keypoints=joints.astype(np.float32),
                keypoint_scores=rng.uniform(0.3, 1, (people, JOINTS)).astype(np.float32),
            ),
            states=np.zeros(people, np.uint8),
            link_margins=np.zeros(people, np.float32),
        )


def kept(people: int, count: int) -> Iterator[DetectedFrame]:
    """The same people as detections, with heatmaps."""
    cells = np.stack(np.meshgrid(np.arange(48), np.arange(64)), axis=-1)
    places = np.random.default_rng(1).uniform(8, 40, (JOINTS, 2))
    away = np.square(cells - places[:, None, None]).sum(-1)
    maps = np.exp(-0.5 * away / 9).astype(np.float32)
    for poses in frames(people, count):
        packed = np.empty(people, object)
        for row, box in enumerate(poses.people.boxes):
            packed[row] = pack(PersonMaps(evidence=maps, region=box, calibration=(2.2, 2.8)))
        found = Detections(
            boxes=poses.people.boxes,
            scores=poses.people.scores,
            keypoints=poses.people.keypoints,
            keypoint_scores=poses.people.keypoint_scores,
            heatmaps=packed,
        )
        yield DetectedFrame(frame=poses.frame, time=poses.time, state="ok", people=found)


def source(people: int, count: int) -> MapSource:
    """Heatmaps that were kept; there is no picture, and no network is asked."""
    nobody: Any = SimpleNamespace(clip_length=1, skeleton=COCO19, heatmaps=None)
    model = LoadedModel(
        network=nobody,
        record=ModelRecord(name="none", sha256="", licence=""),
        device=Device(name="cpu", reason="nobody asks it"),
    )
    return MapSource(pictures=(), model=model, kept=kept(people, count))


def measure(chain: str, people: int, count: int) -> dict[str, object]:
    """Refine in this process; the peak is that of the process, the interpreter included."""
    config = as_chain(chain)
    maps = source(people, count) if config.of_heatmaps else None
    started, made = time.process_time(), 0
    for poses in refined_frames(frames(people, count), config=config, skeleton=COCO19, maps=maps):
        made += len(poses)
    spent = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "chain": chain,
        "people": people,
        "frames": count,
        "peak_mb": round(peak),
        "processor_ms_per_person_frame": round(1e3 * spent / made, 3),
    }


def main() -> None:
    """Measure each row in a process of its own, print, and record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--one", nargs=3, help="chain, people, frames: measure here")
    parser.add_argument("--record", action="store_true", help="write results/refiner_memory.json")
    arguments = parser.parse_args()
    if arguments.one:
        chain, people, count = arguments.one
        print(json.dumps(measure(chain, int(people), int(count))))
        return
    rows = []
    for row in ROWS:
        words = [sys.executable, "-m", "benchmarks.refiner_memory", "--one", *map(str, row)]
        done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ)
        rows.append(json.loads(done.stdout))
        print(rows[-1], flush=True)
    if arguments.record:
        write_record(RESULTS / "refiner_memory.json", {"rows": rows})


if __name__ == "__main__":
    main()
