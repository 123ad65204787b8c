"""How well the track job finds people in photographs: OKS-AP and box AP50, from its detections.

Each picture of a folder is tracked on its own, as a video of one frame; what is in ``detections/``
is compared with a file of COCO keypoints by pycocotools.

    python benchmarks/coco_keypoints.py ../shared/samples/tiny_coco/train2017 \
        ../shared/samples/tiny_coco/annotations/person_keypoints_train2017.json --record tiny_coco
"""

import argparse
import contextlib
import io
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from posetube.boxes import to_xywh
from posetube.datasets.video.inputs import Input
from posetube.pipelines.loaded_model import LoadedModel, load_model
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.manifest import library_versions
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.tracking.track_input import track_input

RESULTS = Path(__file__).parent / "results"
PERSON = 1
"""COCO's number of the category."""


def detections(
    pictures: Path, truth: COCO, model: LoadedModel, scratch: Path
) -> Iterator[dict[str, Any]]:
    """What the job finds in each picture, as COCO writes results."""
    for image in truth.dataset["images"]:
        item = Input(
            name=str(image["id"]), source=str(pictures / image["file_name"]), kind="picture"
        )
        run = RunDirectory(scratch / item.name)
        track_input(item, run, model, config=TrackConfig(overlay=None))
        for frame in read_frames(run.detections, joints=len(model.network.skeleton)):
            people = frame.people
            joints = np.concatenate([people.keypoints, people.keypoint_scores[..., None]], axis=-1)
            for box, score, pose in zip(to_xywh(people.boxes), people.scores, joints, strict=True):
                yield {
                    "image_id": image["id"],
                    "category_id": PERSON,
                    "bbox": box.tolist(),
                    "score": float(score),
                    "keypoints": np.nan_to_num(pose).ravel().tolist(),
                }


def evaluate(truth: COCO, found: list[dict[str, Any]]) -> dict[str, float]:
    """OKS-AP, OKS-AP50, box AP and box AP50, in percent."""
    numbers: dict[str, float] = {}
    for kind, name in (("keypoints", "oks"), ("bbox", "box")):
        with contextlib.redirect_stdout(io.StringIO()):
            scores = COCOeval(truth, truth.loadRes(found), kind)
            scores.params.catIds = [PERSON]
            scores.evaluate()
            scores.accumulate()
            scores.summarize()
        numbers[f"{name}_ap"] = round(100 * float(scores.stats[0]), 2)
        numbers[f"{name}_ap50"] = round(100 * float(scores.stats[1]), 2)
    return numbers


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", type=Path, help="folder of the pictures")
    parser.add_argument("truth", type=Path, help="file of COCO keypoints")
    parser.add_argument("--model", default="tiny", help="name of a model, or a file of weights")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(options.truth)
    model = load_model(options.model, device=options.device)
    with TemporaryDirectory() as scratch:
        found = list(detections(options.pictures, truth, model, Path(scratch)))
    numbers = evaluate(truth, found)
    for name, value in numbers.items():
        print(f"{name:10s} {value:5.1f}")
    if options.record:
        record = {
            **numbers,
            "pictures": len(truth.dataset["images"]),
            "detections": len(found),
            "model": model.record.name,
            "sha256": model.record.sha256,
            "command": " ".join(["python", *sys.argv]),
            "machine": platform.platform(),
            "device": f"{model.device.name} ({model.device.reason})",
            "versions": library_versions(),
        }
        path = RESULTS / f"coco_keypoints_{options.record}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
