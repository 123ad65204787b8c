"""Whether a joint's score says how likely it is right, and which joints are absent.

Photographs whose labels say what is visible: COCO's and LSP-extended's. Of upright people the
picture is also cut at chest, waist and shin, so that the joints below are known to be outside.
Every second photograph serves to fit the calibration and to choose ``min_joint``, the others to
report. Right is a joint whose own object keypoint similarity is 0.5 or more. The ends of the head,
which LSP-extended alone labels, have a calibration of their own: their readout learned from the
photographs at even places (``learn_head_ends.py``), every second of the others serves to fit, the
rest to report. What removed joints cost in AP: ``coco_keypoints.py --min-joint``.

    python -m benchmarks.joint_scores ../shared/samples/tiny_coco/train2017 \
        ../shared/samples/tiny_coco/annotations/person_keypoints_train2017.json \
        ../shared/samples/lsp_extended --record joint_scores
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from benchmarks.recording import RESULTS, write_record
from posetube import skeletons
from posetube.boxes import iou
from posetube.datasets.published.lsp import Lsp
from posetube.models3d.joint_peaks import DecodeConfig
from posetube.network import Network
from posetube.pipelines.loaded_model import load_model
from posetube.pipelines.tracking.link_people import without_absent
from posetube.skeletons import COCO17, COCO19

Array = npt.NDArray[Any]

LABELLED, UNLABELLED, NOT_ASKED, OUTSIDE = range(4)
"""What the truth says of a joint; only COCO's unlabelled joints count as absent: LSP-extended
leaves out joints that are merely hidden, and has none in the face."""

LEGS = [
    COCO19.index(f"{side}_{joint}") for side in ("left", "right") for joint in ("knee", "ankle")
]
"""The joints that are cut off most often."""

MIN_SCORE = 0.2
"""People with lower scores become no tracks."""

THRESHOLDS = (0.0, 1e-6, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Choices of ``min_joint``; the second removes joints outside the picture only."""


@dataclass(frozen=True, kw_only=True)
class LabelledPerson:
    """Somebody in a photograph."""

    points: Array
    """(19, 2) pixels, NaN where not labelled."""

    states: Array
    """(19,) what the truth says of each joint."""

    box: Array
    """(4,) x1 y1 x2 y2 pixels."""

    overlap: float
    """IoU from which a detection may be this person; boxes around joints alone are small."""


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A picture, whole or cut, and the people to be asked for."""

    name: str
    """Its number."""

    place: int = 0
    """Its place in its data set."""

    picture: Array
    """(H, W, 3) RGB."""

    people: list[LabelledPerson]
    cut: bool = False


def coco_photographs(folder: Path, truth: Path) -> Iterator[Photograph]:
    """COCO's photographs, with all people of whom a joint is labelled."""
    labels = json.loads(truth.read_text(encoding="utf-8"))
    for image in labels["images"]:
        people = []
        for one in labels["annotations"]:
            if one["image_id"] != image["id"] or one["iscrowd"] or not one["num_keypoints"]:
                continue
            joints = np.zeros((len(COCO19), 3))
            joints[: len(COCO17)] = np.reshape(one["keypoints"], (17, 3))
            known = joints[:, 2] > 0
            states = np.where(known, LABELLED, UNLABELLED)
            states[len(COCO17) :] = NOT_ASKED
            x, y, width, height = one["bbox"]
            people.append(
                LabelledPerson(
                    points=np.where(known[:, None], joints[:, :2] + 0.5, np.nan),
                    states=states,
                    box=np.array([x, y, x + width, y + height]),
                    overlap=0.5,
                )
            )
        picture = _read(folder / image["file_name"])
        yield Photograph(name=str(image["id"]), picture=picture, people=people)


def lsp_photographs(folder: Path) -> Iterator[Photograph]:
    """LSP-extended's photographs; joints that are not visible are not asked for."""
    data = Lsp(root=folder, name="lspet")
    for place, name in enumerate(data.videos()):
        path = folder / name
        if not path.is_file():
            continue
        tracks = data.read(name).tracks
        states = tracks.joint_states
        assert states is not None
        own = np.where(states[0, :, None] > 0, tracks.keypoints[0], np.nan)
        points, _ = skeletons.apply(
            skeletons.convert(tracks.skeleton, COCO19), own[None], np.ones((1, len(own)))
        )
        person = LabelledPerson(
            points=points[0],
            states=np.where(np.isfinite(points[0, :, 0]), LABELLED, NOT_ASKED),
            box=np.concatenate([np.nanmin(own, axis=0), np.nanmax(own, axis=0)]),
            overlap=0.3,
        )
        number = path.stem.removeprefix("im").lstrip("0")
        yield Photograph(name=number, place=place, picture=_read(path), people=[person])


