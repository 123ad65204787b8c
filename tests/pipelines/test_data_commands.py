"""The commands that look at data sets and result files, and convert them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest

from posetube.datasets.formats import csv_table, json_lines, parquet_table, posetrack18
from posetube.datasets.formats.file_format import FileFormat
from posetube.datasets.formats.format_table import FORMATS, find_format
from posetube.datasets.people import open_people
from posetube.datasets.published.bonn import Bonn
from posetube.datasets.synthetic import SceneConfig, generate
from posetube.datasets.synthetic.layouts import write_dataset
from posetube.pipelines.cli import main
from posetube.pipelines.data_commands.export import write_whole
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.opened_people import open_people_or_run
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking import track_command
from tests.datasets.test_people import walk

SCENE = SceneConfig(size=(144, 256), seconds=0.4, people=2, roles=("stay",))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set in PoseTrack18's layout."""
    root = tmp_path_factory.mktemp("drawn")
    write_dataset(root, [generate(SCENE, seed=2)], layout="posetrack18")
    return root


def annotation(root: Path) -> Path:
    return next((root / "annotations" / "train").glob("*.json"))


def test_check_counts_and_writes_its_report(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["data", "check", str(drawn), "--json", str(tmp_path / "r.json")])

    report = json.loads((tmp_path / "r.json").read_text())
    assert code == 0
    assert (report["videos"], report["frames"], report["people"]) == (1, 10, 2)
    assert report["problems"] == []
    assert "1 videos, 10 frames (10 labelled, 10 pictures" in capsys.readouterr().out


