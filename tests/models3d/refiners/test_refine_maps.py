"""Refiners along the frames of a video: who sees which maps, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from posetube.models3d.refiners.mapped_frame import MappedFrame, without_picture
from posetube.models3d.refiners.pooling import MapPool
from posetube.models3d.refiners.refine_maps import refine_in_windows
from posetube.models3d.refiners.track_maps import TrackMaps
from posetube.structures import Detections, FramePoses


def frame(
    index: int, people: Sequence[int], *, seconds: float | None = None, joints: int = 2
) -> MappedFrame:
    """A frame whose people's maps all hold its index."""
    count = len(people)
    poses = FramePoses(
        frame=index,
        time=index / 25 if seconds is None else seconds,
        track_ids=np.array(people, np.int64),
        people=Detections(
            boxes=np.tile(np.array([0, 0, 8, 8], np.float32), (count, 1)),
            scores=np.ones(count, np.float32),
            keypoints=np.full((count, joints, 2), np.nan, np.float32),
            keypoint_scores=np.zeros((count, joints), np.float32),
        ),
        states=np.zeros(count, np.uint8),
        link_margins=np.zeros(count, np.float32),
    )
    return MappedFrame(
        poses=poses,
        evidence=np.full((count, joints, 8, 8), index, np.float32),
        regions=poses.people.boxes,
    )


@dataclass
class Listening:
    """Answers every frame with its own maps, and notes which frames it was shown."""

    past: int
    future: int
    shown: list[tuple[int, list[int]]]

    def refine_frame(self, maps: TrackMaps, place: int) -> np.ndarray:
        known = [int(maps.evidence[p].max()) for p in range(len(maps)) if maps.seen[p]]
        assert np.array_equal(maps.frames[maps.seen], known)
        self.shown.append((int(maps.frames[place]), known))
        return np.asarray(maps.evidence[place])


def shown(frames: Sequence[MappedFrame], *, cuts: Sequence[int] = ()) -> dict[int, list[int]]:
    refiner = Listening(past=2, future=1, shown=[])
    done = list(refine_in_windows(frames, refiner, max_gap=0.5, cuts=cuts))
    assert [one.poses.frame for one in done] == [one.poses.frame for one in frames]
    return dict(refiner.shown)


def test_every_frame_is_refined_by_those_around() -> None:
    assert shown([frame(i, [7]) for i in range(5)]) == {
        0: [0, 1],
        1: [0, 1, 2],
        2: [0, 1, 2, 3],
        3: [1, 2, 3, 4],
        4: [2, 3, 4],
    }


def test_nothing_is_seen_across_a_cut_or_a_long_gap() -> None:
    frames = [frame(i, [7]) for i in range(5)]
    assert shown(frames, cuts=[2])[1] == [0, 1]
    assert shown(frames, cuts=[2])[2] == [2, 3]

    apart = [frame(i, [7], seconds=i / 25 + (i >= 2)) for i in range(5)]
    assert shown(apart)[1] == [0, 1]
    assert shown(apart)[3] == [2, 3, 4]


def test_frames_without_a_picture_or_the_person_are_passed_over() -> None:
    frames = [frame(0, [7]), without_picture(frame(1, [7]).poses), frame(2, []), frame(3, [7])]

    assert shown(frames) == {0: [0], 3: [3]}
    assert shown([frames[0], frames[1], frame(2, [7])])[2] == [0, 2]


def test_people_do_not_mix() -> None:
    frames = [frame(0, [7]), frame(1, [8, 7]), frame(2, [8])]
    refiner = MapPool(past=2, future=2)

    done = list(refine_in_windows(frames, refiner, max_gap=0.5))

    assert [one.evidence.max(axis=(1, 2, 3)).tolist() for one in done] == [[0.5], [1.5, 0.5], [1.5]]


def test_a_frame_comes_out_as_soon_as_its_future_is_known() -> None:
    taken = []

    def arriving() -> Iterator[MappedFrame]:
        for index in range(6):
            taken.append(index)
            yield frame(index, [7])

    done = refine_in_windows(arriving(), MapPool(past=3, future=1), max_gap=0.5)

    assert next(done).poses.frame == 0
    assert taken == [0, 1]


@pytest.mark.parametrize("past", [0, 1, 3])
def test_a_causal_refiner_knows_nothing_of_what_comes(past: int) -> None:
    frames = [frame(i, [7]) for i in range(6)]
    spoilt = [*frames[:4], *(replace(one, evidence=one.evidence + 99) for one in frames[4:])]
    pool = MapPool(past=past, future=0)

    plain, other = (
        list(refine_in_windows(some, pool, max_gap=0.5))[:4] for some in (frames, spoilt)
    )

    for one, same in zip(plain, other, strict=True):
        np.testing.assert_array_equal(one.evidence, same.evidence)


def test_joints_are_read_from_the_maps_and_stay_where_there_are_none() -> None:
    one = frame(3, [7])
    one.evidence[:] = 0
    one.evidence[0, :, 2, 5] = 1

    found = one.with_joints()

    np.testing.assert_allclose(found.people.keypoints[0], [[5.5, 2.5], [5.5, 2.5]])
    blind = without_picture(one.poses)
    assert blind.with_joints() is blind.poses
