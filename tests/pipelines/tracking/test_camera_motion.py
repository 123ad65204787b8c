from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from posetube.pipelines.tracking.camera_motion import background_of, camera_motion, small_grey
from posetube.structures import ByteArray, Detections

HEIGHT, WIDTH = 180, 320
NOBODY = Detections.empty(17)


def carpet(*, seed: int = 0) -> ByteArray:
    """A blurred pattern, larger than the picture."""
    noise = np.random.default_rng(seed).uniform(0, 255, (500, 700, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 3) * 5 - 512, 0, 255).astype(np.uint8)


def view(shift: tuple[float, float] = (0, 0), *, zoom: float = 1.0, turn: float = 0.0) -> ByteArray:
    """The carpet, moved by a shift, grown and turned about the picture's corner."""
    matrix = np.array(
        [
            [zoom * np.cos(turn), -zoom * np.sin(turn), shift[0] - 100],
            [zoom * np.sin(turn), zoom * np.cos(turn), shift[1] - 100],
        ]
    )
    return np.asarray(cv2.warpAffine(carpet(), matrix, (WIDTH, HEIGHT)), np.uint8)


def people(*boxes: tuple[float, float, float, float]) -> Detections:
    n = len(boxes)
    return Detections(
        boxes=np.array(boxes, np.float32),
        scores=np.full(n, 0.9, np.float32),
        keypoints=np.full((n, 17, 2), np.nan, np.float32),
        keypoint_scores=np.zeros((n, 17), np.float32),
    )


def seen(*images: ByteArray, who: Detections = NOBODY) -> list[npt.NDArray[np.float64] | None]:
    known = [background_of(small_grey(image), who.boxes, who.scores) for image in images]
    return [None, *(camera_motion(*pair) for pair in pairwise(known))]


def test_the_first_frame_and_a_camera_that_stands_tell_nothing() -> None:
    assert seen(view(), view(), view((0.05, 0))) == [None, None, None]


def test_a_pan_is_found_to_a_fraction_of_a_pixel() -> None:
    found = seen(view(), view((6.5, -2)))[1]

    assert found is not None
    np.testing.assert_allclose(found, np.array([[1, 0, 6.5], [0, 1, -2]]), atol=0.15)


def test_zoom_and_roll_are_found() -> None:
    found = seen(view(), view(zoom=1.05, turn=0.02))[1]

    # The map from one picture to the other, about the place of the carpet's corner.
    turned = 1.05 * np.array([[np.cos(0.02), -np.sin(0.02)], [np.sin(0.02), np.cos(0.02)]])
    assert found is not None
    np.testing.assert_allclose(found[:, :2], turned, atol=0.003)
    np.testing.assert_allclose(found[:, 2], turned @ [100, 100] - 100, atol=0.3)


@pytest.mark.parametrize("size", [(720, 1280), (360, 400)])
def test_large_pictures_are_answered_in_their_own_pixels(size: tuple[int, int]) -> None:
    height, width = size
    large = [cv2.resize(image, (width, height)) for image in (view(), view((4, 2)))]

    found = seen(*(np.asarray(image, np.uint8) for image in large))[1]

    assert found is not None
    np.testing.assert_allclose(found[:, 2], [4 * width / WIDTH, 2 * height / HEIGHT], atol=0.6)


def test_people_who_walk_are_no_background() -> None:
    before, after = view(), view()
    after[20:160, 30:200] = view((9, 0))[20:160, 30:200]  # more than half of the corners

    assert seen(before, after, who=people((25, 15, 210, 165)))[1] is None


def test_something_that_moves_in_a_corner_is_no_camera() -> None:
    before, after = np.full_like(view(), 128), np.full_like(view(), 128)
    before[:60, :60], after[:60, :60] = view()[:60, :60], view((5, 0))[:60, :60]

    assert seen(before, after)[1] is None


def test_what_cannot_be_one_camera_tells_nothing() -> None:
    flat = np.full_like(view(), 128)
    other = np.asarray(carpet(seed=1)[:HEIGHT, :WIDTH], np.uint8)

    assert seen(flat, flat)[1] is None
    assert seen(view(), other)[1] is None
    assert seen(view(), view((5, 0))[:100])[1] is None


def test_a_picture_of_a_single_pixel_is_no_trouble() -> None:
    dot = np.zeros((1, 1, 3), np.uint8)

    assert seen(dot, dot) == [None, None]


def test_an_answer_depends_on_two_frames_alone() -> None:
    images = [view((3.0 * i, 0)) for i in range(4)]

    whole, late = seen(*images), seen(*images[2:])

    assert whole[3] is not None
    np.testing.assert_array_equal(whole[3], late[1])


def test_boxes_that_are_not_finite_or_outside_hide_nothing() -> None:
    odd = people((np.nan, 0, 5, 5), (-50, -50, -10, -10), (9000, 0, 9999, 50))

    assert seen(view(), view((6, 0)), who=odd)[1] is not None
