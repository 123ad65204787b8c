"""Whole data sets in other formats: the same people come back, a broken video harms no other."""

import contextlib
import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.annotated_video import AnnotatedVideo, Dataset
from posetube.datasets.formats import coco, posetrack18, posetrack18_writer
from posetube.datasets.formats.joint_sets import with_joints
from posetube.datasets.formats.video_places import sequence_names
from posetube.datasets.people import open_people
from posetube.datasets.published.dataset_check import check_dataset
from posetube.datasets.synthetic import SceneConfig, SyntheticClip, generate
from posetube.datasets.synthetic.layouts import Layout, write_dataset
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.skeletons import LSP14, POSETRACK15
from posetube.structures import VideoTracks
from tests.datasets.published_label_files import write_labels

SCENE = SceneConfig(size=(96, 160), seconds=0.12, people=2, roles=("stay",))
LAYOUTS: dict[Layout, str] = {
    "video": "posetrack18",
    "posetrack18": "posetrack18",
    "posetrack17": "posetrack17",
    "coco": "coco",
    "penn-action": "penn-action",
    "jhmdb": "jhmdb",
}
"""What the synthesizer writes with joints, and the data set that it is."""


@pytest.fixture(scope="module")
def clips() -> list[SyntheticClip]:
    return [generate(SCENE, seed=seed) for seed in (2, 3)]


@pytest.fixture(scope="module")
def truth(clips: list[SyntheticClip]) -> list[VideoTracks]:
    return [clip.tracks() for clip in clips]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, clips: list[SyntheticClip]) -> Path:
    """Two sequences in PoseTrack18's layout."""
    root = tmp_path_factory.mktemp("drawn")
    write_dataset(root, clips, layout="posetrack18")
    return root


def convert(source: Path, name: str, to: str, out: Path, *more: str) -> int:
    return main(["data", "convert", str(source), "--from", name, "--to", to, "-o", str(out), *more])


def pairs(before: Dataset, after: Dataset) -> list[tuple[AnnotatedVideo, AnnotatedVideo]]:
    names = sequence_names(before.videos())
    places = {Path(video).name: video for video in after.videos()}
    assert len(places) == len(names)
    return [(before.read(old), after.read(places[new])) for old, new in names.items()]


def assert_same_people(old: VideoTracks, new: VideoTracks) -> None:
    """Everything that a file of PoseTrack18 holds, joints by name and to the last digit."""
    assert len(old.frames) == len(new.frames)
    assert (old.size, len(old.frame)) == (new.size, len(new.frame))
    np.testing.assert_array_equal(old.frame, new.frame)
    if (old.track_ids >= 0).all():
        np.testing.assert_array_equal(old.track_ids, new.track_ids)
    shared = [joint for joint in old.skeleton.joints if joint in new.skeleton.joints]
    assert len(shared) >= 12
    was, now = ([t.skeleton.index(joint) for joint in shared] for t in (old, new))
    np.testing.assert_array_equal(old.keypoints[:, was], new.keypoints[:, now])
    assert old.joint_states is not None
    assert new.joint_states is not None
    np.testing.assert_array_equal(old.joint_states[:, was], new.joint_states[:, now])
    np.testing.assert_allclose(old.boxes, new.boxes, atol=1e-3)
    np.testing.assert_array_equal(old.frames.times, new.frames.times)
    if old.head_boxes is not None:
        assert new.head_boxes is not None
        np.testing.assert_allclose(old.head_boxes, new.head_boxes, atol=1e-9)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_becomes_posetrack18_with_the_same_people(
    layout: Layout, tmp_path: Path, clips: list[SyntheticClip]
) -> None:
    write_dataset(tmp_path / "in", clips, layout=layout)

    assert convert(tmp_path / "in", LAYOUTS[layout], "posetrack18", tmp_path / "out") == 0

    before = open_people(tmp_path / "in", form=LAYOUTS[layout])
    after = open_people(tmp_path / "out", form="posetrack18")
    for old, new in pairs(before, after):
        assert_same_people(old.tracks, new.tracks)
        assert old.split == new.split
        assert new.media is not None
    assert check_dataset(after, root=tmp_path / "out").problems == []


