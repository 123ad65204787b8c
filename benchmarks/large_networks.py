"""Keypoint R-CNN with a ResNet-50 on photographs: torchvision's program, ours, and ours over clips.

    python -m benchmarks.large_networks ../shared/samples/tiny_coco --record large_networks

The same random weights for all, as torchvision's file and as ``posetube models convert`` makes ours
of it, but that the score for people is shifted so far that as many are found as are labelled: a
random network finds a hundred, and then the keypoint head is most of the work. Each program has a
process of its own, as its users have; they take turns, photograph by photograph, on the same number
of threads, and medians of the runs' ratios are recorded. Over clips a frame costs one look at it
and one look at the three frames around it.

Beside the times: ours with ``--precision auto`` against ours in float32, in turns in one process;
``--precision-alone`` measures that alone, and changes nothing else of a record that is there. Also
the operations that the network asks for (2 per multiplication and addition, of
ordinary convolutions), those that ours computes, and the rate of a plain convolution here. Takes
three minutes or so on two quiet cores; on a busy machine only the ratios mean something.
"""

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from posetube.boxes import iou
from posetube.models3d.devices import usable_cores
from posetube.network import Precision
from posetube.pipelines.storage.manifest import library_versions
from posetube.structures import ByteArray, FloatArray

RESULTS = Path(__file__).parent / "results"
PRECISIONS: tuple[Precision, ...] = ("float32", "auto")
CLOSE = 0.05
"""Pixels."""
SAME = 0.5
"""Boxes that overlap so far, in IoU, are of the same person."""
MOST_PEOPLE = 4
"""A photograph with more labelled people is not one of few people."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at a photograph."""

    seconds: float
    processor_seconds: float
    boxes: FloatArray
    """(N, 4)."""
    joints: FloatArray
    """(N, 17, 2)."""


Look = Callable[[ByteArray], Any]
PROGRAMS: dict[str, Look] = {}
"""Of a worker's process: what it can do, by name."""


