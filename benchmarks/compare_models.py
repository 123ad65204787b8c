"""Compares two kinds of models on labelled photographs, and says how far chance may explain it.

    python -m benchmarks.compare_models --first A1.safetensors A2.safetensors \
        --second B1.safetensors B2.safetensors --person lspet ../shared/samples/lsp_extended \
        --coco photographs ../shared/samples/tiny_coco/train2017 person_keypoints.json --record NAME

The models of one kind differ in the seed of their training; a kind's number is the mean over its
models. The photographs are resampled 300 times with repeats, alike for all models: 90 % of the
differences lie between the two last numbers. This covers the choice of photographs. How much the
training's seed matters shows in how the models of a kind differ.
"""

import argparse
import contextlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from benchmarks.recording import RESULTS, write_record
from posetube.boxes import around, iou, to_xywh
from posetube.datasets.annotated_video import AnnotatedVideo
from posetube.datasets.formats.joint_sets import with_joints
from posetube.datasets.people import open_people
from posetube.models3d import load_network
from posetube.models3d.tube_rcnn import TubeRCNN
from posetube.skeletons import COCO17
from posetube.structures import Clip, Detections, IntArray

DRAWS = 300
SURE = 0.2
"""Score from which on a person counts as found."""

NEAR = 0.3
"""A joint is placed right within this share of the torso's length."""

LIMBS = list(range(5, 17))
"""COCO's joints from the shoulders down."""

TORSO = [LIMBS.index(COCO17.index(name)) for name in ("left_shoulder", "right_hip")]
"""The limbs between which the torso is measured."""

Doubles = npt.NDArray[np.float64]
Scorer = Callable[[IntArray], dict[str, float]]
"""Numbers in percent from the photographs at these places."""


def detect_people(network: TubeRCNN, pictures: Iterable[Path]) -> list[Detections]:
    """The people that a network finds in each picture."""
    found = []
    for path in pictures:
        image = cv2.imread(str(path))
        if image is None:
            raise SystemExit(f"{path}: not a picture")
        rgb = np.asarray(image[None, :, :, ::-1], np.uint8)
        clip = Clip(frames=np.zeros(1, np.int64), times=np.zeros(1), images=rgb)
        found.append(network.detect(clip).at(0))
    return found


def person_scorer(name: str, root: Path, weights: Path) -> tuple[Scorer, int]:
    """People found at IoU 0.5 and joints placed right, of data sets that label one person.

    One frame of each video counts, that in its middle, if torso and six joints are in the picture.
    """
    known = labelled_people(name, root)
    found = detect_people(load_network(weights), (picture for picture, _ in known))
    counts = np.array(
        [count_joints(joints, p) for (_, joints), p in zip(known, found, strict=True)]
    )

    def score(places: IntArray) -> dict[str, float]:
        people, joints, right = counts[places].sum(axis=0)
        return {
            f"{name} found": 100 * people / len(places),
            f"{name} joints": 100 * right / joints,
        }

    return score, len(known)


def labelled_people(name: str, root: Path) -> list[tuple[Path, Doubles]]:
    """Picture and limbs of the person in each video of a data set, where enough of it is inside."""
    dataset = open_people(root, form=name)
    people = (_person(dataset.read(video)) for video in dataset.videos())
    return [person for person in people if person is not None]


def _person(video: AnnotatedVideo) -> tuple[Path, Doubles] | None:
    """Picture and limbs (12, 2) of the person in a video's middle frame."""
    tracks = with_joints(video.tracks, COCO17, derive=False)[0]
    frame = len(tracks.frames) // 2
    picture, rows = video.picture(frame), tracks.rows_of(frame)
    if picture is None or not picture.is_file() or rows.start == rows.stop:
        return None
    joints = np.asarray(tracks.keypoints[rows.start, LIMBS], np.float64)
    height, width = tracks.size or (np.inf, np.inf)
    joints[((joints < 0) | (joints >= [width, height])).any(axis=1)] = np.nan
    known = np.isfinite(joints[:, 0])
    return (picture, joints) if known[TORSO].all() and known.sum() >= 6 else None


def count_joints(
    joints: Doubles, people: Detections, *, sure: float = SURE
) -> tuple[bool, int, int]:
    """Whether the person was found, and how many joints are labelled and placed right.

    Only people of at least this score count; where there is none, no joint is right.
    """
    known = np.isfinite(joints[:, 0])
    people = people[people.scores >= sure]
    if not len(people):
        return False, int(known.sum()), 0
    overlap = iou(around(joints[known][None], scale=1.2), people.boxes)[0]
    best = int(overlap.argmax())
    away = np.linalg.norm(people.keypoints[best, LIMBS] - joints, axis=1)
    torso = np.linalg.norm(np.subtract(*joints[TORSO]))
    return bool(overlap[best] >= 0.5), int(known.sum()), int((away < NEAR * torso).sum())


