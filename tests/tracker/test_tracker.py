import pickle
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.errors import InputError
from posetube.skeletons import COCO17, JHMDB15
from posetube.structures import Detections, FramePoses
from posetube.tracker.tracker import LinkConfig, Tracker

People = Callable[..., Detections]
FPS = 25


def follow(
    frames: Iterable[Detections],
    *,
    config: LinkConfig = LinkConfig(),  # noqa: B008
    seconds: float = 1 / FPS,
) -> list[FramePoses]:
    tracker = Tracker(skeleton=COCO17, config=config)
    out = []
    for index, found in enumerate(frames):
        out += tracker.update(found, frame=index, time=index * seconds)
    return out + tracker.finish()


def ids(frames: list[FramePoses]) -> list[list[int]]:
    return [frame.track_ids.tolist() for frame in frames]


def crossing(people: People, steps: int = 60, **settings: Any) -> list[Detections]:
    """Two people walk past each other at 3 pixels a frame."""
    return [
        people([(100 + 3 * t, 100), (277 - 3 * t, 104)], seed=t, **settings) for t in range(steps)
    ]


def owner(frame: FramePoses, x: float) -> int:
    centres = frame.people.boxes[:, [0, 2]].mean(axis=1)
    return int(frame.track_ids[np.abs(centres - x).argmin()])


def test_every_frame_comes_out_once_and_in_order(people: People) -> None:
    frames = [people([(100, 100)] * (t % 3 == 0)) for t in range(20)]

    assert [frame.frame for frame in follow(frames)] == list(range(20))


def test_a_person_keeps_one_id(people: People) -> None:
    found = follow([people([(100 + 4 * t, 100)], jitter=1, seed=t) for t in range(30)])

    assert ids(found) == [[1]] * 30


def test_people_who_walk_past_each_other_keep_their_ids(people: People) -> None:
    found = follow(crossing(people, jitter=1))

    assert owner(found[0], 100) == owner(found[-1], 277)
    assert owner(found[0], 277) == owner(found[-1], 100)
    assert {i for frame in ids(found) for i in frame} == {1, 2}


def test_a_person_hidden_by_another_comes_back_with_the_same_id(people: People) -> None:
    frames = crossing(people, jitter=1)
    for t in range(24, 36):  # One of the two is not found while they overlap.
        frames[t] = frames[t][:1]

    found = follow(frames)

    assert owner(found[0], 277) == owner(found[-1], 100)
    assert {i for frame in ids(found) for i in frame} == {1, 2}


def in_step(people: People, steps: int, apart: float) -> list[Detections]:
    """Two people in one pose who walk side by side, the second a little less sure."""
    frames = []
    for t in range(steps):
        both = people([(100 + 2 * t, 100)], jitter=0.5, seed=t)[[0, 0]]
        both.boxes[1] += [apart, 0, apart, 0]
        both.keypoints[1] += [apart, 0]
        both.scores[1] = 0.85
        frames.append(both)
    return frames


def test_two_people_who_walk_in_step_are_two(people: People) -> None:
    assert ids(follow(in_step(people, 30, apart=8))) == [[1, 2]] * 30


def test_a_second_detection_of_somebody_starts_no_track(people: People) -> None:
    frames = in_step(people, 30, apart=8)
    frames = [both[:1] if t < 10 else both for t, both in enumerate(frames)]

    assert ids(follow(frames)) == [[1]] * 30


def test_a_second_detection_does_not_wake_the_track_of_a_hidden_neighbour(people: People) -> None:
    """The neighbour was last seen where the second detection of the other now is."""
    frames = in_step(people, 24, apart=14)
    frames = [both[:1] if 8 <= t < 14 else both for t, both in enumerate(frames)]
    for both in frames[14:]:
        both.boxes[1] -= [6, 0, 6, 0]
        both.keypoints[1] -= [6, 0]

    assert ids(follow(frames))[14:] == [[1]] * 10


def test_a_second_detection_does_not_take_the_track_of_a_neighbour_who_just_left(
    people: People,
) -> None:
    frames = in_step(people, 20, apart=20)
    frames[-1].boxes[1] -= [15, 0, 15, 0]
    frames[-1].keypoints[1] -= [15, 0]

    assert ids(follow(frames)) == [[1, 2]] * 19 + [[1]]