def cut_off(whole: Photograph) -> Iterator[Photograph]:
    """The photograph without what is below chest, waist and shin of its first two people."""
    for person in whole.people[:2]:
        pairs = person.points[[5, 6, 11, 12, 13, 14, 15, 16], 1].reshape(4, 2)
        shoulder, hip, knee, ankle = pairs.mean(axis=1)
        torso = hip - shoulder
        if not (torso > 40 and knee - hip > 0.4 * torso):
            continue
        places = [hip - 0.35 * torso, hip + 0.15 * torso]
        if ankle - knee > 0.4 * torso:
            places.append(knee + 0.25 * torso)
        for place in places:
            edge = int(place)
            below = np.nan_to_num(person.points[:, 1], nan=-1) > edge
            cut = replace(
                person,
                states=np.where(below, OUTSIDE, person.states),
                box=np.minimum(person.box, [np.inf, np.inf, np.inf, edge]),
            )
            picture = whole.picture[:edge].copy()
            yield replace(whole, picture=picture, people=[cut], cut=True)


def judged(photograph: Photograph, network: Network, *, half: int) -> list[tuple[float, ...]]:
    """A row per joint of everybody who is found: see :data:`COLUMNS`."""
    picture = photograph.picture
    found = network.detect_features(network.encode(picture[None]), [0]).at(0)
    gone = []
    for threshold in THRESHOLDS:
        kept = without_absent(
            found, min_joint=threshold, skeleton=network.skeleton, size=picture.shape[:2]
        )
        gone.append(np.isnan(kept.keypoints[..., 0]) & (threshold > 0))
    rows: list[tuple[float, ...]] = []
    for person in photograph.people:
        overlap = iou(person.box[None], found.boxes)[0] if len(found) else np.zeros(1)
        best = int(overlap.argmax())
        # chosen among all: somebody found with a low score is not to be taken for a neighbour
        if overlap[best] < person.overlap or found.scores[best] < MIN_SCORE:
            continue
        low, high = found.boxes[best, :2], found.boxes[best, 2:]
        area = 0.53 * (high - low).prod()  # a person fills about half of the box
        squared = ((found.keypoints[best] - person.points) ** 2).sum(axis=1)
        near = np.exp(-squared / (2 * area * (2 * COCO19.sigmas) ** 2)) >= 0.5
        right = near & (person.states == LABELLED)
        columns = (found.keypoint_scores[best], right, person.states, *(g[best] for g in gone))
        rows += [
            (half, photograph.place, photograph.cut, joint, *row)
            for joint, row in enumerate(zip(*columns, strict=True))
        ]
    return rows


COLUMNS = ("half", "place", "cut", "joint", "score", "right", "state", *map(str, THRESHOLDS))


def fitted(peaks: Array, right: Array) -> tuple[float, float]:
    """Slope and offset of the logistic regression on the logarithm of the peaks."""

    def loss(line: Array) -> float:
        logit = line[0] * np.log(np.clip(peaks, 1e-6, 1)) + line[1]
        return float(np.logaddexp(0, np.where(right, -logit, logit)).mean())

    slope, offset = minimize(loss, [1.0, 0.0]).x
    return float(slope), float(offset)


def reliability(scores: Array, right: Array) -> dict[str, Any]:
    """Joints, mean score and share of right ones in ten steps of the score, and the mean gap."""
    step = np.minimum((scores * 10).astype(int), 9)
    table = [
        (int(here.sum()), float(scores[here].mean()), float(right[here].mean()))
        for here in (step == number for number in range(10))
        if here.any()
    ]
    gap = sum(count * abs(mean - share) for count, mean, share in table) / len(scores)
    return {"gap": round(gap, 3), "steps": [[n, round(m, 3), round(r, 3)] for n, m, r in table]}