@pytest.mark.parametrize("kin", ["posetrack17", "posetrack21"])
def test_posetracks_kin_give_posetrack18_back(kin: str, drawn: Path, tmp_path: Path) -> None:
    assert convert(drawn, "posetrack18", kin, tmp_path / "there") == 0
    assert convert(tmp_path / "there", kin, "posetrack18", tmp_path / "back") == 0

    for name in (kin, "posetrack18"):
        folder = tmp_path / ("there" if name == kin else "back")
        assert check_dataset(open_people(folder, form=name), root=folder).problems == []
    before = open_people(drawn, form="posetrack18")
    after = open_people(tmp_path / "back", form="posetrack18")
    assert before.videos() == after.videos()
    for old, new in pairs(before, after):
        kept = old.tracks
        if kin == "posetrack17":  # has no place for these
            kept, _ = with_joints(kept, POSETRACK15)
            times, boxes = np.full(len(kept.frames), np.nan), np.full_like(kept.boxes, np.nan)
            kept = replace(kept, size=None, boxes=boxes, frames=replace(kept.frames, times=times))
        assert_same_people(kept, new.tracks)
        assert new.tracks.frames.names == old.tracks.frames.names
        if kin == "posetrack21":
            np.testing.assert_array_equal(new.tracks.frames.ids, old.tracks.frames.ids)