def coco_scorer(name: str, pictures: Path, truth: COCO, weights: Path) -> tuple[Scorer, int]:
    """OKS-AP and box AP as pycocotools counts them, from some of the pictures."""
    images = truth.dataset["images"]
    found = detect_people(
        load_network(weights), (pictures / image["file_name"] for image in images)
    )
    results = [
        {
            "image_id": image["id"], "category_id": 1, "score": float(score), "bbox": box.tolist(),
            "keypoints": np.c_[pose, np.ones(len(pose))].ravel().tolist(),
        }
        for image, people in zip(images, found, strict=True)
        for box, score, pose in zip(
            to_xywh(people.boxes), people.scores, people.keypoints, strict=True
        )
    ]  # fmt: skip
    order = np.argsort(np.argsort([image["id"] for image in images]))
    counted = {
        f"{name} {short} AP": _counted(truth, results, kind)
        for kind, short in (("keypoints", "OKS"), ("bbox", "box"))
    }

    def score(places: IntArray) -> dict[str, float]:
        return {label: _ap(*both, order[places]) for label, both in counted.items()}

    return score, len(images)


def _counted(truth: COCO, results: list[dict[str, Any]], kind: str) -> tuple[COCOeval, list[Any]]:
    """An evaluation, and its matches by picture in the order of their numbers."""
    with contextlib.redirect_stdout(io.StringIO()):
        scores = COCOeval(truth, truth.loadRes(results), kind)
        scores.params.catIds = [1]
        scores.params.areaRng = scores.params.areaRng[:1]
        scores.params.areaRngLbl = scores.params.areaRngLbl[:1]
        scores.evaluate()
    return scores, list(scores.evalImgs)


def _ap(scores: COCOeval, matches: list[Any], places: IntArray) -> float:
    scores.evalImgs = [matches[place] for place in places]
    with contextlib.redirect_stdout(io.StringIO()):
        scores.accumulate()
    precision = scores.eval["precision"][..., -1]  # with as many detections as COCO allows
    return 100 * float(precision[precision > -1].mean())


def resampled(score: Scorer, count: int) -> dict[str, Doubles]:
    """Numbers (1 + DRAWS,) of all the pictures, then of ``count`` drawn with repeats."""
    rng = np.random.default_rng(0)
    rows = [score(np.arange(count))]
    rows += [score(rng.integers(0, count, count)) for _ in range(DRAWS)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def compare(first: list[dict[str, Doubles]], second: list[dict[str, Doubles]]) -> Any:
    """By number: each model's, and the second kind's advantage with its range."""
    table = {}
    for name in first[0]:
        ones, twos = ([model[name] for model in kind] for kind in (first, second))
        gain = np.mean(twos, axis=0) - np.mean(ones, axis=0)
        low, high = np.percentile(gain[1:], [5, 95])
        table[name] = {
            "first": [round(float(model[0]), 1) for model in ones],
            "second": [round(float(model[0]), 1) for model in twos],
            "gain": round(float(gain[0]), 1),
            "range": [round(float(low), 1), round(float(high), 1)],
        }
    return table


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--first", nargs="+", type=Path, required=True, help="weights")
    parser.add_argument("--second", nargs="+", type=Path, required=True, help="weights")
    parser.add_argument("--person", nargs=2, action="append", default=[], metavar=("NAME", "ROOT"),
                        help="a data set that labels one person in each picture")  # fmt: skip
    parser.add_argument("--coco", nargs=3, action="append", default=[],
                        metavar=("NAME", "PICTURES", "JSON"))  # fmt: skip
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    with contextlib.redirect_stdout(io.StringIO()):
        sets = [(name, Path(pictures), COCO(file)) for name, pictures, file in options.coco]

    pictures: dict[str, int] = {}

    def numbers(weights: Path) -> dict[str, Doubles]:
        scorers = [person_scorer(name, Path(root), weights) for name, root in options.person]
        scorers += [coco_scorer(*labelled, weights) for labelled in sets]
        found: dict[str, Doubles] = {}
        for score, count in scorers:
            drawn = resampled(score, count)
            found |= drawn
            pictures.update(dict.fromkeys(drawn, count))
        return found

    kinds = [[numbers(weights) for weights in kind] for kind in (options.first, options.second)]
    table = compare(*kinds)
    for name, row in table.items():
        print(f"{name:20s} {row['first']!s:16s} {row['second']!s:16s} "
              f"{row['gain']:+5.1f}  {row['range']}")  # fmt: skip
    if options.record:
        path = RESULTS / f"compare_models_{options.record}.json"
        write_record(path, {"numbers": table, "pictures": pictures})


if __name__ == "__main__":
    main()