def test_a_gap_is_bridged_up_to_the_given_seconds(people: People) -> None:
    def last_id(gap: int) -> int:
        hidden = range(10, 10 + gap)
        frames = [people([(100, 100)] * (t not in hidden)) for t in range(40)]
        return int(follow(frames, config=LinkConfig(max_gap=0.4))[-1].track_ids[0])

    assert last_id(gap=9) == 1
    assert last_id(gap=12) == 2


def test_the_gap_is_measured_in_seconds_whatever_the_frame_rate(people: People) -> None:
    frames = [people([(100, 100)] * (t not in range(10, 14))) for t in range(40)]

    slow = follow(frames, config=LinkConfig(max_gap=0.4), seconds=0.2)

    assert slow[-1].track_ids.tolist() == [2]


def test_what_looked_like_a_person_once_is_not_kept_alive_by_doubtful_detections(
    people: People,
) -> None:
    thing = [people([(100, 100)], scores=0.45)] + [people([(100, 100)], scores=0.22)] * 9

    # the running mean of the scores falls below 0.3 with the third frame
    assert ids(follow(thing)) == [[1]] * 3 + [[]] * 7
    assert ids(follow(thing, config=LinkConfig(weak_certainty=0))) == [[1]] * 10


def test_doubtful_detections_continue_a_track_but_never_start_one(people: People) -> None:
    sure = [people([(100, 100)]) for _ in range(5)]
    doubtful = [people([(100, 100), (300, 100)], scores=0.2) for _ in range(5)]

    assert ids(follow(sure + doubtful)) == [[1]] * 10


def test_somebody_seen_once_is_nobody(people: People) -> None:
    frames = [people([(100, 100), (300, 100)] if t == 5 else [(100, 100)]) for t in range(12)]

    assert ids(follow(frames)) == [[1]] * 12


def test_rows_from_before_the_confirmation_are_kept(people: People) -> None:
    tracker = Tracker(skeleton=COCO17, config=LinkConfig(confirm_hits=3))

    counts = [
        [len(f) for f in tracker.update(people([(100, 100)]), frame=t, time=t / FPS)]
        for t in range(4)
    ]

    assert counts == [[], [], [1, 1, 1], [1]]


def test_a_single_picture_shows_everybody(people: People) -> None:
    assert ids(follow([people([(100, 100), (300, 100)])])) == [[1, 2]]


def test_one_person_found_twice_is_one_track(people: People) -> None:
    frames = []
    for t in range(10):
        twice = people([(100, 100)], seed=t)[[0, 0]]
        twice.keypoints[1] += np.random.default_rng(t).normal(0, 3, (17, 2))
        twice.boxes[1] += [2, -4, -3, 8]
        twice.scores[1] = 0.6
        frames.append(twice)

    assert ids(follow(frames)) == [[1]] * 10


def test_after_a_cut_everybody_is_new(people: People) -> None:
    tracker = Tracker(skeleton=COCO17)
    out = []
    for t in range(10):
        if t == 5:
            tracker.cut()
        out += tracker.update(people([(100, 100)]), frame=t, time=t / FPS)
    out += tracker.finish()

    assert ids(out) == [[1]] * 5 + [[2]] * 5


def test_each_tracker_counts_its_own_ids(people: People) -> None:
    first, second = (follow([people([(100, 100)])] * 5) for _ in range(2))

    assert ids(first) == ids(second) == [[1]] * 5


def test_people_without_joints_are_followed_by_their_boxes(people: People) -> None:
    frames = [
        Detections(
            boxes=f.boxes,
            scores=f.scores,
            keypoints=np.full_like(f.keypoints, np.nan),
            keypoint_scores=np.zeros_like(f.keypoint_scores),
        )
        for f in crossing(people)
    ]

    assert {i for frame in ids(follow(frames)) for i in frame} == {1, 2}


def same(first: list[FramePoses], second: list[FramePoses]) -> bool:
    return len(first) == len(second) and all(
        a.frame == b.frame
        and np.array_equal(a.track_ids, b.track_ids)
        and np.array_equal(a.people.boxes, b.people.boxes)
        and np.array_equal(a.link_margins, b.link_margins, equal_nan=True)
        for a, b in zip(first, second, strict=True)
    )


