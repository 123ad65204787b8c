"""Faces become unrecognisable, wherever they are, and nothing else does."""

import numpy as np
import pytest

from posetube.pipelines.rendering.face_blur import blur_faces
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import BoolArray

SIZE = (200, 300)
IMAGE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


def changed(
    joints: Skeleton = COCO17,
    box: tuple[float, ...] = (100, 20, 180, 190),
    **at: tuple[float, float],
) -> BoolArray:
    """(H, W) which pixels were changed of a picture with one person."""
    canvas, points = IMAGE.copy(), np.full((1, len(joints), 2), np.nan, np.float32)
    for name, place in at.items():
        points[0, joints.joints.index(name)] = place
    blur_faces(canvas, points, np.array([box], np.float32), joints)
    return np.asarray((canvas != IMAGE).any(axis=-1))


def test_a_face_is_blurred_where_its_joints_are() -> None:
    found = changed(nose=(140, 40), left_eye=(146, 34), right_eye=(134, 34), left_ear=(152, 37))

    rows, columns = np.nonzero(found)
    assert found[40, 140]
    assert found[34, 134]
    assert found[37, 152]
    assert (rows.mean(), columns.mean()) == pytest.approx((37, 143), abs=2)
    assert found.sum() < 0.04 * found.size


def test_a_face_that_is_not_seen_is_guessed_from_shoulders_or_box() -> None:
    by_shoulders = changed(left_shoulder=(160, 70), right_shoulder=(120, 70))
    by_box = changed(box=(100, 20, 180, 190))

    assert by_shoulders[45, 140]
    assert not by_shoulders[120:].any()
    assert by_box[40, 140]
    assert not by_box[110:].any()


def test_details_are_gone() -> None:
    canvas = IMAGE.copy()
    points = np.full((1, 17, 2), np.nan, np.float32)
    points[0, :2] = [[140, 60], [170, 60]]

    blur_faces(canvas, points, np.array([[100, 20, 200, 190]], np.float32), COCO17)

    inside = canvas[50:70, 145:165].astype(int)
    assert (
        np.abs(np.diff(inside, axis=1)).max()
        < 20
        < np.abs(np.diff(IMAGE[50:70].astype(int), axis=1)).max()
    )


@pytest.mark.parametrize("box", [(np.nan,) * 4, (-500, -500, -400, -400), (290, 190, 900, 900)])
def test_people_outside_and_unknown_ones_do_no_harm(box: tuple[float, ...]) -> None:
    assert changed(box=box).sum() < SIZE[0] * SIZE[1]
