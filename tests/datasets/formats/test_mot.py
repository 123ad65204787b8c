"""MOTChallenge's text."""

import json
from pathlib import Path
from typing import Any

import pytest

from posetube.datasets.formats.mot import read_as_written as read
from posetube.datasets.published.mot import MotSequences
from posetube.errors import FormatError, InputError


def test_lines_become_boxes_sorted_by_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("2,7,10,20,30,40,0.5,-1,-1,-1\n\n1,8,1.5,2,3,4\n")

    tracks = read(path)

    assert len(tracks.frames) == 2
    assert tracks.frame.tolist() == [0, 1]
    assert tracks.track_ids.tolist() == [8, 7]
    assert tracks.boxes.tolist() == [[1.5, 2, 4.5, 6], [10, 20, 40, 60]]
    assert tracks.scores.tolist() == [1, 0.5]


def test_the_truth_of_posetrack21_has_its_frames_and_regions_beside_it(tmp_path: Path) -> None:
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text("1,1,0,0,9,9,1,-1\n1,2,0,0,9,9,0,-1\n")
    images: list[dict[str, Any]] = [{"frame_index": i, "file_name": f"{i}.jpg"} for i in (1, 2, 3)]
    images[1] |= {"ignore_regions_x": [0, 5, 5], "ignore_regions_y": [0, 0, 5]}
    (tmp_path / "image_info.json").write_text(json.dumps(images))

    tracks = read(tmp_path)

    assert tracks.track_ids.tolist() == [1]  # the other is marked not to count
    assert tracks.frames.names == ("1.jpg", "2.jpg", "3.jpg")
    assert tracks.frames.ignore_regions[1][0].tolist() == [[0, 0], [5, 0], [5, 5]]
    (tmp_path / "gt" / "gt.txt").write_text("4,1,0,0,9,9,1,-1\n")
    with pytest.raises(FormatError, match=r"gt.txt: frame 4, but image_info.json lists 3"):
        read(tmp_path)
    (tmp_path / "image_info.json").write_text(json.dumps(images[1:]))
    with pytest.raises(FormatError, match="frame_index must count from 1 without gaps"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_pictures_of_a_sequence_may_be_of_any_kind(tmp_path: Path, suffix: str) -> None:
    sequence = tmp_path / "train" / "A-01"
    (sequence / "gt").mkdir(parents=True)
    (sequence / "gt" / "gt.txt").write_text("1,1,0,0,9,9,1,-1\n2,1,0,0,9,9,1,-1\n")
    (sequence / "img1").mkdir()
    picture = sequence / "img1" / f"000001{suffix}"
    picture.touch()

    video = MotSequences(root=tmp_path).read("train/A-01")

    assert video.picture(0) == picture


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", r"a.txt: line 2: expected frame, id, left, top, width, height, got \['1'"),
        ("1,x,3,4,5,6", "line 2: expected numbers, got '1,x,3,4,5,6'"),
        ("1,2,nan,4,5,6", "line 2: expected numbers up to"),
        ("0,2,3,4,5,6", "line 2: frame must be a whole number from 1, got 0"),
        ("1e9,2,3,4,5,6", "line 2: frame must be a whole number from 1, got 1e9"),
        ("1,2,3,4,-5,6", "line 2: width and height must be 0 or more, got -5 and 6"),
        ("1,2.5,3,4,5,6", "line 2: id must be a whole number from 0, got 2.5"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"1,1,1,1,1,1\n{line}\n")
    with pytest.raises(FormatError, match=message):
        read(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="a.txt: not a text file"):
        read(path)
    with pytest.raises(InputError, match="b.txt: no such file"):
        read(tmp_path / "b.txt")
    path.write_text("1,1,1,1,1,1\n" * 1001)
    with pytest.raises(FormatError, match="frame 1 has more than 1000 boxes"):
        read(path)
