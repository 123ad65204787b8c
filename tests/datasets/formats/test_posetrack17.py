"""PoseTrack17 files: what is written is read again, and what is broken is named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats.posetrack17 import read, write_tracks
from posetube.errors import FormatError, InputError
from posetube.structures import VideoTracks

POINT = {"id": [13], "x": [10], "y": [20.5], "score": [0.75]}


def rect(**given: Any) -> dict[str, Any]:
    corners = {"x1": [1], "y1": [2], "x2": [31], "y2": [42]}
    return {"track_id": [4], "annopoints": [{"point": [POINT]}], **corners} | given


def written(path: Path, *people: Any, **frame: Any) -> Path:
    content = {"image": [{"name": "s/1.jpg"}], "annorect": list(people)} | frame
    path.write_text(json.dumps({"annolist": [content]}))
    return path


def test_numbers_are_taken_out_of_their_lists(tmp_path: Path) -> None:
    tracks = read(written(tmp_path / "a.json", rect(), is_labeled=[1]))

    nose = tracks.skeleton.index("nose")
    assert tracks.track_ids.tolist() == [4]
    assert tracks.keypoints[0, nose].tolist() == [10, 20.5]
    assert tracks.keypoint_scores[0, nose] == 0.75
    assert np.isnan(np.delete(tracks.keypoints[0], nose, axis=0)).all()
    assert tracks.head_boxes is not None
    assert tracks.head_boxes[0].tolist() == [1, 2, 31, 42]
    assert tracks.frames.names == ("s/1.jpg",)
    assert tracks.frames.labeled is not None
    assert tracks.frames.labeled.tolist() == [True]


def test_bare_numbers_are_understood_too(tmp_path: Path) -> None:
    person = rect(track_id=4, annopoints=[{"point": [{"id": 13, "x": 10, "y": 20.5}]}])
    assert read(written(tmp_path / "a.json", person)).track_ids.tolist() == [4]


def test_of_two_points_with_one_id_the_first_counts(tmp_path: Path) -> None:
    points = [POINT, POINT | {"x": [99]}, {"id": [40], "x": [1], "y": [1]}]
    tracks = read(written(tmp_path / "a.json", rect(annopoints=[{"point": points}])))
    assert tracks.keypoints[0, tracks.skeleton.index("nose"), 0] == 10


def test_a_joint_at_the_origin_is_there(tmp_path: Path) -> None:
    origin = {"id": [0], "x": [0], "y": [0]}
    tracks = read(written(tmp_path / "a.json", rect(annopoints=[{"point": [origin]}])))
    assert tracks.keypoints[0, 0].tolist() == [0, 0]


def test_people_without_points_or_ids_or_heads_stay(tmp_path: Path) -> None:
    tracks = read(written(tmp_path / "a.json", {"annopoints": []}, {}))
    assert tracks.track_ids.tolist() == [-1, -1]
    assert np.isnan(tracks.keypoints).all()
    assert tracks.head_boxes is not None
    assert np.isnan(tracks.head_boxes).all()


def test_ignore_regions_become_polygons(tmp_path: Path) -> None:
    corners = [{"x": [x], "y": [y]} for x, y in ((0, 0), (9, 0), (9, 9))]
    path = written(tmp_path / "a.json", ignore_regions=[{"point": corners}, {"point": []}])
    assert [p.tolist() for p in read(path).frames.ignore_regions[0]] == [[[0, 0], [9, 0], [9, 9]]]


@pytest.mark.parametrize(
    ("people", "frame", "message"),
    [
        ([rect(track_id=["4"])], {}, r"frame s/1.jpg, person in annorect\[0\]: Expected"),
        ([rect(track_id=[1.5])], {}, "track id must be a whole number from 0, got 1.5"),
        ([rect(annopoints=[{"point": [{"id": [1], "x": [], "y": [1]}]}])], {}, "point has no x"),
        ([7], {}, "Expected object, got int"),
        ([], {"ignore_regions": [{"point": [{"x": [1], "y": [1]}]}]}, "needs 3 corners or more"),
        ([], {"ignore_regions": [{"point": [{"x": [], "y": [1]}]}]}, "ignore_regions: a point has"),
        ([], {"image": 3}, r"a.json: Expected array, got int, at annolist\[0\].image"),
    ],
)
def test_what_is_broken_is_named(
    tmp_path: Path, people: list[Any], frame: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        read(written(tmp_path / "a.json", *people, **frame))


def test_tracks_come_back_as_they_were_written(tmp_path: Path) -> None:
    corners = [{"x": [x], "y": [y]} for x, y in ((0, 0), (9, 0), (9, 9.5))]
    people = [rect(), rect(track_id=[5], annopoints=[])]
    first = read(
        written(tmp_path / "a.json", *people, ignore_regions=[{"point": corners}], is_labeled=[0])
    )
    write_tracks(tmp_path / "a.json", first)
    again = read(tmp_path / "a.json")

    for name in ("frame", "track_ids", "keypoints", "keypoint_scores", "head_boxes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name), err_msg=name)
    np.testing.assert_array_equal(
        again.frames.ignore_regions[0][0], first.frames.ignore_regions[0][0]
    )
    assert again.frames.names == first.frames.names
    assert again.frames.labeled is not None
    assert again.frames.labeled.tolist() == [False]


def test_a_person_without_identity_cannot_be_written(tmp_path: Path) -> None:
    tracks: VideoTracks = read(written(tmp_path / "a.json", {}))
    with pytest.raises(InputError, match="frame 0: a person has no track id"):
        write_tracks(tmp_path / "b.json", tracks)
