from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.pipelines.tracking.clip_window import detect_frames
from posetube.skeletons import COCO17
from posetube.structures import Frame, PoseTubes


class Recorder:
    """A network that finds one person whose box names the frames of the clip."""

    def __init__(self, clip_length: int) -> None:
        self.clip_length = clip_length
        self.skeleton = COCO17
        self.encoded: list[int] = []
        self.clips: list[list[int]] = []

    def encode(self, images: Any) -> list[int]:
        indices = [int(image[0, 0, 0]) for image in images]
        self.encoded += indices
        return indices

    def detect_features(self, features: Any, frames: Any) -> PoseTubes:
        assert list(features) == list(frames)
        self.clips.append(list(frames))
        t = len(frames)
        boxes = np.tile(np.array(frames, np.float32)[None, :, None], (1, 1, 4))
        return PoseTubes(
            frames=np.array(frames),
            boxes=boxes,
            keypoints=np.zeros((1, t, 17, 2), np.float32),
            keypoint_scores=np.ones((1, t, 17), np.float32),
            scores=np.ones(1, np.float32),
            presence=np.ones((1, t), np.float32),
        )


def frames(count: int, *, lost: frozenset[int] = frozenset(), every: int = 1) -> Iterator[Frame]:
    for index in range(0, count, every):
        image = np.full((2, 2, 3), index, np.uint8)
        gone = index in lost
        yield Frame(
            index=index,
            time=index / 25,
            image=None if gone else image,
            state="corrupt" if gone else "ok",
        )


def test_a_clip_is_centred_on_its_frame_and_repeats_the_ends() -> None:
    network = Recorder(3)

    found = list(detect_frames(frames(4), network))

    assert network.clips == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 3]]
    assert [f.people.boxes[0, 0] for f in found] == [0, 1, 2, 3]


def test_a_clip_leaves_out_what_could_not_be_decoded() -> None:
    network = Recorder(3)

    found = list(detect_frames(frames(5, lost=frozenset({2})), network))

    assert network.clips == [[0, 0, 1], [0, 1, 3], [1, 3, 4], [3, 4, 4]]
    assert [len(f.people) for f in found] == [1, 1, 0, 1, 1]
    assert [f.state for f in found] == ["ok", "ok", "corrupt", "ok", "ok"]


@given(
    count=st.integers(0, 40),
    lost=st.frozensets(st.integers(0, 39)),
    length=st.integers(1, 8),
    batch=st.integers(1, 9),
    every=st.integers(1, 4),
)
def test_every_frame_comes_out_once_in_order_and_is_encoded_once(
    count: int, lost: frozenset[int], length: int, batch: int, every: int
) -> None:
    network = Recorder(length)

    found = list(detect_frames(frames(count, lost=lost, every=every), network, batch=batch))

    expected = list(range(0, count, every))
    assert [f.frame for f in found] == expected
    assert network.encoded == [i for i in expected if i not in lost]
    for f in found:
        if f.frame not in lost:
            assert f.people.boxes[0, 0] == f.frame


def test_without_a_look_ahead_a_frame_is_answered_as_soon_as_it_comes() -> None:
    came: list[int] = []

    def watched() -> Iterator[Frame]:
        for frame in frames(3):
            came.append(frame.index)
            yield frame

    for found in detect_frames(watched(), Recorder(1)):
        assert came[-1] == found.frame


@pytest.mark.parametrize("length", [2, 3, 5])
def test_frames_of_different_sizes_are_encoded_apart(length: int) -> None:
    def mixed() -> Iterator[Frame]:
        for index, side in enumerate([2, 2, 4, 4, 2]):
            yield Frame(index=index, time=0.0, image=np.full((side, side, 3), index, np.uint8))

    found = list(detect_frames(mixed(), Recorder(length), batch=5))

    assert len(found) == 5
