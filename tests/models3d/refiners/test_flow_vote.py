"""Joints that are carried along the flow: who wins, and what the original program does oddly."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from posetube.errors import InputError
from posetube.heatmap_refining import FlowVoteConfig
from posetube.models3d.refiners.flow_step import FlowStep
from posetube.models3d.refiners.flow_vote import DECAY, FlowingPoses, vote
from posetube.structures import Detections, FloatArray, FramePoses
from posetube.tracker.refiners.refine_config import RefineConfig
from tests.models3d.refiners.moving_people import steady_flow

SHIFT = (4.0, -2.0)
START = np.array([[100, 120], [140, 160]], np.float32)
"""Of two joints of one person."""


def walk(flows: Sequence[FlowStep | None], *, sure: float = 0.5) -> list[FlowingPoses]:
    """Frames in which the person moves as the picture does."""
    return [
        FlowingPoses(poses=poses_at(START + step * np.array(SHIFT), step, sure), flow=flow)
        for step, flow in enumerate([None, *flows])
    ]


def poses_at(joints: FloatArray, frame: int, sure: float) -> FramePoses:
    people = Detections(
        boxes=np.array([[80, 100, 160, 180]], np.float32),
        scores=np.ones(1, np.float32),
        keypoints=joints[None].astype(np.float32),
        keypoint_scores=np.full((1, 2), sure, np.float32),
    )
    return FramePoses(
        frame=frame,
        time=frame / 25,
        track_ids=np.array([7]),
        people=people,
        states=np.zeros(1, np.uint8),
        link_margins=np.zeros(1, np.float32),
    )


def voted(
    frames: Sequence[FlowingPoses], *, cuts: Sequence[int] = (), reach: int = 3
) -> FramePoses:
    """Frame 2 of five, after the vote."""
    config = FlowVoteConfig(most_motion=100, reach=reach)
    return list(vote(frames, config=config, max_gap=0.5, cuts=cuts))[2]


def with_a_jump(frames: Sequence[FlowingPoses], *, score: float) -> list[FlowingPoses]:
    """The frames; in frame 2 the first joint is far away, as sure as is said."""
    poses = frames[2].poses
    poses.people.keypoints[0, 0] += 50
    poses.people.keypoint_scores[0, 0] = score
    return list(frames)


def test_a_doubtful_joint_takes_the_place_that_the_flow_carries_a_surer_one_to() -> None:
    frames = with_a_jump(walk(steady_flow(SHIFT, 4)), score=0.1)

    people = voted(frames).people

    np.testing.assert_allclose(people.keypoints[0], START + 2 * np.array(SHIFT), atol=1e-3)
    np.testing.assert_allclose(people.keypoint_scores[0], [0.5 / DECAY, 0.5], atol=1e-6)


def test_what_is_sure_itself_stays() -> None:
    frames = with_a_jump(walk(steady_flow(SHIFT, 4)), score=0.45)
    before = frames[2].poses.people.keypoints.copy()

    np.testing.assert_array_equal(voted(frames).people.keypoints, before)


@pytest.mark.parametrize("how", ["cut", "no flow", "much motion", "reach"])
def test_nothing_is_carried_where_it_cannot_be(how: str) -> None:
    flows: list[FlowStep | None] = [*steady_flow(SHIFT, 4)]
    if how == "no flow":
        flows[1:3] = [None, None]
    frames = with_a_jump(walk(flows), score=0.1)
    before = frames[2].poses.people.keypoints.copy()
    if how == "much motion":
        config = FlowVoteConfig(most_motion=4)
        found = list(vote(frames, config=config, max_gap=0.5))[2]
    else:
        found = voted(frames, cuts=[2, 3] if how == "cut" else (), reach=0 if how == "reach" else 3)

    np.testing.assert_array_equal(found.people.keypoints, before)


def test_the_original_program_takes_the_way_there_for_the_way_back() -> None:
    """Where the flow grows to the right, its negative at the joint is not the way back."""
    columns = np.arange(32) * 10 + 5
    forward = np.zeros((24, 32, 2), np.float32)
    forward[..., 0] = 0.1 * columns
    backward = np.zeros_like(forward)
    backward[..., 0] = columns / 1.1 - columns
    step = FlowStep(forward=forward, backward=backward, size=(240, 320))
    places = [START * np.array([1.1, 1]) ** n for n in range(2)]
    frames = [
        FlowingPoses(poses=poses_at(places[0], 0, 0.1), flow=None),
        FlowingPoses(poses=poses_at(places[1], 1, 0.9), flow=step),
    ]

    found, published = (
        next(iter(vote(frames, config=FlowVoteConfig(most_motion=99, published=p), max_gap=1)))
        for p in (False, True)
    )

    np.testing.assert_allclose(found.people.keypoints[0], START, atol=0.3)
    np.testing.assert_allclose(published.people.keypoints[0, :, 0], places[1][:, 0] * 0.9, atol=0.3)


def test_people_who_are_not_in_the_other_frame_are_left_alone() -> None:
    frames = with_a_jump(walk(steady_flow(SHIFT, 4)), score=0.1)
    others = [
        one if place == 2 else replace(one, poses=replace(one.poses, track_ids=np.array([8])))
        for place, one in enumerate(frames)
    ]
    before = frames[2].poses.people.keypoints.copy()

    np.testing.assert_array_equal(voted(others).people.keypoints, before)


def test_it_comes_first_and_without_heatmaps() -> None:
    assert RefineConfig(refiners=("flow-vote", "kalman")).of_joints == ("kalman",)
    with pytest.raises(InputError, match="flow-vote goes by joints as they were found: put it fi"):
        RefineConfig(refiners=("kalman", "flow-vote"))
    with pytest.raises(InputError, match="put it first, and leave still out"):
        RefineConfig(refiners=("flow-vote", "still"))
