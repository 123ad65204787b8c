"""Label files that nobody may pass on: written in their published layout, read back."""

from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.annotated_video import AnnotatedVideo
from posetube.datasets.formats.numbers import joint_states
from posetube.datasets.people import open_people
from posetube.datasets.published.dataset_check import check_dataset
from posetube.errors import InputError
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import DoubleArray, FrameTable, JointState, VideoTracks
from tests.datasets.published_label_files import WRITERS, LabelFile, write_labels

FRAMES = 5


def random_tracks(name: str, joints: Skeleton, *, seed: int, hidden: bool = True) -> VideoTracks:
    """Two people in five frames; some joints hidden, some absent, head boxes."""
    rng = np.random.default_rng(seed)
    r, k = 2 * FRAMES, len(joints)
    states = rng.choice([0, 1, 2] if hidden else [2], (r, k), p=[0.2, 0.2, 0.6] if hidden else [1])
    points = rng.uniform(10, 400, (r, k, 2))
    head = rng.uniform(10, 100, (r, 4))
    return VideoTracks(
        source=name,
        size=None,
        skeleton=joints,
        frames=FrameTable(times=np.full(FRAMES, np.nan)),
        frame=np.repeat(np.arange(FRAMES), 2),
        track_ids=np.tile([0, 1], FRAMES),
        boxes=np.full((r, 4), np.nan, np.float32),
        scores=np.full(r, np.nan, np.float32),
        keypoints=np.where(states[..., None] > 0, points, np.nan),
        keypoint_scores=np.full((r, k), np.nan, np.float32),
        joint_states=states.astype(np.uint8),
        head_boxes=np.sort(head.reshape(r, 2, 2), axis=1).reshape(r, 4),
    )


def read_all(name: str, root: Path) -> list[AnnotatedVideo]:
    dataset = open_people(root, form=name)
    return [dataset.read(video) for video in dataset.videos()]


def poses(videos: list[AnnotatedVideo]) -> tuple[DoubleArray, DoubleArray]:
    """Positions and states of everybody, in order."""
    return (
        np.concatenate([video.tracks.keypoints for video in videos]),
        np.concatenate([joint_states(video.tracks) for video in videos]),
    )


@pytest.mark.parametrize(
    ("layout", "name", "crowd", "hidden"),
    [
        ("bonn", "bonn", True, True),
        ("posetrack17-mat", "posetrack17", True, True),
        ("mpii", "mpii", True, True),
        ("flic", "flic", True, False),
        ("lspet", "lspet", True, False),
        ("human36m", "human36m", True, False),
        ("3dpw", "3dpw", True, False),
        ("bbc-pose", "bbc-pose", False, False),
        ("chalearn", "chalearn", False, False),
        ("poses-in-the-wild", "poses-in-the-wild", False, True),
    ],
)
def test_what_is_written_is_read(
    layout: LabelFile, name: str, crowd: bool, hidden: bool, tmp_path: Path
) -> None:
    joints = WRITERS[layout][0]
    videos = [random_tracks(f"seq{i}", joints, seed=i) for i in range(2)]

    write_labels(tmp_path, videos, dataset=layout)
    found_points, found_states = poses(read_all(name, tmp_path))

    kept = videos if crowd else [video.select(video.track_ids == 0) for video in videos]
    points = np.concatenate([video.keypoints for video in kept])
    states = np.concatenate([joint_states(video) for video in kept])
    if layout == "bonn":  # it has no nose
        points[:, joints.index("nose")] = np.nan
        states[:, joints.index("nose")] = JointState.ABSENT
    np.testing.assert_allclose(found_points, points, atol=1e-9)
    if not hidden:  # the data set does not tell hidden from seen
        states = np.where(states > 0, JointState.VISIBLE, JointState.ABSENT)
    np.testing.assert_array_equal(found_states, states)


def test_the_first_lsp_has_every_joint_and_flags_the_hidden(tmp_path: Path) -> None:
    video = random_tracks("seq0", WRITERS["lsp"][0], seed=3, hidden=False)

    write_labels(tmp_path, [video], dataset="lsp")
    found = read_all("lsp", tmp_path)

    assert [one.name for one in found][:2] == ["images/im0001.jpg", "images/im0002.jpg"]
    assert {one.split for one in found} == {"train"}
    np.testing.assert_array_equal(poses(found)[0], video.keypoints)


@pytest.mark.parametrize("layout", ["bonn", "posetrack17-mat", "mpii"])
def test_head_boxes_come_back(layout: LabelFile, tmp_path: Path) -> None:
    video = random_tracks("seq0", WRITERS[layout][0], seed=5)

    write_labels(tmp_path, [video], dataset=layout)
    found = read_all({"posetrack17-mat": "posetrack17"}.get(layout, layout), tmp_path)

    heads = np.concatenate(
        [one.tracks.head_boxes for one in found if one.tracks.head_boxes is not None]
    )
    assert video.head_boxes is not None
    np.testing.assert_allclose(heads, video.head_boxes, atol=1e-9)


@pytest.mark.parametrize("layout", ["bonn", "posetrack17-mat", "3dpw"])
def test_identities_come_back(layout: LabelFile, tmp_path: Path) -> None:
    video = random_tracks("seq0", WRITERS[layout][0], seed=6)

    write_labels(tmp_path, [video], dataset=layout)
    (found,) = read_all({"posetrack17-mat": "posetrack17"}.get(layout, layout), tmp_path)

    np.testing.assert_array_equal(found.tracks.frame, video.frame)
    np.testing.assert_array_equal(found.tracks.track_ids, video.track_ids)


@pytest.mark.parametrize("layout", ["chalearn", "3dpw", "human36m"])
def test_joints_in_three_dimensions_are_kept(layout: LabelFile, tmp_path: Path) -> None:
    video = random_tracks("seq0", WRITERS[layout][0], seed=7, hidden=False)

    write_labels(tmp_path, [video], dataset=layout)
    for found in read_all(layout, tmp_path):
        assert found.joints_3d is not None
        assert found.joints_3d.shape == (*found.tracks.keypoints.shape[:2], 3)
        np.testing.assert_allclose(found.joints_3d[..., 2], 5.0)


@pytest.mark.parametrize("layout", list(WRITERS))
def test_labels_without_pictures_are_reported_not_refused(
    layout: LabelFile, tmp_path: Path
) -> None:
    name = {"posetrack17-mat": "posetrack17"}.get(layout, layout)
    write_labels(tmp_path, [random_tracks("seq0", WRITERS[layout][0], seed=8)], dataset=layout)

    report = check_dataset(open_people(tmp_path, form=name), root=tmp_path)

    assert report.videos >= 1
    assert report.poses >= FRAMES
    assert any("neither pictures nor a file" in problem.what for problem in report.problems)


def test_other_joints_are_converted(tmp_path: Path) -> None:
    write_labels(tmp_path, [random_tracks("a", COCO17, seed=9, hidden=False)], dataset="bonn")

    (found,) = read_all("bonn", tmp_path)

    assert joint_states(found.tracks)[:, found.tracks.skeleton.index("head_top")].all()


def test_a_data_set_whose_labels_are_not_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no label files are called 'coco'; there are bonn"):
        write_labels(tmp_path, [], dataset="coco")  # type: ignore[arg-type]
