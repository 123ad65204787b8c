"""The door: whatever holds people opens as named videos, each read when it is asked for."""

import ast
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from posetube.datasets import people as door
from posetube.datasets.files import json_files
from posetube.datasets.formats import (
    coco,
    csv_table,
    json_lines,
    mot,
    openpose,
    posetrack17,
    posetrack18,
    posetrack21,
)
from posetube.datasets.people import evaluated_videos, open_people
from posetube.errors import FormatError, InputError
from posetube.skeletons import COCO17, POSETRACK17SLOTS, Skeleton
from posetube.structures import FrameTable, VideoTracks

NAME = "000001_mpii_test"
ROOT = Path(__file__).parents[2]


def walk(name: str = NAME, skeleton: Skeleton = POSETRACK17SLOTS) -> VideoTracks:
    """Two people in three frames."""
    frame, k = np.repeat(np.arange(3), 2), len(skeleton)
    corner = np.stack([10.0 * frame, np.tile([50.0, 250.0], 3)], axis=1)
    return VideoTracks(
        source=name,
        size=(400, 300),
        skeleton=skeleton,
        frames=FrameTable(
            times=np.arange(3) / 25, names=tuple(f"images/val/{name}/{i:06d}.jpg" for i in range(3))
        ),
        frame=frame,
        track_ids=np.tile([1, 2], 3),
        boxes=np.concatenate([corner, corner + 100], axis=1).astype(np.float32),
        scores=np.full(6, 0.5, np.float32),
        keypoints=corner[:, None] + np.arange(k)[:, None] * 5.0,
        keypoint_scores=np.full((6, k), 0.5),
    )


WRITERS: dict[str, Any] = {
    "posetrack18": (posetrack18.write_tracks, ".json"),
    "coco": (coco.write_tracks, ".json"),
    "csv": (csv_table.write_tracks, ".csv"),
    "jsonl": (json_lines.write_tracks, ".jsonl"),
    "mot": (mot.write_tracks, ".txt"),
    "openpose": (openpose.write_tracks, ""),
}


@pytest.mark.parametrize("form", WRITERS)
def test_a_file_is_one_video_with_its_name_and_its_place(form: str, tmp_path: Path) -> None:
    write, suffix = WRITERS[form]
    write(tmp_path / f"walk{suffix}", walk(skeleton=COCO17))

    people = open_people(tmp_path / f"walk{suffix}")

    assert (people.name, people.videos()) == (form, ("walk",))
    video = people.read("walk")
    assert (video.name, video.dataset) == ("walk", form)
    assert video.where == str(tmp_path / f"walk{suffix}")
    assert video.tracks.track_ids.tolist() == [1, 2] * 3
    with pytest.raises(FormatError, match="no video 'run' in it"):
        people.read("run")


def test_a_folder_has_a_video_for_each_file_of_one_ending(tmp_path: Path) -> None:
    for name in ("b", "a"):
        posetrack18.write_tracks(tmp_path / f"{name}.json", walk())
    posetrack17.write_tracks(tmp_path / "c.json", walk())
    (tmp_path / "README.txt").write_text("not a video")
    openpose.write_tracks(tmp_path / "d", walk(skeleton=COCO17))

    people = open_people(tmp_path)

    assert people.videos() == ("a", "b", "c", "d")
    forms = [people.read(name).posetrack for name in people.videos()]
    assert forms == ["posetrack18", "posetrack18", "posetrack17", ""]
    assert people.read("d").dataset == "openpose"
    with pytest.raises(FormatError, match="no file of a video 'e'"):
        people.read("e")


def test_a_folder_shows_the_pictures_that_lie_in_it(tmp_path: Path) -> None:
    posetrack18.write_tracks(tmp_path / "a.json", walk())
    assert open_people(tmp_path).read("a").media is None
    picture = tmp_path / "images" / "val" / NAME / "000001.jpg"
    picture.parent.mkdir(parents=True)
    picture.touch()

    assert open_people(tmp_path).read("a").picture(1) == picture


def test_the_folder_of_a_data_set_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "annotations" / "val" / f"{NAME}.json"
    file.parent.mkdir(parents=True)
    posetrack18.write_tracks(file, walk())

    people = open_people(tmp_path)

    assert (people.name, people.videos()) == ("posetrack18", (f"val/{NAME}",))
    posetrack17.write_tracks(file, walk())
    assert open_people(tmp_path).name == "posetrack17"
    (tmp_path / "annotations").rename(tmp_path / "posetrack_data")
    posetrack21.write_tracks(tmp_path / "posetrack_data" / "val" / f"{NAME}.json", walk())
    video = open_people(tmp_path).read(f"val/{NAME}")
    assert (video.dataset, video.split) == ("posetrack21", "val")
    assert video.person_ids is not None
    assert video.person_ids.tolist() == [1, 2] * 3


def test_what_is_named_is_not_guessed(tmp_path: Path) -> None:
    posetrack18.write_tracks(tmp_path / "a.json", walk())

    assert open_people(tmp_path / "a.json", form="coco").name == "coco"
    assert open_people(tmp_path, form="posetrack18").videos() == ("a",)
    with pytest.raises(FormatError, match="joint_positions"):
        open_people(tmp_path, form="jhmdb").videos()
    with pytest.raises(InputError, match="no data set is called 'doc'; there are posetrack17, .*"
                       "no format is called 'doc'; there are posetrack18, "):  # fmt: skip
        open_people(tmp_path, form="doc")
    with pytest.raises(InputError, match="a.json: no such folder"):
        open_people(tmp_path / "a.json", form="bonn")


