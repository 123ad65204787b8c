"""Tables with a row per person and frame, as pandas writes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import parquet_table, wide_table
from posetube.datasets.formats.format_table import recognise
from posetube.errors import FormatError
from posetube.structures import VideoTracks
from tests.datasets.formats.test_formats import tracks

__all__ = ["tracks"]  # a fixture

pandas: Any = pytest.importorskip("pandas")


def same(found: VideoTracks, wanted: VideoTracks) -> None:
    assert found.frame.tolist() == wanted.frame.tolist()
    assert found.track_ids.tolist() == wanted.track_ids.tolist()
    assert found.skeleton.joints == wanted.skeleton.joints
    for name in ("boxes", "scores", "keypoints", "keypoint_scores"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(wanted, name), rtol=1e-6, err_msg=name
        )
    times = wanted.frames.times[np.unique(wanted.frame)]
    np.testing.assert_allclose(found.frames.times[np.unique(found.frame)], times)


@pytest.mark.parametrize("index", [True, False])
def test_a_data_frame_comes_back_from_csv(tracks: VideoTracks, index: bool, tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    tracks.to_pandas().to_csv(path, index=index)

    assert recognise(path).name == "pandas"
    same(wide_table.read(path), tracks)


def test_a_data_frame_comes_back_from_parquet(tracks: VideoTracks, tmp_path: Path) -> None:
    path, again = tmp_path / "walk.parquet", tmp_path / "again.parquet"
    tracks.to_pandas().sample(frac=1, random_state=0).to_parquet(path)
    parquet_table.write_tracks(again, tracks)
    pandas.read_parquet(again).to_parquet(again)  # leaves out our metadata

    for one in (path, again):
        found = parquet_table.read(one)
        rows = np.lexsort((found.track_ids, found.frame))
        same(found.select(rows), tracks)


def test_boxes_alone_and_joints_alone_are_people(tmp_path: Path) -> None:
    boxes, joints = tmp_path / "boxes.csv", tmp_path / "joints.csv"
    boxes.write_text("frame,track_id,x1,y1,x2,y2\n3,anna,1,2,3,4\n")
    joints.write_text("frame;track_id;nose_x;nose_y\n0;2;1,5;2\n1;2;;2\n")

    found, other = wide_table.read(boxes), wide_table.read(joints)

    assert found.boxes.tolist() == [[1, 2, 3, 4]]
    assert (found.track_names, len(found.frames)) == ({1: "anna"}, 4)
    assert other.keypoints[0, 0].tolist() == [1.5, 2]
    assert np.isnan(other.keypoints[1]).all()
    assert np.isnan(other.boxes).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("-1,2,1,2", "a frame is outside"),
        ("1.5,2,1,2", "frame: expected whole numbers, got 1.5"),
        ("1,2.5,1,2", "track_id: expected whole numbers or names, got 2.5"),
        (",2,1,2", "frame: 1 lines have none"),
        ("1,,1,2", "track_id: 1 lines have none"),
        ("1,2,inf,2", "nose_x: a number is not finite"),
        ("1,2,left,2", "not a table of people: "),
    ],
)
def test_what_is_no_table_of_people_is_refused(row: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    path.write_text(f"frame,track_id,nose_x,nose_y\n{row}\n")

    with pytest.raises(FormatError, match=message):
        wide_table.read(path)
