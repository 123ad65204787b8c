from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest

from posetube.datasets.video import VideoConfig
from posetube.datasets.video.memory import open_pictures
from posetube.errors import InputError, MediaError
from posetube.structures import ByteArray, Frame


def pictures(count: int) -> ByteArray:
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((4, 6, 3), np.uint8)


def test_arrays_with_times_are_a_video() -> None:
    with open_pictures(pictures(3), times=[0.5, 0.6, 0.9]) as video:
        assert (video.size, video.expected, video.live) == ((4, 6), 3, True)
        frames = list(video)

    assert [(f.index, f.time, f.state) for f in frames] == [
        (0, 0.5, "ok"),
        (1, 0.6, "ok"),
        (2, 0.9, "ok"),
    ]
    assert frames[2].image is not None
    assert frames[2].image[0, 0].tolist() == [2, 2, 2]


def test_pairs_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def camera() -> Iterator[tuple[ByteArray, float]]:
        for number, image in enumerate(pictures(5)):
            taken.append(number)
            yield image, number / 10

    video = open_pictures(camera())
    assert (taken, video.expected) == ([0], None)
    reading = iter(video)
    next(reading)
    next(reading)
    assert taken == [0, 1]


def test_frames_keep_their_place_and_state() -> None:
    lost = Frame(index=0, time=0.0, image=None, state="corrupt")
    seen = Frame(index=4, time=0.2, image=pictures(1)[0])

    first, second = open_pictures([lost, seen])

    assert first == lost
    assert (second.index, second.time, second.state) == (4, 0.2, "ok")
    np.testing.assert_array_equal(second.image, seen.image)


def test_a_picture_may_be_written_over_as_soon_as_it_was_taken() -> None:
    buffer = np.zeros((4, 6, 3), np.uint8)

    def camera() -> Iterator[tuple[ByteArray, float]]:
        for index in range(3):
            buffer[:] = index
            yield buffer, index / 10

    kept = [frame.image for frame in open_pictures(camera())]

    assert [None if image is None else int(image[0, 0, 0]) for image in kept] == [0, 1, 2]


def test_a_stretch_of_pictures_is_read() -> None:
    config = VideoConfig(start=0.2, end=0.8, every=2)

    video = open_pictures(pictures(10), times=np.arange(10) / 10, config=config)

    assert [frame.index for frame in video] == [2, 4, 6]


def test_pictures_are_read_once() -> None:
    video = open_pictures(pictures(2), times=[0, 1])
    list(video)

    with pytest.raises(MediaError, match="frames in memory can be read once"):
        list(video)


@pytest.mark.parametrize(
    ("given", "times", "message"),
    [
        ([], None, "frames in memory: there is no picture"),
        (pictures(2), None, r"frame 0: expected a pair \(image, time\), got ndarray; give the tim"),
        (pictures(2), [0.0], "frame 1: expected as many times as images"),
        (pictures(1), [0.0, 1.0], "frame 1: expected as many times as images"),
        (pictures(2), [1.0, 1.0], "frame 1 at 1.0 s: expected index and time to rise, the frame b"),
        (pictures(2), [0.0, np.nan], "frame 1 at nan s: expected index and time to rise"),
        (pictures(2)[..., 0], [0, 1], r"frame 0: expected an image \(H, W, 3\), RGB, uint8, got"),
        (pictures(2) / 255, [0, 1], r"uint8, got \(4, 6, 3\) of float64"),
        (
            [*pictures(1), np.zeros((2, 2, 3), np.uint8)],
            [0, 1],
            "frame 1: expected 6 x 4 pixels as the first picture has, got 2 x 2",
        ),
    ],
)
def test_what_is_no_video_is_refused(
    given: Any, times: Iterable[float] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        list(open_pictures(given, times=times))
