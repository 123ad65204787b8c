from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posetube.pipelines.settings import DetectConfig
from posetube.pipelines.tracking.clip_window import detect_frames
from posetube.skeletons import COCO17
from posetube.structures import ByteArray, Frame, PoseTubes


class Recorder:
    """A network that finds one person whose box names the frames of the clip."""

    def __init__(self, clip_length: int) -> None:
        self.clip_length = clip_length
        self.skeleton = COCO17
        self.encoded: list[int] = []
        self.clips: list[list[int]] = []

    def encode(self, images: Any, *, embeddings: bool = False) -> list[int]:
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


class Pair:
    """A network that follows two people through a clip, who change rows from clip to clip."""

    def __init__(self, *, presence: float = 1.0) -> None:
        self.clip_length, self.skeleton = 3, COCO17
        self._presence, self._clips = presence, 0

    def encode(self, images: Any, *, embeddings: bool = False) -> list[bool]:
        return [embeddings] * len(images)

    def detect_features(self, features: Any, frames: Any) -> PoseTubes:
        left = np.array([[10.0], [200.0]]) + np.array(frames)
        boxes = np.stack([left, left * 0, left + 40, left * 0 + 90], axis=-1)
        self._clips += 1
        boxes = boxes[:: 1 if self._clips % 2 else -1]
        return PoseTubes(
            frames=np.array(frames),
            boxes=boxes.astype(np.float32),
            keypoints=np.zeros((2, 3, 17, 2), np.float32),
            keypoint_scores=np.ones((2, 3, 17), np.float32),
            scores=np.ones(2, np.float32),
            presence=np.full((2, 3), self._presence, np.float32),
            embeddings=(boxes[..., :2] / 3).astype(np.float32) if all(features) else None,
        )


def test_tubes_of_overlapping_clips_say_who_goes_on_as_whom() -> None:
    found = list(detect_frames(frames(5, lost=frozenset({2})), Pair()))

    told = [None if f.continues is None else f.continues.tolist() for f in found]
    assert told == [[-1, -1], [1, 0], None, [1, 0], [1, 0]]


def test_a_network_of_single_frames_says_nothing_of_the_kind() -> None:
    assert [f.continues for f in detect_frames(frames(3), Recorder(1))] == [None] * 3


def test_people_are_only_as_sure_as_it_is_that_they_are_in_the_frame() -> None:
    found = list(detect_frames(frames(3), Pair(presence=0.25)))

    assert [f.people.scores.tolist() for f in found] == [[0.25, 0.25]] * 3


@pytest.mark.parametrize("wanted", [True, False])
def test_appearances_come_if_asked_for_and_as_they_will_be_stored(wanted: bool) -> None:
    found = list(detect_frames(frames(3), Pair(), config=DetectConfig(appearance=wanted)))

    looks = found[1].people.embeddings
    assert (looks is not None) == wanted
    if looks is not None:
        np.testing.assert_array_equal(looks, looks.astype(np.float16))


def test_people_whom_linking_leaves_out_have_no_appearance() -> None:
    found = list(detect_frames(frames(3), Pair(presence=0.05)))

    looks = found[1].people.embeddings
    assert looks is not None
    assert not looks.any()


def noise(index: int) -> ByteArray:
    """A window that moves over a blurred carpet, 3 pixels to the right per frame."""
    dots = np.random.default_rng(0).uniform(0, 255, (120, 300, 3)).astype(np.float32)
    carpet = cv2.GaussianBlur(dots, (0, 0), 2) * 3 - 255
    image = np.clip(carpet[:, 3 * index : 3 * index + 200], 0, 255).astype(np.uint8)
    image[0, 0] = index
    return image


@pytest.mark.parametrize("told", [True, False])
def test_a_camera_that_pans_is_told_of_across_frames_that_are_lost(told: bool) -> None:
    given = [
        Frame(
            index=i,
            time=i / 25,
            image=None if i == 2 else noise(i),
            state="corrupt" if i == 2 else "ok",
        )
        for i in range(5)
    ]

    found = list(detect_frames(given, Recorder(1), config=DetectConfig(camera_motion=told)))

    moved = [None if f.camera is None else round(f.camera[0, 2]) for f in found]
    assert moved == ([None, -3, None, -6, -3] if told else [None] * 5)
