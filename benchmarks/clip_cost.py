"""What looking at clips costs: T = 1, 3, 5 against T times the 2D network.

    python benchmarks/clip_cost.py [--model tiny|resnet18] [--height 256 --width 448]

A sliding window encodes every frame once, so its cost per frame is one per-frame part and one clip
part; T times the 2D network is what a clip would cost if nothing were kept. Random weights, with a
fixed number of proposals and people, so that all lengths do the same work in the heads. Results go
to benchmarks/results/clip_cost.json.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from posetube.models3d.joint_neck import JointNeckConfig
from posetube.models3d.neck import FPNConfig
from posetube.models3d.presets import keypoint_rcnn_r50, tiny
from posetube.models3d.resnet import ResNetConfig
from posetube.models3d.time_conv import to_channels_last
from posetube.models3d.tube_rcnn import TubeRCNN, TubeRCNNConfig

RESULT = Path(__file__).parent / "results" / "clip_cost.json"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one clip length."""

    length: int
    """T."""

    frame_part_s: float
    """Processor seconds per frame of the per-frame part, median."""

    clip_part_s: float
    """Processor seconds per clip of everything else, median."""

    share_of_clip_part: float
    """Of a sliding window's cost per frame."""

    against_2d_frames: float
    """Cost of a clip computed from scratch, over T times the cost of the 2D network."""

    window_against_2d: float
    """Cost per frame of a sliding window, over the cost of the 2D network."""

    peak_mib: int
    """Peak memory of the process so far; lengths are measured from the shortest on."""


def network(model: str, length: int) -> TubeRCNN:
    """The model at clip length T, with time kernels of 3 where T is above 1."""
    time_kernel = 3 if length > 1 else 1
    config = _tiny(time_kernel) if model == "tiny" else _resnet18(time_kernel)
    torch.manual_seed(0)
    made = TubeRCNN(replace(config, clip_length=length)).eval()
    to_channels_last(made)
    return made


def _tiny(time_kernel: int) -> TubeRCNNConfig:
    flat = tiny()
    return replace(
        flat,
        neck=JointNeckConfig(time=time_kernel),
        proposals=replace(flat.proposals, time=time_kernel),
        box_head=replace(flat.box_head, min_score=0.0, max_people=8),
        keypoint_head=replace(flat.keypoint_head, time=time_kernel),
    )


def _resnet18(time_kernel: int) -> TubeRCNNConfig:
    flat = keypoint_rcnn_r50()
    return replace(
        flat,
        body=ResNetConfig(depth=18, times=(1, 1, 1, 1, time_kernel)),
        neck=FPNConfig(time=time_kernel),
        proposals=replace(flat.proposals, time=time_kernel, after_nms=150),
        box_head=replace(flat.box_head, min_score=0.0, max_people=8),
        keypoint_head=replace(flat.keypoint_head, channels=128, depth=4, time=time_kernel),
    )


def seconds(job: Callable[[], object], *, rounds: int) -> float:
    """Median processor time of a job: other work on the machine does not count."""
    job()
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def measure(model: str, *, size: tuple[int, int], rounds: int) -> list[Cost]:
    """All lengths, the 2D network first."""
    images = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    costs: list[Cost] = []
    flat = 0.0
    for length in (1, 3, 5):
        made = network(model, length)
        made.config = replace(
            made.config,
            preprocess=replace(made.config.preprocess, short_side=min(size), long_side=max(size)),
        )
        features = made.encode(images)[0]
        frame = seconds(partial(made.encode, images), rounds=rounds)
        window = partial(made.detect_features, [features] * length, list(range(length)))
        clip = seconds(window, rounds=rounds)
        flat = flat or frame + clip
        costs.append(
            Cost(
                length=length,
                frame_part_s=round(frame, 4),
                clip_part_s=round(clip, 4),
                share_of_clip_part=round(clip / (frame + clip), 3),
                against_2d_frames=round((length * frame + clip) / (length * flat), 3),
                window_against_2d=round((frame + clip) / flat, 3),
                peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            )
        )
    return costs


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["tiny", "resnet18"], default="tiny")
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=448)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    costs = measure(options.model, size=(options.height, options.width), rounds=options.rounds)
    for cost in costs:
        print(cost)
    record = {
        "command": " ".join(["python", *sys.argv]),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "size": [options.height, options.width],
        "costs": [asdict(cost) for cost in costs],
    }
    results = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    results[options.model] = record
    RESULT.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