def test_sequences_of_boxes_have_motchallenges_layout(
    tmp_path: Path, clips: list[SyntheticClip], capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(tmp_path / "in", clips, layout="mot")

    assert convert(tmp_path / "in", "mot", "mot", tmp_path / "out") == 0
    assert convert(tmp_path / "in", "mot", "posetrack18", tmp_path / "no") == 2

    before, after = (open_people(tmp_path / name, form="mot") for name in ("in", "out"))
    assert before.videos() == after.videos()
    for name in before.videos():
        old, new = before.read(name), after.read(name)
        np.testing.assert_array_equal(old.tracks.boxes, new.tracks.boxes)
        np.testing.assert_array_equal(old.tracks.track_ids, new.tracks.track_ids)
    info = (tmp_path / "out" / before.videos()[0] / "seqinfo.ini").read_text()
    assert "seqLength=3\n" in info
    assert check_dataset(after, root=tmp_path / "out").problems == []
    assert "mot holds boxes only; posetrack18 needs joints" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_poses_become_boxes_with_their_pictures(drawn: Path, tmp_path: Path) -> None:
    assert convert(drawn, "posetrack18", "mot", tmp_path / "out") == 0

    dataset = open_people(tmp_path / "out", form="mot")
    assert dataset.videos() == ("train/900000_mpii_train", "train/900001_mpii_train")
    assert check_dataset(dataset, root=tmp_path / "out").problems == []


def labels(folder: Path, count: int, truth: list[VideoTracks], *, broken: int = 0) -> Path:
    """A small data set of labels without pictures, one of its files cut short."""
    for number in range(count):
        name = f"{number + 1:06d}_mpii_test"
        path = folder / "annotations" / "val" / f"{name}.json"
        names = tuple(f"images/val/{name}/{i:06d}.jpg" for i in range(len(truth[0].frames)))
        tracks = truth[number % 2]
        tracks = replace(tracks, source=name, frames=replace(tracks.frames, names=names))
        posetrack18_writer.write_tracks(path, tracks)
        if number < broken:
            path.write_text(path.read_text()[:-1])
    return folder


def test_a_broken_video_is_one_line_and_the_rest_is_converted(
    tmp_path: Path, truth: list[VideoTracks], capsys: pytest.CaptureFixture[str]
) -> None:
    root = labels(tmp_path / "in", 4, truth, broken=1)

    for to, out in (("cvat", "out"), ("coco", "out.json"), ("csv", "out.csv")):
        assert convert(root, "posetrack18", to, tmp_path / out) == 3
        said = capsys.readouterr().err
        (line,) = (line for line in said.splitlines() if line.startswith("val/000001_mpii_test"))
        assert line.endswith("is the file cut short?; left out")
        assert "videos left out: 1" in said
        assert ": 3 videos, 9 frames, 18 poses -> " in said

    written = sorted(path.name for path in (tmp_path / "out" / "val").iterdir())
    assert written == [f"00000{i}_mpii_test.xml" for i in (2, 3, 4)]
    assert len(json.loads((tmp_path / "out.json").read_text())["videos"]) == 3


def test_where_nothing_can_be_converted_nothing_is_written(
    tmp_path: Path, truth: list[VideoTracks], capsys: pytest.CaptureFixture[str]
) -> None:
    root = labels(tmp_path / "in", 2, truth, broken=2)

    for to, out in (("posetrack17", "out"), ("coco", "out.json"), ("csv", "out.csv")):
        assert convert(root, "posetrack18", to, tmp_path / out) == 2
        assert "none of the 2 videos can be converted" in capsys.readouterr().err

    assert sorted(os.listdir(tmp_path)) == ["in"]


def test_what_is_lost_is_said_once(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(drawn, "posetrack18", "openpose", tmp_path / "out") == 0

    said = capsys.readouterr().err
    assert said.count("joints lost") == 1
    assert said.count("has no place for") == 1
    assert len(list((tmp_path / "out" / "train" / "900001_mpii_train").iterdir())) == 3


def test_parts_and_videos_can_be_chosen(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = "train/900001_mpii_train"

    assert convert(drawn, "posetrack18", "jsonl", tmp_path / "a", "--split", "train") == 0
    assert convert(drawn, "posetrack18", "jsonl", tmp_path / "b", "--video", one) == 0
    assert convert(drawn, "posetrack18", "jsonl", tmp_path / "c", "--split", "val") == 2
    assert convert(drawn, "posetrack18", "jsonl", tmp_path / "c", "--video", "900001") == 2

    assert len(list((tmp_path / "a").rglob("*.jsonl"))) == 2
    assert [path.name for path in (tmp_path / "b" / "train").iterdir()] == [
        "900001_mpii_train.jsonl"
    ]
    assert not (tmp_path / "c").exists()
    said = capsys.readouterr().err
    assert "posetrack18 has no video of part 'val'; there is train" in said
    assert "posetrack18 has no video '900001'; there is train/90000" in said


def test_a_folder_with_something_in_it_is_left_alone(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("keep")

    assert convert(drawn, "posetrack18", "cvat", tmp_path) == 2

    assert "it is there already; name a folder that is new or empty" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_an_empty_folder_is_filled_in_place(drawn: Path, tmp_path: Path) -> None:
    before = tmp_path.stat().st_ino

    assert convert(drawn, "posetrack18", "cvat", tmp_path) == 0

    assert os.listdir(tmp_path) == ["train"]
    assert tmp_path.stat().st_ino == before  # a shell that stands in it goes on to see it


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "posetrack18", "--to", "coco", "-o", "out"], "a file of coco ends in .json"),
        (["--from", "jhmdb", "--to", "csv", "-o", "out.csv"], "joint_positions"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_line(
    words: list[str], message: str, drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "convert", str(drawn), *words]) == 2

    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_folder_is_recognised_where_its_files_tell(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "convert", str(drawn), "--to", "cvat", "-o", str(tmp_path / "out")]) == 0
    assert "(posetrack18): 2 videos" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()

    assert main(["data", "convert", str(tmp_path / "empty"), "--to", "cvat", "-o", "out"]) == 2

    said = capsys.readouterr().err
    assert "recognised in this folder; say which data set it is: posetrack17" in said
    assert said.count("\n") == 1


def test_a_file_has_no_parts(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(next(drawn.rglob("*.json")))

    assert main(["data", "convert", file, "--to", "csv", "-o", "a.csv", "--split", "train"]) == 2
    assert main(["data", "convert", file, "--from", "bonn", "--to", "csv", "-o", "a.csv"]) == 2

    said = capsys.readouterr().err
    assert "a file becomes one video; --split is for data sets" in said
    assert f"{file}: no such folder" in said


def test_many_pictures_become_one_file_of_coco(tmp_path: Path, truth: list[VideoTracks]) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    write_labels(tmp_path / "in", truth, dataset="lsp")

    assert convert(tmp_path / "in", "lsp", "coco", tmp_path / "lsp.json") == 0

    with contextlib.redirect_stdout(io.StringIO()):
        loaded = coco.COCO(str(tmp_path / "lsp.json"))
    dataset = open_people(tmp_path / "in", form="lsp")
    assert [image["file_name"] for image in loaded.dataset["images"]] == list(dataset.videos())
    assert "videos" not in loaded.dataset
    for image, name in zip(loaded.getImgIds(), dataset.videos(), strict=True):
        (person,) = loaded.loadAnns(loaded.getAnnIds(imgIds=[image]))
        labelled = dataset.read(name).tracks
        found = np.reshape(person["keypoints"], (14, 3))
        np.testing.assert_array_equal(found[:, :2], np.nan_to_num(labelled.keypoints[0]))
        assert person["bbox"][2] > 0
    assert loaded.loadCats(1)[0]["keypoints"] == list(LSP14.joints)


def test_nobody_is_in_two_videos_of_one_coco_file(drawn: Path, tmp_path: Path) -> None:
    assert convert(drawn, "posetrack18", "coco", tmp_path / "all.json") == 0

    content = json.loads((tmp_path / "all.json").read_text())
    dataset = open_people(drawn, form="posetrack18")
    video_of = {image["id"]: image["video_id"] for image in content["images"]}
    ids: dict[int, set[int]] = {1: set(), 2: set()}
    for person in content["annotations"]:
        ids[video_of[person["image_id"]]].add(person["track_id"])
    assert len(video_of) == 6
    assert ids[1].isdisjoint(ids[2])
    assert ids[1] == set(dataset.read(dataset.videos()[0]).tracks.ids.tolist())
    assert [video["name"] for video in content["videos"]] == list(dataset.videos())
    assert [image["frame_id"] for image in content["images"]] == [0, 1, 2, 0, 1, 2]
    assert len({person["id"] for person in content["annotations"]}) == 12
    assert len(coco.read(tmp_path / "all.json").ids) == 4


def test_the_videos_of_one_coco_file_come_back(drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "coco").mkdir()
    assert convert(drawn, "posetrack18", "coco", tmp_path / "coco" / "all.json") == 0
    assert convert(tmp_path / "coco", "coco", "posetrack18", tmp_path / "back") == 0

    before, after = (open_people(path, form="posetrack18") for path in (drawn, tmp_path / "back"))
    for old, new in pairs(before, after):
        ids = new.tracks.track_ids - new.tracks.track_ids.min() + old.tracks.track_ids.min()
        unheaded = replace(old.tracks, head_boxes=None)  # COCO has no place for them
        assert_same_people(unheaded, replace(new.tracks, track_ids=ids))


def test_a_table_tells_videos_apart(drawn: Path, tmp_path: Path) -> None:
    assert convert(drawn, "posetrack18", "csv", tmp_path / "all.csv") == 0

    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["video"] for row in rows} == set(open_people(drawn, form="posetrack18").videos())
    assert len(rows) == 2 * 3 * 2 * 17


@pytest.mark.parametrize("protocol", ["clean", "poseval"])
def test_converted_truth_as_prediction_is_perfect(
    protocol: str, drawn: Path, tmp_path: Path
) -> None:
    convert(drawn, "posetrack18", "posetrack17", tmp_path / "17")
    convert(tmp_path / "17", "posetrack17", "posetrack18", tmp_path / "18")

    report = evaluate(tmp_path / "18", tmp_path / "18", protocol=protocol)

    assert report.sequences == 2
    assert report.total("mota") == pytest.approx(100)


def test_predictions_are_found_by_the_name_before_the_conversion(
    tmp_path: Path, truth: list[VideoTracks]
) -> None:
    """A run is called like its video, the converted truth as PoseTrack asks."""
    for kind in ("in", "found"):
        for name, tracks in zip(("dance", "walk"), truth, strict=True):
            tracks = replace(tracks, source=name)
            posetrack18_writer.write_tracks(tmp_path / kind / f"{name}.json", tracks)
    assert convert(tmp_path / "in", "posetrack18", "posetrack18", tmp_path / "truth") == 0

    names = [path.name for path in sorted((tmp_path / "truth").rglob("*.json"))]
    report = evaluate(tmp_path / "found", tmp_path / "truth")

    assert names == ["500000_mpii_test.json", "500001_mpii_test.json"]
    assert report.total("mota") == pytest.approx(100)


def test_nothing_is_written_through_a_link_into_the_source(
    tmp_path: Path, truth: list[VideoTracks], capsys: pytest.CaptureFixture[str]
) -> None:
    """The second sequence says that its pictures lie within those of the first."""
    first, second = "images/val/000001_mpii_test", "images/val/000001_mpii_test/000002_mpii_test"
    for folder, name in ((first, "000001_mpii_test"), (second, "000002_mpii_test")):
        (tmp_path / "in" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / folder / "000000.jpg").touch()
        names = tuple(f"{folder}/{i:06d}.jpg" for i in range(3))
        tracks = replace(truth[0], frames=replace(truth[0].frames, names=names))
        path = tmp_path / "in" / "annotations" / "val" / f"{name}.json"
        posetrack18_writer.write_tracks(path, tracks)
    before = sorted((tmp_path / "in").rglob("*"))

    assert convert(tmp_path / "in", "posetrack18", "posetrack17", tmp_path / "out") == 3

    assert "pictures of another video, which has no folders in it" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").rglob("*.json")] == ["000001_mpii_test.json"]
    assert sorted((tmp_path / "in").rglob("*")) == before


def test_pictures_are_not_linked_where_nobody_wants_them(drawn: Path, tmp_path: Path) -> None:
    assert convert(drawn, "posetrack18", "mot", tmp_path / "out", "--no-pictures") == 0

    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_symlink()]


