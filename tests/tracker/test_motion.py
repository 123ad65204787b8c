from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.structures import Detections
from posetube.tracker.motion import KalmanMotion

People = Callable[..., Detections]
SEEN, LOST = np.array([False]), np.array([True])


def walked(people: People, *, speed: float, rate: float, seconds: float = 1.0) -> KalmanMotion:
    """A person who has walked right at some pixels per second, seen at some frame rate."""
    motion = KalmanMotion.start(people([(100, 100)]))
    for step in range(1, round(seconds * rate) + 1):
        motion = motion.predict(1 / rate, lost=SEEN)
        motion = motion.correct(people([(100 + speed * step / rate, 100)]))
    return motion


@pytest.mark.parametrize("rate", [5, 25, 100])
def test_the_speed_is_learned_whatever_the_frame_rate(people: People, rate: float) -> None:
    motion = walked(people, speed=80, rate=rate, seconds=2)

    np.testing.assert_allclose(motion.speeds[0, 0], [80, 0], atol=10)


def test_a_camera_that_begins_to_pan_does_not_leave_the_filter_behind(people: People) -> None:
    """From rest to 20 pixels a frame within five frames, half of a person's width."""
    motion, x, misses = walked(people, speed=0, rate=25), 100.0, []
    for speed in (4, 8, 12, 16, 20, 20, 20):
        x += speed
        motion = motion.predict(1 / 25, lost=SEEN)
        misses.append(x - float(motion.places[0, 0, 0]))
        motion = motion.correct(people([(x, 100)]))

    assert max(misses) < 20
    assert misses[-1] < 12


def test_a_person_out_of_sight_slows_down_and_becomes_uncertain(people: People) -> None:
    motion = walked(people, speed=80, rate=25)

    steps = [motion.predict(seconds, lost=LOST) for seconds in (0.1, 0.5, 5.0)]

    moved = [float(step.places[0, 0, 0] - motion.places[0, 0, 0]) for step in steps]
    assert moved[0] == pytest.approx(8, abs=1.5)
    assert moved[0] < moved[1] < moved[2] < 0.5 * 5 * 80
    deviations = [float(step.centre_deviation[0]) for step in steps]
    assert sorted(deviations) == deviations


@given(parts=st.lists(st.floats(0.01, 0.5), min_size=1, max_size=5))
@settings(max_examples=20)
def test_many_small_steps_predict_the_same_place_as_one(people: People, parts: list[float]) -> None:
    whole = walked(people, speed=80, rate=25)
    stepped = whole

    for part in parts:
        stepped = stepped.predict(part, lost=LOST)

    np.testing.assert_allclose(
        stepped.places, whole.predict(sum(parts), lost=LOST).places, atol=1e-6
    )


def test_a_joint_seen_for_the_first_time_starts_there(people: People) -> None:
    hidden, seen = people([(100, 100)]), people([(100, 100)])
    hidden.keypoints[0, 5] = np.nan
    motion = KalmanMotion.start(hidden)
    assert np.isnan(motion.joints[0, 5]).all()

    motion = motion.predict(0.04, lost=SEEN).correct(seen)

    np.testing.assert_allclose(motion.joints[0, 5], seen.keypoints[0, 5], atol=1e-3)


def test_a_joint_that_is_hidden_stays_with_its_person(people: People) -> None:
    seen, moved = people([(100, 100)]), people([(110, 100)])
    moved.keypoints[0, 5] = np.nan

    motion = KalmanMotion.start(seen).predict(0.04, lost=SEEN).correct(moved)

    assert 100 < motion.boxes[0, [0, 2]].mean() <= 110
    assert motion.joints[0, 5, 0] > seen.keypoints[0, 5, 0]


def test_a_moving_camera_carries_everybody_along(people: People) -> None:
    motion = walked(people, speed=80, rate=25)
    zoomed = motion.carried(np.array([[2.0, 0, 10], [0, 2, -5]]))

    np.testing.assert_allclose(zoomed.boxes, motion.boxes * 2 + [10, -5, 10, -5])
    np.testing.assert_allclose(zoomed.joints, motion.joints * 2 + [10, -5])
    np.testing.assert_allclose(zoomed.speeds[0, 0], motion.speeds[0, 0] * 2)
