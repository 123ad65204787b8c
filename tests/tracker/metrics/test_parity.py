"""The same random scenes by py-motmetrics and pycocotools, which share no code with ours.

COCO's numbers are pycocotools' in both; what could differ is what it is given.
"""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from posetube.skeletons import COCO17, POSETRACK15
from posetube.tracker.metrics import box_tracking
from posetube.tracker.metrics.coco import Kind, coco_metrics
from posetube.tracker.metrics.eval_sequence import EvalPeople, EvalSequence
from posetube.tracker.metrics.identity import idf1
from posetube.tracker.metrics.mota import clear_metrics
from posetube.tracker.metrics.person_pairing import THRESHOLD, frame_distances
from posetube.tracker.metrics.protocols import measure, protocol, summarize

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

NAMES = {
    "misses": "num_misses",
    "false_positives": "num_false_positives",
    "switches": "num_switches",
    "objects": "num_objects",
    "matches": "num_detections",
    "mota": "mota",
    "precision": "precision",
    "recall": "recall",
    "idf1": "idf1",
}
SHARES = ("mota", "motp", "precision", "recall", "idf1")


def people(
    rng: np.random.Generator, places: np.ndarray, *, noise: float, kept: float
) -> EvalPeople:
    """One side of a scene: some of the people who stand at ``places`` (F, N, 2), in any order."""
    rows = [(f, n) for f in range(len(places)) for n in rng.permutation(places.shape[1])]
    rows = [row for row in rows if rng.random() < kept]
    frame = np.array([f for f, _ in rows], np.int64)
    person = np.array([n for _, n in rows], np.int64)
    points = places[frame, person][:, None] + rng.normal(0, noise, (len(rows), 15, 2))
    points[rng.random(points.shape[:2]) < 0.1] = np.nan
    corner = places[frame, person] + rng.normal(0, noise, (len(rows), 2))
    stray = rng.integers(0, 2, len(places))  # identities change half way, at random
    return EvalPeople(
        starts=np.searchsorted(frame, np.arange(len(places) + 1)),
        ids=person + places.shape[1] * stray[frame] if noise else person,
        points=points,
        scores=rng.random(points.shape[:2]),
        sizes=np.full(len(rows), 30.0),
        rows=np.arange(len(rows)),
        boxes=np.concatenate([corner, corner + rng.uniform(30, 60, (len(rows), 2))], axis=1),
    )


def random_scene(seed: int) -> EvalSequence:
    """Up to six people so close that most have several candidates; some frames are empty."""
    rng = np.random.default_rng(seed)
    frames, crowd = int(rng.integers(3, 12)), int(rng.integers(1, 7))
    places = rng.uniform(0, 40, (1, crowd, 2)) + rng.normal(0, 3, (frames, crowd, 2))
    return EvalSequence(
        name="s",
        frames=np.arange(frames),
        truth=people(rng, places, noise=0, kept=0.8),
        found=people(rng, places, noise=7, kept=0.7),
    )


def theirs(
    scene: EvalSequence,
    distances: list[np.ndarray],
    known: tuple[np.ndarray, np.ndarray],
    *,
    dummies: bool,
) -> dict[str, float]:
    """What py-motmetrics makes of one joint, or of boxes."""
    motmetrics: Any = pytest.importorskip("motmetrics")
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for index, distance in enumerate(distances):
        here, there = scene.truth.frame(index), scene.found.frame(index)
        if dummies and not distance.size:
            accumulator.update([0], [0], np.full((1, 1), np.nan))
            continue
        rows, columns = known[0][here], known[1][there]
        near = np.where(distance <= THRESHOLD, distance, np.nan)[rows][:, columns]
        accumulator.update(scene.truth.ids[here][rows], scene.found.ids[there][columns], near)
    host = motmetrics.metrics.create()
    wanted = [*NAMES.values(), "motp"]
    return dict(host.compute(accumulator, metrics=wanted, return_dataframe=False))


