"""Who in a file of COCO's form is a person, and which joints a person has."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import coco
from posetube.datasets.published.coco import CocoPeople
from posetube.errors import FormatError
from posetube.skeletons import COCO17, WHOLE_BODY133
from posetube.structures import VideoTracks

PERSON = {"id": 1, "name": "person"}
DOG = {"id": 2, "name": "dog"}
BODY = {**PERSON, "keypoints": list(COCO17.joints)}


def read(tmp_path: Path, *people: dict[str, Any], categories: Any = (PERSON,)) -> VideoTracks:
    annotations = [{"id": i, "image_id": 1, "category_id": 1, **p} for i, p in enumerate(people)]
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": annotations,
        "categories": list(categories),
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    return coco.read(tmp_path / "a.json")


def joints(count: int) -> list[float]:
    return [float(n) for i in range(count) for n in (i, i + 1, 2)]


@pytest.mark.parametrize(("count", "names"), [(17, COCO17.joints), (133, WHOLE_BODY133.joints)])
def test_joints_without_names_are_those_of_coco_where_there_are_as_many(
    tmp_path: Path, count: int, names: tuple[str, ...]
) -> None:
    found = read(tmp_path, {"keypoints": joints(count)})

    assert found.skeleton.joints == names
    np.testing.assert_array_equal(found.keypoints[0, count - 1], [count - 1, count])


def test_joints_without_names_have_numbers(tmp_path: Path) -> None:
    category = {"id": 1, "name": "Mensch"}

    found = read(tmp_path, {"keypoints": joints(3)}, {"bbox": [1, 2, 3, 4]}, categories=[category])

    assert found.skeleton.joints == ("joint_0", "joint_1", "joint_2")
    assert np.isnan(found.keypoints[1]).all()


def test_joints_beyond_those_that_are_named_are_kept(tmp_path: Path) -> None:
    some = {**PERSON, "keypoints": ["head", "tail"], "skeleton": [[1, 2]]}

    found = read(tmp_path, {"keypoints": joints(3)}, {"keypoints": joints(3)}, categories=[some])

    assert found.skeleton.joints == ("head", "tail", "joint_2")
    assert found.skeleton.edges == (("head", "tail"),)


def test_a_whole_body_is_joined_from_its_parts(tmp_path: Path) -> None:
    parts = {"face_kpts": joints(68), "lefthand_kpts": joints(21)}

    found = read(tmp_path, {"keypoints": joints(17), **parts}, {"keypoints": []}, categories=[BODY])

    assert found.skeleton is WHOLE_BODY133
    known = ~np.isnan(found.keypoints[0]).any(axis=-1)
    assert known.tolist() == [True] * 17 + [False] * 6 + [True] * (68 + 21) + [False] * 21
    np.testing.assert_array_equal(found.keypoints[0, 23], [0, 1])
    assert np.isnan(found.keypoints[1]).all()


def test_a_mirrored_face_is_a_face() -> None:
    at = WHOLE_BODY133.joints.index
    flip = WHOLE_BODY133.flip

    np.testing.assert_array_equal(flip[flip], np.arange(133))
    assert at("right_face_36") == 17 + 6 + 36  # the outer corner of the right eye
    assert flip[17 + 6 + 36] == 17 + 6 + 45  # that of the left one
    assert flip[17 + 6 + 8] == 17 + 6 + 8  # the chin
    assert flip[at("left_pinky_finger_4")] == at("right_pinky_finger_4")


def test_the_two_published_files_of_whole_bodies_are_the_same(samples: Path) -> None:
    folder = samples / "mmpose_tests_data" / "coco"
    parts = coco.read(folder / "test_coco_wholebody.json")
    whole = coco.read(folder / "test_keypoint_partition_metric.json")

    assert parts.skeleton is whole.skeleton is WHOLE_BODY133
    np.testing.assert_array_equal(parts.keypoints, whole.keypoints)


def test_people_without_joints_are_told_from_dogs_by_their_name(tmp_path: Path) -> None:
    box = {"bbox": [1, 2, 3, 4]}

    found = read(tmp_path, box, {**box, "category_id": 2}, categories=[DOG, PERSON])

    assert found.boxes.tolist() == [[1, 2, 4, 6]]
    assert found.skeleton.joints == ()


def test_annotations_without_a_category_are_of_the_only_one(tmp_path: Path) -> None:
    found = read(tmp_path, {"keypoints": joints(17), "category_id": 0})

    assert found.skeleton is COCO17
    assert len(found.frame) == 1


def test_a_crowd_is_a_region_to_ignore(tmp_path: Path) -> None:
    found = read(tmp_path, {"bbox": [1, 2, 3, 4], "iscrowd": 1}, {"bbox": [1, 2, 3, 4]})

    assert len(found.frame) == 1
    ((region,),) = found.frames.ignore_regions.values()
    assert region.tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]


@pytest.mark.parametrize(
    ("people", "categories", "message"),
    [
        ([{"bbox": [1, 2, 3, 4]}], [DOG], "no category names its keypoints, and none is called"),
        ([{}], [{**PERSON, "keypoints": ["a", "a"]}], "category 1 names a joint twice"),
        ([{"keypoints": joints(1001)}], [PERSON], "1001 joints; at most 1000 are read"),
        ([{"keypoints": [1, 2]}], [BODY], r"annotations\[0\]: expected 51 numbers in keypoints"),
        (
            [{"keypoints": joints(17), "foot_kpts": [1, 2, 3]}],
            [BODY],
            r"annotations\[0\]: expected 18 numbers in foot_kpts, got 3",
        ),
        ([{"iscrowd": 1}], [PERSON], r"annotations\[0\]: a crowd needs a box of numbers"),
        ([{"iscrowd": 1, "bbox": [0, 0, 1e300, 1]}], [PERSON], "a crowd needs a box of numbers"),
    ],
)
def test_files_without_sound_people_are_refused(
    tmp_path: Path, people: Any, categories: Any, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        read(tmp_path, *people, categories=categories)


def test_masks_come_without_joints_too(samples: Path, tmp_path: Path) -> None:
    name = "instances_train2017.json"
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / name).symlink_to(samples / "tiny_coco" / "annotations" / name)
    bare, full = CocoPeople(root=tmp_path), CocoPeople(root=samples / "tiny_coco")

    assert set(bare.videos()) == set(full.videos())  # train2017/000000391895.jpg ...
    picture = bare.videos()[0]
    np.testing.assert_array_equal(bare.read(picture).tracks.boxes, full.read(picture).tracks.boxes)
    np.testing.assert_array_equal(bare.masks(picture), full.masks(picture))


def test_images_of_a_video_are_its_frames_in_their_order(tmp_path: Path) -> None:
    frames = [(3, 7, 1), (4, 7, 0), (5, 8, 0), (6, 9, 0), (8, None, None)]
    content = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "video_id": video, "frame_id": frame, "time": i / 8}
            for i, video, frame in frames
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "track_id": 5, "keypoints": joints(17)}
            for i, _, _ in frames
        ],
        "categories": [BODY],
        "videos": [{"id": 7, "name": "walk"}, {"id": 8, "name": "walk"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    dataset = CocoPeople(root=tmp_path)

    found = {name: dataset.read(name).tracks for name in dataset.videos()}

    assert found["walk"].frames.names == ("4.jpg", "3.jpg")
    assert found["walk"].frames.times.tolist() == [0.5, 0.375]
    assert {name: tracks.track_ids.tolist() for name, tracks in found.items()} == {
        "walk": [5, 5],
        "a/8": [5],  # its name is another one's
        "a/9": [5],  # it has no name
        "8.jpg": [-1],
    }
