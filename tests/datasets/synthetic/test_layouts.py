"""Clips written as data sets: reading them gives back the ground truth."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from posetube.datasets.people import open_people
from posetube.datasets.synthetic import SceneConfig, SyntheticClip, generate
from posetube.datasets.synthetic.layouts import Layout, write_dataset
from posetube.errors import InputError
from posetube.skeletons import apply, convert
from posetube.structures import JointState

CROWD = SceneConfig(size=(144, 256), seconds=0.24, people=3, roles=("stay",))
ALONE = replace(CROWD, people=1, person_height=(0.5, 0.6))


@pytest.fixture(scope="module")
def crowd() -> SyntheticClip:
    return generate(CROWD, seed=1)


@pytest.fixture(scope="module")
def alone() -> SyntheticClip:
    return generate(ALONE, seed=4)


@pytest.mark.parametrize(
    ("layout", "name"),
    [("video", "posetrack18"), ("posetrack18", "posetrack18"), ("posetrack17", "posetrack17")],
)
def test_posetracks_readers_find_joints_and_identities_again(
    layout: Layout, name: str, tmp_path: Path, crowd: SyntheticClip
) -> None:
    assert write_dataset(tmp_path, [crowd], layout=layout) == 6
    dataset = open_people(tmp_path, form=name)
    video = dataset.read(dataset.videos()[0])
    truth = crowd.tracks()
    assert len(video.tracks.frames) == 6
    np.testing.assert_array_equal(video.tracks.frame, truth.frame)
    np.testing.assert_array_equal(video.tracks.track_ids, truth.track_ids)
    for joint in ("nose", "left_wrist", "right_ankle", "head_top", "head_bottom"):
        np.testing.assert_allclose(
            video.tracks.keypoints[:, video.tracks.skeleton.index(joint)],
            truth.keypoints[:, truth.skeleton.index(joint)],
            atol=0.01,
        )
    assert video.tracks.head_boxes is not None
    assert truth.head_boxes is not None
    np.testing.assert_allclose(video.tracks.head_boxes, truth.head_boxes, atol=0.01)
    assert video.media is not None
    if layout == "video":
        assert video.media.suffix == ".mp4"
    else:
        picture = video.picture(5)
        assert picture is not None
        image = cv2.imread(str(picture))
        assert image is not None
        assert image.shape == (144, 256, 3)


def test_cocos_reader_finds_the_people_of_every_frame(tmp_path: Path, crowd: SyntheticClip) -> None:
    write_dataset(tmp_path, [crowd], layout="coco")
    dataset = open_people(tmp_path, form="coco")
    truth = crowd.tracks(skeleton="coco17")
    (name,) = dataset.videos()
    video = dataset.read(name)
    np.testing.assert_array_equal(video.tracks.frame, truth.frame)
    np.testing.assert_array_equal(video.tracks.track_ids, truth.track_ids)
    np.testing.assert_allclose(video.tracks.keypoints, truth.keypoints, atol=0.01)
    np.testing.assert_allclose(video.tracks.boxes, truth.boxes, atol=0.01)
    assert video.picture(5) is not None


@pytest.mark.slow
def test_motchallenges_reader_finds_the_boxes(tmp_path: Path, crowd: SyntheticClip) -> None:
    write_dataset(tmp_path, [crowd], layout="mot")
    dataset = open_people(tmp_path, form="mot")
    video = dataset.read(dataset.videos()[0])
    np.testing.assert_allclose(video.tracks.boxes, crowd.tracks().boxes, atol=0.01)
    np.testing.assert_array_equal(video.tracks.track_ids, crowd.tracks().track_ids)
    picture = video.picture(0)
    assert picture is not None
    assert picture.is_file()


@pytest.mark.parametrize("layout", ["penn-action", "jhmdb"])
def test_readers_of_one_person_find_that_person(
    layout: Layout, tmp_path: Path, alone: SyntheticClip
) -> None:
    frames = write_dataset(tmp_path, [alone], layout=layout)
    dataset = open_people(tmp_path, form=layout)
    video = dataset.read(dataset.videos()[0])
    truth = alone.tracks()
    assert frames == len(video.tracks.frame) == len(truth.frame)
    plan = convert(truth.skeleton, video.tracks.skeleton)
    expected, _ = apply(plan, truth.keypoints, truth.keypoint_scores)
    assert video.tracks.joint_states is not None
    seen = video.tracks.joint_states == JointState.VISIBLE
    assert seen.mean() > 0.4
    np.testing.assert_allclose(video.tracks.keypoints[seen], expected[seen], atol=0.01)
    picture = video.picture(0)
    assert picture is not None
    assert picture.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["penn-action", "jhmdb"])
def test_each_person_of_a_clip_is_a_video_where_a_video_has_one_person(
    layout: Layout, tmp_path: Path
) -> None:
    pair = [
        generate(replace(ALONE, people=2, occluders=0, person_height=(0.3, 0.5)), seed=seed)
        for seed in (4, 7)
    ]
    write_dataset(tmp_path, pair, layout=layout)
    dataset = open_people(tmp_path, form=layout)
    assert len(dataset.videos()) == 4
    whole = [clip.tracks(min_visibility=0.0) for clip in pair]
    truth = [tracks.select(tracks.track_ids == person) for tracks in whole for person in (1, 2)]
    for name, rows in zip(sorted(dataset.videos()), truth, strict=True):
        video = dataset.read(name)
        plan = convert(rows.skeleton, video.tracks.skeleton)
        expected, _ = apply(plan, rows.keypoints, rows.keypoint_scores)
        assert video.tracks.joint_states is not None
        seen = video.tracks.joint_states == JointState.VISIBLE
        np.testing.assert_allclose(video.tracks.keypoints[seen], expected[seen], atol=0.01)
        assert video.picture(0) is not None


@pytest.mark.slow
def test_the_puppets_mask_is_the_persons(tmp_path: Path, alone: SyntheticClip) -> None:
    write_dataset(tmp_path, [alone], layout="jhmdb")
    video = open_people(tmp_path, form="jhmdb").read("synthetic/clip_0000")
    boxes = [frame.people.visible_boxes[0] for frame in alone.frames()]
    np.testing.assert_allclose(video.tracks.boxes, np.array(boxes), atol=0.01)


def test_somebody_who_is_never_whole_cannot_be_a_puppet(tmp_path: Path) -> None:
    cut = generate(replace(ALONE, person_height=(2.5, 2.8)), seed=0)
    with pytest.raises(InputError, match="clip of seed 0: nobody is ever wholly in the picture"):
        write_dataset(tmp_path, [cut], layout="jhmdb")


def test_an_unknown_layout_is_refused(tmp_path: Path, crowd: SyntheticClip) -> None:
    with pytest.raises(InputError, match="no layout is called 'zip'; there are video, posetrack18"):
        write_dataset(tmp_path, [crowd], layout="zip")  # type: ignore[arg-type]
