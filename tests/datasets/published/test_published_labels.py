"""Real label files of several data sets: what is odd about them.

That every one is read, and how much it holds, is tested in ``test_real_samples.py``.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.formats import deeplabcut, mot, posetrack18
from posetube.datasets.people import open_people
from posetube.datasets.published.bonn import Bonn
from posetube.datasets.published.coco import CocoPeople
from posetube.datasets.published.dataset_check import DatasetReport, check_dataset
from posetube.datasets.published.human36m import Human36m
from posetube.datasets.published.poses_in_the_wild import PosesInTheWild
from posetube.structures import JointState


def report(name: str, root: Path) -> DatasetReport:
    return check_dataset(open_people(root, form=name), root=root)


@pytest.mark.parametrize(
    ("name", "folder", "videos", "frames", "people", "poses"),
    [
        ("posetrack18", "bonn_multiperson_posetrack/posetrack18_json", 7, 583, 36, 2782),
        ("posetrack18", "synthetic", 4, 230, 15, 864),
        ("coco", "tiny_coco", 50, 50, 96, 96),  # 99 annotations, 3 of them crowds
        ("coco", "mmpose_tests_data/coco", 4, 4, 14, 14),  # detections lie beside them
        ("coco", "mmpose_tests_data/crowdpose", 2, 2, 5, 5),
        ("mpii", "mmpose_tests_data/mpii", 5, 5, 5, 5),
        ("human36m", "mmpose_tests_data/h36m", 4, 4, 4, 4),
        ("mot", "output_formats/motchallenge", 2, 250, 18, 1515),
    ],
)
def test_counts_are_those_of_the_files(
    samples: Path, name: str, folder: str, videos: int, frames: int, people: int, poses: int
) -> None:
    found = report(name, samples / folder)

    assert (found.videos, found.frames) == (videos, frames)
    assert (found.people, found.poses) == (people, poses)


def test_bonn_equals_its_conversion_but_for_the_first_pixel(samples: Path, tmp_path: Path) -> None:
    folder = samples / "bonn_multiperson_posetrack"
    (tmp_path / "annolist").mkdir()
    shutil.copy(folder / "annolist" / "test_060470979_annolist.mat", tmp_path / "annolist")
    dataset = Bonn(root=tmp_path)
    ours = dataset.read("060470979").tracks
    converted = posetrack18.read(folder / "posetrack18_json" / "950022_mpii_test.json")

    np.testing.assert_array_equal(ours.frame, converted.frame)
    np.testing.assert_array_equal(ours.track_ids, converted.track_ids)
    for joint in set(ours.skeleton.joints) - {"nose"}:
        left = ours.keypoints[:, ours.skeleton.index(joint)] + 1
        right = converted.keypoints[:, converted.skeleton.index(joint)]
        np.testing.assert_allclose(left, right, atol=1e-3)
    assert ours.joint_states is not None
    assert (ours.joint_states == JointState.OCCLUDED).sum() == 153


def test_hidden_joints_of_poses_in_the_wild_may_hold_a_place(samples: Path) -> None:
    dataset = PosesInTheWild(root=samples / "poses_in_the_wild")
    videos = [dataset.read(name) for name in dataset.videos()]

    states = np.concatenate([video.tracks.joint_states for video in videos
                             if video.tracks.joint_states is not None])  # fmt: skip
    assert np.bincount(states.ravel()).tolist() == [252, 33, 6355]
    assert videos[0].tracks.frames.ids is not None
    assert videos[0].tracks.frames.ids[:3].tolist() == [97, 99, 101]
    np.testing.assert_allclose(videos[0].tracks.keypoints[0, 0], [285.306452, 109.441520])


def test_coco_masks_fill_their_boxes(samples: Path) -> None:
    dataset = CocoPeople(root=samples / "tiny_coco")
    known, off = 0, []
    for name in dataset.videos():
        video, masks = dataset.read(name), dataset.masks(name)
        known += int((~np.isnan(video.tracks.keypoints).all(axis=(1, 2))).sum())
        for box, mask in zip(video.tracks.boxes, masks, strict=True):
            rows, columns = np.nonzero(mask)
            if len(rows) > 500:
                around = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                off.append(np.abs(around - box).max())

    assert known == 57
    assert np.mean(np.array(off) < 3) > 0.95  # of one person the file's own box is 5 pixels off


def test_crowds_are_regions_to_ignore(samples: Path) -> None:
    dataset = CocoPeople(root=samples / "tiny_coco")

    regions = [dataset.read(name).tracks.frames.ignore_regions for name in dataset.videos()]

    assert sum(len(r.get(0, ())) for r in regions) == 3


def test_human36m_goes_by_the_order_of_joints_not_their_names(samples: Path) -> None:
    dataset = Human36m(root=samples / "mmpose_tests_data" / "h36m")
    video = dataset.read(dataset.videos()[0])
    points = dict(zip(video.tracks.skeleton.joints, video.tracks.keypoints[0], strict=True))

    for side in ("left", "right"):  # a hip lies below the shoulder of its own side
        other = {"left": "right", "right": "left"}[side]
        hip = points[f"{side}_hip"]
        own, far = points[f"{side}_shoulder"], points[f"{other}_shoulder"]
        assert abs(hip[0] - own[0]) < abs(hip[0] - far[0])
    assert video.joints_3d is not None
    assert 4 < video.joints_3d[0, 0, 2] < 6  # metres before the camera


@pytest.mark.parametrize(
    ("name", "frames", "tracks", "first"),
    [
        ("dlc_testdata.csv", 4, 1, (0, 1)),
        ("dlc_testdata_v2.csv", 4, 1, (0, 1)),
        ("madlc_testdata.csv", 4, 2, (0, 1)),
        ("maudlc_testdata.csv", 4, 3, (0, 1)),  # its first line is shorter than the others
        ("maudlc_testdata_v2.csv", 4, 3, (0, 1)),
    ],
)
def test_deeplabcuts_own_files_are_read(
    samples: Path, name: str, frames: int, tracks: int, first: tuple[float, float]
) -> None:
    found = deeplabcut.read(samples / "output_formats" / "deeplabcut" / name)

    assert len(found.frames) == frames
    assert len(found) == tracks
    np.testing.assert_array_equal(found.keypoints[0, 0], first)
    assert found.frames.names[0] == "labeled-data/video/img000.png"


def test_motchallenge_truth_counts_pixels_from_one(samples: Path) -> None:
    path = samples / "output_formats" / "motchallenge" / "TUD-Stadtmitte" / "gt.txt"

    found = mot.read(path)

    np.testing.assert_allclose(found.boxes[0], [87, 98, 87 + 61.08, 98 + 218.56], rtol=1e-6)


def test_the_variant_of_poses_in_the_wild_lacks_hidden_joints_alone(
    samples: Path, tmp_path: Path
) -> None:
    folder = samples / "poses_in_the_wild"
    shutil.copy(folder / "piw_dataset.mat", tmp_path)
    original, variant = PosesInTheWild(root=folder), PosesInTheWild(root=tmp_path)

    assert original.videos() == variant.videos()
    for name in original.videos():
        theirs, ours = original.read(name).tracks, variant.read(name).tracks
        assert theirs.joint_states is not None
        assert ours.joint_states is not None
        seen = theirs.joint_states == JointState.VISIBLE
        np.testing.assert_array_equal(ours.joint_states, seen * JointState.VISIBLE)
        np.testing.assert_allclose(ours.keypoints[seen], theirs.keypoints[seen])