def agree(got: dict[str, float | None], want: dict[str, float]) -> None:
    for name, value in got.items():
        factor = 100 if name in SHARES else 1
        if name == "motp":
            expected = 100 * (1 - want["motp"]) if want["num_detections"] else 0.0
        else:
            expected = factor * want[NAMES[name]]
            if name == "mota" and not want["num_objects"]:
                expected = np.nan
        ours = np.nan if value is None else value
        assert ours == pytest.approx(expected, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("name", ["clean", "poseval"])
@pytest.mark.parametrize("seed", range(6))
def test_tracking_numbers_of_every_joint_are_those_of_motmetrics(seed: int, name: str) -> None:
    scene, rules = random_scene(seed), protocol(name)
    report = summarize([measure(scene, rules)], rules)
    distances = [frame_distances(scene, index) for index in range(len(scene.frames))]
    counted = distances[:-1] if name == "poseval" else distances
    for joint, part in enumerate(POSETRACK15.joints):
        known = scene.truth.known[:, joint], scene.found.known[:, joint]
        of_joint = [distance[..., joint] for distance in counted]
        want = theirs(scene, of_joint, known, dummies=name == "poseval")
        agree({n: report[n][part] for n in [*NAMES, "motp"] if n in report.metrics}, want)


def only_boxes(people: EvalPeople) -> EvalPeople:
    assert people.boxes is not None
    return replace(people, points=people.boxes[:, None, :2], scores=people.scores[:, :1])


@pytest.mark.parametrize("seed", range(6))
def test_tracking_numbers_of_boxes_are_those_of_motmetrics(seed: int) -> None:
    scene = random_scene(seed)
    scene = replace(scene, truth=only_boxes(scene.truth), found=only_boxes(scene.found))
    clear, identity = box_tracking.count(scene)
    ratios = clear_metrics(clear)
    ours: dict[str, float | None] = {
        name: float(getattr(clear, name)[0]) for name in NAMES if name in clear.__slots__
    }
    ours |= {n: 100 * float(getattr(ratios, n)[0]) for n in SHARES if n in ratios.__slots__}
    ours["idf1"] = 100 * float(idf1(identity)[0])

    distances = [1 - box_tracking.overlaps(scene, index) for index in range(len(scene.frames))]
    everybody = scene.truth.known[:, 0], scene.found.known[:, 0]
    agree(ours, theirs(scene, distances, everybody, dummies=False))


def coco_scene(rng: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """People of all sizes with joints, box and outline; some are hidden, crowds or not found."""
    truth: dict[str, Any] = {
        "images": [{"id": i, "width": 640, "height": 480} for i in range(8)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.joints)}],
        "annotations": [],
    }
    results = []
    for number in range(40):
        size = rng.uniform(15, 200)
        corner = rng.uniform(0, 250, 2)
        joints = rng.uniform(0, size, (17, 2)) + corner
        seen = rng.random(17) < rng.choice([0.0, 0.8])
        person = {"image_id": int(rng.integers(8)), "category_id": 1}
        truth["annotations"].append({
            **person, **shape(corner, size), "id": number + 1, "area": size * size,
            "iscrowd": int(rng.random() < 0.1), "num_keypoints": int(seen.sum()),
            "keypoints": np.column_stack([joints, 2 * seen]).ravel().tolist(),
        })  # fmt: skip
        for _ in range(rng.integers(3)):
            found = joints + rng.normal(0, size / 12, joints.shape)
            moved = corner + rng.normal(0, size / 8, 2)
            results.append({
                **person, **shape(np.abs(moved), size * rng.uniform(0.8, 1.2)),
                "score": rng.random(),
                "keypoints": np.column_stack([found, np.ones(17)]).ravel().tolist(),
            })  # fmt: skip
    return truth, results


def shape(corner: np.ndarray, size: float) -> dict[str, Any]:
    """A square as box and outline."""
    x, y = corner.tolist()
    outline = [x, y, x + size, y, x + size, y + size, x, y + size]
    return {"bbox": [x, y, size, size], "segmentation": [outline]}


def as_mask(result: dict[str, Any]) -> dict[str, Any]:
    """Results have run lengths for outlines, and no boxes, which would be taken for the shapes."""
    masks: Any = pytest.importorskip("pycocotools.mask")
    (mask,) = masks.frPyObjects(result["segmentation"], 480, 640)
    mask["counts"] = mask["counts"].decode()
    return {k: v for k, v in result.items() if k != "bbox"} | {"segmentation": mask}


@pytest.mark.parametrize("kind", ["keypoints", "bbox", "segm"])
@pytest.mark.parametrize("seed", range(3))
def test_every_number_of_coco_is_that_of_pycocotools(seed: int, kind: Kind) -> None:
    coco: Any = pytest.importorskip("pycocotools.coco")
    cocoeval: Any = pytest.importorskip("pycocotools.cocoeval")
    content, found = coco_scene(np.random.default_rng(seed))
    if kind == "segm":
        found = [as_mask(result) for result in found]
    own = coco.COCO()
    own.dataset = json.loads(json.dumps(content))
    own.createIndex()
    theirs = own.loadRes(json.loads(json.dumps(found)))
    evaluation = cocoeval.COCOeval(own, theirs, kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()

    ours = coco_metrics(content, found, kind=kind)

    assert 0 < ours.stats["ap"] < 1
    want = np.where(evaluation.stats < 0, np.nan, evaluation.stats)
    np.testing.assert_array_equal(list(ours.stats.values()), want)
