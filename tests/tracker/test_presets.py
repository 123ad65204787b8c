from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posetube.errors import InputError
from posetube.skeletons import POSETRACK17SLOTS
from posetube.structures import DetectedFrame, Detections, FramePoses
from posetube.tracker.config import LinkConfig, LinkPreset
from posetube.tracker.offline import OfflineConfig
from posetube.tracker.paper import PaperConfig
from posetube.tracker.presets import link_frames
from posetube.tracker.shots import CutConfig

RED, BLUE = (65535, 0, 0), (0, 0, 65535)


def seen(places: Sequence[float]) -> Detections:
    """People of 40 x 100 pixels, whose joints nobody knows."""
    boxes = np.array([[x - 20, 50, x + 20, 150] for x in places], np.float32).reshape(-1, 4)
    n, k = len(places), len(POSETRACK17SLOTS)
    return Detections(
        boxes=boxes,
        scores=np.full(n, 0.97, np.float32),
        keypoints=np.full((n, k, 2), np.nan, np.float32),
        keypoint_scores=np.zeros((n, k), np.float32),
    )


def linked(
    frames: Sequence[DetectedFrame], preset: LinkPreset, **settings: Any
) -> list[FramePoses]:
    config = LinkConfig(preset=preset, **settings)
    return list(link_frames(frames, config=config, skeleton=POSETRACK17SLOTS, size=(200, 400)))


def frames(*, colours: Sequence[tuple[int, ...]], step: int = 1) -> list[DetectedFrame]:
    return [
        DetectedFrame(frame=step * i, time=i / 25, state="ok", people=seen([100]), colours=shares)
        for i, shares in enumerate(colours)
    ]


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_a_new_scene_ends_all_tracks(preset: LinkPreset) -> None:
    found = linked(frames(colours=[RED] * 20 + [BLUE] * 20), preset)

    first, second = found[0].track_ids.tolist(), found[-1].track_ids.tolist()
    assert [f.track_ids.tolist() for f in found] == [first] * 20 + [second] * 20
    assert first != second


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_frames_whose_colours_are_not_known_are_no_cut(preset: LinkPreset) -> None:
    found = linked(frames(colours=[()] * 40), preset)

    assert len({f.track_ids.tolist()[0] for f in found}) == 1


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_every_frame_comes_out_under_its_own_number(preset: LinkPreset) -> None:
    found = linked(frames(colours=[RED] * 15, step=3), preset)

    assert [f.frame for f in found] == list(range(0, 45, 3))


def test_offline_repairs_by_settings_of_its_own() -> None:
    """Somebody is away for a moment: the gap is filled, unless the settings say otherwise."""
    given = [
        DetectedFrame(frame=i, time=i / 25, state="ok", people=seen([] if 15 <= i < 20 else [100]))
        for i in range(40)
    ]

    def rows(**settings: float) -> int:
        found = linked(given, "offline", offline=OfflineConfig(**settings))
        return sum(len(poses) for poses in found)

    assert (rows(), rows(fill_gap=0.1)) == (40, 35)


