"""Times that are known stay, whoever is in the frames; a frame rate is assumed where none are."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import posetube
from posetube.datasets.annotated_video import table
from posetube.pipelines.assumed_times import needs_frame_rate, with_times
from posetube.skeletons import COCO17
from posetube.structures import DoubleArray, FrameTable, VideoTracks


def seen_in(frames: list[int], times: DoubleArray) -> VideoTracks:
    """Somebody who is in some of the frames."""
    return table(
        source="walk",
        skeleton=COCO17,
        frames=FrameTable(times=times),
        keypoints=np.full((len(frames), 17, 2), 5.0) + np.arange(17)[:, None],
        frame=np.array(frames, np.int64),
    )


@given(
    frames=st.lists(st.integers(0, 30), min_size=1, max_size=8, unique=True).map(sorted),
    more=st.integers(0, 3),
    rate=st.floats(0.2, 240),
    start=st.floats(0, 100),
)
def test_frames_without_people_lie_evenly_between_those_with(
    frames: list[int], more: int, rate: float, start: float
) -> None:
    true = start + np.arange(frames[-1] + 1 + more) / rate
    told = np.full(len(true), np.nan)
    told[frames] = true[frames]

    found, notes = with_times(seen_in(frames, told), frame_rate=rate)

    np.testing.assert_allclose(found.frames.times, true, atol=1e-9)
    assert notes == []
    assert not needs_frame_rate(found)


def test_one_unknown_time_of_a_person_makes_all_assumed() -> None:
    found, notes = with_times(seen_in([0, 1], np.array([7.0, np.nan])), frame_rate=4)

    assert found.frames.times.tolist() == [0, 0.25]
    assert notes == ["there are no times; 4 frames per second are assumed"]


def test_a_table_of_people_keeps_its_times_where_a_frame_has_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    true = np.arange(12) / 10
    posetube.export(seen_in([1, 2, 3, 4, 6, 7, 11], true), tmp_path / "a.csv", to="csv")

    np.testing.assert_allclose(posetube.link(tmp_path / "a.csv").frames.times, true)
    assert "assumed" not in caplog.text
