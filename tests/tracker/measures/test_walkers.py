"""Measures of drawn people whose steps, way and height are known exactly."""

import numpy as np
import pytest

from posetube.datasets.synthetic.actor import animate_on_spot, animate_walk
from posetube.datasets.synthetic.motion_library import MOTIONS
from posetube.datasets.synthetic.random_figure import random_figure
from posetube.datasets.synthetic.rig import JOINTS
from posetube.skeletons import skeleton
from posetube.structures import FrameTable, VideoTracks
from posetube.tracker.measures.joint_places import body_centre
from posetube.tracker.measures.movement import distance
from posetube.tracker.measures.steps import step_times

SCALE = 100
"""Pixels per metre, far away: no perspective."""

RATE = 25
SECONDS = 6


def seen(joints: np.ndarray, across: int) -> VideoTracks:
    """People whose joints are at (F, J, 3) metres; ``across`` is the axis that lies across."""
    coco = skeleton("coco17")
    keypoints = np.full((len(joints), 17, 2), np.nan)
    for place, name in enumerate(coco.joints):
        if name in JOINTS:
            keypoints[:, place] = joints[:, JOINTS.index(name)][:, [across, 1]] * [SCALE, -SCALE]
    low, high = np.nanmin(keypoints, axis=1), np.nanmax(keypoints, axis=1)
    return VideoTracks(
        source="walk",
        size=None,
        skeleton=coco,
        frames=FrameTable(times=np.arange(len(joints)) / RATE),
        frame=np.arange(len(joints)),
        track_ids=np.ones(len(joints), np.int64),
        boxes=np.concatenate([low, high], axis=1).astype(np.float32),
        scores=np.ones(len(joints), np.float32),
        keypoints=keypoints,
        keypoint_scores=np.ones(keypoints.shape[:2], np.float32),
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("motion", "across"), [("walk", 0), ("walk", 2), ("run", 0)])
def test_steps_and_way_of_a_walker(motion: str, across: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    figure, cycle = random_figure(rng), MOTIONS[motion]
    times = np.arange(SECONDS * RATE) / RATE
    start, end = np.array([0.0, 5.0]), np.array([1.0, 5.0])

    joints = animate_walk(
        figure, cycle, times, start=start, end=end, middle=0.0, phase=rng.uniform(0, 6)
    )
    tracks = seen(joints, across)

    steps = step_times(tracks, 1)
    # two per cycle; the first and the last may be cut off by the ends
    assert len(steps) == pytest.approx(2 * cycle.frequency * SECONDS, abs=1)
    assert (np.diff(steps) > 0.2).all()
    if across == 0:
        way = cycle.frequency * cycle.stride * figure.scale * times[-1] * SCALE
        assert distance(times, body_centre(tracks)) == pytest.approx(way, rel=0.05)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("across", [0, 2])
def test_whoever_stands_and_talks_makes_no_steps(across: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.arange(SECONDS * RATE) / RATE
    joints = animate_on_spot(
        random_figure(rng),
        MOTIONS["talk"],
        times,
        place=np.array([0.0, 5.0]),
        facing=rng.uniform(0, 6),
        phase=rng.uniform(0, 6),
    )

    assert len(step_times(seen(joints, across), 1)) == 0
