"""Clips of synthetic people: the ground truth agrees with the pictures."""

from dataclasses import replace
from itertools import islice, pairwise

import cv2
import numpy as np
import pytest

from posetube.boxes import area
from posetube.datasets.synthetic import (
    SceneConfig,
    SyntheticClip,
    SyntheticFrame,
    generate,
    labelled_clip,
)
from posetube.datasets.synthetic.camera import CameraKind
from posetube.datasets.synthetic.flow import Flow, optical_flow
from posetube.datasets.synthetic.ground_truth import collect_tracks
from posetube.datasets.training.augment_places import flip
from posetube.errors import InputError
from posetube.structures import JointState

SMALL = SceneConfig(size=(144, 256), seconds=0.4, people=3)


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return generate(replace(SMALL, people=5, seconds=0.8), seed=3)


@pytest.fixture(scope="module")
def frames(clip: SyntheticClip) -> list[SyntheticFrame]:
    return list(clip.frames())


def test_the_same_seed_gives_the_same_clip_bit_by_bit() -> None:
    first, second = (list(generate(SMALL, seed=8).frames()) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.people.keypoints, b.people.keypoints)
    other = next(generate(SMALL, seed=9).frames())
    assert (other.image != first[0].image).any()


@pytest.mark.slow
def test_the_boxes_hold_the_pixels_and_the_joints_that_are_seen(
    frames: list[SyntheticFrame],
) -> None:
    for frame in frames[::4]:
        people = frame.people
        for n, mask in enumerate(frame.masks):
            rows, columns = np.nonzero(mask)
            if not len(rows):
                assert np.isnan(people.visible_boxes[n]).all()
                continue
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_array_equal(people.visible_boxes[n], seen)
            x1, y1, x2, y2 = people.boxes[n]
            assert x1 - 1 <= seen[0]
            assert y1 - 1 <= seen[1]
            assert seen[2] <= x2 + 1
            assert seen[3] <= y2 + 1
            visible = people.keypoints[n][people.joint_states[n] == JointState.VISIBLE]
            assert (visible >= [x1 - 1, y1 - 1]).all()
            assert (visible <= [x2 + 1, y2 + 1]).all()


def test_a_visible_joint_lies_on_its_own_person(frames: list[SyntheticFrame]) -> None:
    for frame in frames[::4]:
        near = [
            cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) for mask in frame.masks
        ]
        for n in range(len(frame.people)):
            seen = frame.people.joint_states[n] == JointState.VISIBLE
            for x, y in frame.people.keypoints[n][seen]:
                assert near[n][int(y), int(x)]


def test_joints_outside_the_picture_are_absent_and_unknown(frames: list[SyntheticFrame]) -> None:
    for frame in frames[::4]:
        absent = frame.people.joint_states == JointState.ABSENT
        np.testing.assert_array_equal(np.isnan(frame.people.keypoints[..., 0]), absent)
        known = frame.people.keypoints[~absent]
        assert (known >= 0).all()
        assert (known < [256, 144]).all()


def test_heads_are_where_the_faces_are(frames: list[SyntheticFrame]) -> None:
    people = frames[0].people
    whole = (people.joint_states[:, :5] != JointState.ABSENT).all(axis=1)
    faces, heads = people.keypoints[whole][:, :5], people.head_boxes[whole]
    assert len(faces)
    slack = 0.25 * (heads[:, 2:] - heads[:, :2])[:, None]
    assert (faces > heads[:, None, :2] - slack).all()
    assert (faces < heads[:, None, 2:] + slack).all()


@pytest.mark.slow
def test_people_cross_and_hide_one_another() -> None:
    config = replace(SMALL, people=6, seconds=4, rate=5, occluders=2)
    shares = [
        share
        for frame in generate(config, seed=5).frames()
        for share in frame.people.visibility.tolist()
    ]
    assert min(shares) < 0.3
    assert max(shares) == pytest.approx(1, abs=0.01)
    assert np.mean(np.array(shares) > 0.5) > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["static", "pan", "zoom", "shake", "dolly"])
