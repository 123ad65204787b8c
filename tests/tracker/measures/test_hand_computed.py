"""Angles, lengths, speeds and zones, by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import Skeleton, skeleton
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.measures.joint_angles import joint_angles
from posetube.tracker.measures.joint_places import body_centre, place_of
from posetube.tracker.measures.movement import distance, speeds
from posetube.tracker.measures.segment_lengths import body_height, segment_lengths
from posetube.tracker.measures.zones import Crossing, Zone, crossings, inside

STRAIGHT = {
    "head_top": (50, 10),
    "left_shoulder": (60, 40),
    "right_shoulder": (40, 40),
    "left_elbow": (60, 65),
    "right_elbow": (40, 65),
    "left_wrist": (60, 85),
    "right_wrist": (40, 85),
    "left_hip": (55, 90),
    "right_hip": (45, 90),
    "left_knee": (55, 130),
    "right_knee": (45, 130),
    "left_ankle": (55, 170),
    "right_ankle": (45, 170),
}
"""Somebody who stands straight, seen from the front."""


def standing(
    *changes: dict[str, tuple[float, float]], joints: Skeleton | None = None
) -> VideoTracks:
    """A row for each change of the straight person, a tenth of a second apart."""
    joints = joints or skeleton("coco19")
    keypoints = np.full((len(changes), len(joints), 2), np.nan)
    for row, change in enumerate(changes):
        for name, place in (STRAIGHT | change).items():
            if name in joints.joints:
                keypoints[row, joints.joints.index(name)] = place
    rows = len(changes)
    return VideoTracks(
        source="here",
        size=(200, 100),
        skeleton=joints,
        frames=FrameTable(times=np.arange(rows) / 10),
        frame=np.arange(rows),
        track_ids=np.ones(rows, np.int64),
        boxes=np.tile(np.array([30, 5, 70, 180], np.float32), (rows, 1)),
        scores=np.ones(rows, np.float32),
        keypoints=keypoints,
        keypoint_scores=np.ones(keypoints.shape[:2], np.float32),
    )


def angles(**change: tuple[float, float]) -> dict[str, float]:
    return {name: float(values[0]) for name, values in joint_angles(standing(change)).items()}


def test_whoever_stands_straight_has_no_angles() -> None:
    assert angles() == pytest.approx(dict.fromkeys(angles(), 0.0), abs=1e-9)


@pytest.mark.parametrize(
    ("change", "name", "degrees"),
    [
        ({"left_ankle": (95, 130)}, "left_knee_angle", 90),
        ({"right_ankle": (5, 130)}, "right_knee_angle", 90),
        ({"left_wrist": (60, 45)}, "left_elbow_angle", 180),
        ({"left_knee": (95, 90), "left_ankle": (95, 130)}, "left_hip_angle", 90),
        ({"right_elbow": (15, 40)}, "right_shoulder_angle", 90),
        ({"left_elbow": (60, 15)}, "left_shoulder_angle", 180),
        ({"left_shoulder": (110, 40), "right_shoulder": (90, 40)}, "trunk_angle", 45),
        ({"left_shoulder": (10, 40), "right_shoulder": (-10, 40)}, "trunk_angle", -45),
    ],
)
def test_a_bent_joint_has_its_angle(
    change: dict[str, tuple[float, float]], name: str, degrees: float
) -> None:
    assert angles(**change)[name] == pytest.approx(degrees, abs=0.01)


def test_what_is_not_seen_has_no_angle() -> None:
    found = angles(left_knee=(np.nan, np.nan))

    assert np.isnan([found["left_knee_angle"], found["left_hip_angle"]]).all()
    assert found["right_knee_angle"] == pytest.approx(0)
    assert np.isnan(angles(left_wrist=(60, 65))["left_elbow_angle"])  # a forearm without length


def test_lengths_and_height() -> None:
    tracks = standing({}, {"head_top": (50, 30)}, {})
    lengths = segment_lengths(tracks)

    assert lengths["left_thigh_length"].tolist() == [40, 40, 40]
    assert lengths["shoulder_width"][0] == 20
    assert lengths["trunk_length"][0] == 50
    # 160 pixels from head to ankle, which is 3.9 % of the height above the floor
    assert body_height(tracks, 1) == pytest.approx(160 / 0.961)
    with pytest.raises(InputError, match="no track 2"):
        body_height(tracks, 2)
    with pytest.raises(InputError, match="track 1: its height needs head_top"):
        body_height(standing({}, joints=skeleton("coco17")), 1)


def test_a_body_is_where_its_hips_are_or_its_box() -> None:
    unseen = dict.fromkeys(("left_hip", "right_hip"), (np.nan, np.nan))

    assert body_centre(standing({}, unseen)).tolist() == [[50, 90], [50, 92.5]]
    assert place_of(standing({}), "feet").tolist() == [[50, 180]]


def test_speed_is_that_of_the_rows_around_and_ends_at_gaps() -> None:
    times = np.array([0.0, 0.1, 0.2, 0.3, 1.0])
    places = np.stack([[0.0, 1, 2, 4, 100], np.zeros(5)], axis=1)
    apart = np.array([False, False, False, False, True])

    found = speeds(times, places, apart=apart)

    np.testing.assert_allclose(found, [10, 10, 15, 20, np.nan])


def test_what_trembles_is_no_way() -> None:
    times = np.arange(101) / 100
    still = np.stack([np.where(np.arange(101) % 2, 0.5, -0.5), np.zeros(101)], axis=1)
    walk = np.stack([200 * times, np.zeros(101)], axis=1)

    assert distance(times, still) <= 5
    assert distance(times, walk) == pytest.approx(200)
    assert distance(times[:1], walk[:1]) == 0
    walk[1:-1] = np.nan
    assert distance(times, walk) == pytest.approx(200)


ELL = Zone(
    name="ell", corners=np.array([[0.0, 0], [100, 0], [100, 50], [50, 50], [50, 100], [0, 100]])
)


def test_a_zone_may_have_corners_that_point_inwards() -> None:
    places = np.array([[25.0, 75], [75, 25], [75, 75], [-1, 50], [25, 25], [np.nan, 3]])

    assert inside(ELL, places).tolist() == [True, True, False, False, True, False]
    with pytest.raises(InputError, match="zone line: expected at least 3 corners"):
        Zone(name="line", corners=np.array([[0.0, 0], [1, 1]]))


def walker(feet: Sequence[float]) -> VideoTracks:
    """Somebody whose feet are at y = 40 and these x."""
    tracks = standing(*[{}] * len(feet))
    boxes = np.stack([[x - 5, 0, x + 5, 40] for x in feet]).astype(np.float32)
    return replace(tracks, boxes=boxes)


def test_who_enters_and_leaves() -> None:
    feet = [-50, -30, -10, 10, 30, 50, 70, 90, 110, 130, 150, 170]

    enters, leaves = crossings(walker(feet), ELL)
    assert enters == Crossing(time=enters.time, track=1, zone="ell", enters=True)
    assert leaves == Crossing(time=leaves.time, track=1, zone="ell", enters=False)
    assert (enters.time, leaves.time) == pytest.approx((0.3, 0.8))


def test_a_box_that_trembles_at_the_border_crosses_it_once() -> None:
    feet = [-30, -10, 1, -1, 1, -1, 1, 5, 9, 20, 30, 40]

    [only] = crossings(walker(feet), ELL)
    assert only.time == pytest.approx(0.6)
    assert only.enters