def absence(rows: dict[str, Array], threshold: float) -> dict[str, float]:
    """Precision and recall of "absent", and what else a threshold removes, in percent."""
    gone = rows[str(threshold)] > 0
    whole, state = rows["cut"] == 0, rows["state"]
    absent = (state == OUTSIDE) | (whole & (state == UNLABELLED))
    there = whole & (state == LABELLED)
    hits, recall = gone[absent].sum(), gone[absent].mean()
    precision = hits / max(1, hits + gone[there].sum())
    return {
        "min_joint": threshold,
        "precision": _percent(precision),
        "recall": _percent(recall),
        "f1": _percent(2 * precision * recall / max(precision + recall, 1e-9)),
        "outside_removed": _percent(gone[state == OUTSIDE].mean()),
        "legs_left": int((~gone[(state == OUTSIDE) & np.isin(rows["joint"], LEGS)]).sum()),
        "legs": int(((state == OUTSIDE) & np.isin(rows["joint"], LEGS)).sum()),
        "right_removed": _percent(gone[there & (rows["right"] > 0)].mean()),
    }


def measured(rows: dict[str, Array], config: DecodeConfig) -> dict[str, Any]:
    """Everything that the model card's section "Joint scores" says."""
    assert config.calibration is not None
    ends = rows["joint"] >= len(COCO17)
    pairs = np.array([config.calibration, config.calibration_of_rest or config.calibration])
    slope, offset = pairs[ends.astype(int)].T
    scores = np.clip(rows["score"], 1e-9, 1 - 1e-9)
    peaks = np.exp((np.log(scores / (1 - scores)) - offset) / slope)
    asked = (rows["cut"] == 0) & (rows["state"] != NOT_ASKED)
    chosen, reported = (asked & ~ends & (rows["half"] == half) for half in (0, 1))
    fit_ends, of_ends = (asked & ends & (rows["place"] % 4 == place) for place in (1, 3))
    right = rows["right"] > 0
    halves = {}
    for half, name in enumerate(("chosen_on", "reported_on")):
        here = rows["half"] == half
        mine = {column: values[here] for column, values in rows.items()}
        halves[name] = [absence(mine, threshold) for threshold in THRESHOLDS]
    return {
        "fitted": [round(value, 2) for value in fitted(peaks[chosen], right[chosen])],
        "calibration": list(config.calibration),
        "peaks": reliability(peaks[reported], right[reported]),
        "scores": reliability(scores[reported], right[reported]),
        "ends_of_the_head": {
            "joints": int(of_ends.sum()),
            "right_percent": _percent(right[of_ends].mean()),
            "fitted": [round(value, 2) for value in fitted(peaks[fit_ends], right[fit_ends])],
            "fitted_on_joints": int(fit_ends.sum()),
            "calibration": list(config.calibration_of_rest or config.calibration),
            "mean_score": round(float(scores[of_ends].mean()), 3),
            **reliability(scores[of_ends], right[of_ends]),
        },
        "absent": halves,
    }


def _percent(share: float) -> float:
    return round(100 * float(share), 1)


def _read(path: Path) -> Array:
    picture = cv2.imread(str(path))
    assert picture is not None, f"{path} is no picture"
    return np.ascontiguousarray(picture[..., ::-1])


def main() -> None:
    """Read the arguments, measure, print, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pictures", type=Path, help="folder of COCO's pictures")
    parser.add_argument("truth", type=Path, help="file of COCO keypoints")
    parser.add_argument("lsp", type=Path, help="folder of LSP-extended")
    parser.add_argument("--record", help="name of a file of results to write")
    options = parser.parse_args()
    network: Any = load_model("tiny", device="cpu").network
    rows: list[tuple[float, ...]] = []
    photographs = (
        coco_photographs(options.pictures, options.truth),
        lsp_photographs(options.lsp),
    )
    for source in photographs:
        for number, whole in enumerate(sorted(source, key=lambda one: one.name)):
            for one in (whole, *cut_off(whole)):
                rows += judged(one, network, half=number % 2)
    table = dict(zip(COLUMNS, np.array(rows, np.float64).T, strict=True))
    numbers = measured(table, network.config.decode)
    print(json.dumps(numbers, indent=2))
    if options.record:
        record = {
            **numbers,
            "joints": len(rows),
            "sha256": network.info.sha256,
        }
        write_record(RESULTS / f"{options.record}.json", record)


if __name__ == "__main__":
    main()