def test_what_is_not_there_or_not_understood_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such file or folder"):
        open_people(tmp_path / "nowhere")
    (tmp_path / "picture.jpg").write_bytes(b"x")
    with pytest.raises(
        InputError,
        match="nothing that holds people is recognised in this folder; say which data set it is: "
        "posetrack17, .*; or name a file: posetrack18, ",
    ):
        open_people(tmp_path)
    with pytest.raises(FormatError, match=r"no format ends in '\.jpg'; say which it is"):
        open_people(tmp_path / "picture.jpg")
    (tmp_path / "empty.doc").touch()
    with pytest.raises(FormatError, match=r"empty\.doc: the file is empty"):
        open_people(tmp_path / "empty.doc")
    nothing: Any = 3
    with pytest.raises(InputError, match="expected a path or VideoTracks, got int"):
        open_people(nothing)


def test_tracks_in_memory_are_called_by_their_source() -> None:
    people = open_people([walk("a"), walk("b")])

    assert (people.name, people.videos()) == ("memory", ("a", "b"))
    assert people.read("b").tracks.source == people.read("b").where == "b"
    assert open_people(walk("a")).videos() == ("a",)
    with pytest.raises(FormatError, match="no tracks are called 'c'"):
        people.read("c")


def joined(path: Path) -> Path:
    """One file with two sequences."""
    posetrack18.write_tracks(path, walk())
    content = json.loads(path.read_text())
    for image in content["images"][2:]:
        image["file_name"] = image["file_name"].replace(NAME, "000002_mpii_test")
    path.write_text(json.dumps(content))
    return path


def test_a_file_of_several_sequences_has_them_by_name(tmp_path: Path) -> None:
    people = open_people(joined(tmp_path / "all.json"))

    assert people.videos() == (NAME, "000002_mpii_test")
    second = people.read("000002_mpii_test")
    assert second.where == f"{tmp_path / 'all.json'} (000002_mpii_test)"
    assert len(second.tracks.frames) == 1
    with pytest.raises(FormatError, match="frames of several sequences"):
        open_people(tmp_path).read("all")


def test_a_file_is_read_from_disk_and_parsed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posetrack21.write_tracks(tmp_path / "a.json", walk())
    reads: list[Path] = []
    parsed: list[Any] = []

    def reading(path: Path) -> bytes:
        reads.append(path)
        return json_files.read_bytes(path)

    def parsing(content: Any, kind: Any, *, path: Path) -> Any:
        parsed.append(kind)
        return json_files.decode(content, kind, path=path)

    monkeypatch.setattr("posetube.datasets.files.opened_file.read_bytes", reading)
    monkeypatch.setattr("posetube.datasets.files.opened_file.decode", parsing)

    video = open_people(tmp_path / "a.json").read("a")

    assert video.person_ids is not None
    assert len(reads) == 1
    assert parsed.count(dict[str, msgspec.Raw]) == 1  # a scan, for recognising
    assert [kind.__name__ for kind in parsed if hasattr(kind, "images")] == ["_File"]


def test_a_folder_reads_no_file_before_it_is_asked_for(tmp_path: Path) -> None:
    posetrack18.write_tracks(tmp_path / "a.json", walk())
    (tmp_path / "b.json").write_text("{")

    people = open_people(tmp_path)

    assert people.videos() == ("a", "b")
    assert len(people.read("a").tracks.frame) == 6
    with pytest.raises(FormatError, match=r"b\.json: not valid JSON"):
        people.read("b")


def test_the_test_part_of_a_data_set_is_evaluated_and_all_of_a_folder(tmp_path: Path) -> None:
    for part in ("train", "val"):
        (tmp_path / "annotations" / part).mkdir(parents=True)
        posetrack18.write_tracks(tmp_path / "annotations" / part / f"{NAME}.json", walk())

    assert evaluated_videos(open_people(tmp_path)) == (f"val/{NAME}",)
    (tmp_path / "annotations" / "val" / f"{NAME}.json").unlink()
    assert evaluated_videos(open_people(tmp_path)) == (f"train/{NAME}",)
    assert evaluated_videos(open_people(tmp_path / "annotations" / "train")) == (NAME,)


def test_boxes_are_told_by_the_format_or_by_the_file(tmp_path: Path) -> None:
    mot.write_tracks(tmp_path / "a.txt", walk())
    assert door.holds_boxes_only(open_people(tmp_path))
    boxes = mot.read(tmp_path / "a.txt")
    json_lines.write_tracks(tmp_path / "a.jsonl", boxes)

    assert door.holds_boxes_only(open_people(tmp_path / "a.jsonl"))
    assert door.holds_boxes_only(open_people(boxes))
    assert not door.holds_boxes_only(open_people(walk()))


ROOMS = ("files", "formats", "published")
"""Each may use those before it; the door uses all."""


@pytest.mark.parametrize("room", ROOMS)
def test_formats_know_no_data_sets_and_files_know_no_formats(room: str) -> None:
    above = {*ROOMS[ROOMS.index(room) + 1 :], "people"}
    for file in sorted((ROOT / "datasets" / room).glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                first = (node.module or node.names[0].name).partition(".")[0]
                assert first not in above, f"{file.name} imports {node.module}"
