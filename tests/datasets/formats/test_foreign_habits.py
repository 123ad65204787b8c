"""What other programs write beside the plain form of a format: read, or refused in a line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import posetube
from posetube.datasets.formats import (
    alphapose,
    coco,
    csv_table,
    deeplabcut,
    json_lines,
    mmpose_json,
    mot,
    openpose,
    parquet_table,
)
from posetube.datasets.formats.format_table import recognise
from posetube.errors import FormatError
from posetube.skeletons import COCO17
from posetube.structures import VideoTracks

POSE = [float(number) for k in range(17) for number in (10 + k, 100 + k, 2)]
CATEGORY = {"id": 1, "name": "person", "keypoints": list(COCO17.joints)}


def read(path: Path) -> VideoTracks:
    return recognise(path).read(path)


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def coco_file(*people: dict[str, Any], images: list[dict[str, Any]]) -> dict[str, Any]:
    annotations = [
        {"id": i, "category_id": 1, "keypoints": POSE, **person} for i, person in enumerate(people)
    ]
    return {"images": images, "annotations": annotations, "categories": [CATEGORY]}


# --- the order of frames


@pytest.mark.parametrize("order", [[1, 2, 5], [5, 1, 2], [2, 5, 1]])
def test_results_of_coco_are_frames_by_their_ids(tmp_path: Path, order: list[int]) -> None:
    people = [{"image_id": i, "category_id": 1, "keypoints": [float(i)] * 51} for i in order]

    found = read(written(tmp_path / "r.json", people))

    assert (len(found.frames), found.frame.tolist()) == (5, [0, 1, 4])
    np.testing.assert_array_equal(found.keypoints[:, 0, 0], [1, 2, 5])


@pytest.mark.parametrize("numbered", [True, False], ids=["by frame_id", "by name"])
def test_images_of_coco_are_sorted(tmp_path: Path, numbered: bool) -> None:
    images = [
        {"id": 100 + n, "file_name": f"v/{n:06d}.jpg", "video_id": 1}
        | ({"frame_id": n} if numbered else {})
        for n in (7, 3, 10, 1)
    ]
    content = coco_file({"image_id": 103}, {"image_id": 110}, images=images)

    found = read(written(tmp_path / "a.json", content))

    assert found.frames.ids is not None
    assert found.frames.ids.tolist() == [101, 103, 107, 110]
    assert found.frame.tolist() == [1, 3]


# --- several videos in one


def test_openposes_folder_of_two_videos_is_refused(tmp_path: Path) -> None:
    for name in ("a_000", "b_000"):
        written(tmp_path / f"{name}_keypoints.json", {"people": []})
    with pytest.raises(FormatError, match=r"files of 2 videos, 'a', 'b' \.\.\.; put those of each"):
        openpose.read(tmp_path)


def test_openposes_people_without_a_body_and_with_a_plain_id_are_read(tmp_path: Path) -> None:
    nobody = {"person_id": 7, "pose_keypoints_2d": []}
    body = {"person_id": "b", "pose_keypoints_2d": [5.0, 6.0, 0.5] * 25}
    written(tmp_path / "a_0_keypoints.json", {"people": [nobody, body]})

    tracks = openpose.read(tmp_path)

    assert tracks.track_ids[0] == 7
    assert np.isnan(tracks.keypoints[0]).all()
    assert tracks.keypoints[1, 0].tolist() == [5, 6]


def test_openposes_folder_of_one_frame_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a_1", "a_001"):
        written(tmp_path / f"{name}_keypoints.json", {"people": []})
    with pytest.raises(FormatError, match="two files of frame 1"):
        openpose.read(tmp_path)


def test_mmposes_frame_that_comes_twice_is_refused(tmp_path: Path) -> None:
    frames = [{"frame_id": 1, "instances": []}] * 2
    path = written(tmp_path / "a.json", {"meta_info": {}, "instance_info": frames})
    with pytest.raises(FormatError, match="a frame_id comes twice; a file holds one video"):
        mmpose_json.read(path)


# --- mmpose's dumps

PERSON = {
    "keypoints": [[float(k), 50.0 + k] for k in range(17)],
    "keypoint_scores": [0.9] * 17,
    "bbox": [[0.0, 5, 50, 90]],
    "bbox_score": 0.8,
}


def test_the_dump_of_a_video_is_a_list_of_frames_from_0(tmp_path: Path) -> None:
    frames = [{"frame_id": i, "instances": [PERSON] if i != 1 else []} for i in range(4)]
    path = written(tmp_path / "a.json", frames)

    found = read(path)

    assert recognise(path).name == "mmpose"
    assert (len(found.frames), found.frame.tolist()) == (4, [0, 2, 3])
    assert found.skeleton is COCO17
    np.testing.assert_array_equal(found.boxes[0], [0, 5, 50, 90])


def test_the_dump_of_a_picture_is_a_list_of_people(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", [PERSON, {**PERSON, "bbox": None}])

    found = read(path)

    assert recognise(path).name == "mmpose"
    assert (len(found.frames), found.frame.tolist()) == (1, [0, 0])
    np.testing.assert_allclose(found.scores, 0.8, rtol=1e-6)


def test_the_dump_of_whole_bodies_has_their_joints(tmp_path: Path) -> None:
    body = {"keypoints": [[1.0, 2.0]] * 133}
    assert len(read(written(tmp_path / "a.json", [body])).skeleton) == 133


# --- marks, nulls, and numbers where lists are expected


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    texts = {
        "a.json": json.dumps(coco_file({"image_id": 1}, images=[{"id": 1, "file_name": "1.jpg"}])),
        "r.json": json.dumps([{"image_id": 1, "keypoints": POSE}]),
        "m.txt": "1,1,10,20,30,40,0.5\n",
        "c.csv": "frame,track_id,joint,x,y\n0,1,nose,2,3\n",
        "d.csv": "scorer,s,s\nbodyparts,n,n\ncoords,x,y\n0,1,2\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
        assert len(read(tmp_path / name).frame) == 1, name


def test_json_lines_may_begin_with_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    tracks = read(written(tmp_path / "c.csv", "frame,track_id,joint,x,y\n0,1,nose,2,3\n"))
    json_lines.write_tracks(path, tracks)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert len(read(path).frame) == 1


def test_json_lines_may_end_with_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    tracks = read(written(tmp_path / "c.csv", "frame,track_id,joint,x,y\n0,1,nose,2,3\n"))
    json_lines.write_tracks(path, tracks)
    path.write_bytes(path.read_bytes() + b"\n \r\n")

    assert len(read(path).frame) == 1


NOTHING = {"keypoints": None, "bbox": None, "area": None, "attributes": None, "score": None,
           "num_keypoints": None, "iscrowd": None, "id": None, "foot_kpts": None}  # fmt: skip


def test_null_is_what_is_not_known(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "1.jpg"}]
    content = coco_file({"image_id": 1, **NOTHING}, {"image_id": 1}, images=images)

    found = read(written(tmp_path / "a.json", content))

    assert np.isnan(found.keypoints).all(axis=(1, 2)).tolist() == [True, False]
    assert np.isnan(found.boxes).all()
    posetrack = coco_file(
        {"image_id": 1, "keypoints": None, "bbox": None, "bbox_head": None, "scores": None},
        images=[{"id": 1, "file_name": "a/1.jpg", "is_labeled": True}],
    )
    found = read(written(tmp_path / "p.json", posetrack))
    assert np.isnan(found.keypoints).all()
    assert np.isnan(found.boxes).all()
    results = [{"image_id": 1, "keypoints": None, "bbox": [1, 2, 3, 4]}]
    assert read(written(tmp_path / "r.json", results)).skeleton.joints == ()
    nowhere = [{"image_id": 1, "keypoints": None}, {"image_id": 2, "keypoints": POSE}]
    found = read(written(tmp_path / "r.json", nowhere))
    assert np.isnan(found.keypoints).all(axis=(1, 2)).tolist() == [True, False]
    assert len(posetube.link(found).frame) == 1  # whoever is nowhere is not followed


def test_a_joint_of_null_is_not_known(tmp_path: Path) -> None:
    holed = [None, 5.0, 2.0, *POSE[3:]]
    images = [{"id": 1, "file_name": "a/1.jpg"}]
    pairs = [None, [None, 5.0], *([1.0, 2.0],) * 15]
    contents: dict[str, Any] = {
        "results": [{"image_id": 1, "keypoints": holed}, {"image_id": 2, "keypoints": POSE},
                    {"image_id": 2, "keypoints": None, "bbox": [1, 2, 3, 4]}],
        "coco": coco_file({"image_id": 1, "keypoints": holed}, images=images),
        "posetrack": coco_file(
            {"image_id": 1, "keypoints": holed},
            images=[{**images[0], "is_labeled": True, "ignore_regions_x": None,
                     "ignore_regions_y": None}],
        ),
        "mmpose": [{"frame_id": 0, "instances": [{"keypoints": pairs}, {"keypoints": None}]}],
    }  # fmt: skip
    for name, content in contents.items():
        found = read(written(tmp_path / f"{name}.json", content))
        unknown = np.isnan(found.keypoints).any(axis=2).sum(axis=1).tolist()
        assert unknown == {"results": [1, 0, 17], "mmpose": [2, 17]}.get(name, [1]), name


def test_null_in_openposes_files_is_what_is_not_known(tmp_path: Path) -> None:
    bodies = [
        {"pose_keypoints_2d": None, "person_id": None},
        {"pose_keypoints_2d": [None, 5, 1] * 25, "person_id": [None]},
    ]
    written(tmp_path / "walk_0_keypoints.json", {"people": bodies})

    found = openpose.read(tmp_path)

    assert found.track_ids.tolist() == [-1, -1]
    assert np.isnan(found.keypoints).all()


@pytest.mark.parametrize("value", [1e308, 3, "x", True, {"a": 1}])
@pytest.mark.parametrize("form", ["results", "coco", "mmpose", "openpose", "posetrack"])
def test_a_joint_list_that_is_none_is_told_in_a_line(
    tmp_path: Path, form: str, value: object
) -> None:
    image = {"id": 1, "file_name": "a/1.jpg"}
    contents: dict[str, Any] = {
        "results": [{"image_id": 1, "keypoints": value}],
        "coco": coco_file({"image_id": 1, "keypoints": value}, images=[image]),
        "posetrack": coco_file(
            {"image_id": 1, "keypoints": value}, images=[{**image, "is_labeled": True}]
        ),
        "mmpose": [{"frame_id": 0, "instances": [{"keypoints": value}]}],
        "openpose": {"people": [{"pose_keypoints_2d": value}]},
    }
    path = written(tmp_path / "a_1_keypoints.json", contents[form])

    with pytest.raises(FormatError, match="Expected `?(array|object|float|str)"):
        openpose.read(tmp_path) if form == "openpose" else read(path)


# --- whole numbers with a point, as pandas writes them


def test_whole_numbers_may_have_a_point(tmp_path: Path) -> None:
    table = "frame,track_id,joint,x,y,visible\n4.0,7.0,nose,2,3,2.0\n"
    image = {"id": 5.0, "file_name": "1.jpg", "height": 480.0, "width": 640.0}
    people = coco_file({"image_id": 5.0, "track_id": 7.0, "iscrowd": 0.0}, images=[image])
    files = {
        "c.csv": table,
        "a.json": people,
        "r.json": [{"image_id": 5.0, "keypoints": POSE, "track_id": 7.0}],
        "m.json": [{"frame_id": 0.0, "instances": [{**PERSON, "track_id": 7.0}]}],
        "m.txt": "5.0,7.0,1,2,3,4\n",
    }
    for name, content in files.items():
        assert read(written(tmp_path / name, content)).track_ids.tolist() == [7], name
    with pytest.raises(FormatError, match="frame: expected whole numbers, got 4.5"):
        read(written(tmp_path / "c.csv", table.replace("4.0", "4.5")))
    with pytest.raises(FormatError, match="track_id: expected whole numbers or names, got 7.5"):
        read(written(tmp_path / "c.csv", table.replace("7.0", "7.5")))


# --- identities that are names


@pytest.mark.parametrize("form", ["coco", "attributes", "results", "mmpose", "csv"])
def test_names_of_people_are_numbered_and_kept(tmp_path: Path, form: str) -> None:
    named = [("anna", 0), ("bob", 0), ("anna", 1)]
    images = [{"id": i, "file_name": f"{i}.jpg"} for i in range(2)]
    contents: dict[str, Any] = {
        "coco": coco_file(*({"image_id": i, "track_id": n} for n, i in named), images=images),
        "attributes": coco_file(
            *({"image_id": i, "attributes": {"track_id": n}} for n, i in named), images=images
        ),
        "results": [{"image_id": i, "keypoints": POSE, "idx": n} for n, i in named],
        "mmpose": [
            {"frame_id": i, "instances": [{**PERSON, "track_id": n} for n, j in named if j == i]}
            for i in range(2)
        ],
        "csv": "frame,track_id,joint,x,y\n" + "".join(f"{i},{n},nose,2,3\n" for n, i in named),
    }
    path = written(tmp_path / ("a.csv" if form == "csv" else "a.json"), contents[form])

    found = read(path)

    assert found.track_ids.tolist() == [1, 2, 1]
    assert found.track_names == {1: "anna", 2: "bob"}


def test_names_beside_numbers_are_numbered_after_them(tmp_path: Path) -> None:
    people = [
        {"image_id": i, "keypoints": POSE, "idx": n} for i, n in enumerate(["a", 7, "b", "9"])
    ]

    found = read(written(tmp_path / "r.json", people))

    assert found.track_ids.tolist() == [10, 7, 11, 9]
    assert found.track_names == {10: "a", 11: "b"}


@pytest.mark.parametrize(
    ("form", "suffix"), [(deeplabcut, ".csv"), (json_lines, ".jsonl"), (parquet_table, ".parquet")]
)
def test_names_come_back_where_a_format_has_them(tmp_path: Path, form: Any, suffix: str) -> None:
    rows = "0,anna,nose,2,3\n0,bob,nose,4,5\n1,bob,nose,6,7\n"
    tracks = csv_table.read(written(tmp_path / "a.csv", f"frame,track_id,joint,x,y\n{rows}"))
    form.write_tracks(tmp_path / f"b{suffix}", tracks)

    again = form.read(tmp_path / f"b{suffix}")

    assert sorted(again.track_names.values()) == ["anna", "bob"]
    names = [again.track_names[int(track_id)] for track_id in again.track_ids]
    assert names == ["anna", "bob", "bob"]


# --- tables


def test_a_joint_that_comes_twice_is_refused(tmp_path: Path) -> None:
    table = "frame,track_id,joint,x,y\n4,7,nose,2,3\n4,7,nose,5,6\n"
    with pytest.raises(FormatError, match="frame 4, track_id 7: a joint comes twice"):
        read(written(tmp_path / "c.csv", table))
    nameless = table.replace("4,7", "4,-1")
    assert len(read(written(tmp_path / "c.csv", nameless)).frame) == 2


def test_lines_of_frames_are_sorted_by_their_times(tmp_path: Path) -> None:
    lines = "".join(f"{i},{0.1 * i},{i},nose,{i},3\n" for i in range(3))
    tracks = read(written(tmp_path / "c.csv", f"frame,time,track_id,joint,x,y\n{lines}"))
    path = tmp_path / "a.jsonl"
    json_lines.write_tracks(path, tracks)
    header, *frames = path.read_text().splitlines()
    path.write_text("\n".join([header, *reversed(frames)]))

    found = read(path)

    assert (found.frames.times == tracks.frames.times).all()
    np.testing.assert_array_equal(found.track_ids, tracks.track_ids)
    path.write_text("\n".join([header, *reversed(frames), '{"people": []}']))
    with pytest.raises(FormatError, match=r"a.jsonl: the times of its frames fall; write them in"):
        read(path)


def test_an_object_of_nothing_is_no_list_of_people(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a.json: nothing in it, read as an object by"):
        read(written(tmp_path / "a.json", {}))


def test_an_individual_without_places_is_absent(tmp_path: Path) -> None:
    head = (
        "scorer,S,S,S,S,S,S\nindividuals,a,a,a,b,b,b\nbodyparts,n,n,n,n,n,n\n"
        "coords,x,y,likelihood,x,y,likelihood\n"
    )
    lines = "0,1,2,0.9,3,4,0.8\n1,,,1.0,3,4,0.8\n2,nan,nan,1.0,3,,0.8\n"

    found = deeplabcut.read(written(tmp_path / "d.csv", head + lines))

    assert (found.frame.tolist(), found.track_ids.tolist()) == ([0, 0, 1], [0, 1, 1])
    assert len(found.frames) == 3
    mot.write_tracks(tmp_path / "m.txt", found)  # which refuses people without joints


def test_labelled_pictures_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    lines = "".join(f"labeled-data/v/img{n:03d}.png,{n},5\n" for n in (30, 2, 11))
    text = f"scorer,S,S\nbodyparts,n,n\ncoords,x,y\n{lines}"

    found = deeplabcut.read(written(tmp_path / "d.csv", text))

    assert found.keypoints[:, 0, 0].tolist() == [2, 11, 30]
    assert [name[-7:-4] for name in found.frames.names] == ["002", "011", "030"]


def test_a_likelihood_of_an_absent_joint_is_not_known(tmp_path: Path) -> None:
    text = (
        "scorer,S,S,S,S,S,S\nbodyparts,n,n,n,t,t,t\n"
        "coords,x,y,likelihood,x,y,likelihood\n0,1,2,0.9,,,1.0\n"
    )

    found = deeplabcut.read(written(tmp_path / "d.csv", text))

    np.testing.assert_array_equal(found.keypoint_scores, [[0.9, np.nan]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,10,5,20,30,60,0.9,-1,-1,-1\n2,1,11,20,30,60,0.9,-1,-1,-1\n"
         "3,1,15,20,30,60,0.9,-1,-1,-1\n", "line 1 has 11 columns, others 10; are there decimal"),
        ("1,1,11,20,30,60\n2,1,1,5,20,30,60\n3,1,15,20,30,60\n",
         "line 2 has 7 columns, others 6; are there decimal commas"),
        ("1,1,1,5,2,5,3,5,4,5,0,9\n" * 2, "line 1 has 12 columns, at most 10 are known"),
        ("1 1 10,5 20 30 60\n", "line 1: both commas and spaces between numbers"),
    ],
)  # fmt: skip
def test_decimal_commas_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=f"m.txt: {message}"):
        mot.read(written(tmp_path / "m.txt", text))


@pytest.mark.parametrize(
    "text", ["1, 1, 10, 20, 30, 40\n", "1 1 10 20 30 40\n", "1\t1\t10\t20\t30\t40"]
)
def test_commas_spaces_and_tabs_separate(tmp_path: Path, text: str) -> None:
    assert mot.read_as_written(written(tmp_path / "m.txt", text)).boxes.tolist() == [
        [10, 20, 40, 60]
    ]


@pytest.mark.parametrize("text", ["1;1;10,5;20;30;40\n", "1\t1\t10,5\t20\t30\t40\n"])
def test_decimal_commas_are_read_where_something_else_separates(tmp_path: Path, text: str) -> None:
    assert mot.read_as_written(written(tmp_path / "m.txt", text)).boxes.tolist() == [
        [10.5, 20, 40.5, 60]
    ]


def test_alphapose_keeps_no_names_that_it_cannot_hold(tmp_path: Path) -> None:
    tracks = csv_table.read(
        written(tmp_path / "a.csv", "frame,track_id,joint,x,y\n0,anna,nose,2,3\n")
    )
    tracks = replace(tracks, skeleton=tracks.skeleton)
    alphapose.write_tracks(tmp_path / "r.json", tracks)
    coco.write_tracks(tmp_path / "c.json", tracks)

    for name in ("r.json", "c.json"):
        assert read(tmp_path / name).track_ids.tolist() == [1]
