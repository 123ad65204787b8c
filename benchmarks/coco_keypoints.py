"""How well the track job finds people in photographs: OKS-AP and box AP50, from its detections.

Each picture of a folder is tracked on its own, as a video of one frame; what is in ``detections/``
is compared with a file of COCO keypoints by pycocotools; every second picture also for itself, so
that what was chosen on one half can be told on the other. With ``--min-joint``, joints that are
absent from tracks count as wrong. Also how many people of each height are found, by a box of IoU
0.5, and how long it took.

    python -m benchmarks.coco_keypoints ../shared/samples/tiny_coco/train2017 \
        ../shared/samples/tiny_coco/annotations/person_keypoints_train2017.json --record tiny_coco
"""

import argparse
import contextlib
import io
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmarks.recording import RESULTS, write_record
from posetube.boxes import from_xywh, iou, to_xywh
from posetube.datasets.formats.joint_sets import people_with_joints
from posetube.datasets.video.inputs import Input
from posetube.network import Quality, Runtime
from posetube.pipelines.loaded_model import LoadedModel, load_model
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking.link_people import without_absent
from posetube.pipelines.tracking.track_input import TrackTask, track_input
from posetube.skeletons import COCO17

PERSON = 1
"""COCO's number of the category."""

HEIGHTS = (0, 50, 100, 200)
"""Where the classes of height begin, pixels of the picture."""

FOUND = 0.5
"""Overlap of the boxes from which somebody counts as found."""


def detections(
    pictures: Path, truth: COCO, model: LoadedModel, scratch: Path, *, min_joint: float
) -> Iterator[dict[str, Any]]:
    """What the job finds in each picture, as COCO writes results."""
    own = model.network.skeleton
    for image in truth.dataset["images"]:
        item = Input(
            name=str(image["id"]), source=str(pictures / image["file_name"]), kind="picture"
        )
        run = RunDirectory(scratch / item.name)
        task = TrackTask(item=item, run=run, config=TrackConfig(overlay=None))
        track_input(task, model)
        for frame in read_frames(run.detections, joints=len(own)):
            people = frame.people
            if min_joint:
                size = run.read().source.size
                people = without_absent(people, min_joint=min_joint, skeleton=own, size=size)
            people = people_with_joints(people, own, COCO17)
            joints = np.concatenate([people.keypoints, people.keypoint_scores[..., None]], axis=-1)
            for box, score, pose in zip(to_xywh(people.boxes), people.scores, joints, strict=True):
                yield {
                    "image_id": image["id"],
                    "category_id": PERSON,
                    "bbox": box.tolist(),
                    "score": float(score),
                    "keypoints": np.nan_to_num(pose).ravel().tolist(),
                }


def evaluate(
    truth: COCO, found: list[dict[str, Any]], *, images: list[int] | None = None
) -> dict[str, float]:
    """OKS-AP, OKS-AP50, box AP and box AP50, in percent; of some of the images, or of all."""
    numbers: dict[str, float] = {}
    for kind, name in (("keypoints", "oks"), ("bbox", "box")):
        with contextlib.redirect_stdout(io.StringIO()):
            scores = COCOeval(truth, truth.loadRes(found), kind)
            scores.params.catIds = [PERSON]
            scores.params.imgIds = images or scores.params.imgIds
            scores.evaluate()
            scores.accumulate()
            scores.summarize()
        numbers[f"{name}_ap"] = round(100 * float(scores.stats[0]), 2)
        numbers[f"{name}_ap50"] = round(100 * float(scores.stats[1]), 2)
    return numbers


def found_by_height(truth: COCO, found: list[dict[str, Any]]) -> dict[str, list[int]]:
    """By class of height: how many people are found, and how many there are."""
    boxes: dict[int, list[Any]] = {}
    for person in found:
        boxes.setdefault(person["image_id"], []).append(person["bbox"])
    table = {f"from {least} px": [0, 0] for least in HEIGHTS}
    for label in truth.dataset["annotations"]:
        if label["iscrowd"] or label["category_id"] != PERSON:
            continue
        theirs = np.array(boxes.get(label["image_id"], [])).reshape(-1, 4)
        overlap = iou(from_xywh(np.array([label["bbox"]], float)), from_xywh(theirs))
        least = max(height for height in HEIGHTS if label["bbox"][3] >= height)
        table[f"from {least} px"][0] += bool(overlap.max(initial=0) >= FOUND)
        table[f"from {least} px"][1] += 1
    return table


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", type=Path, help="folder of the pictures")
    parser.add_argument("truth", type=Path, help="file of COCO keypoints")
    parser.add_argument("--model", default="tiny", help="name of a model, or a file of weights")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quality", choices=get_args(Quality), default="normal")
    parser.add_argument("--runtime", choices=get_args(Runtime), default="auto")
    parser.add_argument("--flip", action="store_true", help="look at people also mirrored")
    parser.add_argument("--min-joint", type=float, default=0.0, help="0: all joints count")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(options.truth)
    model = load_model(
        options.model,
        device=options.device,
        quality=options.quality,
        flip=options.flip,
        runtime=options.runtime,
    )
    started = time.process_time()
    with TemporaryDirectory() as scratch:
        found = list(
            detections(options.pictures, truth, model, Path(scratch), min_joint=options.min_joint)
        )
    seconds = time.process_time() - started
    numbers, heights = evaluate(truth, found), found_by_height(truth, found)
    numbers_of = [image["id"] for image in truth.dataset["images"]]
    halves = [evaluate(truth, found, images=numbers_of[half::2]) for half in (0, 1)]
    for name, value in numbers.items():
        print(f"{name:10s} {value:5.1f}   halves {halves[0][name]:5.1f} {halves[1][name]:5.1f}")
    for name, (seen, people) in heights.items():
        print(f"{name:11s} {seen} of {people} found")
    print(f"{seconds:.0f} s of processor time")
    if options.record:
        record = {
            **numbers,
            "halves": halves,
            "found_by_height": heights,
            "processor_seconds": round(seconds, 1),
            "quality": options.quality,
            "flip": options.flip,
            "runtime": model.runtime,
            "pictures": len(truth.dataset["images"]),
            "detections": len(found),
            "model": model.record.name,
            "sha256": model.record.sha256,
            "device": f"{model.device.name} ({model.device.reason})",
        }
        write_record(RESULTS / f"coco_keypoints_{options.record}.json", record)


if __name__ == "__main__":
    main()
