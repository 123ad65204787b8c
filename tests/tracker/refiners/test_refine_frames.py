"""Chains of refiners over frames as they come: what they wait for, and what stays."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.skeletons import COCO17
from posetube.structures import Detections, FramePoses, FrameTable, VideoTracks
from posetube.tracker.refiners.blocks import BLOCK, MARGIN
from posetube.tracker.refiners.refine import refine_frames, refine_tracks, unrefined
from posetube.tracker.refiners.refine_config import (
    CAUSAL,
    OF_JOINTS,
    RefineConfig,
    RefinerName,
    chain_of,
)

RATE = 10


def walk(seconds: float, *, seed: int = 0, every: int = 1, late: float = 0.0) -> list[FramePoses]:
    """Two people with joints that shake, in every n-th frame."""
    rng = np.random.default_rng(seed)
    return [
        FramePoses(
            frame=frame,
            time=late + frame / RATE,
            track_ids=np.array([1, 2]),
            people=people_at(frame / RATE, rng),
            states=np.zeros(2, np.uint8),
            link_margins=np.zeros(2, np.float32),
        )
        for frame in range(0, round(seconds * RATE), every)
    ]


def people_at(time: float, rng: np.random.Generator) -> Detections:
    middle = np.array([[100 + 20 * time, 100], [100, 300 + 10 * time]])
    joints = middle[:, None] + np.linspace(-20, 20, 17)[:, None] + rng.normal(0, 2, (2, 17, 2))
    return Detections(
        boxes=np.concatenate([middle - 30, middle + 30], axis=1).astype(np.float32),
        scores=np.full(2, 0.9, np.float32),
        keypoints=joints.astype(np.float32),
        keypoint_scores=rng.uniform(0.2, 1, (2, 17)).astype(np.float32),
    )


def refined(
    frames: Sequence[FramePoses], *names: RefinerName, cuts: Sequence[int] = ()
) -> list[FramePoses]:
    config = RefineConfig(refiners=names)
    return list(refine_frames(frames, config=config, skeleton=COCO17, cuts=cuts))


def joints(frames: Sequence[FramePoses]) -> np.ndarray:
    return np.stack([poses.people.keypoints for poses in frames])


def whole(frames: Sequence[FramePoses]) -> VideoTracks:
    """The frames as one table, filtered in one piece elsewhere."""
    times = np.array([poses.time for poses in frames])
    numbered = [replace(poses, frame=place) for place, poses in enumerate(frames)]
    return VideoTracks.from_frames(
        numbered, source="clip", size=None, skeleton=COCO17, frames=FrameTable(times=times)
    )


@pytest.mark.parametrize("name", ["kalman", "savitzky-golay", "median"])
@pytest.mark.parametrize("every", [1, 3])
def test_blocks_give_what_the_whole_video_gives(
    name: RefinerName, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = walk(3 * BLOCK, every=every)

    in_pieces = joints(refined(frames, name))

    monkeypatch.setattr("posetube.tracker.refiners.blocks.BLOCK", 1e9)
    np.testing.assert_allclose(in_pieces, joints(refined(frames, name)), atol=0.02)


def test_every_frame_comes_back_once_in_order_with_its_number_time_and_rows() -> None:
    frames = walk(2 * BLOCK + 1, every=3, late=36001.0)

    back = refined(frames, "kalman", "savitzky-golay")

    assert [(p.frame, p.time) for p in back] == [(p.frame, p.time) for p in frames]
    for before, after in zip(frames, back, strict=True):
        np.testing.assert_array_equal(before.track_ids, after.track_ids)
        np.testing.assert_array_equal(before.people.boxes, after.people.boxes)
        np.testing.assert_array_equal(before.people.scores, after.people.scores)


def test_frames_come_a_block_and_a_margin_later_at_most() -> None:
    came = 0

    def coming() -> Iterator[FramePoses]:
        nonlocal came
        for poses in walk(40):
            came += 1
            yield poses

    config = RefineConfig(refiners=("kalman",))
    for gone, _ in enumerate(refine_frames(coming(), config=config, skeleton=COCO17), start=1):
        assert came - gone <= (BLOCK + MARGIN) * RATE + 1


def test_hours_without_a_frame_take_no_time() -> None:
    late = [replace(p, frame=p.frame + 1000) for p in walk(1, late=1e7)]

    assert len(refined([*walk(1), *late], "kalman")) == 2 * RATE


@pytest.mark.parametrize("name", [name for name in CAUSAL if name in OF_JOINTS])
def test_a_causal_refiner_answers_at_once_and_knows_nothing_of_the_future(
    name: RefinerName,
) -> None:
    frames = walk(2)
    corrupted = [*frames[:10], *walk(2, seed=1)[10:]]
    came: list[int] = []

    def coming() -> Iterator[FramePoses]:
        for poses in frames:
            came.append(poses.frame)
            yield poses

    config = RefineConfig(refiners=(name,))
    for poses in refine_frames(coming(), config=config, skeleton=COCO17):
        assert poses.frame == came[-1]
    assert config.causal
    assert RefineConfig(refiners=("lstm", name)).causal
    assert not RefineConfig(refiners=("kalman", name)).causal
    np.testing.assert_array_equal(
        joints(refined(frames, name))[:10], joints(refined(corrupted, name))[:10]
    )


@pytest.mark.parametrize("name", ["one-euro", "running-kalman", "kalman"])
def test_cuts_and_long_gaps_begin_anew(name: RefinerName) -> None:
    frames = walk(2)
    behind = [replace(p, time=p.time + 5) for p in frames[10:]]

    gap = joints(refined([*frames[:10], *behind], name))
    cut = joints(refined(frames, name, cuts=[10]))

    np.testing.assert_allclose(gap[10:], joints(refined(behind, name)), atol=1e-3)
    np.testing.assert_allclose(cut[10:], joints(refined(frames[10:], name)), atol=1e-3)


def test_joints_as_found_stay_beside_the_others_and_come_back() -> None:
    frames = walk(1)

    back = refined(frames, "kalman", "median")

    for before, after in zip(frames, back, strict=True):
        again = unrefined(after)
        np.testing.assert_array_equal(again.people.keypoints, before.people.keypoints)
        np.testing.assert_array_equal(again.people.keypoint_scores, before.people.keypoint_scores)
        assert again.keypoints_raw is None
        assert not np.array_equal(after.people.keypoints, before.people.keypoints)


def test_tracks_that_were_refined_before_are_refined_from_the_start() -> None:
    tracks = whole(walk(2))
    config = RefineConfig(refiners=("kalman",))

    once = refine_tracks(tracks, config=config)
    twice = refine_tracks(once, config=config)

    np.testing.assert_array_equal(once.keypoints, twice.keypoints)
    assert once.keypoints_raw is not None
    np.testing.assert_array_equal(once.keypoints_raw[..., :2], tracks.keypoints)
    assert not len(refine_tracks(whole([]), config=config).frame)


def test_times_that_repeat_do_no_harm() -> None:
    frames = [replace(poses, time=poses.frame // 2 / RATE) for poses in walk(2)]

    assert np.isfinite(joints(refined(frames, "kalman", "median"))).all()


def test_frames_without_times_are_refused() -> None:
    tracks = replace(whole(walk(1)), frames=FrameTable(times=np.full(RATE, np.nan)))

    with pytest.raises(InputError, match="clip: frames without times; refiners need seconds"):
        refine_tracks(tracks, config=RefineConfig())


def test_chains_are_named_by_their_refiners() -> None:
    assert chain_of("none") == ()
    assert chain_of("fill-gaps, kalman") == ("fill-gaps", "kalman")
    with pytest.raises(
        InputError, match="there is no refiner 'smooth'; there are tubes, still, flow, lstm, "
    ):
        chain_of("kalman,smooth")
    with pytest.raises(InputError, match="there is no refiner 'smooth'"):
        RefineConfig(refiners=("smooth",))  # type: ignore[arg-type]