def test_every_camera_shows_people(kind: CameraKind) -> None:
    config = replace(SMALL, camera=kind, seconds=2, rate=4)
    found = list(generate(config, seed=1).frames())
    assert sum(len(frame.people) > 0 for frame in found) > len(found) / 2
    assert all(area(frame.people.boxes).min(initial=np.inf) > 0 for frame in found)


def test_a_still_camera_keeps_the_background_and_a_moving_one_does_not() -> None:
    changed = {}
    for kind in ("static", "pan", "shake"):
        config = replace(SMALL, camera=kind, noise=0, people=1, occluders=0)
        first, *_, last = generate(config, seed=2).frames()
        scene = (first.owner == 0) & (last.owner == 0)
        changed[kind] = float((first.image != last.image).any(axis=2)[scene].mean())
    assert changed["static"] < 0.2  # shadows move
    assert changed["pan"] > 0.6
    assert changed["shake"] > 0.6


@pytest.mark.slow
def test_a_long_clip_never_runs_out_of_people() -> None:
    config = replace(SMALL, people=4, seconds=60, rate=1, camera="pan", roles=("cross", "enter"))
    counts = [len(frame.people) for frame in generate(config, seed=4).frames()]
    assert all(max(counts[start : start + 15]) >= 1 for start in range(0, 60, 15))


@pytest.mark.slow
def test_who_roams_stays_in_the_picture() -> None:
    config = replace(SMALL, people=2, seconds=20, rate=2, roles=("roam",))
    counts = [len(frame.people) for frame in generate(config, seed=4).frames()]
    assert np.mean(counts) > 1.8


def test_all_wear_the_same_clothes_on_request() -> None:
    shots = generate(replace(SMALL, same_clothes=True), seed=4).shots
    tops = [actor.figure.textures["chest"][10:30] for actor in shots[0].actors]
    np.testing.assert_array_equal(tops[0], tops[1])
    np.testing.assert_array_equal(tops[0], tops[2])


def test_dropped_frames_leave_gaps_in_time_and_duplicated_ones_repeat_the_picture() -> None:
    config = replace(SMALL, seconds=2, dropped=0.3, duplicated=0.3, people=1)
    clip = generate(config, seed=6)
    found = list(clip.frames())
    steps = np.diff(clip.times) * config.rate
    assert steps.max() > 1.5
    assert [frame.index for frame in found] == list(range(len(clip)))
    again = [(a.image == b.image).all() for a, b in pairwise(found)]
    np.testing.assert_array_equal(again, np.diff(clip.shown) == 0)
    assert any(again)


def flow_from(clip: SyntheticClip, index: int) -> Flow | None:
    """Flow from a frame to the next."""
    return next(islice(clip.frames_with_flow(), index, None))[1]


@pytest.mark.slow
def test_a_cut_changes_scene_and_people() -> None:
    clip = generate(replace(SMALL, shots=2, seconds=1), seed=7)
    found = list(clip.frames())
    half = clip.shots[1].first
    before = {i for frame in found[:half] for i in frame.people.track_ids.tolist()}
    after = {i for frame in found[half:] for i in frame.people.track_ids.tolist()}
    assert before
    assert after
    assert not before & after
    jump = np.abs(found[half].image.astype(int) - found[half - 1].image).mean()
    within = np.abs(found[half - 1].image.astype(int) - found[half - 2].image).mean()
    assert jump > 3 * within
    assert flow_from(clip, half - 1) is None


def test_the_light_wanders_on_request() -> None:
    config = replace(SMALL, light_change=0.4, seconds=3, rate=4, people=1)
    means = [frame.image.mean() for frame in generate(config, seed=3).frames()]
    assert max(means) / min(means) > 1.2


def test_motion_blur_smooths_what_moves() -> None:
    sharp = replace(SMALL, noise=0, camera="pan")
    first = next(generate(sharp, seed=2).frames()).image
    blurred = next(generate(replace(sharp, motion_blur=1.0), seed=2).frames()).image
    detail = [float(cv2.Laplacian(image, cv2.CV_32F).std()) for image in (first, blurred)]
    assert detail[1] < detail[0]