@pytest.mark.slow
@given(stop=st.integers(0, 59))
@settings(max_examples=5)
def test_a_tracker_pickled_in_the_middle_goes_on_bit_for_bit(people: People, stop: int) -> None:
    """With all that a tracker can be told: tubes, cameras, and embeddings that come and go."""
    frames = crossing(people, jitter=2)
    rng = np.random.default_rng(0)
    looks = [
        with_looks(found, rng.normal(size=(len(found), 4))) if t % 7 else found
        for t, found in enumerate(frames)
    ]

    def linked(stop: int | None) -> list[FramePoses]:
        tracker = Tracker(skeleton=COCO17)
        out = []
        for t, found in enumerate(looks):
            if t == stop:
                tracker = pickle.loads(pickle.dumps(tracker))
            camera = np.array([[1.0, 0, 0.1 * (t % 3)], [0, 1, 0]])
            tubes = np.arange(len(found)) if t % 2 else None
            out += tracker.update(found, frame=t, time=t / FPS, tubes=tubes, camera=camera)
        return out + tracker.finish()

    found, expected = linked(stop), linked(None)

    assert same(found, expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.people.embeddings, other.people.embeddings)


@pytest.mark.slow
@given(seed=st.integers(0, 100))
@settings(max_examples=8)
def test_the_order_of_detections_within_a_frame_does_not_matter(people: People, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = crossing(people, steps=40, jitter=2)

    shuffled = [found[rng.permutation(len(found))] for found in frames]

    assert same(follow(shuffled), follow(frames))


@pytest.mark.slow
@given(shift=st.integers(-5000, 5000), scale=st.sampled_from([0.25, 0.5, 2, 8]))
@settings(max_examples=8)
def test_translation_and_scale_do_not_matter(people: People, shift: int, scale: float) -> None:
    frames = crossing(people, steps=40, jitter=2)

    moved = [
        Detections(
            boxes=found.boxes * np.float32(scale) + np.float32(shift),
            scores=found.scores,
            keypoints=found.keypoints * np.float32(scale) + np.float32(shift),
            keypoint_scores=found.keypoint_scores,
        )
        for found in frames
    ]

    assert ids(follow(moved)) == ids(follow(frames))


@given(start=st.floats(0, 1e5), first=st.integers(0, 10**6), step=st.integers(1, 9))
@settings(max_examples=8)
def test_when_a_video_starts_and_how_frames_are_counted_does_not_matter(
    people: People, start: float, first: int, step: int
) -> None:
    frames = crossing(people, steps=30, jitter=2)
    tracker = Tracker(skeleton=COCO17)
    out = []
    for t, found in enumerate(frames):
        out += tracker.update(found, frame=first + step * t, time=start + t / FPS)

    assert ids(out + tracker.finish()) == ids(follow(frames))


@pytest.mark.parametrize("rate", [12.5, 25, 100])
def test_the_frame_rate_does_not_matter(people: People, rate: float) -> None:
    """The same walk at several rates: people cross, hidden from each other for 0.3 s."""
    times = np.arange(0, 2.4, 1 / rate)
    frames = [
        people([(100 + 75 * t, 100), (277 - 75 * t, 104)], jitter=1, seed=i)[
            : 1 if 1.05 < t < 1.35 else 2
        ]
        for i, t in enumerate(times)
    ]

    found = follow(frames, seconds=1 / rate)

    assert {i for frame in ids(found) for i in frame} == {1, 2}
    assert owner(found[0], 277) == owner(found[-1], 100)


@given(seed=st.integers(0, 100), gap=st.integers(150, 400))
@settings(max_examples=8)
def test_two_people_who_never_come_close_never_switch(people: People, seed: int, gap: int) -> None:
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 3, (40, 2, 2)), axis=0)
    walk += [[100, 100], [100 + gap, 100]]
    frames = [people([tuple(p) for p in walk[t]], jitter=2, seed=t)[rng.random(2) < 0.8]
              for t in range(40)]  # fmt: skip

    found = follow(frames, config=LinkConfig(confirm_hits=1))

    middle = 100 + gap / 2
    sides: dict[int, set[bool]] = {}
    for frame in found:
        for track, box in zip(frame.track_ids.tolist(), frame.people.boxes, strict=True):
            sides.setdefault(track, set()).add(bool(box[0] > middle))
    assert all(len(side) == 1 for side in sides.values())


