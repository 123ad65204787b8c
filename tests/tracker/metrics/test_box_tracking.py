"""Tracking measured on boxes."""

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import Skeleton
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.metrics.box_tracking import (
    box_sequence,
    count,
    hota,
    outside_regions,
    whole_pixels,
    without_ignored,
)
from posetube.tracker.metrics.hota import hota_metrics
from posetube.tracker.metrics.mota import clear_metrics


def boxes(*corners: list[float], ids: tuple[int, ...] = (1, 2, 3)) -> VideoTracks:
    """One frame with these boxes."""
    n = len(corners)
    return VideoTracks(
        source="s",
        size=None,
        skeleton=Skeleton(name="boxes", joints=()),
        frames=FrameTable(times=np.zeros(1)),
        frame=np.zeros(n, np.int64),
        track_ids=np.array(ids[:n], np.int64),
        boxes=np.array(corners).reshape(n, 4),
        scores=np.ones(n, np.float32),
        keypoints=np.zeros((n, 0, 2)),
        keypoint_scores=np.zeros((n, 0)),
    )


HERE = [0.0, 0.0, 10.0, 10.0]
HALF = [0.0, 0.0, 10.0, 20.0]
AWAY = [50.0, 50.0, 60.0, 60.0]


def test_an_overlap_of_a_half_is_a_match_that_is_half_right() -> None:
    clear, _ = count(box_sequence(boxes(HERE), boxes(HALF), name="s"))
    assert clear.matches.tolist() == [1]
    assert clear_metrics(clear).motp.tolist() == [0.5]


def test_hota_of_a_match_depends_on_the_threshold() -> None:
    values = hota_metrics(hota(box_sequence(boxes(HERE), boxes(HALF), name="s")))
    assert values["hota"][:, 0].tolist() == [1] * 10 + [0] * 9


def test_boxes_that_are_nobody_s_are_left_out_in_ignore_regions() -> None:
    scene = box_sequence(boxes(HERE), boxes(HERE, AWAY, [0.0, 0, 4, 4]), name="s")
    region = np.array([[45.0, 45], [65, 45], [65, 65], [45, 65]])

    cleaned = without_ignored(scene, {0: (region,)})

    assert cleaned.found.ids.tolist() == [1, 3]
    clear, _ = count(cleaned)
    assert clear.false_positives.tolist() == [1]
    lonely = box_sequence(boxes(), boxes(AWAY), name="s")
    assert without_ignored(lonely, {0: (region,)}).found.ids.tolist() == [1]
    assert without_ignored(lonely, {0: (region,)}, every_frame=True).found.ids.tolist() == []


@pytest.mark.parametrize("side", [20.0, 2000.0], ids=["small", "far larger than the box"])
def test_nobody_counts_whose_box_has_its_middle_in_a_region(side: float) -> None:
    region = AWAY[0] - 5 + np.array([[0, 0], [side, 0], [side, side], [0, side]])
    scene = box_sequence(boxes(HERE, AWAY), boxes(HERE, AWAY, [47.0, 58, 57, 68]), name="s")

    cleaned = outside_regions(scene, {0: (region,)})

    assert (cleaned.truth.ids.tolist(), cleaned.found.ids.tolist()) == ([1], [1])
    lonely = box_sequence(boxes(), boxes(AWAY), name="s")
    assert outside_regions(lonely, {0: (region,)}).found.ids.tolist() == []


def test_who_matches_somebody_beside_a_region_stays() -> None:
    region = np.array([[4.0, 0], [20, 0], [20, 20], [4, 20]])
    scene = box_sequence(boxes([-2.0, 0, 8, 10]), boxes(HERE), name="s")

    cleaned = outside_regions(scene, {0: (region,)})

    assert (cleaned.truth.ids.tolist(), cleaned.found.ids.tolist()) == ([1], [1])


def test_posetrack21_cuts_true_boxes_and_moves_others() -> None:
    scene = whole_pixels(
        box_sequence(boxes([1.7, 2.2, 11.9, 12.1]), boxes([1.0, 2, 11, 12]), name="s")
    )
    assert scene.truth.boxes is not None
    assert scene.found.boxes is not None
    assert scene.truth.boxes.tolist() == [[1, 2, 11, 11]]
    assert scene.found.boxes.tolist() == [[0, 1, 9, 10]]


def test_people_without_a_box_are_named() -> None:
    with pytest.raises(InputError, match="s: frame 0: a person has no box; metrics of boxes need"):
        box_sequence(boxes([np.nan] * 4), boxes(), name="s")
