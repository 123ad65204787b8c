import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import COCO17, POSETRACK17SLOTS
from posetube.structures import Detections
from posetube.tracker.paper import PaperConfig, PaperTracker, head_pck, inclusive_iou, paper_costs

People = Callable[..., Detections]
SURE = {"scores": 0.99}


def follow(
    frames: list[Detections],
    *,
    size: tuple[int, int] | None = None,
    config: PaperConfig = PaperConfig(),  # noqa: B008
) -> list[list[int]]:
    tracker = PaperTracker(skeleton=POSETRACK17SLOTS, size=size, config=config)
    out = []
    for index, people in enumerate(frames):
        out += tracker.update(people, frame=index, time=index / 25)
    return [poses.track_ids.tolist() for poses in [*out, *tracker.finish()]]


def test_there_is_no_gate(people: People) -> None:
    assert follow([people([(100, 100)], **SURE), people([(900, 100)], **SURE)]) == [[0], [0]]


def test_one_missed_frame_ends_a_track(people: People) -> None:
    seen, missed = people([(100, 100)], **SURE), people([], **SURE)

    assert follow([seen, seen, missed, seen]) == [[0], [0], [], [1]]


def test_ids_wrap_around(people: People) -> None:
    seen, missed = people([(100, 100), (300, 100)], **SURE), people([], **SURE)

    found = follow([seen, missed, seen], config=PaperConfig(id_limit=3))

    assert found == [[0, 1], [], [2, 0]]


def test_unsure_and_small_people_are_left_out_after_clipping(people: People) -> None:
    found = people([(100, 100), (300, 100), (-19, 100)], scores=[0.99, 0.9, 0.99])

    assert follow([found], size=(200, 400)) == [[0, 1]]
    assert follow([found], size=(52, 400)) == [[0]]


def test_what_cannot_be_used_is_left_out(people: People) -> None:
    found = people([(100 + 100 * i, 100) for i in range(4)], **SURE)
    found.boxes[0] = np.nan
    found.boxes[1, 2:] = found.boxes[1, :2]
    found.scores[2] = np.nan

    assert follow([found] * 2) == [[0]] * 2


def test_of_more_people_than_there_are_ids_the_surest_are_kept(people: People) -> None:
    crowd = people([(60.0 * (i % 100), 120.0 * (i // 100)) for i in range(10_000)], scores=0.96)
    crowd.scores[5000:5003] = 0.99

    assert follow([crowd] * 2, config=PaperConfig(id_limit=3)) == [[0, 1, 2]] * 2
    assert [sorted(ids) for ids in follow([crowd] * 2)] == [list(range(999))] * 2


def test_a_cut_ends_all_tracks(people: People) -> None:
    tracker = PaperTracker(skeleton=POSETRACK17SLOTS)
    tracker.update(people([(100, 100)], **SURE), frame=0, time=0)
    tracker.cut()

    found = tracker.update(people([(100, 100)], **SURE), frame=1, time=0.04)

    assert found[0].track_ids.tolist() == [1]


def test_a_pickled_tracker_goes_on(people: People) -> None:
    tracker = PaperTracker(skeleton=POSETRACK17SLOTS)
    tracker.update(people([(100, 100), (300, 100)], **SURE), frame=0, time=0)

    again = pickle.loads(pickle.dumps(tracker))
    found = again.update(people([(302, 100), (600, 300), (101, 100)], **SURE), frame=1, time=0)

    assert found[0].track_ids.tolist() == [1, 2, 0]


def test_the_pose_cost_measures_by_the_previous_persons_head() -> None:
    top, bottom = (POSETRACK17SLOTS.index(name) for name in ("head_top", "head_bottom"))
    small, large = np.zeros((1, 17, 2)), np.zeros((1, 17, 2))
    small[0, top, 1], large[0, top, 1] = 1, 21
    small[0, bottom, 1] = large[0, bottom, 1] = 1

    shift = np.array([3, 0])
    assert head_pck(small, large + shift, skeleton=POSETRACK17SLOTS).item() == 0
    assert head_pck(large, small + shift, skeleton=POSETRACK17SLOTS).item() > 0.9


def test_boxes_include_their_last_pixel() -> None:
    one, two = np.array([[0.0, 0, 9, 9]]), np.array([[9.0, 0, 18, 9]])

    assert inclusive_iou(one, two).item() == pytest.approx(10 / 190)


def test_appearance_counts_where_it_is_given(people: People) -> None:
    found = people([(100, 100), (100, 100)], **SURE)
    faces = np.array([[1.0, 0], [0, 1]], np.float32)
    seen = Detections(
        boxes=found.boxes,
        scores=found.scores,
        keypoints=found.keypoints,
        keypoint_scores=found.keypoint_scores,
        embeddings=faces,
    )
    config = PaperConfig(overlap_weight=0, appearance_weight=1)

    assert follow([seen, seen[[1, 0]]], config=config) == [[0, 1], [1, 0]]
    with pytest.raises(InputError, match="appearance_weight is set, but detections lack"):
        paper_costs(found, found, skeleton=POSETRACK17SLOTS, config=config)


def test_the_pose_cost_needs_a_head(people: People) -> None:
    found = people([(100, 100)], **SURE)

    with pytest.raises(InputError, match="skeleton coco17 has no joint 'head_top'"):
        paper_costs(found, found, skeleton=COCO17, config=PaperConfig(pose_weight=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_score": 2.0}, r"PaperConfig.min_score must be in \[0, 1\], got 2.0"),
        ({"min_area": -1.0}, "PaperConfig.min_area must be 0 or more, got -1.0"),
        ({"id_limit": 0}, "PaperConfig.id_limit must be 1 or more, got 0"),
    ],
)
def test_settings_name_the_field_and_the_value(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PaperConfig(**settings)
