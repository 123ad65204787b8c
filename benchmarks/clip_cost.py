"""What looking at clips costs: T = 1, 3, 5 against T times the 2D network.

    python -m benchmarks.clip_cost [--model tiny|resnet18] [--height 256 --width 448]

A sliding window encodes every frame once and crops everybody in it once, so its cost per frame is
one per-frame part, and a clip part of which only the last frame is new; T times the 2D network is
what a clip would cost if nothing were kept. Random weights, with a fixed number of proposals and
people, so that all lengths do the same work in the heads. Every row is measured in a process of its
own, and so is the 2D network on as many frames at once, so that peaks of memory can be compared.
Results go to benchmarks/results/clip_cost.json.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from posetube.models3d.configs.bodies import ResNetConfig
from posetube.models3d.configs.necks import FPNConfig
from posetube.models3d.configs.networks import AnchorRCNNConfig, TubeRCNNConfig
from posetube.models3d.configs.proposal_heads import DenseProposalConfig
from posetube.models3d.crop_memory import CropMemory
from posetube.models3d.features import FrameFeatures
from posetube.models3d.joint_peaks import DecodeConfig
from posetube.models3d.presets import keypoint_rcnn_r50, tiny, tiny_clip
from posetube.models3d.time_conv import to_channels_last
from posetube.models3d.tube_rcnn import TubeRCNN

RESULT = Path(__file__).parent / "results" / "clip_cost.json"
LENGTHS = (1, 3, 5)


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one process measures."""

    model: str
    size: tuple[int, int]
    length: int
    """T of the network."""

    frames: int
    """How many frames are encoded together: T, or T for a 2D network."""

    rounds: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What it found."""

    frame_part_s: float
    """Processor seconds per frame of the per-frame part, median."""

    clip_part_s: float
    """Processor seconds per clip of everything else, median."""

    window_part_s: float
    """The same where all frames but the last were in the clip before."""

    peak_mib: int
    """Most memory that the process ever held."""

    working_mib: int
    """By how much that is above what it held before the first frame."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one clip length."""

    length: int
    """T."""

    frame_part_s: float
    clip_part_s: float
    window_part_s: float
    share_of_clip_part: float
    """Of a sliding window's time per frame."""

    time_against_2d_frames: float
    """Time of a clip computed from scratch, over T times that of the 2D network."""

    window_against_2d: float
    """Time per frame of a sliding window, over that of the 2D network."""

    peak_mib: int
    working_mib: int
    working_2d_mib: int
    """Working memory of the 2D network on T frames at once."""

    memory_against_2d_frames: float
    """Working memory of a clip over that."""


def network(model: str, length: int) -> TubeRCNN:
    """The model at clip length T, with time kernels of 3 where T is above 1."""
    time_kernel = 3 if length > 1 else 1
    config: TubeRCNNConfig = _tiny(time_kernel) if model == "tiny" else _resnet18(time_kernel)
    torch.manual_seed(0)
    made = TubeRCNN(replace(config, clip_length=length)).eval()
    to_channels_last(made)
    return made


def _tiny(time_kernel: int) -> TubeRCNNConfig:
    config = tiny() if time_kernel == 1 else tiny_clip()
    proposals = DenseProposalConfig(time=time_kernel, min_score=0.0, after_nms=8)
    return replace(config, proposals=proposals, pose_nms=None)


def _resnet18(time_kernel: int) -> AnchorRCNNConfig:
    flat = keypoint_rcnn_r50()
    return replace(
        flat,
        body=ResNetConfig(depth=18, times=(1, 1, 1, 1, time_kernel)),
        neck=FPNConfig(time=time_kernel),
        proposals=replace(flat.proposals, time=time_kernel, after_nms=150),
        box_head=replace(flat.box_head, min_score=0.0, max_people=8),
        keypoint_head=replace(flat.keypoint_head, channels=128, depth=4, time=time_kernel),
        # the other rule's cost depends on the sizes of boxes, which are random here
        decode=DecodeConfig(),
    )


def measure(task: Task) -> Measured:
    """Time the two parts on one thread's clock, and look at the process's memory."""
    images = np.random.default_rng(0).integers(0, 256, (task.frames, *task.size, 3), np.uint8)
    made = network(task.model, task.length)
    pixels = replace(made.config.preprocess, short_side=min(task.size), long_side=max(task.size))
    made.config = replace(made.config, preprocess=pixels)
    before = held_mib()
    features = made.encode(images)
    for first in range(0, task.frames, task.length):
        made.detect_features(features[first : first + task.length], list(range(task.length)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    def clip(new: int) -> object:
        """A clip of which only the last frames are new."""
        old = task.length - new
        kept = [*features[:old], *map(forgotten, features[old : task.length])]
        return made.detect_features(kept, list(range(task.length)))

    return Measured(
        frame_part_s=seconds(partial(made.encode, images[:1]), rounds=task.rounds),
        clip_part_s=seconds(partial(clip, task.length), rounds=task.rounds),
        window_part_s=seconds(partial(clip, 1), rounds=task.rounds),
        peak_mib=peak,
        working_mib=peak - before,
    )


def forgotten(frame: FrameFeatures) -> FrameFeatures:
    """A frame that no clip has looked at."""
    return frame if frame.crops is None else replace(frame, crops=CropMemory())


def held_mib() -> int:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 2**20


def seconds(job: Callable[[], object], *, rounds: int) -> float:
    """Median processor time of a job: other work on the machine does not count."""
    job()
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        spent.append(time.process_time() - start)
    return statistics.median(spent)


def compare(flat: Measured, flat_frames: Measured, clip: Measured, *, length: int) -> Cost:
    """A clip of T frames, the 2D network on one frame and on T frames."""
    frame, rest, window = clip.frame_part_s, clip.clip_part_s, clip.window_part_s
    flat_s = flat.frame_part_s + flat.clip_part_s
    return Cost(
        length=length,
        frame_part_s=round(frame, 4),
        clip_part_s=round(rest, 4),
        window_part_s=round(window, 4),
        share_of_clip_part=round(window / (frame + window), 3),
        time_against_2d_frames=round((length * frame + rest) / (length * flat_s), 3),
        window_against_2d=round((frame + window) / flat_s, 3),
        peak_mib=clip.peak_mib,
        working_mib=clip.working_mib,
        working_2d_mib=flat_frames.working_mib,
        memory_against_2d_frames=round(clip.working_mib / flat_frames.working_mib, 3),
    )


def measure_all(model: str, *, size: tuple[int, int], rounds: int) -> list[Cost]:
    """All lengths, each task in a fresh process, one after the other."""
    pairs = [(1, 1), *((t, n) for n in LENGTHS[1:] for t in (1, n))]
    tasks = [Task(model=model, size=size, length=t, frames=n, rounds=rounds) for t, n in pairs]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        found = dict(zip(pairs, pool.map(measure, tasks), strict=True))
    return [compare(found[1, 1], found[1, n], found[n, n], length=n) for n in LENGTHS]


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["tiny", "resnet18"], default="tiny")
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=448)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    costs = measure_all(options.model, size=(options.height, options.width), rounds=options.rounds)
    for name in asdict(costs[0]):
        print(f"{name:26}", *(f"{getattr(cost, name):>9}" for cost in costs))
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