@pytest.mark.slow
@pytest.mark.parametrize("camera", ["dolly", "zoom", "shake"])
def test_warping_a_frame_by_the_flow_gives_the_one_before(camera: CameraKind) -> None:
    config = replace(SMALL, size=(216, 384), people=4, noise=0, camera=camera, occluders=1)
    clip = generate(config, seed=5)
    found = list(clip.frames())
    flow = flow_from(clip, 3)
    assert flow is not None
    before, after = found[3].image.astype(float), found[4].image
    rows, columns = np.mgrid[:216, :384].astype(np.float32)
    back = cv2.remap(
        after, columns + flow.motion[..., 0], rows + flow.motion[..., 1], cv2.INTER_LINEAR
    )
    error = np.abs(back - before).mean(axis=2)
    still = np.abs(after - before).mean(axis=2)
    seen = ~flow.occluded
    people = seen & (found[3].owner > 0)
    assert np.median(error[people]) <= 2
    assert error[people].mean() < 0.25 * still[people].mean()
    assert error[seen].mean() < 0.7 * still[seen].mean()  # shadows do not move with the ground
    assert 0 < flow.occluded.mean() < 0.15
    # What gets hidden is where the prediction fails.
    assert error[flow.occluded].mean() > 4 * error[seen].mean()


def test_what_is_near_moves_more_where_the_camera_travels() -> None:
    clip = generate(replace(SMALL, people=1, camera="dolly", occluders=0), seed=5)
    flow, moment = flow_from(clip, 3), clip.moment(3)
    assert flow is not None
    scene = (moment.canvas.owner == 0).ravel()
    sideways = np.abs(flow.motion[..., 0]).ravel()[scene]
    depth = moment.canvas.depth.ravel()[scene]
    # Motion times depth is the same everywhere: the camera does not turn.
    np.testing.assert_allclose(sideways * depth, np.median(sideways * depth), rtol=0.02)
    assert sideways.max() > 1.5 * sideways.min() > 0


def test_the_flow_of_a_joint_leads_to_the_joint() -> None:
    clip = generate(replace(SMALL, people=2, occluders=0), seed=11)
    found = list(clip.frames())
    flow = flow_from(clip, 2)
    assert flow is not None
    limbs = slice(5, 17)
    misses = []
    for n, identity in enumerate(found[2].people.track_ids):
        other = np.flatnonzero(found[3].people.track_ids == identity)
        if not len(other):
            continue
        here = found[2].people.keypoints[n, limbs]
        there = found[3].people.keypoints[other[0], limbs]
        seen = (found[2].people.joint_states[n, limbs] == JointState.VISIBLE) & ~np.isnan(
            there[:, 0]
        )
        places = here[seen].astype(int)
        moved = here[seen] + flow.motion[places[:, 1], places[:, 0]]
        misses += np.linalg.norm(moved - there[seen], axis=1).tolist()
    assert len(misses) > 5
    assert np.median(misses) < 1


@pytest.mark.slow
def test_frames_with_flow_are_the_frames_each_with_its_flow() -> None:
    clip = generate(replace(SMALL, seconds=0.4, shots=2, duplicated=0.3, motion_blur=0.5), seed=6)
    found = list(clip.frames_with_flow())
    assert sum(flow is None for _, flow in found) == 2  # before the cut, and at the end
    for index, (frame, (again, flow)) in enumerate(zip(clip.frames(), found, strict=True)):
        np.testing.assert_array_equal(frame.image, again.image)
        assert (frame.index, frame.time) == (again.index, again.time)
        if flow is not None:
            alone = optical_flow(clip.moment(index), clip.moment(index + 1))
            np.testing.assert_array_equal(flow.motion, alone.motion)
            np.testing.assert_array_equal(flow.occluded, alone.occluded)