def test_what_is_remembered_depends_on_who_is_there_not_on_how_long(people: People) -> None:
    tracker = Tracker(skeleton=COCO17)
    sizes = []
    for t in range(300):
        # Everybody leaves after 30 frames, and somebody else comes.
        tracker.update(people([(100 + 500 * (t // 30), 100)]), frame=t, time=t / FPS)
        sizes.append(len(pickle.dumps(tracker)))

    assert max(sizes[200:]) <= 1.01 * max(sizes[:100])


def test_what_cannot_be_used_is_left_out(people: People) -> None:
    found = people([(100 + 100 * i, 100) for i in range(5)])
    found.boxes[1] = np.inf
    found.boxes[2, 2:] = found.boxes[2, :2]
    found.scores[3] = np.nan
    found.boxes[4] = np.nan  # The joints tell where this one is.

    frames = follow([found] * 4)

    assert ids(frames) == [[1, 2]] * 4
    assert np.isfinite(frames[0].people.boxes).all()


def test_ten_thousand_detections_are_cut_down_to_the_surest(people: People) -> None:
    crowd = people([(60.0 * (i % 100), 120.0 * (i // 100)) for i in range(10_000)])
    crowd.scores[:50] = 0.95

    found = follow([crowd] * 2, config=LinkConfig(max_people=50))

    assert [len(frame) for frame in found] == [50, 50]
    assert (found[0].people.scores == np.float32(0.95)).all()


@pytest.mark.parametrize("times", [[0, 0.04, 0.02, 0.06, 0.1], [np.nan] * 5, [1, 1, 1, 1, 1]])
def test_times_that_do_not_increase_pass_no_time(people: People, times: list[float]) -> None:
    tracker = Tracker(skeleton=COCO17)
    out = []
    for frame, time in enumerate(times):
        out += tracker.update(people([(100, 100)]), frame=frame, time=time)

    assert ids(out + tracker.finish()) == [[1]] * 5


def test_frames_that_go_back_and_other_joints_are_refused(people: People) -> None:
    tracker = Tracker(skeleton=COCO17)
    tracker.update(people([(100, 100)]), frame=3, time=0)

    with pytest.raises(InputError, match="frames must rise, got 3 after 3"):
        tracker.update(people([(100, 100)]), frame=3, time=1)
    with pytest.raises(InputError, match="expected the 15 joints of jhmdb15, got 17 in frame 0"):
        Tracker(skeleton=JHMDB15).update(people([(100, 100)]), frame=0, time=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_cost": 1.5}, r"LinkConfig.max_cost must be in \[0, 1\], got 1.5"),
        ({"max_gap": -1.0}, "LinkConfig.max_gap must be 0 or more, got -1.0"),
        ({"confirm_hits": 0}, "LinkConfig.confirm_hits must be 1 or more, got 0"),
        ({"confirm_frames": 2}, r"at least LinkConfig.confirm_hits \(3\), got 2"),
        (
            {"overlap_weight": 0, "pose_weight": 0, "motion_weight": 0},
            "overlap_weight, pose_weight and motion_weight are all 0",
        ),
    ],
)
def test_settings_name_the_field_and_the_value(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LinkConfig(**settings)


def test_every_link_keeps_its_cost_its_gate_and_its_margin(people: People) -> None:
    config = LinkConfig(confirm_hits=1)
    found = follow(crossing(people, jitter=1), config=config)

    born, linked = (np.array([f.link_costs, f.link_gates, f.link_margins], float)
                    for f in (found[0], found[30]))  # fmt: skip
    assert np.isnan(born).all()
    assert (linked[0] < linked[1]).all()
    assert (linked[1] == np.float32(config.max_cost)).all()


def test_a_camera_that_pans_does_not_lose_anybody(people: People) -> None:
    """Two people stand 100 pixels apart; the camera moves by 90 in one frame."""
    still, panned = people([(300, 100), (400, 100)]), people([(210, 100), (310, 100)])
    camera = np.array([[1.0, 0, -90], [0, 1, 0]])

    def ids_after(camera: Any) -> list[int]:
        tracker = Tracker(skeleton=COCO17)
        for frame in range(5):
            tracker.update(still, frame=frame, time=frame / FPS)
        moved = tracker.update(panned, frame=5, time=5 / FPS, camera=camera)
        return [owner(moved[-1], 210), owner(moved[-1], 310)] if moved else []

    assert ids_after(camera) == [1, 2]
    assert ids_after(None) != [1, 2]


def with_looks(found: Detections, looks: Any) -> Detections:
    return Detections(
        boxes=found.boxes,
        scores=found.scores,
        keypoints=found.keypoints,
        keypoint_scores=found.keypoint_scores,
        embeddings=np.array(looks, np.float32),
    )


def test_appearance_tells_people_apart_where_places_do_not(people: People) -> None:
    """Two people come out of a crowd exactly between where both were expected."""
    both = people([(100, 100), (130, 100)])
    swapped = people([(114, 100), (116, 100)])
    red, blue = [1.0, 0, 0], [0, 0, 1.0]
    before = [with_looks(both, [red, blue])] * 4

    same = follow([*before, with_looks(swapped, [red, blue])])
    other = follow([*before, with_looks(swapped, [blue, red])])

    assert owner(same[-1], 114) == owner(same[0], 100)
    assert owner(other[-1], 114) == owner(other[0], 130)


def behind_a_post(people: People) -> list[Detections]:
    """One person walks behind a post; the box is that of the half that shows."""
    frames = []
    for t in range(60):
        found = people([(90 + 2 * t, 100)], jitter=0.5, seed=t)
        left, right = found.boxes[0, [0, 2]].tolist()
        ahead, past = (left, min(right, 130)), (max(left, 170), right)
        shown = ahead if ahead[1] - ahead[0] > past[1] - past[0] else past
        found.boxes[0, [0, 2]] = shown
        frames.append(found if shown[1] - shown[0] > 14 else found[:0])
    return frames


@pytest.mark.parametrize(
    ("after", "weight", "expected"), [(0, 1, [1]), (1, 1, [1, 2]), (0, 0, [1, 2])]
)
def test_who_comes_out_from_behind_a_post_is_known_by_looks(
    people: People, after: int, weight: float, expected: list[int]
) -> None:
    looks = np.array([[1.0, 0], [-1.0, 0]])
    frames = [
        with_looks(found, looks[[0 if t < 30 else after] * len(found)])
        for t, found in enumerate(behind_a_post(people))
    ]

    found = follow(frames, config=LinkConfig(appearance_weight=weight))

    assert sorted({i for frame in ids(found) for i in frame}) == expected


def test_looks_alone_do_not_make_a_stranger_somebody_else(people: People) -> None:
    """One leaves, another appears a step away at 5 frames/s, of other size and in like clothes."""
    here, there = people([(100, 100)]), people([(130, 100)])
    there.boxes[:] = [120, 60, 150, 110]
    there.keypoints[:] = there.keypoints[:, ::-1]
    frames = [with_looks(here, [[1.0, 0]])] * 5 + [with_looks(there, [[0.6, 0.8]])] * 5

    assert ids(follow(frames, seconds=0.2)) == [[1]] * 5 + [[2]] * 5


def test_embeddings_may_come_and_go(people: People) -> None:
    plain = people([(100, 100)])
    looks = with_looks(plain, [[1.0, 0]])

    assert ids(follow([plain, looks, plain, looks[:0], looks, plain])) == [
        [1], [1], [1], [], [1], [1],
    ]  # fmt: skip


def test_a_tube_of_the_network_outweighs_a_nearer_person(people: People) -> None:
    before, after = people([(100, 100), (140, 100)]), people([(115, 100), (125, 100)])
    tracker = Tracker(skeleton=COCO17, config=LinkConfig(confirm_hits=1, tube_trust=0.9))
    tracker.update(before, frame=0, time=0, tubes=np.array([7, 8]))

    found = tracker.update(after, frame=1, time=1 / FPS, tubes=np.array([8, 7]))

    assert owner(found[0], 115) == 2


def test_tubes_and_cameras_of_other_shapes_are_refused(people: People) -> None:
    tracker = Tracker(skeleton=COCO17)

    with pytest.raises(InputError, match=r"expected tubes of shape \(1,\), got \(2,\)"):
        tracker.update(people([(100, 100)]), frame=0, time=0, tubes=np.array([1, 2]))
    with pytest.raises(InputError, match=r"expected a finite \(2, 3\) camera map in frame 0"):
        tracker.update(people([(100, 100)]), frame=0, time=0, camera=np.eye(3))
