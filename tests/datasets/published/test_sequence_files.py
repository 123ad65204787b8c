"""Folders with an annotation file per sequence: parts, pictures, people."""

import json
from pathlib import Path

import pytest

from posetube.datasets.people import open_people
from posetube.errors import FormatError
from posetube.skeletons import POSETRACK17SLOTS


def sequence(path: Path) -> None:
    """One person in one frame, known in all sequences as 41."""
    person = {"image_id": 7, "track_id": 2, "person_id": 41, "keypoints": [5.0] * 51}
    content = {
        "images": [{"id": 7, "file_name": "images/val/000001_mpii_test/000000.jpg"}],
        "annotations": [person],
        "categories": [{"name": "person", "keypoints": list(POSETRACK17SLOTS.joints)}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "folder", "split"),
    [
        ("posetrack18", "annotations/val", "val"),
        ("posetrack18", ".", ""),  # the sequence's name tells MPII's part
        ("posetrack21", "posetrack_data/train", "train"),
        ("posetrack21", "posetrack_data/annotations/val", "val"),
    ],
)
def test_the_folder_tells_the_part(tmp_path: Path, name: str, folder: str, split: str) -> None:
    sequence(tmp_path / folder / "000001_mpii_test.json")
    dataset = open_people(tmp_path, form=name)
    (video,) = dataset.videos()

    assert dataset.read(video).split == split


def test_folders_above_the_data_set_tell_nothing(tmp_path: Path) -> None:
    sequence(tmp_path / "train" / "labels" / "000001_mpii_test.json")
    dataset = open_people(tmp_path / "train" / "labels", form="posetrack18")

    assert dataset.read("000001_mpii_test").split == ""


def test_posetrack17s_folders_have_longer_names(tmp_path: Path) -> None:
    path = tmp_path / "PoseTrackV1.0_Annots_val_json" / "000001_mpii.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"annolist": [{"image": [{"name": "images/a/1.jpg"}]}]}))
    dataset = open_people(tmp_path, form="posetrack17")
    (video,) = dataset.videos()

    assert dataset.read(video).split == "val"


def test_posetrack21_knows_people_in_all_sequences(tmp_path: Path) -> None:
    sequence(tmp_path / "posetrack_data" / "val" / "000001_mpii_test.json")
    video = open_people(tmp_path, form="posetrack21").read("val/000001_mpii_test")

    assert video.tracks.track_ids.tolist() == [2]
    assert video.person_ids is not None
    assert video.person_ids.tolist() == [41]


def merged(path: Path) -> None:
    """Two sequences in one file; person 2 of one is not person 2 of the other."""
    folders = ("000001_mpii_test", "000002_mpii_test")
    content = {
        "images": [
            {"id": i, "file_name": f"images/val/{folder}/000000.jpg"}
            for i, folder in enumerate(folders)
        ],
        "annotations": [
            {"image_id": i, "track_id": 2, "keypoints": [5.0 + i] * 51} for i in range(2)
        ],
        "categories": [{"name": "person", "keypoints": list(POSETRACK17SLOTS.joints)}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("folder", ["annotations", "."])
def test_the_sequences_of_one_file_are_videos_of_their_own(tmp_path: Path, folder: str) -> None:
    merged(tmp_path / folder / "posetrack18_val.json")
    (tmp_path / folder / "posetrack18_val_human_detections.json").write_text("[]")
    dataset = open_people(tmp_path, form="posetrack18")

    videos = [dataset.read(name) for name in dataset.videos()]

    assert dataset.videos() == tuple(f"posetrack18_val/00000{i}_mpii_test" for i in (1, 2))
    assert [video.split for video in videos] == ["val", "val"]
    assert [video.tracks.keypoints[0, 0, 0] for video in videos] == [5, 6]
    assert [len(video.tracks.frames) for video in videos] == [1, 1]


def test_a_damaged_file_beside_them_is_told_of_when_it_is_read(tmp_path: Path) -> None:
    merged(tmp_path / "posetrack18_val.json")
    (tmp_path / "posetrack18_train.json").write_text("{")
    dataset = open_people(tmp_path, form="posetrack18")

    assert len(dataset.videos()) == 3
    with pytest.raises(FormatError, match=r"posetrack18_train\.json"):
        dataset.read("posetrack18_train")
