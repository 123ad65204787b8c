"""JHMDB: joints counted from 1, boxes from puppets, three divisions."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import scipy.io

from posetube.datasets.readers.jhmdb import Jhmdb
from posetube.datasets.readers.jhmdb_divisions import read_division
from posetube.datasets.readers.jhmdb_json import JhmdbJson
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


def test_mmposes_file_counts_from_one_too(samples: Path) -> None:
    dataset = JhmdbJson(root=samples / "mmpose_tests_data" / "jhmdb")

    video = dataset.read(dataset.videos()[0])

    np.testing.assert_allclose(video.tracks.keypoints[0, 0], [97.851746, 91.59851])
    np.testing.assert_array_equal(video.tracks.boxes[0], [78, 61, 132, 220])
    picture = video.picture(0)
    assert picture is not None
    assert picture.is_file()