def test_bonns_sequences_equal_their_published_conversion(samples: Path, tmp_path: Path) -> None:
    """But for the first pixel, the boxes, and what somebody else estimated of heads."""
    folder = samples / "bonn_multiperson_posetrack"
    root = tmp_path / "in"
    (root / "annolist").mkdir(parents=True)
    (root / "annolist" / "a_annolist.mat").symlink_to(
        folder / "annolist" / "test_060470979_annolist.mat"
    )

    assert convert(root, "bonn", "posetrack18", tmp_path / "out") == 0

    (path,) = (tmp_path / "out").rglob("*.json")
    ours = posetrack18.read(path)
    theirs = posetrack18.read(folder / "posetrack18_json" / "950022_mpii_test.json")
    assert ours.skeleton.joints == theirs.skeleton.joints
    assert ours.source == "060470979"
    np.testing.assert_array_equal(ours.frame, theirs.frame)
    np.testing.assert_array_equal(ours.track_ids, theirs.track_ids)
    np.testing.assert_allclose(ours.keypoints + 1, theirs.keypoints, atol=1e-3)
    assert posetrack18_writer.SEQUENCE_NAME.match(Path(ours.frames.names[0]).parent.name)


def test_photographs_of_coco_stay_where_they_are(samples: Path, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")

    assert convert(samples / "tiny_coco", "coco", "coco", tmp_path / "all.json") == 0

    with contextlib.redirect_stdout(io.StringIO()):
        loaded = coco.COCO(str(tmp_path / "all.json"))
        given = coco.COCO(str(next((samples / "tiny_coco").rglob("person_keypoints_*.json"))))
    assert set(loaded.getImgIds()) == set(given.getImgIds())
    for image in loaded.dataset["images"]:
        assert (samples / "tiny_coco" / image["file_name"]).is_file()
    people = [a for a in given.dataset["annotations"] if not a["iscrowd"]]
    assert sorted(a["keypoints"] for a in loaded.dataset["annotations"]) == sorted(
        [float(n) for n in a["keypoints"]] for a in people
    )


@pytest.mark.parametrize("name", ["posetrack18", "posetrack21"])
def test_a_file_of_several_sequences_is_to_be_named_by_its_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [{"id": i, "file_name": f"images/val/{i}/0.jpg"} for i in range(2)]
    people = [{"image_id": i, "track_id": 0, "keypoints": [5.0, 5, 1]} for i in range(2)]
    content = {"images": frames, "annotations": people, "categories": [{"keypoints": ["nose"]}]}
    source = tmp_path / "posetrack18_val.json"
    source.write_text(json.dumps(content))

    code = main(["data", "convert", str(source), "--from", name, "--to", "csv",
                 "-o", str(tmp_path / "a.csv")])  # fmt: skip

    said = capsys.readouterr().err
    assert code == 2
    assert "holds 2 videos, say which one as --video; there are 0, 1" in said
