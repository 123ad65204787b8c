"""A data set that remembers what it read last."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.datasets.readers.annotated_video import AnnotatedVideo, Counts
from posetube.datasets.training.recent_videos import RecentVideos
from posetube.errors import FormatError, InputError
from posetube.skeletons import LSP14
from posetube.structures import FrameTable, VideoTracks

NAMES = "abcdef"


class Videos:
    """Six videos of 10 frames and no people, and how often each was read."""

    name = "test"
    whole = Counts(videos=6, frames=60)

    def __init__(self) -> None:
        self.reads = Counter[str]()

    def videos(self) -> tuple[str, ...]:
        return tuple(NAMES)

    def read(self, video: str) -> AnnotatedVideo:
        self.reads[video] += 1
        if video not in NAMES:
            raise FormatError(f"no {video}")
        nobody = np.zeros((0, 14, 2))
        tracks = VideoTracks(
            source=video,
            size=None,
            skeleton=LSP14,
            frames=FrameTable(times=np.full(10, np.nan)),
            frame=np.zeros(0, np.int64),
            track_ids=np.zeros(0, np.int64),
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            keypoints=nobody,
            keypoint_scores=nobody[..., 0],
        )
        return AnnotatedVideo(name=video, dataset="test", metric="oks", tracks=tracks)


@settings(deadline=None)
@given(order=st.lists(st.sampled_from(NAMES)), poses=st.integers(1, 70))
def test_the_videos_are_the_same_and_no_more_are_kept_than_asked(
    order: list[str], poses: int
) -> None:
    source = Videos()
    recent = RecentVideos(source, poses=poses)

    assert [recent.read(video).name for video in order] == order

    expected, kept = Counter[str](), list[str]()
    for video in order:
        if video in kept:
            kept.remove(video)
        else:
            expected[video] += 1
        kept = [*kept, video][-(poses // 10) :] if poses >= 10 else []
    assert source.reads == expected


def test_the_rest_of_a_data_set_is_passed_on() -> None:
    recent = RecentVideos(Videos())

    assert (recent.name, recent.whole) == ("test", Videos.whole)
    assert recent.videos() == tuple(NAMES)
    with pytest.raises(FormatError, match="no z"):
        recent.read("z")


def test_threads_may_read_at_once() -> None:
    recent = RecentVideos(Videos(), poses=25)

    def drawn() -> Iterator[str]:
        yield from NAMES * 50

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda video: recent.read(video).name, drawn()))

    assert found == list(NAMES * 50)


def test_nothing_to_remember_is_refused() -> None:
    with pytest.raises(InputError, match="RecentVideos.poses must be 1 or more, got 0"):
        RecentVideos(Videos(), poses=0)
