"""JHMDB: joints counted from 1, boxes from puppets, three divisions."""

import pickle
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import scipy.io

from posetube.datasets.published.jhmdb import Jhmdb
from posetube.datasets.published.jhmdb_ddnet import JhmdbDdnet
from posetube.datasets.published.jhmdb_divisions import read_division
from posetube.datasets.published.jhmdb_json import JhmdbJson
from posetube.errors import FormatError, InputError

CLIP = "catch/A_man_@_home_(1)!_catch_f_cm_np1_ri_med_0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One clip of one frame, its mask, and lists of all three divisions."""
    for kind in ("joint_positions", "puppet_mask"):
        (tmp_path / kind / CLIP).mkdir(parents=True)
    joints = np.arange(30.0).reshape(2, 15, 1)
    scipy.io.savemat(
        tmp_path / "joint_positions" / CLIP / "joint_positions.mat",
        {"pos_img": joints, "viewpoint": "ENE"},
    )
    mask = np.zeros((24, 32, 1), np.uint8)
    mask[5:9, 10:20] = 1
    scipy.io.savemat(tmp_path / "puppet_mask" / CLIP / "puppet_mask.mat", {"part_mask": mask})
    for folder, gap in (("splits", ""), ("sub_splits", "_")):
        (tmp_path / folder).mkdir()
        for division, part in ((1, 1), (2, 2), (3, 0)):
            text = f"{CLIP.partition('/')[2]}.avi {part} \n"
            (tmp_path / folder / f"catch_test_split{gap}{division}.txt").write_text(text)
    return tmp_path


def test_a_clip_of_one_frame_keeps_its_axes(root: Path) -> None:
    video = Jhmdb(root=root).read(CLIP)

    assert video.tracks.keypoints.shape == (1, 15, 2)
    np.testing.assert_array_equal(video.tracks.keypoints[0, 0], [-1, 14])  # counted from 1
    np.testing.assert_array_equal(video.tracks.boxes, [[10, 5, 20, 9]])
    assert video.tracks.size == (24, 32)
    assert (video.action, video.viewpoint) == ("catch", "ENE")
    assert video.tracks.frames.names == (f"Rename_Images/{CLIP}/00001.png",)


@pytest.mark.parametrize(("division", "split"), [(1, "train"), (2, "test"), (3, "")])
@pytest.mark.parametrize("sub", [False, True])
def test_a_division_tells_training_from_test(
    root: Path, division: int, split: str, sub: bool
) -> None:
    dataset = Jhmdb(root=root, division=division, sub=sub)  # type: ignore[arg-type]

    splits = [dataset.read(name).split for name in dataset.videos()]

    assert splits == ([] if sub and not split else [split])


def test_masks_are_given_frame_by_frame(root: Path) -> None:
    masks = Jhmdb(root=root).puppet_masks(CLIP)

    assert masks is not None
    assert masks.shape == (1, 24, 32)
    assert masks.sum() == 40


def test_masks_that_do_not_match_the_frames_are_reported(root: Path) -> None:
    scipy.io.savemat(
        root / "puppet_mask" / CLIP / "puppet_mask.mat", {"part_mask": np.ones((24, 32, 3))}
    )

    (problem,) = Jhmdb(root=root).read(CLIP).problems

    assert problem.what == "3 masks for 1 frames; boxes are given where there is a mask"


def test_pictures_without_joints_are_reported(root: Path) -> None:
    folder = root / "Rename_Images" / CLIP
    folder.mkdir(parents=True)
    for number in (1, 2):
        (folder / f"{number:05d}.png").write_bytes(b"")

    (problem,) = Jhmdb(root=root).read(CLIP).problems

    assert problem.what == "2 pictures for 1 frames with joints; the last are left out"


def test_a_damaged_list_names_the_line() -> None:
    with pytest.raises(FormatError, match="list.txt, line 2: expected '<clip>.avi 1|2'"):
        read_division("a.avi 1\nb.avi seven\n", where="list.txt")


def test_sub_jhmdb_needs_its_lists(root: Path) -> None:
    (root / "sub_splits" / "catch_test_split_1.txt").unlink()

    with pytest.raises(FormatError, match="sub-JHMDB needs sub_splits"):
        Jhmdb(root=root, sub=True).videos()


def test_there_are_three_divisions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Jhmdb.division must be 1, 2 or 3, got 4"):
        Jhmdb(root=tmp_path, division=4)  # type: ignore[arg-type]


def test_the_published_lists_have_the_numbers_that_are_known(samples: Path) -> None:
    counts = []
    divisions: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)
    for division in divisions:
        parts = Jhmdb(root=samples / "jhmdb", division=division).division_of  # from splits.zip
        counts.append(tuple(list(parts.values()).count(part) for part in ("train", "test")))

    assert counts == [(660, 268), (658, 270), (663, 265)]