@pytest.mark.slow
def test_a_frame_repeated_does_not_move() -> None:
    clip = generate(replace(SMALL, seconds=1, duplicated=0.5), seed=6)
    still = int(np.flatnonzero(np.diff(clip.shown) == 0)[0])
    flow = flow_from(clip, still)
    assert flow is not None
    np.testing.assert_allclose(flow.motion, 0, atol=1e-3)
    assert flow_from(clip, len(clip) - 1) is None


def test_the_tracks_are_the_truth_of_the_frames(
    clip: SyntheticClip, frames: list[SyntheticFrame]
) -> None:
    tracks = clip.tracks(min_visibility=0.2)
    assert tracks.size == (144, 256)
    assert tracks.joint_states is not None
    assert tracks.head_boxes is not None
    for frame in frames[::5]:
        rows = tracks.rows_of(frame.index)
        kept = frame.people.visibility >= 0.2
        np.testing.assert_array_equal(tracks.track_ids[rows], frame.people.track_ids[kept])
        np.testing.assert_allclose(tracks.keypoints[rows], frame.people.keypoints[kept])
        np.testing.assert_array_equal(tracks.joint_states[rows], frame.people.joint_states[kept])
        np.testing.assert_allclose(tracks.head_boxes[rows], frame.people.head_boxes[kept])


def test_the_tracks_come_in_any_joint_set(
    clip: SyntheticClip, frames: list[SyntheticFrame]
) -> None:
    tracks = collect_tracks(
        frames, source="a", size=clip.config.size, times=clip.times, skeleton="posetrack15"
    )
    assert tracks.skeleton.name == "posetrack15"
    nose = tracks.skeleton.index("nose")
    coco = clip.tracks()
    np.testing.assert_allclose(tracks.keypoints[:, nose], coco.keypoints[:, 0])
    with pytest.raises(InputError, match="no skeleton is called 'dog9'"):
        clip.tracks(skeleton="dog9")


def test_frames_become_a_clip_to_train_on_with_each_person_in_one_row(
    frames: list[SyntheticFrame],
) -> None:
    found = labelled_clip(frames[::6])
    ids = np.unique(np.concatenate([frame.people.track_ids for frame in frames[::6]]))
    assert found.boxes.shape == (len(ids), 4, 4)
    assert found.masks is not None
    for step, frame in enumerate(frames[::6]):
        present = ~np.isnan(found.boxes[:, step, 0])
        np.testing.assert_array_equal(np.sort(frame.people.track_ids), ids[present])
        for n, identity in enumerate(frame.people.track_ids):
            row = int(np.searchsorted(ids, identity))
            np.testing.assert_array_equal(found.keypoints[row, step], frame.people.keypoints[n])
            np.testing.assert_array_equal(found.masks[row, step], frame.masks[n])
    assert (flip(flip(found)).images == found.images).all()


def test_a_clip_in_which_nobody_is_seen_has_empty_tracks() -> None:
    clip = generate(replace(SMALL, people=1), seed=1)
    assert len(clip.tracks(min_visibility=2.0)) == 0


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"people": 11}, r"SceneConfig.people must be in \[1, 10\], got 11"),
        ({"rate": 0}, r"SceneConfig.rate must be in \[1, 240\], got 0"),
        ({"size": (10, 640)}, r"SceneConfig.size must be \(H, W\) from 32 to 4096"),
        ({"person_height": (0.9, 0.2)}, "SceneConfig.person_height must rise within"),
        ({"dropped": 1.0}, r"SceneConfig.dropped must be in \[0, 0.9\], got 1.0"),
        ({"roles": ()}, "SceneConfig.roles must name at least one role"),
        ({"roles": ("fly",)}, "SceneConfig.roles: no role is called 'fly'"),
        ({"camera": "drone"}, "SceneConfig.camera must be one of static, pan"),
    ],
)
def test_impossible_scenes_are_refused(wish: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(SMALL, **wish)  # type: ignore[arg-type]


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed must be 0 or more, got -1"):
        generate(SMALL, seed=-1)
