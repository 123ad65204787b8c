from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from posetube.errors import FormatError
from posetube.pipelines.storage.detections_store import (
    frame_table,
    open_part,
    part_key,
    part_path,
    parts,
    read_frames,
    write_part,
)
from posetube.pipelines.storage.parquet_seal import MARK, seal_holds
from posetube.skeletons import COCO17
from posetube.structures import DetectedFrame, Detections, FrameState


def people(count: int, seed: int = 0) -> Detections:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(0, 100, (count, 17, 2)).astype(np.float32)
    keypoints[:, 3] = np.nan
    return Detections(
        boxes=rng.uniform(0, 100, (count, 4)).astype(np.float32),
        scores=rng.uniform(0, 1, count).astype(np.float32),
        keypoints=keypoints,
        keypoint_scores=rng.uniform(0, 1, (count, 17)).astype(np.float32),
    )


def detected(frame: int, count: int, state: FrameState = "ok") -> DetectedFrame:
    return DetectedFrame(frame=frame, time=frame / 30, state=state, people=people(count, frame))


def test_what_was_written_comes_back_bit_for_bit_with_its_empty_frames(tmp_path: Path) -> None:
    frames = [detected(0, 2), detected(1, 0), detected(2, 0, "corrupt"), detected(3, 3)]
    write_part(tmp_path, 0, frames[:2], skeleton=COCO17)
    write_part(tmp_path, 1, frames[2:], skeleton=COCO17)

    back = list(read_frames(tmp_path, joints=17))

    assert [(f.frame, f.time, f.state) for f in back] == [
        (f.frame, f.time, f.state) for f in frames
    ]
    for before, after in zip(frames, back, strict=True):
        for name in ("boxes", "scores", "keypoints", "keypoint_scores"):
            np.testing.assert_array_equal(getattr(before.people, name), getattr(after.people, name))


def test_what_is_told_beside_the_people_comes_back(tmp_path: Path) -> None:
    looks = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float16).astype(np.float32)
    camera = np.array([[1.01, -0.002, 3.25], [0.002, 1.01, 1 / 3]])
    frames = [
        replace(
            detected(0, 1),
            people=replace(people(1), embeddings=looks[:1]),
            continues=np.array([-1]),
        ),
        detected(1, 0, "corrupt"),
        replace(
            detected(2, 2),
            people=replace(people(2), embeddings=looks[1:]),
            camera=camera,
            continues=np.array([-1, 0]),
        ),
    ]
    path = write_part(tmp_path, 0, frames, skeleton=COCO17)

    first, lost, last = read_frames(tmp_path, joints=17)

    assert (first.camera, lost.camera) == (None, None)
    np.testing.assert_array_equal(last.camera, camera)
    assert last.continues is not None
    assert last.continues.tolist() == [-1, 0]
    np.testing.assert_array_equal(first.people.embeddings, looks[:1])
    np.testing.assert_array_equal(last.people.embeddings, looks[1:])
    kind = pq.read_schema(path).field("embedding").type
    assert (kind.value_type, kind.list_size) == (pa.float16(), 5)


def test_parts_from_before_such_things_were_told_are_read_without_them(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, [detected(0, 2)], skeleton=COCO17)
    table = pq.read_table(path)
    listed = {"frame": [0], "time_s": [0.0], "state": ["ok"]}
    metadata = {**table.schema.metadata, b"frames": msgspec.json.encode(listed)}
    pq.write_table(table.replace_schema_metadata(metadata), path)

    [back] = read_frames(tmp_path, joints=17)

    assert len(back.people) == 2
    assert (back.camera, back.continues, back.people.embeddings, back.colours) == (
        *(None, None, None),
        (),
    )


def test_a_stretch_with_nobody_in_it_is_a_part_too(tmp_path: Path) -> None:
    write_part(tmp_path, 0, [detected(0, 0), detected(1, 0)], skeleton=COCO17)

    assert [len(f.people) for f in read_frames(tmp_path, joints=17)] == [0, 0]


def test_the_parts_end_at_the_first_that_is_absent(tmp_path: Path) -> None:
    for number in (0, 1, 3):
        write_part(tmp_path, number, [detected(number, 1)], skeleton=COCO17)

    assert list(parts(tmp_path)) == [part_path(tmp_path, 0), part_path(tmp_path, 1)]


def test_frames_that_were_not_looked_at_have_no_time_in_the_table(tmp_path: Path) -> None:
    write_part(tmp_path, 0, [detected(2, 1), detected(4, 0, "missing")], skeleton=COCO17)

    table = frame_table(open_part(path).frames for path in parts(tmp_path))

    np.testing.assert_array_equal(table.times, [np.nan, np.nan, 2 / 30, np.nan, 4 / 30])
    assert table.labeled is not None
    assert table.labeled.tolist() == [False, False, True, False, True]
    assert table.states is not None
    assert table.states.tolist() == [0, 0, 0, 0, 2]


@pytest.mark.parametrize("content", [b"", b"not a table", b"PAR1" + bytes(40) + b"PAR1"])
def test_a_broken_part_is_named(tmp_path: Path, content: bytes) -> None:
    part_path(tmp_path, 0).write_bytes(content)

    with pytest.raises(FormatError, match="part-00000.parquet: not a part of a run's detections"):
        list(read_frames(tmp_path, joints=17))


def test_another_table_is_not_taken_for_a_part(tmp_path: Path) -> None:
    pq.write_table(pa.table({"frame": [1]}), part_path(tmp_path, 0))

    with pytest.raises(FormatError, match="not a part of a run's detections"):
        frame_table(open_part(path).frames for path in parts(tmp_path))


def test_a_part_carries_a_checksum_and_is_any_parquet_to_others(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, [detected(0, 1), detected(1, 2)], skeleton=COCO17, key="run")

    assert open_part(path).key == part_key("run", 0)
    assert (open_part(path).rows, open_part(path).frames.frame) == (3, [0, 1])
    assert pq.read_table(path).num_rows == 3


def test_every_byte_of_a_part_is_under_its_checksum(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, [detected(0, 1)], skeleton=COCO17, key="run")
    whole = path.read_bytes()

    assert seal_holds(whole)
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        assert not seal_holds(changed)
    assert not any(seal_holds(whole[:length]) for length in range(len(whole)))


@pytest.mark.parametrize("place", [0, 5, 100, -1, -5, -8, -30, -200, "mark", "sum", "cut"])
def test_a_part_that_changed_is_refused(tmp_path: Path, place: Any) -> None:
    path = write_part(tmp_path, 0, [detected(0, 1)], skeleton=COCO17, key="run")
    content = bytearray(path.read_bytes())
    if place == "cut":
        del content[-50:]
    else:
        mark = content.index(MARK)
        content[{"mark": mark, "sum": mark + 20}.get(place, place)] ^= 4
    path.write_bytes(content)

    with pytest.raises(FormatError, match="part-00000.parquet: .*damaged"):
        open_part(path)