def action_tubes(root: Path, **changes: Any) -> Jhmdb:
    """Boxes of a clip of two frames, and of the third of another."""
    content = {
        "action": np.array([["catch"]] * 2 + [["wave"]], object),
        "video_id": np.array([["a"]] * 2 + [["b"]], object),
        "frame": np.array([[2], [1], [3]], np.uint16),
        "bound": np.array([[1, 1, 10, 20], [2, 3, 4, 5], [1, 2, 3, 4]], np.float32),
        **changes,
    }
    scipy.io.savemat(root / "jhmdb_annot.mat", {"annot": content})
    return Jhmdb(root=root)


def test_clips_have_the_boxes_of_action_tubes_where_no_joints_are_there(tmp_path: Path) -> None:
    dataset = action_tubes(tmp_path)
    with zipfile.ZipFile(tmp_path / "splits.zip", "w") as archive:
        archive.writestr("splits/catch_test_split1.txt", "a.avi 2\n")

    first, second = (dataset.read(name) for name in dataset.videos())

    assert (first.name, first.split, second.split) == ("catch/a", "test", "")
    assert first.tracks.boxes.tolist() == [[1, 2, 5, 7], [0, 0, 10, 20]]  # counted from 1
    assert second.tracks.frame.tolist() == [2]
    assert len(second.tracks.frames) == 3
    assert first.tracks.skeleton.joints == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": np.zeros((3, 1))}, r"as many clips as actions, and frames in \[1, 10000\]"),
        ({"frame": np.ones((2, 1))}, "frame: expected 3 x 1 numbers"),
        ({"bound": np.ones((3, 3))}, "bound: expected 3 x 4 numbers"),
        ({"action": np.ones((3, 1))}, "action: expected a list of entries"),
        ({"video_id": np.array([["a"]], object)}, "as many clips as actions"),
    ],
)
def test_boxes_that_do_not_fit_their_clips_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        action_tubes(tmp_path, **changes).videos()


def test_a_damaged_archive_of_lists_is_refused(root: Path) -> None:
    for path in (root / "splits").iterdir():
        path.unlink()
    (root / "splits.zip").write_bytes(b"PK\x03\x04" + bytes(50))
    with pytest.raises(FormatError, match=r"splits\.zip: not a sound archive: BadZipFile"):
        Jhmdb(root=root).read(CLIP)

    with zipfile.ZipFile(root / "splits.zip", "w") as archive:
        archive.writestr("splits/catch_test_split1.txt", " " * (1 << 21))
    with pytest.raises(FormatError, match="catch_test_split1.txt: 2097152 bytes, refused"):
        Jhmdb(root=root).read(CLIP)


def ddnet(root: Path, pose: Any, label: Any) -> JhmdbDdnet:
    (root / "GT_train_2.pkl").write_bytes(pickle.dumps({"pose": pose, "label": label}))
    return JhmdbDdnet(root=root)


def test_ddnets_poses_are_those_of_the_files_at_scale_1(root: Path, tmp_path: Path) -> None:
    original = Jhmdb(root=root).read(CLIP)
    counted_from_1 = original.tracks.keypoints.astype(np.float64) + 1
    world = (counted_from_1 / [320, 240] - 0.5) * [320 / 240, 1.0]  # as the files have pos_world
    dataset = ddnet(tmp_path, [world, np.zeros((3, 15, 2))], ["catch", "wave"])

    first, second = (dataset.read(name) for name in dataset.videos())

    assert (first.name, first.action, first.split) == ("GT_train_2/0000", "catch", "train")
    np.testing.assert_allclose(first.tracks.keypoints, original.tracks.keypoints)
    assert second.tracks.keypoints.shape == (3, 15, 2)


@pytest.mark.parametrize(
    ("pose", "label", "message"),
    [
        ([np.zeros((3, 14, 2))], ["a"], "clip 0: expected N x 15 x 2 numbers"),
        ([np.full((3, 15, 2), 101.0)], ["a"], "clip 0: a number is not finite, or beyond 100"),
        ([np.zeros((3, 15, 2))], [1], "clip 0: expected a text"),
        ([], ["a"], "expected 'pose' and 'label', two lists of one length"),
        (None, None, "expected 'pose' and 'label', two lists"),
    ],
)
def test_poses_that_ddnet_does_not_write_are_refused(
    tmp_path: Path, pose: Any, label: Any, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        ddnet(tmp_path, pose, label).videos()


def test_a_folder_without_ddnets_poses_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no poses of DD-Net; looked for"):
        JhmdbDdnet(root=tmp_path).videos()
    with pytest.raises(FormatError, match="no clip 'x' in DD-Net's poses"):
        ddnet(tmp_path, [], []).read("x")


def test_mmposes_file_counts_from_one_too(samples: Path) -> None:
    dataset = JhmdbJson(root=samples / "mmpose_tests_data" / "jhmdb")

    video = dataset.read(dataset.videos()[0])

    np.testing.assert_allclose(video.tracks.keypoints[0, 0], [97.851746, 91.59851])
    np.testing.assert_array_equal(video.tracks.boxes[0], [78, 61, 132, 220])
    picture = video.picture(0)
    assert picture is not None
    assert picture.is_file()