class Worker:
    """A process that holds a program or two."""

    def __init__(self, threads: int, prepare: Callable[..., object], *arguments: Any) -> None:
        # a process that waits must not spin, or it would slow the others down
        os.environ |= {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE"}
        self._pool = ProcessPoolExecutor(1, get_context("spawn"))
        self._pool.submit(prepare, *arguments).result()

    def ask(self, job: Callable[..., Any], *arguments: Any) -> Any:
        """What the job returns there."""
        return self._pool.submit(job, *arguments).result()


def look(program: str, image: ByteArray) -> Looked:
    """Look at a photograph with a program of this process."""
    began, began_processor = time.perf_counter(), time.process_time()
    boxes, joints = PROGRAMS[program](image)
    return Looked(time.perf_counter() - began, time.process_time() - began_processor, boxes, joints)


def open_peer(weights: Path) -> None:
    """The program of torchvision."""
    import torch

    network = peer(weights)

    def find(image: ByteArray) -> tuple[FloatArray, FloatArray]:
        with torch.inference_mode():
            [found] = network([torch.from_numpy(image).permute(2, 0, 1) / 255])
        return found["boxes"].numpy(), found["keypoints"][..., :2].numpy()

    PROGRAMS["torchvision"] = find


def open_ours(**files: Path) -> None:
    """Ours, each as ``posetube track`` loads it."""
    from posetube.pipelines.loaded_model import load_model

    for name, file in files.items():
        PROGRAMS[name] = _finder(load_model(str(file), device="cpu").network)


def open_precisions(weights: Path) -> Precision:
    """Ours in float32 and with ``--precision auto``; what that is here."""
    from posetube.pipelines.loaded_model import load_model

    for precision in PRECISIONS:
        model = load_model(str(weights), device="cpu", precision=precision)
        PROGRAMS[precision] = _finder(model.network)
    return model.precision


def _finder(network: Any) -> Look:
    def find(image: ByteArray) -> tuple[FloatArray, FloatArray]:
        kept = network.encode(image[None])
        length = network.clip_length
        tubes = network.detect_features(kept * length, range(length))
        return tubes.boxes[:, length // 2], tubes.keypoints[:, length // 2]

    return find


def peer(weights: Path | None = None) -> Any:
    """The network of torchvision, with random weights or those of a file."""
    import torch
    from torchvision.models import detection

    torch.manual_seed(0)
    network = detection.keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None).eval()
    if weights is not None:
        network.load_state_dict(torch.load(weights, weights_only=True))
    return network


def tame_norms(state: Mapping[str, Any]) -> None:
    """Give random weights of torchvision's norms as of a trained network, in place.

    Else their numbers grow with depth.
    """
    import torch

    generator = torch.Generator().manual_seed(1)
    for name, tensor in state.items():
        if name.endswith("running_mean"):
            tensor.normal_(0, 0.1, generator=generator)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith("bn3.weight"):
            tensor.fill_(0.3)


def make_weights(folder: Path, images: Sequence[ByteArray], people: int) -> dict[str, Path]:
    """The files of all programs, of weights with which ``people`` are found in all photographs."""
    import torch

    from posetube.models3d.checkpoints.convert import convert_weights
    from posetube.models3d.checkpoints.weights_io import save_weights
    from posetube.models3d.presets import tube_rcnn_r50_fpn

    network = peer()
    tame_norms(network.state_dict())
    predictor = network.roi_heads.box_predictor.cls_score
    with torch.no_grad():
        predictor.weight *= 8  # a random layer says nearly the same of all boxes
    files = {"torchvision": folder / "peer.pth"}
    clips = {f"T = {length}": tube_rcnn_r50_fpn(clip_length=length) for length in (1, 3)}
    for source, configs in ((files["torchvision"], {"ours": None}), (folder / "clips.pth", clips)):
        for config in configs.values():
            if config is not None:
                network.rpn._pre_nms_top_n["testing"] = config.proposals.before_nms
                network.rpn._post_nms_top_n["testing"] = config.proposals.after_nms
        with torch.no_grad():
            predictor.bias[1] += _shift(network, images, people)
        torch.save(network.state_dict(), source)
        for name, config in configs.items():
            files[name] = folder / f"{name}.safetensors"
            save_weights(convert_weights(source, into=config).model, files[name])
    return files


def _shift(network: Any, images: Sequence[ByteArray], people: int) -> float:
    """What to add to the logit of people, so that so many pass the limit of the scores."""
    import torch

    heads = network.roi_heads
    limit, pool = heads.score_thresh, heads.keypoint_roi_pool
    # without a limit, and without the joints of a thousand boxes
    heads.score_thresh, heads.detections_per_img, heads.keypoint_roi_pool = 0.0, 1000, None
    with torch.inference_mode():
        scores = torch.cat(
            [network([torch.from_numpy(i).permute(2, 0, 1) / 255])[0]["scores"] for i in images]
        )
    heads.score_thresh, heads.detections_per_img, heads.keypoint_roi_pool = limit, 100, pool
    best = scores.double().logit().sort(descending=True).values
    middle = float(best[people - 1 : people + 1].mean())
    return math.log(limit / (1 - limit)) - middle


def sums_of(program: str, image: ByteArray) -> float:
    """Operations of convolutions and products of matrices, in 10^9."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        PROGRAMS[program](image)
    return float(counter.get_total_flops()) / 1e9


def ceiling(threads: int) -> float:
    """The rate of a plain convolution, 10^9 operations per second."""
    from posetube.models3d.runtimes.convolution import convolution_rate

    return convolution_rate("torch", workers=threads)


def profile(program: str, image: ByteArray) -> dict[str, float]:
    """The share of each operation in the processor's time, in percent, the ten largest."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiler

    with profiler(activities=[ProfilerActivity.CPU]) as seen:
        PROGRAMS[program](image)
    times = {event.key: event.self_cpu_time_total for event in seen.key_averages()}
    best = sorted(times, key=lambda key: -times[key])[:10]
    return {key: round(100 * times[key] / sum(times.values()), 1) for key in best}


def photographs(folder: Path, count: int) -> tuple[list[ByteArray], int]:
    """The first photographs of 1 to 4 labelled people, RGB, and how many people these are."""
    content = json.loads((folder / "annotations/person_keypoints_train2017.json").read_text())
    numbers = [one["image_id"] for one in content["annotations"] if not one["iscrowd"]]
    few = [i for i in content["images"] if 1 <= numbers.count(i["id"]) <= MOST_PEOPLE][:count]
    pictures = [cv2.imread(str(folder / "train2017" / one["file_name"])) for one in few]
    images = [np.asarray(p[..., ::-1].copy(), np.uint8) for p in pictures if p is not None]
    return images, sum(numbers.count(one["id"]) for one in few)


def agreement(pairs: Sequence[tuple[Looked, Looked]]) -> dict[str, Any]:
    """How far ours is from torchvision's."""
    same = [(a, b) for a, b in pairs if len(a.boxes) == len(b.boxes)]
    boxes = np.concatenate([np.abs(a.boxes - b.boxes).ravel() for a, b in same])
    joints = np.concatenate([np.abs(a.joints - b.joints).max(axis=2).ravel() for a, b in same])
    return {
        "photographs_with_the_same_people": len(same),
        "people": sum(len(a.boxes) for a, _ in same),
        "largest_box_difference_px": round(float(boxes.max(initial=0)), 5),
        "largest_joint_difference_px": round(float(joints.max(initial=0)), 5),
        "joints": joints.size,
        "joints_within_0.05_px": int((joints <= CLOSE).sum()),
    }


def by_precision(
    weights: Path, images: Sequence[ByteArray], *, runs: int, threads: int
) -> dict[str, Any]:
    """How much processor time ``--precision auto`` saves, and what it changes."""
    worker = Worker(threads, usable_cores)
    chosen = worker.ask(open_precisions, weights)
    for precision in PRECISIONS:
        worker.ask(look, precision, images[0])  # the first look takes memory
    ratios, exact, rounded = list[float](), list[Looked](), list[Looked]()
    for _ in range(runs):
        pairs = [[worker.ask(look, one, image) for one in PRECISIONS] for image in images]
        exact, rounded = ([pair[place] for pair in pairs] for place in (0, 1))
        times = [sum(one.processor_seconds for one in some) for some in (exact, rounded)]
        ratios.append(round(times[0] / times[1], 3))
    return {
        "auto_is": chosen,
        "threads": threads,
        "photographs": len(images),
        "processor_time_float32_over_auto": {"median": median(ratios), "runs": ratios},
        "people_found": [[len(one.boxes) for one in some] for some in (exact, rounded)],
        **differences(list(zip(exact, rounded, strict=True))),
    }


def differences(pairs: Sequence[tuple[Looked, Looked]]) -> dict[str, Any]:
    """Of the people that both find: how far boxes and joints are apart, pixels."""
    boxes, joints = list[FloatArray](), list[FloatArray]()
    for one, other in pairs:
        overlaps = iou(one.boxes, other.boxes)
        for row, column in enumerate(overlaps.argmax(axis=1) if overlaps.size else ()):
            if overlaps[row, column] >= SAME:
                boxes.append(np.abs(one.boxes[row] - other.boxes[column]))
                joints.append(np.abs(one.joints[row] - other.joints[column]).max(axis=1))
    return {
        "people_of_both": len(boxes),
        "box_difference_px": _spread(boxes),
        "joint_difference_px": _spread(joints),
    }


def _spread(found: Sequence[FloatArray]) -> dict[str, float]:
    numbers = np.concatenate([*found, np.zeros(0)])
    if not len(numbers):
        return {}
    shares = {"median": 50, "95 %": 95, "largest": 100}
    return {name: round(float(np.percentile(numbers, at)), 3) for name, at in shares.items()}


def main() -> None:
    """Measure, print, and record on request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="tiny_coco of the samples")
    parser.add_argument("--photographs", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument(
        "--precision-alone", action="store_true", help="only what --precision auto changes"
    )
    parser.add_argument("--record", help="name of the file in benchmarks/results")
    options = parser.parse_args()
    images, labelled = photographs(options.folder, options.photographs)
    with TemporaryDirectory() as folder:
        files = make_weights(Path(folder), images, labelled)
        given: Any = {"runs": options.runs, "threads": options.threads}
        numbers = {} if options.precision_alone else measured(files, images, **given)
        precision = by_precision(files["ours"], images, **given)
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv[1:]]
    where = {
        "command": " ".join(["python -m benchmarks.large_networks", *words]),
        "machine": f"{platform.machine()}, {usable_cores()} cores",
        "load": os.getloadavg(),
        "versions": library_versions(),
        "labelled_people": labelled,
    }
    path = RESULTS / f"{options.record}.json"
    record: dict[str, Any] = {**where, **numbers, "precision": precision}
    if options.precision_alone:
        there = json.loads(path.read_text()) if options.record else {}
        record = {**there, "precision": {**where, **precision}}
    print(json.dumps(record, indent=2))
    if options.record:
        path.write_text(json.dumps(record, indent=2) + "\n")


def measured(
    files: dict[str, Path], images: Sequence[ByteArray], *, runs: int, threads: int
) -> dict[str, Any]:
    """All numbers."""
    theirs = Worker(threads, open_peer, files["torchvision"])
    own = {name: file for name, file in files.items() if name != "torchvision"}
    ours = Worker(threads, open_ours_named, own)
    workers = {"torchvision": theirs, **dict.fromkeys(own, ours)}
    looks = dict[str, list[Looked]]()
    ceilings, rounds = [], list[dict[str, float]]()
    for name, worker in workers.items():
        worker.ask(look, name, images[0])  # the first look takes memory
    for _ in range(runs):
        ceilings.append(ours.ask(ceiling, threads))
        looks = {name: [] for name in workers}
        for image in images:
            for name, worker in workers.items():
                looks[name].append(worker.ask(look, name, image))
        rounds.append({name: sum(one.seconds for one in some) for name, some in looks.items()})
    sums = {name: sum(workers[name].ask(sums_of, name, i) for i in images) for name in workers}
    best = median(ceilings)

    def ratio(first: str, second: str) -> list[float]:
        return [round(one[first] / one[second], 3) for one in rounds]

    times = {name: median(one[name] for one in rounds) for name in workers}
    asked = sums["torchvision"]
    return {
        "threads": threads,
        "photographs": len(images),
        "runs": runs,
        "people_found": {n: [len(one.boxes) for one in some] for n, some in looks.items()},
        "seconds_per_photograph": {n: round(t / len(images), 3) for n, t in times.items()},
        "processor_seconds_per_photograph": {
            name: round(sum(one.processor_seconds for one in some) / len(images), 3)
            for name, some in looks.items()
        },
        "torchvision_over_ours": {
            "median": median(ratio("torchvision", "ours")),
            "runs": ratio("torchvision", "ours"),
        },
        "three_frames_over_one": {
            "median": median(ratio("T = 3", "T = 1")),
            "runs": ratio("T = 3", "T = 1"),
        },
        "agreement": agreement(list(zip(looks["torchvision"], looks["ours"], strict=True))),
        "billion_operations_per_photograph": {
            name: round(count / len(images), 1) for name, count in sums.items()
        },
        "convolution_ceiling_gflops": round(best, 1),
        "share_of_ceiling": {
            "torchvision": round(asked / times["torchvision"] / best, 3),
            "ours": round(asked / times["ours"] / best, 3),
            "ours_counting_only_what_it_computes": round(sums["ours"] / times["ours"] / best, 3),
        },
        "profile_percent": {
            name: workers[name].ask(profile, name, images[0]) for name in ("torchvision", "ours")
        },
    }


def open_ours_named(files: dict[str, Path]) -> None:
    """:func:`open_ours` for names that are no identifiers."""
    open_ours(**files)


if __name__ == "__main__":
    main()
