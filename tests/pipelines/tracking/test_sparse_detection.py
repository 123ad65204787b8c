from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.pipelines.settings import DetectConfig
from posetube.pipelines.storage.manifest import BoxesRecord
from posetube.pipelines.tracking.clip_window import detect_frames
from posetube.pipelines.tracking.given_boxes import GivenBoxes
from posetube.skeletons import COCO17
from posetube.structures import ByteArray, DetectedFrame, FloatArray, Frame, PoseTubes

Scene = Callable[[int], Mapping[str, float]]
"""By frame, where each person stands: name and left side, pixels."""


def walker(frame: int) -> Mapping[str, float]:
    return {"ann": 10.0 + 2 * frame}


class SceneNetwork:
    """Finds the people of a made-up scene, and remembers in which frames it searched."""

    clip_length, skeleton = 1, COCO17

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.searched: list[int] = []
        self.read: list[int] = []

    def encode(self, images: ByteArray, *, embeddings: bool = False) -> list[int]:
        return [int(image[0, 0, 0]) for image in images]

    def detect_features(self, features: Sequence[Any], frames: Sequence[int]) -> PoseTubes:
        self.searched.append(features[0])
        left = np.array([*self._scene(features[0]).values()], np.float32).reshape(-1)
        return people(left, frames[0])

    def find_joints(
        self,
        features: Sequence[Any],
        frames: Sequence[int],
        *,
        tubes: FloatArray,
        scores: FloatArray,
    ) -> PoseTubes:
        self.read.append(features[0])
        there = np.array([*self._scene(features[0]).values()], np.float32).reshape(-1)
        left = tubes[:, 0, 0]
        # joints are seen where the box is near somebody
        miss = np.abs(left[:, None] - there).min(axis=1, initial=np.inf)
        seen = np.where(miss < 5, 0.9, 0.1)
        return people(there[np.abs(left[:, None] - there).argmin(axis=1)], frames[0], seen=seen)


def people(left: FloatArray, frame: int, *, seen: Any = 0.9) -> PoseTubes:
    """People 20 wide and 40 high, whose joints lie at their left side."""
    n = len(left)
    boxes = np.stack([left, left * 0, left + 20, left * 0 + 40], axis=-1)[:, None]
    scores = np.broadcast_to(np.asarray(seen), (n,)).astype(np.float32)
    return PoseTubes(
        frames=np.array([frame]),
        boxes=boxes.astype(np.float32),
        keypoints=np.tile(boxes[:, :, None, :2], (1, 1, 17, 1)).astype(np.float32),
        keypoint_scores=np.tile(scores[:, None, None], (1, 1, 17)),
        scores=np.full(n, 0.9, np.float32),
        presence=np.ones((n, 1), np.float32),
    )


def frames(
    count: int, *, lost: frozenset[int] = frozenset(), grey: Callable[[int], int] = lambda _: 90
) -> Iterator[Frame]:
    for index in range(count):
        image = np.full((60, 160, 3), grey(index), np.uint8)
        image[0, 0] = index
        gone = index in lost
        yield Frame(
            index=index,
            time=index / 25,
            image=None if gone else image,
            state="corrupt" if gone else "ok",
        )


def sparse(
    network: Any, given: Iterator[Frame], *, every: int = 3, live: bool = False, workers: int = 1
) -> list[DetectedFrame]:
    config = DetectConfig(detector_every=every, camera_motion=False)
    return list(detect_frames(given, network, config=config, live=live, workers=workers))


@pytest.mark.parametrize("live", [False, True])
def test_joints_are_read_in_boxes_that_follow(live: bool) -> None:
    network = SceneNetwork(walker)

    found = sparse(network, frames(10), live=live)

    assert sorted(network.searched) == [0, 3, 6, 9]
    assert [f.frame for f in found] == [*range(10)]
    expected = [walker(i)["ann"] for i in range(10)]
    np.testing.assert_allclose([f.people.boxes[0, 0] for f in found], expected)
    assert [f.people.scores[0] for f in found] == pytest.approx([0.9] * 10)


def test_at_the_end_of_a_file_the_detector_looks() -> None:
    network = SceneNetwork(walker)

    sparse(network, frames(9))

    assert sorted(network.searched) == [0, 3, 6, 7, 8]