def test_check_exits_with_3_where_there_are_problems(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "annotations" / "train").mkdir(parents=True)
    for i in range(30):
        copy = tmp_path / "annotations" / "train" / f"{i:06d}_mpii_train.json"
        copy.write_text(annotation(drawn).read_text()[: -1 if i else None])

    code = main(["data", "check", str(tmp_path), "--json", str(tmp_path / "r")])

    said = capsys.readouterr().out
    report = json.loads((tmp_path / "r").read_text())
    assert code == 3
    assert report["videos"] == 1
    assert report["problems"][0].keys() == {"file", "where", "what"}
    assert len(report["problems"]) == 30
    assert "is the file cut short?" in report["problems"][0]["what"]
    assert "and 10 more; --json FILE has all of them" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["data", "check", ".", "--from", "nosuch"],
            "no data set is called 'nosuch'; there are posetrack17",
        ),
        (["data", "check", "nosuch", "--from", "jhmdb"], "nosuch: no such file or folder"),
        (["data", "convert", "no.json", "--to", "csv", "-o", "a.csv"], "no.json: no such file"),
        (["data", "convert", "a", "--to", "doc", "-o", "b"], "no format is called 'doc'"),
        (["data", "convert", "a", "--to", "csv", "-o", "b.txt"], "a file of csv ends in .csv"),
        (["data", "preview", ".", "-o", "a.jpg"], "name a file that ends in .png"),
        (["data", "preview", ".", "-o", "a.png", "--pictures", "0"], "must be in .1, 100., got 0"),
        (
            ["data", "preview", ".", "-o", "a.png"],
            "nothing that holds people is recognised in this folder",
        ),
    ],
)
def test_what_is_wrong_is_one_line(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    code = main(words)

    said = capsys.readouterr().err
    assert code == (5 if "no such file" in message else 2)
    assert said.startswith(f"posetube data {words[1]}: ")
    assert said.count("\n") == 1
    assert re.search(message, said), said


@pytest.mark.parametrize(
    "name",
    [
        f.name
        for f in FORMATS
        if f.is_written
        and not f.write_clips  # one person per clip, see below
        and f.name not in ("slp", "sleap-analysis", "nwb", "mot")
    ],
)
def test_every_format_converts_back(name: str, drawn: Path, tmp_path: Path) -> None:
    source, middle = annotation(drawn), tmp_path / f"walk{find_format(name).suffix}"
    back = tmp_path / "back.jsonl"

    assert main(["data", "convert", str(source), "--to", name, "-o", str(middle)]) == 0
    words = ["data", "convert", str(middle), "--from", name, "--to", "jsonl", "-o", str(back)]
    assert main(words) == 0

    truth, found = posetrack18.read(source), json_lines.read(back)
    wrist, ours = truth.skeleton.index("left_wrist"), found.skeleton.index("left_wrist")
    order = np.lexsort((found.track_ids, found.frame))
    np.testing.assert_array_equal(found.track_ids[order], truth.track_ids)
    np.testing.assert_allclose(
        found.keypoints[order][:, ours], truth.keypoints[:, wrist], atol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "clips"),
    [
        ("penn-action", ("0001", "0002")),
        ("jhmdb", ("unknown/900000_mpii_train_person_1", "unknown/900000_mpii_train_person_2")),
    ],
)
def test_each_person_becomes_a_clip_of_a_data_set(
    name: str, clips: tuple[str, ...], drawn: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "out"
    assert main(["data", "convert", str(annotation(drawn)), "--to", name, "-o", str(out)]) == 0

    assert f"people by clip: 1 in {clips[0]}, 2 in {clips[1]}" in capsys.readouterr().err
    file = str(tmp_path / "a.mat")
    assert main(["data", "convert", str(annotation(drawn)), "--to", name, "-o", file]) == 2
    assert f"a.mat: {name} is a folder with a file for each clip" in capsys.readouterr().err
    dataset, truth = open_people(out, form=name), posetrack18.read(annotation(drawn))
    assert dataset.videos() == clips
    wrist = truth.skeleton.index("left_wrist")
    for track_id, clip in zip((1, 2), clips, strict=True):
        found, rows = dataset.read(clip).tracks, truth.track_ids == track_id
        ours = found.skeleton.index("left_wrist")
        np.testing.assert_array_equal(found.frame, truth.frame[rows])
        np.testing.assert_allclose(
            found.keypoints[:, ours], truth.keypoints[rows, wrist], atol=1e-3
        )


@pytest.mark.parametrize("name", ["penn-action", "jhmdb"])
def test_clips_of_a_data_set_have_its_pictures(name: str, drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["data", "convert", str(drawn), "--from", "posetrack18", "--to", name, "-o", str(out)]
    assert main(words) == 0

    dataset = open_people(out, form=name)
    video = dataset.read(dataset.videos()[0])

    assert video.split == "train"
    assert video.picture(3) is not None
    assert video.picture(3).is_file()  # type: ignore[union-attr]


def test_conversion_tells_what_is_lost(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pose"

    main(["data", "convert", str(annotation(drawn)), "--to", "openpose", "-o", str(out)])

    said = capsys.readouterr().err
    assert "joints lost: head_bottom, head_top" in said
    assert "joints estimated: neck, pelvis" in said
    assert "the format has no place for boxes, times, hidden or seen" in said


def test_a_folder_that_is_not_empty_is_not_written_into(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("keep")

    code = main(
        ["data", "convert", str(annotation(drawn)), "--to", "openpose", "-o", str(tmp_path)]
    )

    assert code == 2
    assert "it is there already; name a folder that is new or empty" in capsys.readouterr().err


def test_boxes_alone_become_no_poses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("1,1,10,20,30,40,1,-1,-1,-1\n")

    code = main(
        ["data", "convert", str(tmp_path / "a.txt"), "--to", "csv", "-o", str(tmp_path / "a.csv")]
    )

    assert code == 2
    assert "mot holds boxes only; csv needs joints" in capsys.readouterr().err


def test_no_report_replaces_a_runs_manifest(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "run.json"
    report.write_text("{}")
    both = [str(annotation(drawn))] * 2

    assert main(["data", "check", str(drawn), "--json", str(report)]) == 2
    assert main(["evaluate", *both, "--json", str(report)]) == 2
    assert main(["evaluate", *both, "--events", str(report)]) == 2
    assert capsys.readouterr().err.count("belongs to the run itself") == 3
    assert report.read_text() == "{}"


@pytest.mark.parametrize("name", ["csv", "openpose", "jhmdb"])
def test_boxes_alone_are_exported_where_a_format_has_them(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("1,1,10,20,30,40,1,-1,-1,-1\n")

    line = ["export", str(tmp_path / "a.txt"), "-o", str(tmp_path / "b"), "--to"]
    assert main([*line, name]) == 2
    assert f"a: holds boxes only; {name} needs joints" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
    assert main([*line, "parquet"]) == 0
    assert parquet_table.read(tmp_path / "b").boxes.tolist() == [[9, 19, 39, 59]]


def test_preview_draws_joints_where_they_are(drawn: Path, tmp_path: Path) -> None:
    code = main(["data", "preview", str(drawn), "-o", str(tmp_path / "p.png"), "--pictures", "4"])

    page = cv2.imread(str(tmp_path / "p.png"))
    assert code == 0
    assert page is not None
    assert page.shape == (580, 1440, 3)  # two rows of pictures with captions below
    truth = posetrack18.read(annotation(drawn))
    places = truth.keypoints[0] * 270 / 144
    place = places[(places > 3).all(axis=1) & (places < 267).all(axis=1)][0]
    x, y = np.floor(place).astype(int)
    around = page[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
    assert (np.abs(around.astype(int) - [102, 217, 102]).sum(axis=1) < 60).any()  # green, BGR


def test_preview_of_labels_without_pictures_is_refused(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_text(annotation(drawn).read_text())
    page = str(tmp_path / "p.png")

    code = main(["data", "preview", str(tmp_path), "-o", page, "--from", "posetrack18"])

    assert code == 2
    assert "posetrack18 is there, but none of its pictures" in capsys.readouterr().err


def test_a_run_is_exported(
    make_clip: Callable[..., Path],
    make_model: Callable[..., LoadedModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: make_model())
    run = tmp_path / "run"
    assert main(["track", str(make_clip(frames=6)), "-o", str(run)]) == 0

    assert main(["export", str(run), "--to", "csv", "-o", str(tmp_path / "t.csv")]) == 0
    assert main(["export", str(run), "--to", "parquet"]) == 0

    tracks = read_tracks(run)
    table, parquet = (
        csv_table.read(tmp_path / "t.csv"),
        parquet_table.read(run / "tracks-export.parquet"),
    )
    np.testing.assert_array_equal(table.keypoints.astype(np.float32), tracks.keypoints)
    np.testing.assert_array_equal(parquet.keypoints, tracks.keypoints)
    np.testing.assert_array_equal(parquet.frames.times, tracks.frames.times)


def test_a_folder_that_is_no_run_is_not_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path), "--to", "csv"]) == 2
    assert capsys.readouterr().err.startswith("posetube export: ")


@pytest.mark.parametrize("protocol", ["clean", "poseval"])
def test_drawn_truth_as_prediction_is_perfect(drawn: Path, protocol: str) -> None:
    report = evaluate(annotation(drawn), annotation(drawn), protocol=protocol)

    assert report.total("mota") == pytest.approx(100)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["clean", "poseval"])
def test_bonns_truth_as_prediction_is_perfect(samples: Path, protocol: str) -> None:
    dataset = Bonn(root=samples / "bonn_multiperson_posetrack")

    for name in dataset.videos()[:12]:
        tracks = dataset.read(name).tracks
        assert evaluate(tracks, tracks, protocol=protocol).total("mota") == pytest.approx(100)


def test_preview_tells_coco_from_posetrack(drawn: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path, [generate(SCENE, seed=2)], layout="coco")

    assert open_people_or_run(tmp_path).name == "coco"
    assert open_people_or_run(drawn).name == "posetrack18"


@pytest.mark.parametrize(
    "form", [form for form in FORMATS if form.is_written], ids=lambda form: form.name
)
def test_what_stops_an_export_leaves_no_half_of_it(form: FileFormat, tmp_path: Path) -> None:
    """Neither of a file nor of a folder, so that the same line can be given again."""

    def stopped(path: Path, *given: object) -> NoReturn:
        if form.suffix:
            path.write_text("half")
        else:
            path.mkdir(exist_ok=True)
            (path / "half").write_text("half")
        raise KeyboardInterrupt

    broken = replace(form, write=stopped, write_clips=form.write_clips and stopped)
    out = tmp_path / f"out{form.suffix}"

    with pytest.raises(KeyboardInterrupt):
        write_whole(walk(), broken, out)

    assert list(tmp_path.iterdir()) == []
