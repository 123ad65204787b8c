"""Damaged annotations: whatever is changed in a file, it is measured or refused, never more."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import posetrack17, posetrack18_writer
from posetube.errors import PoseTubeError
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, VideoTracks

VALUES: tuple[Any, ...] = (
    None, True, "x", "1", -1, 0, 1.5, 1e300, -1e300, 1e-300, 2**70, 10**18, [], {}, [[]], [None],
    {"a": 1}, [1e308] * 51,
)  # fmt: skip


def sequence() -> VideoTracks:
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(1, 400, (8, 15, 2)).round(1)
    corner = keypoints.min(axis=1)
    region = np.array([[0.0, 0], [50, 0], [50, 50]])
    return VideoTracks(
        source="000001_mpii_test",
        size=None,
        skeleton=POSETRACK15,
        frames=FrameTable(
            times=np.arange(4.0),
            names=tuple(f"images/val/000001_mpii_test/{i:06d}.jpg" for i in range(4)),
            labeled=np.ones(4, np.bool_),
            ignore_regions={1: (region,)},
        ),
        frame=np.repeat(np.arange(4), 2),
        track_ids=np.tile([1, 2], 4),
        boxes=np.concatenate([corner, corner + 99], axis=1).astype(np.float32),
        scores=rng.random(8).astype(np.float32),
        keypoints=keypoints,
        keypoint_scores=rng.random((8, 15)),
        head_boxes=np.concatenate([corner, corner + 40], axis=1),
    )


def coco() -> Any:
    box = {"image_id": 1, "category_id": 1, "bbox": [1.0, 2, 30, 40]}
    outline = {"segmentation": [[0, 0, 30, 0, 30, 40, 0, 40]]}
    return {
        "images": [{"id": 1, "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"id": 1, "area": 1200.0, "iscrowd": 0, "score": 0.5, **box, **outline}],
    }


def damage(content: Any, rng: random.Random) -> None:
    """Change or remove something at a random depth."""
    node, place = content, None
    for _ in range(rng.randint(1, 9)):
        if not isinstance(node, dict | list) or not node:
            break
        key: Any = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        place, node = (node, key), node[key]
    if place is None:
        return
    if rng.random() < 0.2:
        del place[0][place[1]]
    else:
        place[0][place[1]] = json.loads(json.dumps(rng.choice(VALUES)))


def attack(path: Path, measure: Callable[[], object], *, times: int) -> tuple[int, int]:
    """How often the damaged file was measured, and how often refused."""
    whole = path.read_text()
    measured = 0
    lines: list[str] = []
    for seed in range(times):
        rng = random.Random(seed)
        content = json.loads(whole)
        for _ in range(rng.randint(1, 3)):
            damage(content, rng)
        path.write_text(json.dumps(content))
        try:
            measure()
            measured += 1
        except PoseTubeError as error:
            lines.append(str(error))
    path.write_text(whole)
    assert all("\n" not in line and path.name in line for line in lines)
    return measured, len(lines)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["clean", "poseval", "poseval2017", "posetrack21", "pixels"])
@pytest.mark.parametrize("old", [False, True])
def test_a_damaged_sequence_is_measured_or_refused(
    tmp_path: Path, protocol: str, old: bool
) -> None:
    write = posetrack17.write_tracks if old else posetrack18_writer.write_tracks
    sides = [tmp_path / side / "000001_mpii_test.json" for side in ("pred", "gt")]
    for side in sides:
        side.parent.mkdir()
        write(side, sequence())

    events = protocol != "pixels"
    for side in sides:
        measured, refused = attack(
            side, lambda: evaluate(*sides, protocol=protocol, events=events).to_json(), times=40
        )
        assert measured
        assert refused


@pytest.mark.slow
def test_damaged_coco_files_are_measured_or_refused(tmp_path: Path) -> None:
    truth, results = tmp_path / "truth.json", tmp_path / "results.json"
    truth.write_text(json.dumps(coco()))
    results.write_text(json.dumps(coco()["annotations"]))
    for side in (truth, results):
        measured, refused = attack(
            side, lambda: evaluate(results, truth, protocol="coco").to_json(), times=400
        )
        assert measured
        assert refused
