"""Measures how fast synthetic clips of 640 x 360 are rendered on one core.

The clips differ in people, motion blur, camera and optical flow. Processor time is measured, so
other load on the machine matters little. Each clip is rendered several times; the fastest counts.

    python -m benchmarks.synthetic_speed --record synthetic_speed
"""

import argparse
import time
from itertools import product

import cv2
import numpy as np

from benchmarks.recording import RESULTS, write_record
from posetube.datasets.synthetic import (
    PictureConfig,
    SceneConfig,
    SyntheticClip,
    generate,
    picture,
)

SEED = 3


def kinds(seconds: float) -> dict[str, tuple[SceneConfig, bool]]:
    """Configuration of each kind of clip, by name, and whether its flow is computed."""
    table = {}
    for people, blur, flow in product((1, 4, 10), (0.0, 0.5), (False, True)):
        name = f"{people} people{', motion blur' if blur else ''}{', flow' if flow else ''}"
        table[name] = (SceneConfig(seconds=seconds, people=people, motion_blur=blur), flow)
    for people in (4, 10):
        config = SceneConfig(seconds=seconds, people=people, camera="pan")
        table[f"{people} people, panning camera"] = (config, False)
    return table


def rate(clip: SyntheticClip, *, flow: bool) -> float:
    """Frames per second of processor time."""
    start = time.process_time()
    for _ in clip.frames_with_flow() if flow else clip.frames():
        pass
    return len(clip) / (time.process_time() - start)


def picture_milliseconds(count: int) -> float:
    """Processor time of one picture for training."""
    rng = np.random.default_rng(0)
    start = time.process_time()
    for _ in range(count):
        picture(PictureConfig(), rng=rng)
    return (time.process_time() - start) / count * 1e3


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each clip")
    parser.add_argument("--record", help="write results/NAME.json")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    speeds = {}
    for name, (config, flow) in kinds(options.seconds).items():
        clip = generate(config, seed=SEED)
        speeds[name] = round(max(rate(clip, flow=flow) for _ in range(options.rounds)), 1)
        print(f"{name:40} {speeds[name]:7.1f} frames/s")
    each = round(picture_milliseconds(20 * options.rounds), 1)
    print(f"{'a picture for training':40} {each:7.1f} ms")
    if options.record:
        record = {"frames_per_second": speeds, "picture_milliseconds": each}
        write_record(RESULTS / f"{options.record}.json", record)


if __name__ == "__main__":
    main()
