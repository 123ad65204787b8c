"""Checking a data set: counts, and what is missing or broken."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from posetube.datasets.formats import coco
from posetube.datasets.people import open_people
from posetube.datasets.published.dataset_check import check_dataset
from posetube.datasets.published.dataset_table import DATASETS
from posetube.errors import FormatError, InputError
from posetube.skeletons import POSETRACK15
from posetube.structures import FrameTable, VideoTracks
from tests.datasets.published_label_files import write_labels


def walk(name: str, frames: int = 10) -> VideoTracks:
    """One person with a head box."""
    return VideoTracks(
        source=name,
        size=None,
        skeleton=POSETRACK15,
        frames=FrameTable(times=np.full(frames, np.nan)),
        frame=np.arange(frames),
        track_ids=np.zeros(frames, np.int64),
        boxes=np.full((frames, 4), np.nan, np.float32),
        scores=np.full(frames, np.nan, np.float32),
        keypoints=np.ones((frames, 15, 2)),
        keypoint_scores=np.full((frames, 15), np.nan, np.float32),
        head_boxes=np.tile([1.0, 2, 3, 4], (frames, 1)),
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences of Bonn with pictures."""
    write_labels(tmp_path, [walk("a"), walk("b")], dataset="bonn")
    for name in ("a", "b"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        for i in range(10):
            picture = tmp_path / "videos" / name / f"{i + 1:05d}.jpg"
            cv2.imwrite(str(picture), np.zeros((8, 8, 3), np.uint8))
    return tmp_path


def test_counts_and_the_part_of_the_release(root: Path) -> None:
    report = check_dataset(open_people(root, form="bonn"), root=root)

    assert (report.videos, report.frames, report.labeled_frames) == (2, 20, 20)
    assert (report.people, report.poses, report.pictures) == (2, 20, 20)
    assert [p.what for p in report.problems] == ["2 videos are readable; the release has 60"]


def test_missing_and_broken_pictures_are_told_apart(root: Path) -> None:
    for i in (2, 3, 7):
        (root / "videos" / "a" / f"{i:05d}.jpg").unlink()
    (root / "videos" / "a" / "00009.jpg").write_bytes(b"")
    (root / "videos" / "a" / "00010.jpg").write_text("not a picture")

    report = check_dataset(open_people(root, form="bonn"), root=root)

    found = [(p.file, p.where, p.what) for p in report.problems][:2]
    assert found == [
        ("a", "frames 1-2, 6", "3 of 10 pictures missing"),
        ("a", "frames 8-9", "2 of 10 pictures empty or not a picture"),
    ]
    assert report.pictures == 15


def test_a_partial_download_is_reported(root: Path) -> None:
    shutil.rmtree(root / "videos" / "b")

    report = check_dataset(open_people(root, form="bonn"), root=root)

    assert any(p.what == "1 of 2 videos have annotations but neither pictures nor a file"
               for p in report.problems)  # fmt: skip


def test_a_broken_file_of_coco_leaves_the_other_one(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    sound = tmp_path / "annotations" / "person_keypoints_val2017.json"
    coco.write_tracks(sound, walk("a"))
    cut = tmp_path / "annotations" / "person_keypoints_train2017.json"
    cut.write_bytes(sound.read_bytes()[:-20])

    report = check_dataset(open_people(tmp_path, form="coco"), root=tmp_path)

    assert (report.videos, report.frames) == (1, 10)
    assert report.problems[0].file == "person_keypoints_train2017"
    assert "is the file cut short?" in report.problems[0].what


def test_pictures_without_annotations_are_reported(root: Path) -> None:
    for name in ("c", "d"):
        shutil.copytree(root / "videos" / "a", root / "videos" / name)
    (root / "videos" / "notes").mkdir()

    problem = check_dataset(open_people(root, form="bonn"), root=root).problems[-1]

    assert (problem.file, problem.where) == ("videos", "c, d")
    assert problem.what == "2 folders of pictures without annotations"


def test_a_broken_annotation_does_not_stop_the_check(tmp_path: Path) -> None:
    write_labels(tmp_path, [walk("a"), walk("b")], dataset="posetrack17-mat")
    (tmp_path / "a.mat").write_bytes(b"broken")

    report = check_dataset(open_people(tmp_path, form="posetrack17"), root=tmp_path)

    assert report.videos == 1
    assert report.problems[0].file == "a"
    assert "not a MATLAB file of level 5" in report.problems[0].what


@pytest.mark.parametrize("name", [entry.name for entry in DATASETS])
def test_an_empty_folder_is_a_report_of_one_problem(name: str, tmp_path: Path) -> None:
    report = check_dataset(open_people(tmp_path, form=name), root=tmp_path)

    assert (report.videos, report.frames, report.people) == (0, 0, 0)
    (problem,) = report.problems
    assert str(tmp_path) in problem.what
    with pytest.raises(FormatError, match=str(tmp_path)):
        open_people(tmp_path, form=name).videos()


def test_a_data_set_is_known_by_either_spelling(tmp_path: Path) -> None:
    assert open_people(tmp_path, form="Penn_Action").name == "penn-action"


def test_unknown_names_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data set is called 'coco2'; there are posetrack17"):
        open_people(tmp_path, form="coco2")
    with pytest.raises(InputError, match="none: no such file or folder"):
        open_people(tmp_path / "none", form="coco")


@pytest.mark.parametrize("name", [entry.name for entry in DATASETS])
def test_a_video_that_is_not_there_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises((FormatError, InputError)):
        open_people(tmp_path, form=name).read("nothing")
