"""Formats of others that are read and not written: VATIC, TensorFlow.js, mmpose's list of MPII."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import mot, tfjs, vatic_text
from posetube.datasets.formats.format_table import FORMATS, find_written_format, recognise
from posetube.errors import FormatError, InputError
from posetube.structures import RowState, VideoTracks


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_vatic_leaves_out_who_is_lost_and_marks_who_is_generated(tmp_path: Path) -> None:
    lines = (
        '7 1 2 11 22 0 0 0 0 "a person" "with a hat"',
        '7 2 2 12 22 3 0 1 1 "b"',
        '7 0 0 0 0 5 1 0 1 "b"',
    )
    path = written(tmp_path / "a.txt", "\n".join(lines))

    found = vatic_text.read(path)

    assert recognise(path).name == "vatic"
    assert (found.frame.tolist(), found.track_ids.tolist()) == ([0, 3], [7, 7])
    assert len(found.frames) == 6  # the last of them has nobody
    assert found.boxes.tolist() == [[1, 2, 11, 22], [2, 2, 12, 22]]
    assert found.states is not None
    assert found.states.tolist() == [RowState.DETECTED, RowState.INTERPOLATED]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 3 4 5 6 0 0 0", "line 2: expected nine numbers and a label in quotes"),
        ('1 2 3 4 5 6 0 0 "person"', "line 2: expected nine numbers and a label"),
        ('one 2 3 4 5 6 0 0 0 "person"', "line 2: expected numbers before the label, got 'one"),
        ('1 2 3 4 inf 6 0 0 0 "person"', "line 2: a number is not finite"),
        ('1 2 3 4 5 -1 0 0 0 "person"', r"line 2: frame must be a whole number in \[0, 1000000\)"),
        ('1 2 3 4 5 0.5 0 0 0 "person"', "line 2: frame must be a whole number"),
        ('1 2 3 4 5 6 0 2 0 "person"', "line 2: lost, occluded and generated must be 0 or 1"),
        ('1.5 2 3 4 5 6 0 0 0 "person"', "line 2: track id must be a whole number"),
        ('1 2 3 4 9e9 6 0 0 0 "person"', "a number is beyond 1e"),
    ],
)
def test_lines_that_vatic_does_not_write_are_refused(
    tmp_path: Path, line: str, message: str
) -> None:
    path = written(tmp_path / "a.txt", f'1 2 3 4 5 0 0 0 0 "person"\n{line}\n')

    with pytest.raises(FormatError, match=message):
        vatic_text.read(path)


@pytest.mark.filterwarnings("ignore")  # motmetrics' use of pandas
def test_vatic_is_what_motmetrics_reads(samples: Path) -> None:
    motmetrics = pytest.importorskip("motmetrics")
    path = samples / "output_formats" / "motchallenge" / "iotest" / "vatic.txt"

    ours, theirs = vatic_text.read(path), motmetrics.io.loadtxt(path, fmt="vatic-txt").sort_index()

    assert list(zip(ours.frame, ours.track_ids, strict=True)) == theirs.index.tolist()
    np.testing.assert_array_equal(ours.boxes[:, :2], theirs[["X", "Y"]])
    np.testing.assert_array_equal(
        ours.boxes[:, 2:] - ours.boxes[:, :2], theirs[["Width", "Height"]]
    )


NOSE, HAND = {"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 4.0, "score": 0.5}
NAMED = [{**NOSE, "name": "nose"}, {**HAND, "name": "left_index"}]


@pytest.mark.parametrize(
    "frame",
    [
        {"nose": NOSE, "left_index": HAND},
        NAMED,
        {"keypoints": NAMED, "score": 0.9, "keypoints3D": []},
        [{"keypoints": NAMED, "score": 0.9, "id": 0, "box": {"xMin": 0.1}}],
        [NAMED],
    ],
)
def test_a_pose_of_tensorflow_is_read_however_it_is_spelled(tmp_path: Path, frame: Any) -> None:
    path = written(tmp_path / "walk.keypoints.json", [frame, frame])

    found = tfjs.read(path)

    assert recognise(path).name == "tfjs"
    assert (found.source, found.skeleton.joints) == ("walk", ("nose", "left_index"))
    np.testing.assert_array_equal(found.keypoints[1], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(found.keypoint_scores[1], [np.nan, 0.5])


def test_tensorflows_people_come_and_go(tmp_path: Path) -> None:
    poses = [{"keypoints": NAMED[:1], "id": 4}, {"keypoints": NAMED[1:]}]
    found = tfjs.read(written(tmp_path / "a.json", [poses, [], poses[:1]]))

    assert found.frame.tolist() == [0, 0, 2]
    assert found.track_ids.tolist() == [4, -1, 4]
    assert np.isnan(found.keypoints[0, 1]).all()  # a joint that this person lacks


def test_joints_of_one_pose_per_frame_are_one_persons(samples: Path) -> None:
    path = samples / "videos" / "tfjs_pose_1.keypoints.json"
    content = json.loads(path.read_text())

    found = tfjs.read(path)

    assert (len(found), found.skeleton.name) == (1, "coco17")
    for joint, (x, y) in zip(found.skeleton.joints, found.keypoints[100], strict=True):
        assert (x, y) == (content[100][joint]["x"], content[100][joint]["y"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"nose": NOSE}, r"a\.json: .*`?array`?"),
        ([{"nose": {"x": 1}}], "frame 0: .*missing required field"),
        ([[NAMED[0], NAMED[0]]], "frame 0: joint 'nose': each joint must have a name of its own"),
        ([{"nose": NOSE}, {"keypoints": [NOSE]}], "frame 1: joint '': each joint must have"),
        ([{"nose": {"x": 1, "y": 1e9}}], "frame 0, person 1 of the file: a number is beyond"),
        ([{"keypoints": NAMED, "id": 1.5}], "frame 0: track id must be a whole number"),
        ([[]], r"0 joints are named; expected 1 to 1000"),
        ([3], "frame 0: "),
    ],
)
def test_poses_that_tensorflow_does_not_find_are_refused(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        tfjs.read(written(tmp_path / "a.json", content))


PERSON = {"image": "a.jpg", "joints": [[5.0, 6.0]] * 15 + [[-1, -1]], "joints_vis": [1] * 15 + [0]}


def test_mpiis_list_has_a_frame_for_each_picture(tmp_path: Path) -> None:
    people = [PERSON, {**PERSON, "image": "b.jpg"}, PERSON]
    path = written(tmp_path / "valid.json", people)

    found = recognise(path).read(path)

    assert recognise(path).name == "mpii-list"
    assert found.frames.names == ("a.jpg", "b.jpg")
    assert found.frame.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(found.keypoints[0, 0], [4, 5])  # counted from 1
    assert np.isnan(found.keypoints[0, 15]).all()


@pytest.mark.parametrize("name", [form.name for form in FORMATS if not form.is_written])
def test_what_is_only_read_says_so(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is read, not written; there are posetrack18"):
        find_written_format(name)


def test_detections_are_written_without_identities(tmp_path: Path) -> None:
    boxes = [
        {"bbox": [1, 2, 10, 20], "image_id": i, "category_id": 1, "score": 0.5} for i in (5, 9)
    ]
    path = written(tmp_path / "a.json", boxes)
    found: VideoTracks = recognise(path).read(path)
    mot.write_tracks(tmp_path / "a.txt", found)

    again = mot.read(tmp_path / "a.txt")

    assert (again.frame.tolist(), again.track_ids.tolist()) == ([0, 1], [-1, -1])
    np.testing.assert_allclose(again.boxes, found.boxes)


def test_files_of_data_sets_are_told_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n imgname part")
    clip = {"images": [{"vid_id": "1"}], "annotations": [{"keypoints": [0] * 45}]}

    with pytest.raises(FormatError, match="people of FLIC or MPII; name the folder"):
        recognise(tmp_path / "a.h5")
    with pytest.raises(FormatError, match="clips of sub-JHMDB; name its folder"):
        recognise(written(tmp_path / "a.json", clip))
    clip = {"images": [{"id": 1}], "annotations": [{"keypoints_3d": []}]}
    assert recognise(written(tmp_path / "b.json", clip)).name == "human36m-list"
    assert recognise(written(tmp_path / "a.txt", "1,2,3,4,5,6\n")).name == "mot"
