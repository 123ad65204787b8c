from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.skeletons import COCO17
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.continuation import TrackletEnds, ends, meeting_costs, pose_costs, unlikeness
from posetube.tracker.tracklets import scenes, unbroken

FPS = 25
POSE = np.random.default_rng(3).uniform([-20, -50], [20, 50], (len(COCO17), 2))


def table(
    centres: dict[int, dict[int, tuple[float, float]]], *, scale: float = 1, shift: float = 0
) -> VideoTracks:
    """Tracks from places by track id and frame; everybody is 40 x 100 pixels."""
    rows = sorted((frame, one) for one, places in centres.items() for frame in places)
    middle = np.array([centres[one][frame] for frame, one in rows])
    half = np.array([20, 50])
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    n = len(rows)
    return VideoTracks(
        source="clip",
        size=None,
        skeleton=COCO17,
        frames=FrameTable(times=np.arange(100) / FPS),
        frame=np.array([frame for frame, _ in rows]),
        track_ids=np.array([one for _, one in rows]),
        boxes=(boxes * scale + shift).astype(np.float32),
        scores=np.ones(n, np.float32),
        keypoints=(middle[:, None] + POSE) * scale + shift,
        keypoint_scores=np.ones((n, len(COCO17)), np.float32),
    )


def both_ends(
    tracks: VideoTracks, *, cuts: Sequence[int] = ()
) -> tuple[TrackletEnds, TrackletEnds]:
    scene = scenes(tracks, cuts)
    parts = unbroken(tracks, scene)
    before, after = (
        ends(tracks, parts, scene, last=last, seconds=0.25, shape_seconds=0.5)
        for last in (True, False)
    )
    return before, after


def cost(tracks: VideoTracks, first: int, second: int) -> float:
    """Of the stretch that follows the other, by number."""
    before, after = both_ends(tracks)
    pair = np.array([first]), np.array([second])
    return float(meeting_costs(before, after, *pair, max_gap=2.0, gap_weight=3.0)[0])


def walk(frames: range, *, start: float = 100, speed: float = 4) -> dict[int, tuple[float, float]]:
    return {t: (start + speed * t, 100.0) for t in frames}


def test_an_end_knows_place_speed_and_size() -> None:
    before, after = both_ends(table({1: walk(range(20))}))

    assert before.times[0] == pytest.approx(19 / FPS)
    assert after.times[0] == 0
    np.testing.assert_allclose(before.centres[0], [176, 100], atol=1)
    np.testing.assert_allclose(after.centres[0], [100, 100], atol=1)
    np.testing.assert_allclose(before.speeds[0], [100, 0], atol=5)
    np.testing.assert_allclose(before.sizes[0], [40, 100])
    np.testing.assert_allclose(before.poses[0], POSE, atol=1e-3)


def test_size_and_pose_are_the_usual_ones_of_a_longer_time_than_speed() -> None:
    tracks = table({1: walk(range(8)) | walk(range(8, 20), start=132, speed=0)})
    tracks.boxes[:10, 2] += 60
    tracks.keypoints[:10] += [30, 0]  # the centre moves with the box

    before, _ = both_ends(tracks)

    wide = 3 / 13  # share of the frames 7 to 19, which are half a second
    np.testing.assert_allclose(before.speeds[0], [0, 0], atol=1)
    np.testing.assert_allclose(before.sizes[0], [40 + 60 * wide, 100], atol=1)
    np.testing.assert_allclose(before.poses[0], POSE, atol=1)


def test_a_single_row_says_nothing_about_speed_but_the_rows_before_it_do() -> None:
    alone, _ = both_ends(table({1: walk(range(20, 21))}))
    after_others, _ = both_ends(table({1: walk(range(19)) | walk(range(20, 21))}))
    after_a_cut, _ = both_ends(table({1: walk(range(19)) | walk(range(20, 21))}), cuts=[20])

    np.testing.assert_array_equal(alone.speeds[0], [0, 0])
    np.testing.assert_allclose(after_others.speeds[1], [100, 0], atol=5)
    np.testing.assert_array_equal(after_a_cut.speeds[1], [0, 0])


def test_going_on_costs_less_than_stopping_or_turning_back() -> None:
    gone = range(20, 28)
    on, stop, back = (
        cost(table({1: walk(range(20)), 2: later}), 0, 1)
        for later in (
            walk(range(gone.stop, 48)),
            walk(range(gone.stop, 48), start=180, speed=0),
            walk(range(gone.stop, 48), start=288, speed=-4),
        )
    )

    assert on < stop < back


def test_a_longer_gap_costs_more_even_when_met_exactly() -> None:
    costs = [
        cost(table({1: walk(range(20)), 2: walk(range(start, start + 20))}), 0, 1)
        for start in (21, 25, 40, 60)
    ]

    assert 0 < costs[0] < costs[1] < costs[2] < costs[3]


@settings(max_examples=25)
@given(scale=st.floats(0.2, 5), shift=st.floats(-500, 500), seed=st.integers(0, 99))
def test_scale_and_place_of_the_picture_do_not_matter(
    scale: float, shift: float, seed: int
) -> None:
    steps = np.random.default_rng(seed).normal(0, 3, (40, 2))
    places = {t: (100.0 + x, 100.0 + y) for t, (x, y) in enumerate(np.cumsum(steps, axis=0))}
    people = {1: {t: places[t] for t in range(15)}, 2: {t: places[t] for t in range(20, 40)}}

    moved = cost(table(people, scale=scale, shift=shift), 0, 1)

    assert moved == pytest.approx(cost(table(people), 0, 1), rel=1e-3, abs=1e-3)


def test_an_unlike_pose_counts_less_after_a_longer_gap() -> None:
    def pose_cost(start: int, turned: bool) -> float:
        tracks = table({1: walk(range(20)), 2: walk(range(start, start + 20))})
        if turned:
            later = tracks.track_ids == 2
            tracks.keypoints[later] = tracks.keypoints[later][:, ::-1]
        before, after = both_ends(tracks)
        pair = np.array([0]), np.array([1])
        return float(pose_costs(before, after, *pair, sigmas=COCO17.sigmas, weight=2.0)[0])

    assert pose_cost(22, turned=False) == pytest.approx(0, abs=1e-3)
    assert pose_cost(22, turned=True) > pose_cost(50, turned=True) > 0


def test_what_is_not_known_is_not_held_against_anybody() -> None:
    found = unlikeness(np.array([1.0, np.nan, 0.5, 0.0]))

    assert found[:3] == pytest.approx([0, 0, np.log(2)])
    assert np.isfinite(found[3])
