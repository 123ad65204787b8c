"""How well a network finds people in unusual poses: boxes and joints against LSP-extended's labels.

Each small photograph shows one labelled person; those with the torso and six joints inside the
picture count. A joint is right within 0.3 of the torso (left shoulder to right hip); people who are
not found have none right.

    python benchmarks/lsp_joints.py ../shared/samples/lsp_extended --record lsp_extended
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import numpy.typing as npt

from posetube.boxes import around, iou
from posetube.datasets.annotated_video import AnnotatedVideo
from posetube.datasets.formats.joint_sets import with_joints
from posetube.datasets.published.dataset_table import open_dataset
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.network import Quality
from posetube.pipelines.loaded_model import load_model
from posetube.pipelines.storage.manifest import library_versions
from posetube.skeletons import COCO17
from posetube.structures import Clip, Detections

RESULTS = Path(__file__).parent / "results"
FOUND = 0.5
"""Overlap of the boxes from which somebody counts as found."""

NEAR = 0.3
"""A joint is right within this share of the torso's length."""

LIMBS = list(range(5, 17))
"""COCO's joints from the shoulders down."""

TORSO = [LIMBS.index(COCO17.index(name)) for name in ("left_shoulder", "right_hip")]
"""The limbs between which the torso is measured."""

Doubles = npt.NDArray[np.float64]


def labelled(video: AnnotatedVideo) -> tuple[Path, Doubles] | None:
    """Picture and limbs (12, 2) of the person in it; None if too little of the person is inside."""
    tracks = with_joints(video.tracks, COCO17, derive=False)[0]
    picture, rows = video.picture(0), tracks.rows_of(0)
    if picture is None or not picture.is_file() or rows.start == rows.stop:
        return None
    joints = np.asarray(tracks.keypoints[rows.start, LIMBS], np.float64)
    height, width = tracks.size or (np.inf, np.inf)
    joints[((joints < 0) | (joints >= [width, height])).any(axis=1)] = np.nan
    known = np.isfinite(joints[:, 0])
    return (picture, joints) if known[TORSO].all() and known.sum() >= 6 else None


def detect(network: TubeRCNN, path: Path) -> Detections:
    """The people in a picture."""
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path}: not a picture")
    rgb = np.asarray(image[None, :, :, ::-1], np.uint8)
    return network.detect(Clip(frames=np.zeros(1, np.int64), times=np.zeros(1), images=rgb)).at(0)


def counts(joints: Doubles, people: Detections, *, sure: float) -> tuple[bool, int, int]:
    """Whether the person was found, and how many joints are labelled and placed right."""
    known = np.isfinite(joints[:, 0])
    people = people[people.scores >= sure]
    if not len(people):
        return False, int(known.sum()), 0
    overlap = iou(around(joints[known][None], scale=1.2), people.boxes)[0]
    best = int(overlap.argmax())
    away = np.linalg.norm(people.keypoints[best, LIMBS] - joints, axis=1)
    torso = np.linalg.norm(np.subtract(*joints[TORSO]))
    return bool(overlap[best] >= FOUND), int(known.sum()), int((away < NEAR * torso).sum())


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("root", type=Path, help="folder of LSP-extended")
    parser.add_argument("--model", default="tiny", help="name of a model, or a file of weights")
    parser.add_argument("--quality", choices=get_args(Quality), default="normal")
    parser.add_argument("--sure", type=float, default=0.2, help="least score of a person")
    parser.add_argument("--half", type=int, choices=(0, 1), help="only every other picture")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    network: Any = load_model(options.model, device="cpu", quality=options.quality).network
    dataset = open_dataset("lspet", options.root)
    people = [one for one in map(labelled, map(dataset.read, dataset.videos())) if one is not None]
    if options.half is not None:
        people = people[options.half :: 2]
    started = time.process_time()
    table = np.array(
        [counts(joints, detect(network, picture), sure=options.sure) for picture, joints in people]
    )
    found, known, right = table.sum(axis=0).tolist()
    numbers = {
        "found_percent": round(100 * found / len(people), 1),
        "joints_percent": round(100 * right / known, 1),
        "processor_seconds": round(time.process_time() - started, 1),
    }
    print(f"{len(people)} people", numbers)
    if options.record:
        record = {
            **numbers,
            "people": len(people),
            "model": network.info.name,
            "sha256": network.info.sha256,
            "quality": options.quality,
            "sure": options.sure,
            "command": " ".join(["python", *sys.argv]),
            "machine": platform.platform(),
            "versions": library_versions(),
        }
        path = RESULTS / f"lsp_joints_{options.record}.json"
        path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
