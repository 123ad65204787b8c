from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from posetube.errors import FormatError, PoseTubeError
from posetube.pipelines.storage import tracks_store
from posetube.pipelines.storage.tracks_store import TracksWriter, read_poses
from posetube.skeletons import COCO17
from posetube.structures import Detections, FramePoses


def poses(frame: int, count: int) -> FramePoses:
    rng = np.random.default_rng(frame)
    return FramePoses(
        frame=frame,
        time=frame / 25,
        track_ids=np.arange(1, count + 1),
        people=Detections(
            boxes=rng.uniform(0, 100, (count, 4)).astype(np.float32),
            scores=rng.uniform(0, 1, count).astype(np.float32),
            keypoints=rng.uniform(0, 100, (count, 17, 2)).astype(np.float32),
            keypoint_scores=rng.uniform(0, 1, (count, 17)).astype(np.float32),
        ),
        states=(np.arange(count) % 2).astype(np.uint8),
        link_margins=np.full(count, np.inf, np.float32),
    )


def write(path: Path, counts: list[int]) -> list[FramePoses]:
    frames = [poses(frame, count) for frame, count in enumerate(counts)]
    with TracksWriter(path, source="clip", size=(96, 160), joints=COCO17) as writer:
        for each in frames:
            writer.write(each)
    return frames


def test_frames_come_back_as_they_were_and_empty_ones_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracks_store, "ROW_GROUP", 4)
    path = tmp_path / "tracks.parquet"
    frames = write(path, [2, 0, 3, 1, 1, 5])

    back = list(read_poses(path))

    assert pq.ParquetFile(path).num_row_groups == 2
    assert [f.frame for f in back] == [0, 2, 3, 4, 5]
    for before, after in zip([f for f in frames if len(f)], back, strict=True):
        assert after.time == before.time
        np.testing.assert_array_equal(after.track_ids, before.track_ids)
        np.testing.assert_array_equal(after.states, before.states)
        np.testing.assert_array_equal(after.link_margins, before.link_margins)
        np.testing.assert_array_equal(after.people.keypoints, before.people.keypoints)
        np.testing.assert_array_equal(after.people.boxes, before.people.boxes)


def test_the_same_tracks_give_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one.parquet", [2, 3, 0, 1])
    write(tmp_path / "two.parquet", [2, 3, 0, 1])

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_other_tools_read_plain_columns(tmp_path: Path) -> None:
    write(tmp_path / "tracks.parquet", [2])

    table = pq.read_table(tmp_path / "tracks.parquet")

    assert table.column_names == [
        *("frame", "time_s", "track_id", "x1", "y1", "x2", "y2", "score"),
        *("keypoints", "state", "link_margin", "link_cost", "link_gate"),
    ]
    assert len(table["keypoints"][0].as_py()) == 17 * 3
    assert table["state"].to_pylist() == ["detected", "interpolated"]


def test_a_video_with_nobody_in_it_has_an_empty_table(tmp_path: Path) -> None:
    write(tmp_path / "tracks.parquet", [0, 0])

    assert list(read_poses(tmp_path / "tracks.parquet")) == []


def test_tables_that_are_absent_or_other_ones_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is absent: the run is not linked yet"):
        list(read_poses(tmp_path / "tracks.parquet"))
    (tmp_path / "other.parquet").write_bytes(b"not a table at all")
    with pytest.raises(FormatError, match="not a table of tracks"):
        list(read_poses(tmp_path / "other.parquet"))


def test_no_flipped_bit_is_our_fault_or_changes_a_number(tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet"
    frames = write(path, [2, 0, 3, 1])
    content, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(content), 200).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            back = list(read_poses(path))
        except PoseTubeError:
            refused += 1
        else:
            kept = [f.people.keypoints for f in frames if len(f)]
            np.testing.assert_array_equal(
                np.concatenate([f.people.keypoints for f in back]), np.concatenate(kept)
            )
    assert refused > 100