def test_paper_links_by_settings_of_its_own() -> None:
    given = frames(colours=[RED] * 10)

    found = linked(given, "paper", paper=PaperConfig(min_score=0.99))

    assert sum(len(poses) for poses in found) == 0


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_what_counts_as_a_new_scene_is_a_setting(preset: LinkPreset) -> None:
    given = frames(colours=[RED] * 20 + [(52428, 0, 13107)] * 20)

    def ids(**settings: Any) -> int:
        return len({i for f in linked(given, preset, **settings) for i in f.track_ids.tolist()})

    assert (ids(), ids(cuts=CutConfig(min_change=0.1))) == (1, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: LinkConfig(preset="fast"),  # type: ignore[arg-type]
            "LinkConfig.preset must be one of online, offline, paper, got 'fast'",
        ),
        (lambda: OfflineConfig(gap_weight=-1), "OfflineConfig.gap_weight must be 0 or more"),
        (lambda: OfflineConfig(pose_weight=-1), "OfflineConfig.pose_weight must be 0 or more"),
        (
            lambda: PaperConfig(algorithm="best"),  # type: ignore[arg-type]
            "PaperConfig.algorithm must be one of hungarian, greedy, got 'best'",
        ),
    ],
)
def test_settings_name_class_field_and_value(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_offline_sees_who_came_back_and_fills_nothing_in_across_a_cut() -> None:
    gone = range(15, 25)
    given = [
        DetectedFrame(
            frame=i,
            time=i / 25,
            state="ok",
            people=seen([] if i in gone else [100]),
            colours=RED if i < 20 else BLUE,
        )
        for i in range(40)
    ]

    assert sum(len(f) for f in linked(given, "offline")) == 30


def walking(step: float) -> list[DetectedFrame]:
    """Two people 60 pixels apart, who stand while the camera pans by some pixels per frame."""
    pan = np.array([[1, 0, -step], [0, 1, 0]])
    return [
        DetectedFrame(
            frame=i,
            time=i / 25,
            state="ok",
            people=seen([100 - step * (i > 5), 160 - step * (i > 5)]),
            camera=pan if i == 6 else None,
        )
        for i in range(12)
    ]


def test_people_are_carried_along_with_the_camera() -> None:
    def ids(given: Sequence[DetectedFrame]) -> list[list[int]]:
        found = linked(given, "online")
        return [f.track_ids[np.argsort(f.people.boxes[:, 0])].tolist() for f in found]

    told = walking(60)

    assert ids(told) == [[1, 2]] * 12
    assert ids([replace(f, camera=None) for f in told])[-1] != [1, 2]


def test_a_network_that_follows_people_itself_is_believed_as_far_as_it_is_trusted() -> None:
    """Somebody leaps; the network says by the rows before that it is the same person."""
    given = [
        DetectedFrame(
            frame=i,
            time=i / 25,
            state="ok",
            people=seen([100 if i < 6 else 130]),
            continues=np.array([-1 if i == 0 else 0]),
        )
        for i in range(12)
    ]

    alone = [replace(frame, continues=None) for frame in given]
    assert linked(given, "online", tube_trust=0.5)[-1].track_ids.tolist() == [1]
    assert linked(given, "online")[-1].track_ids.tolist() == [2]
    assert linked(alone, "online", tube_trust=0.5)[-1].track_ids.tolist() == [2]


def test_offline_does_not_join_people_who_look_unlike() -> None:
    def ids(*, alike: bool) -> list[int]:
        given = [
            DetectedFrame(
                frame=i,
                time=i / 25,
                state="ok",
                people=replace(
                    seen([] if 15 <= i < 40 else [100]),
                    embeddings=None
                    if 15 <= i < 40
                    else np.array([[1, 0] if alike or i < 15 else [-1, 0]], np.float32),
                ),
            )
            for i in range(60)
        ]
        return sorted({i for f in linked(given, "offline") for i in f.track_ids.tolist()})

    assert (ids(alike=True), ids(alike=False)) == ([1], [1, 2])


def test_the_published_way_of_linking_looks_at_people_alone() -> None:
    told = [replace(f, continues=np.full(2, -1)) for f in walking(10)]

    assert linked(told, "paper")[-1].track_ids.tolist() == [0, 1]


def scene(seed: int) -> list[DetectedFrame]:
    """Exact detections of three pairs of people who walk, each pair close together."""
    rng = np.random.default_rng(seed)
    pose = rng.uniform([-20, -50], [20, 50], (6, len(POSETRACK17SLOTS), 2))
    # A quarter of a person is the size of a difference in pose that people in step have.
    pose[1::2] = pose[::2] + rng.normal(0, 6, pose[::2].shape)
    start = np.repeat(np.array([[200, 200], [500, 200], [800, 200]]), 2, axis=0)
    start = start + np.tile([[0, 0], [rng.uniform(6, 30), 0]], (3, 1))
    speed = np.repeat(rng.uniform(-3, 3, (3, 2)), 2, axis=0)
    out = []
    for t in range(25):
        joints = start[:, None] + t * speed[:, None] + pose
        boxes = np.concatenate([joints.min(axis=1) - 5, joints.max(axis=1) + 5], axis=1)
        people = Detections(
            boxes=boxes.astype(np.float32),
            scores=np.ones(6, np.float32),
            keypoints=joints.astype(np.float32),
            keypoint_scores=np.ones(joints.shape[:2], np.float32),
        )
        out.append(DetectedFrame(frame=t, time=t / 25, state="ok", people=people))
    return out


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_exact_detections_are_all_kept(preset: LinkPreset, seed: int) -> None:
    config = LinkConfig(preset=preset)
    found = list(
        link_frames(scene(seed), config=config, skeleton=POSETRACK17SLOTS, size=(400, 1000))
    )

    assert [len(poses.track_ids) for poses in found] == [6] * 25
    assert len({i for poses in found for i in poses.track_ids.tolist()}) == 6