@pytest.mark.parametrize("live", [False, True])
def test_lost_frames_keep_their_place(live: bool) -> None:
    network = SceneNetwork(walker)

    found = sparse(network, frames(13, lost=frozenset({3, 7})), live=live)

    assert [f.state for f in found] == ["corrupt" if i in (3, 7) else "ok" for i in range(13)]
    assert [len(f.people) for f in found] == [i not in (3, 7) for i in range(13)]
    if not live:  # without the detector frame 3, nothing leads from 0 to 6
        assert sorted(network.searched) == [0, 1, 2, 4, 5, 6, 9, 12]


def test_somebody_who_appears_or_leaves_brings_the_detector_back() -> None:
    def visitors(frame: int) -> Mapping[str, float]:
        return {"ann": 10.0} | ({"ben": 100.0} if 5 <= frame < 10 else {})

    network = SceneNetwork(visitors)

    found = sparse(network, frames(13))

    assert [len(f.people) for f in found] == [len(visitors(i)) for i in range(13)]
    assert sorted(network.searched) == [0, 3, 4, 5, 6, 9, 10, 11, 12]


@pytest.mark.parametrize("live", [False, True])
def test_a_box_that_loses_its_person_brings_the_detector_back(live: bool) -> None:
    def jumper(frame: int) -> Mapping[str, float]:
        return {"ann": 30.0 if frame == 4 else 10.0}

    network = SceneNetwork(jumper)

    found = sparse(network, frames(7), live=live)

    np.testing.assert_allclose([f.people.boxes[0, 0] for f in found][3:6], [10, 30, 10])
    assert 4 in network.searched


@pytest.mark.parametrize("live", [False, True])
def test_a_cut_brings_the_detector_back(live: bool) -> None:
    network = SceneNetwork(walker)

    sparse(network, frames(7, grey=lambda i: 90 if i < 4 else 200), live=live)

    assert 4 in network.searched


def test_motion_at_the_border_brings_the_detector_of_a_live_source_back() -> None:
    def entering(index: int) -> Frame:
        image = np.full((60, 160, 3), 90, np.uint8)
        image[20:, 150:] = 90 if index < 4 else 200
        image[0, 0] = index
        return Frame(index=index, time=index / 25, image=image)

    network = SceneNetwork(walker)

    sparse(network, map(entering, range(6)), live=True)

    assert network.searched == [0, 3, 4]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_do_not_depend_on_who_does_the_work(workers: int) -> None:
    def crowd(frame: int) -> Mapping[str, float]:
        return {str(i): 10.0 + 30 * i + frame for i in range(4 if frame % 11 < 6 else 3)}

    found = sparse(SceneNetwork(crowd), frames(40, lost=frozenset({9, 14})), workers=workers)
    alone = sparse(SceneNetwork(crowd), frames(40, lost=frozenset({9, 14})))

    for one, two in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one.people.boxes, two.people.boxes)


@pytest.mark.parametrize("begin", [6, 7, 8])
def test_a_later_beginning_gives_the_same_frames_from_the_next_detector_frame_on(
    begin: int,
) -> None:
    whole = sparse(SceneNetwork(walker), frames(20))

    network = SceneNetwork(walker)
    rest = sparse(network, (frame for frame in frames(20) if frame.index >= begin))

    for one, two in zip(whole[begin:], rest, strict=True):
        np.testing.assert_array_equal(one.people.boxes, two.people.boxes)
    assert [f for f in sorted(network.searched) if f < 9] == {6: [6], 7: [7, 8], 8: [8]}[begin]


def test_networks_that_cannot_be_told_where_to_look_are_refused() -> None:
    class Alone:
        clip_length, skeleton = 1, COCO17

    with pytest.raises(InputError, match=r"--detector-every: only networks .* leave it at 1"):
        sparse(Alone(), frames(3))


def test_boxes_from_outside_leave_nothing_to_the_detector() -> None:
    boxes = GivenBoxes(
        record=BoxesRecord(name="x", path="", form="x", sha256=""),
        frame=np.zeros(1, np.int64),
        boxes=np.zeros((1, 4), np.float32),
        scores=np.ones(1, np.float32),
    )

    with pytest.raises(InputError, match="with boxes from outside no detector looks at all"):
        list(
            detect_frames(
                frames(3), SceneNetwork(walker), config=DetectConfig(detector_every=2), boxes=boxes
            )
        )


@pytest.mark.parametrize("name", ["detector_every", "workers"])
def test_counts_below_one_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"DetectConfig.{name} must be 1 or more, got 0"):
        DetectConfig(**{name: 0})  # type: ignore[arg-type]
