"""Ids written by the published program, for every setting and sequence in the golden folder."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from posetube.skeletons import POSETRACK17SLOTS
from posetube.structures import Detections, FramePoses
from posetube.tracker.paper import (
    PaperConfig,
    PaperTracker,
    assign_ungated,
    paper_costs,
    pruned_rows,
)

SHARED = Path(__file__).parents[2].parent / "shared"
FOLDER = Path(os.environ.get("POSETUBE_GOLDEN", SHARED / "golden")) / "tracker"
WEIGHTS = {
    "bbox-overlap": "overlap_weight",
    "pose-pck": "pose_weight",
    "cnn-cosdist": "appearance_weight",
}


def cases() -> list[Any]:
    index = FOLDER / "tracker.json"
    if not index.is_file():
        reason = f"{index} is absent; set POSETUBE_GOLDEN to the folder with the golden data"
        return [pytest.param({}, {}, {}, marks=pytest.mark.skip(reason=reason))]
    content = json.loads(index.read_text())
    return [
        pytest.param(content, sequence, setting, id=f"{sequence['file']}-{setting['name']}")
        for sequence in content["sequences"]
        for setting in content["settings"]
    ]


def config_of(content: dict[str, Any], setting: dict[str, Any]) -> PaperConfig:
    weights = dict.fromkeys(WEIGHTS.values(), 0.0) | {
        WEIGHTS[metric]: weight
        for metric, weight in zip(setting["metrics"], setting["weights"], strict=True)
    }
    return PaperConfig(
        min_score=content["conf"],
        min_area=content["min_area"],
        algorithm=setting["algo"],
        **weights,
    )


def detections(
    boxes: npt.NDArray[np.float32], poses: npt.NDArray[np.float32], counts: Any, frames: int
) -> list[Detections]:
    """The middle frame of each clip of the original's arrays, video frame by video frame."""
    step, joints = frames // 2, len(POSETRACK17SLOTS)
    pose = poses[:, :, joints * step : joints * (step + 1)]
    people = Detections(
        boxes=boxes[:, 4 * step : 4 * step + 4],
        scores=boxes[:, -1],
        keypoints=pose[:, :2].transpose(0, 2, 1),
        keypoint_scores=pose[:, 3],
    )
    ends = np.cumsum(counts)
    return [people[end - n : end] for n, end in zip(counts, ends, strict=True)]


def detections_of(golden: Any) -> tuple[list[Detections], tuple[int, int]]:
    """A sequence's detections by frame, and the picture's height and width."""
    frames = int(golden["num_frames_T"])
    height, width = golden["image_hw"].tolist()
    found = detections(golden["boxes"], golden["poses"], golden["counts"], frames)
    return found, (height, width)


def link(
    frames: list[Detections], *, size: tuple[int, int], config: PaperConfig
) -> list[FramePoses]:
    tracker = PaperTracker(skeleton=POSETRACK17SLOTS, size=size, config=config)
    return [
        poses
        for index, people in enumerate(frames)
        for poses in tracker.update(people, frame=index, time=index / 25)
    ]


def test_golden_tracker_folder_is_complete() -> None:
    index = FOLDER / "tracker.json"
    if not index.is_file() and "POSETUBE_GOLDEN" not in os.environ:
        pytest.skip(f"{index} is absent; set POSETUBE_GOLDEN to the folder with the golden data")

    content = json.loads(index.read_text())

    assert content["settings"]
    listed = sorted(sequence["file"] for sequence in content["sequences"])
    assert listed == sorted(path.name for path in FOLDER.glob("seq_*.npz"))
    assert listed


@pytest.mark.parametrize(("content", "sequence", "setting"), cases())
def test_golden_tracker_pruning_is_exact(
    content: dict[str, Any], sequence: dict[str, Any], setting: dict[str, Any]
) -> None:
    golden = np.load(FOLDER / sequence["file"])
    config = config_of(content, setting)
    frames, size = detections_of(golden)

    rows = [pruned_rows(people, size=size, config=config) for people in frames]
    starts = np.cumsum(golden["counts"]) - golden["counts"]
    kept = np.concatenate([start + row for start, row in zip(starts, rows, strict=True)])
    np.testing.assert_array_equal(kept, golden["kept"])
    found = link(frames, size=size, config=config)
    assert [len(poses) for poses in found] == golden["kept_counts"].tolist()
    boxes = np.concatenate([poses.people.boxes for poses in found])
    np.testing.assert_allclose(boxes, golden["kept_boxes"][:, :4], rtol=1e-6)


@pytest.mark.parametrize(("content", "sequence", "setting"), cases())
def test_golden_tracker_ids_and_matches_are_exact(
    content: dict[str, Any], sequence: dict[str, Any], setting: dict[str, Any]
) -> None:
    """Where several matches cost the same, any of them will do; the next frame then goes on from
    the golden ids."""
    golden = np.load(FOLDER / sequence["file"])
    config = config_of(content, setting)
    frames, size = detections_of(golden)
    tied = golden[f"tie_{setting['name']}"]
    stops = np.cumsum(golden["kept_counts"])[:-1]
    ids, matches = (
        np.split(golden[f"{kind}_{setting['name']}"], stops) for kind in ("ids", "match")
    )
    tracker = PaperTracker(skeleton=POSETRACK17SLOTS, size=size, config=config)
    previous = Detections.empty(len(POSETRACK17SLOTS))

    for index, people in enumerate(frames):
        (poses,) = tracker.update(people, frame=index, time=index / 25)
        costs = paper_costs(previous, poses.people, skeleton=POSETRACK17SLOTS, config=config)
        before, now = assign_ungated(costs, algorithm=config.algorithm)
        match = np.full(len(poses), -1)
        match[now] = before
        if tied[index] and not np.array_equal(match, matches[index]):
            theirs = np.flatnonzero(matches[index] >= 0)
            total = costs[matches[index][theirs], theirs].sum()
            assert len(theirs) == len(now)
            assert costs[before, now].sum() == pytest.approx(total, abs=1e-6)
            tracker._ids = ids[index].astype(np.int64)
        else:
            np.testing.assert_array_equal(match, matches[index])
            np.testing.assert_array_equal(poses.track_ids, ids[index])
        previous = poses.people


def test_golden_tracker_of_a_detections_file_is_exact() -> None:
    index = FOLDER / "detections_pkl.json"
    if not index.is_file():
        pytest.skip(f"{index} is absent; set POSETUBE_GOLDEN to the folder with the golden data")
    content = json.loads(index.read_text())
    golden = np.load(FOLDER / "detections_pkl.npz")
    frames = detections(
        golden["all_boxes_1"], golden["all_keyps_1"], golden["counts"], content["T"]
    )
    videos = [Path(image["file_name"]).parent for image in content["images"]]
    size = (content["images"][0]["height"], content["images"][0]["width"])

    found: list[FramePoses] = []
    for video in sorted(set(videos)):
        own = [people for people, name in zip(frames, videos, strict=True) if name == video]
        found += link(own, size=size, config=PaperConfig(min_score=content["conf"]))

    ids = np.concatenate([poses.track_ids for poses in found])
    boxes = np.concatenate([poses.people.boxes for poses in found])
    assert [len(poses) for poses in found] == golden["out_counts"].tolist()
    np.testing.assert_array_equal(ids, golden["out_all_tracks_1"])
    np.testing.assert_allclose(boxes, golden["out_all_boxes_1"][:, :4], rtol=1e-6)
