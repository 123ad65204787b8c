"""Pictures are numbered by a time or by their last number; two videos in one list stay two."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from posetube.datasets.formats.frame_order import mixed_videos, sorted_places
from posetube.datasets.picture_names import numbered_names, one_series, times_of

START = datetime(2024, 5, 6, 23, 58, 10, 250_000)


@st.composite
def time_formats(draw: st.DrawFn) -> tuple[str, int]:
    """How a program writes times, for strftime, and digits of a fraction: 0, 3 or 6."""
    calendar = draw(st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "%Y.%m.%d", "%Y:%m:%d"]))
    between = draw(st.sampled_from(["_", "-", " ", "T", "__", ", ", " at "]))
    clock = draw(
        st.sampled_from(["%H-%M-%S", "%H%M%S", "%H_%M_%S", "%H.%M.%S", "%H:%M:%S", "%Hh%Mm%Ss"])
    )
    digits = draw(st.sampled_from([0, 3, 6]))
    gap = draw(st.sampled_from([".", "_", "-", ",", ":"])) if digits else ""
    return f"{calendar}{between}{clock}{gap}", digits


def written(time: datetime, form: tuple[str, int]) -> str:
    """``2024-05-06_12-00-10.250`` of a time."""
    return time.strftime(form[0]) + f"{time.microsecond:06d}"[: form[1]]


@st.composite
def recordings(draw: st.DrawFn, *, form: tuple[str, int]) -> list[datetime]:
    """When the pictures of one recording were taken: whole seconds apart where names show no more,
    else milliseconds; with pauses."""
    start = draw(st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1))).replace(microsecond=0)
    unit = timedelta(milliseconds=1 if form[1] else 1000)
    steps = draw(st.lists(st.integers(10, 3000), min_size=2, max_size=12))
    return [start + unit * total for total in accumulate(steps)]


def after_the_first_hour(times: list[datetime]) -> list[datetime]:
    """The same in the second hour where they are in the first, whose six digits may be a count."""
    return sorted({time.replace(hour=time.hour or 1) for time in times})


@given(data=st.data(), form=time_formats(), before=st.sampled_from(["", "door_", "a/cam 2 ", "x-"]))
def test_pictures_named_by_times_are_one_video_in_the_order_of_times(
    data: st.DataObject, form: tuple[str, int], before: str
) -> None:
    times = data.draw(recordings(form=form))
    names = [f"{before}{written(time, form)}.jpg" for time in times]
    shuffled = data.draw(st.permutations(names))

    assert mixed_videos(shuffled) is None
    assert [shuffled[place] for place in sorted_places(shuffled)] == names
    assert one_series(numbered_names(shuffled))


@given(data=st.data(), form=time_formats())
def test_times_are_those_of_the_names_and_make_the_names_again(
    data: st.DataObject, form: tuple[str, int]
) -> None:
    times = after_the_first_hour(data.draw(recordings(form=form)))
    names = [f"{written(time, form)}.png" for time in times]
    parts = [part for part in numbered_names(names) if part is not None]

    assert [part.renamed(part.number, width=1) for part in parts] == names
    assert [part.before + part.text + part.after for part in parts] == names
    found = times_of(names)
    if len(times) > 1:
        assert found is not None
        np.testing.assert_allclose(found, [(t - times[0]).total_seconds() for t in times])


@given(
    start=st.integers(1_000_000_000, 1_900_000_000),
    steps=st.lists(st.integers(10, 3000), min_size=2, max_size=12),
    digits=st.sampled_from([3, 6, 9]),
    gap=st.sampled_from(["", ".", "_", "-"]),
    before=st.sampled_from(["", "rgb/", "cam2_"]),
)
def test_milliseconds_and_less_since_1970_are_times(
    start: int, steps: list[int], digits: int, gap: str, before: str
) -> None:
    milliseconds = [1000 * start + total for total in accumulate(steps)]
    numbers = [n * 10 ** (digits - 3) for n in milliseconds]
    names = [f"{before}{str(n)[:10]}{gap}{str(n)[10:]}.jpg" for n in numbers]

    found = times_of(names)

    assert found is not None
    np.testing.assert_allclose(found, (np.array(milliseconds) - milliseconds[0]) / 1000)
    parts = [part for part in numbered_names(names) if part is not None]
    assert [part.renamed(part.number, width=1) for part in parts] == names


@given(
    first=st.integers(1_000_000_000_000, 1_900_000_000_000),
    every=st.integers(1, 4),
    zeros=st.sampled_from([0, 3]),
)
def test_long_counts_are_no_times(first: int, every: int, zeros: int) -> None:
    numbers = range(first * 10**zeros, first * 10**zeros + 20 * every, every)
    assert times_of([f"{number}.jpg" for number in numbers]) is None


@given(data=st.data(), form=time_formats())
def test_two_cameras_at_the_same_times_are_two_videos(
    data: st.DataObject, form: tuple[str, int]
) -> None:
    times = after_the_first_hour(data.draw(recordings(form=form)))
    assume(len(times) > 1)
    cameras = ("left_", "right_")
    names = [f"{camera}{written(t, form)}.jpg" for camera in cameras for t in times]

    assert mixed_videos(names) == cameras


@given(data=st.data(), form=time_formats())
def test_two_cameras_in_turn_are_two_videos(data: st.DataObject, form: tuple[str, int]) -> None:
    times = after_the_first_hour(data.draw(recordings(form=form)))
    assume(len(times) > 3)
    cameras = ("left_", "right_")
    names = [f"{cameras[i % 2]}{written(t, form)}.jpg" for i, t in enumerate(times)]

    assert mixed_videos(names) == cameras


def test_two_cameras_in_the_first_hour_are_told_apart_with_the_date() -> None:
    """Their six digits are no times there."""
    names = [
        f"{camera}_2000-01-01_0000{second}.jpg"
        for camera, second in [("left", 10), ("right", 20), ("left", 30), ("right", 40)]
    ]

    assert mixed_videos(names) == ("left_2000-01-01_", "right_2000-01-01_")


@given(
    data=st.data(),
    form=time_formats().filter(lambda form: form[1] == 0),
    digits=st.integers(3, 7),
    gap=st.sampled_from(["_", "-", ".", " "]),
    first=st.integers(0, 3),
    every=st.integers(1, 4),
    count=st.integers(2, 30),
)
def test_videos_called_by_their_beginning_are_told_apart_by_it(
    data: st.DataObject,
    form: tuple[str, int],
    digits: int,
    gap: str,
    first: int,
    every: int,
    count: int,
) -> None:
    starts = data.draw(recordings(form=form))
    videos = [f"walk_{written(start, form)}{gap}" for start in starts]
    numbers = range(first, first + every * count, every)
    names = [f"{video}{number:0{digits}d}.jpg" for video in videos for number in numbers]
    data.draw(st.just(Random(0))).shuffle(names)

    found = mixed_videos(names)

    assert found is not None
    assert {*found} <= {*videos}


@pytest.mark.slow
@given(
    videos=st.lists(st.from_regex(r"[a-zA-Z]{1,8}_\Z"), min_size=2, max_size=4, unique=True),
    digits=st.integers(1, 8),
    count=st.integers(2, 40),
    in_turn=st.booleans(),
)
def test_videos_with_names_of_their_own_are_told_apart(
    videos: list[str], digits: int, count: int, in_turn: bool
) -> None:
    places = [divmod(place, len(videos)) for place in range(count * len(videos))]
    numbers = range(count * len(videos)) if in_turn else [turn for turn, _ in places]
    names = [
        f"{videos[video]}{number:0{digits}d}.jpg"
        for (_, video), number in zip(places, numbers, strict=True)
    ]

    found = mixed_videos(names)

    assert found is not None
    assert {*found} <= {*videos}


@pytest.mark.parametrize(
    ("name", "text", "style"),
    [
        ("..12-00-10.jpg", "12-00-10", "clock"),
        ("06-05-2024_12-00-10.jpg", "12-00-10", "clock"),
        ("vlcsnap-2024-05-06-12h00m10s123.png", "2024-05-06-12h00m10s123", "date"),
        ("PXL_20240506_120010123.jpg", "20240506_120010123", "date"),
        ("2024-05-06T12:00:10.123Z.jpg", "2024-05-06T12:00:10.123", "date"),
        ("20240506120010.jpg", "20240506120010", "date"),
        ("rgb/1305031102.175304.png", "1305031102.175304", "epoch"),
        ("1403636579763555584.png", "1403636579763555584", "epoch"),
        ("2717000000123.jpg", "2717000000123", "count"),
        ("17170000001.jpg", "17170000001", "count"),
        ("01-02-03-04.jpg", "04", "count"),
        ("S01_C02_F10.jpg", "10", "count"),
        ("cam01_00_10.jpg", "10", "count"),
        ("20240506_000061.jpg", "000061", "count"),
        ("20240506_000001.jpg", "000001", "count"),
        ("2024-13-06_12-00-10.jpg", "10", "count"),
        ("12-60-10.jpg", "10", "count"),
        ("frame.0012", "0012", "count"),
    ],
)
def test_what_of_a_name_is_its_number(name: str, text: str, style: str) -> None:
    [found] = numbered_names([name])

    assert found is not None
    assert (found.text, found.style) == (text, style)


def test_names_are_read_together() -> None:
    counted = [f"20240506_12{number:04d}.jpg" for number in range(58, 62)]
    assert [part and part.number for part in numbered_names(counted)] == [
        120058, 120059, 120060, 120061,
    ]  # fmt: skip


def every(seconds: float, count: int) -> list[datetime]:
    return [START + timedelta(seconds=seconds * i) for i in range(count)]


@pytest.mark.parametrize(
    ("names", "times"),
    [
        (lambda: [f"{t:%Y%m%d_%H%M%S}.jpg" for t in every(30, 6)], [0, 30, 60, 90, 120, 150]),
        (lambda: ["1.jpg", "2.jpg"], None),
        (lambda: ["a_12-00-10.jpg", "b_12-00-11.jpg"], None),
        (lambda: ["12-00-11.jpg", "12-00-10.jpg"], None),
        (list, None),
    ],
    ids=["over midnight", "counts", "two series", "not in order", "none"],
)
def test_times_are_read_where_all_names_give_them_in_order(
    names: Callable[[], list[str]], times: list[float] | None
) -> None:
    found = times_of(names())
    assert (None if found is None else found.tolist()) == times
