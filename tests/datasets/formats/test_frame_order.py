"""Pictures become frames by their numbers, whatever the order in which results name them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.formats.frame_order import (
    Name,
    frames_of_results,
    mixed_videos,
    sorted_places,
)
from posetube.errors import FormatError

HERE = Path("r.json")


@pytest.mark.parametrize(
    ("pictures", "places", "names"),
    [
        ([3, 1, 3, 6], {1: 0, 3: 2, 6: 5}, ["1", "2", "3", "4", "5", "6"]),
        (["a/09.png", "a/11.png", "a/08.png"], {"a/08.png": 0, "a/09.png": 1, "a/11.png": 3},
         ["a/08.png", "a/09.png", "a/10.png", "a/11.png"]),
        ([1009, 1000, 1003], {1000: 0, 1003: 1, 1009: 3}, ["1000", "1003", "1006", "1009"]),
        (["f10.jpg", "f9.jpg"], {"f9.jpg": 0, "f10.jpg": 1}, ["f9.jpg", "f10.jpg"]),
        (["f10.jpg", "f09.jpg", "f9.jpg"], {"f09.jpg": 0, "f9.jpg": 1, "f10.jpg": 2},
         ["f09.jpg", "f9.jpg", "f10.jpg"]),
        (["b.jpg", "a10.jpg", "a2.jpg"], {"a2.jpg": 0, "a10.jpg": 1, "b.jpg": 2},
         ["a2.jpg", "a10.jpg", "b.jpg"]),
        ([391895, 522418, 184613], {184613: 0, 391895: 1, 522418: 2},
         ["184613", "391895", "522418"]),
        (["3.jpg", "1.jpg"], {"3.jpg": 3, "1.jpg": 1}, []),
        (["04.jpg", "01.jpg", "02.jpg"], {"04.jpg": 3, "01.jpg": 0, "02.jpg": 1},
         ["01.jpg", "02.jpg", "03.jpg", "04.jpg"]),
        ([f"a_12-00-{s}.jpg" for s in (59, 58, 56)] + ["a_12-01-00.jpg", "a_12-01-01.jpg"],
         {"a_12-00-56.jpg": 0, "a_12-00-58.jpg": 2, "a_12-00-59.jpg": 3, "a_12-01-00.jpg": 4,
          "a_12-01-01.jpg": 5},
         [f"a_12-00-{s}.jpg" for s in (56, 57, 58, 59)] + ["a_12-01-00.jpg", "a_12-01-01.jpg"]),
        (["7_12-00-59.966.jpg", "7_12-00-59.9.jpg", "7_12-01-00.033.jpg"],
         {"7_12-00-59.9.jpg": 0, "7_12-00-59.966.jpg": 1, "7_12-01-00.033.jpg": 2},
         ["7_12-00-59.9.jpg", "7_12-00-59.966.jpg", "7_12-01-00.033.jpg"]),
        (["12-00-59.966.jpg", "12-00-59.933.jpg", "12-01-00.033.jpg"],
         {"12-00-59.933.jpg": 0, "12-00-59.966.jpg": 1, "12-01-00.033.jpg": 2},
         ["12-00-59.933.jpg", "12-00-59.966.jpg", "12-01-00.033.jpg"]),
        ([], {}, []),
    ],
    ids=["ids", "padded", "every third", "bare", "mixed", "others", "far apart", "of a video",
         "named", "seconds", "fractions of other widths", "fractions", "none"],
)  # fmt: skip
def test_pictures_are_sorted_and_gaps_are_frames(
    pictures: Sequence[Name], places: dict[Name, int], names: list[str]
) -> None:
    found, frames = frames_of_results(pictures, path=HERE)

    assert (found, list(frames.names)) == (places, names)
    assert len(frames) == max(places.values(), default=-1) + 1


def test_ids_stay_those_of_the_file() -> None:
    _, frames = frames_of_results([12, 10, 11], path=HERE)
    np.testing.assert_array_equal(frames.ids, [10, 11, 12])
    assert frames_of_results([2**62, 5], path=HERE)[1].ids is None  # no program reads it exactly


def test_too_many_frames_are_refused() -> None:
    with pytest.raises(FormatError, match=r"r.json: 2000001 frames; at most 1000000 are read"):
        frames_of_results(["2000000.jpg"], path=HERE)


def test_listed_frames_are_sorted_within_their_folder() -> None:
    names = ["b/3.jpg", "a/2.jpg", "b/1.jpg", "a/x.jpg", "a/1.jpg"]

    assert sorted_places(names) == [2, 0, 1, 3, 4]
    assert sorted_places(["v/10.jpg", "v/9.jpg", "v/1.jpg"]) == [2, 1, 0]


@pytest.mark.parametrize(
    ("names", "mixed"),
    [
        (["a_0.jpg", "a_1.jpg", "b_1.jpg", "b_0.jpg"], ("a_", "b_")),
        (["v/000.png", "w/000.png", "v/001.png", "w/001.png"], ("v/", "w/")),
        (["a_0.jpg", "a_1.jpg", "b_2.jpg", "b_3.jpg"], None),
        (["a_1.jpg", "b_1.jpg", "c_1.jpg", "x.jpg"], None),
        (["cam1_1.jpg", "cam2_2.jpg", "cam1_3.jpg", "cam2_4.jpg"], ("cam1_", "cam2_")),
        (["a_1.jpg", "b_5.jpg", "b_6.jpg", "a_9.jpg"], ("a_", "b_")),
        (["1_left.png", "1_right.png", "2_left.png", "2_right.png"], ("_left", "_right")),
        (["1.jpg", "2.png", "3.jpg", "4.PNG"], None),
        ([], None),
    ],
)
def test_two_videos_in_a_list_have_numbers_among_each_other(
    names: list[str], mixed: tuple[str, str] | None
) -> None:
    assert mixed_videos(names) == mixed
