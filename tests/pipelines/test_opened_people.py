"""What one command opens, all open: runs by their files, moved tables, one video of several."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import posetube
from posetube.datasets.formats import csv_table, json_lines, posetrack17
from posetube.errors import FormatError, InputError
from posetube.pipelines.cli import main
from posetube.pipelines.opened_people import open_people_or_run
from posetube.structures import VideoTracks
from tests.datasets.test_people import walk
from tests.pipelines.tracking.test_link_external import coco_results


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A linked run in a folder of runs; nobody is in its first frame, or in its last."""
    detections = json.loads(coco_results(tmp_path / "walk.json", frames=12).read_text())
    detections["annotations"] = detections["annotations"][2:-1]
    (tmp_path / "walk.json").write_text(json.dumps(detections))
    folder = tmp_path / "runs" / "walk"
    assert main(["link", str(tmp_path / "walk.json"), "-o", str(folder), "--frame-rate", "10"]) == 0
    return folder


def mixed(path: Path) -> Path:
    """A list of pictures of two videos, which have the same numbers."""
    content = json.loads(coco_results(path).read_text())
    for i, image in enumerate(content["images"]):
        image["file_name"] = f"{'ab'[i % 2]}_{i // 2:04d}.jpg"
    for person in content["annotations"]:
        person |= {"track_id": 1, "area": 4000, "iscrowd": 0}
    path.write_text(json.dumps(content))
    return path


def same_people(one: VideoTracks, other: VideoTracks) -> bool:
    fields = ("frame", "track_ids", "boxes", "scores", "keypoints", "keypoint_scores")
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in fields
    )


@pytest.mark.parametrize("name", ["run.json", "tracks.parquet"])
def test_a_runs_file_stands_for_the_run(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["link", str(run / name), "--link.max-gap", "2s"]) == 0
    assert main(["export", str(run / name), "--to", "csv"]) == 0

    assert (run / "tracks-export.csv").is_file()
    assert same_people(posetube.link(run / name), posetube.link(run))
    assert main(["link", str(run / name), "-o", str(run.parent / "other")]) == 2
    assert "is a run and is linked where it is; leave out --out" in capsys.readouterr().err


def test_a_table_that_left_its_run_is_a_file_of_people(run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.parquet"
    shutil.copy(run / "tracks.parquet", moved)

    whole, found = posetube.load(run), posetube.load(moved)

    assert open_people_or_run(moved).name == "run-tracks"
    assert same_people(whole, found)
    assert (found.source, found.size, found.skeleton) == (whole.source, whole.size, whole.skeleton)
    np.testing.assert_allclose(found.frames.times, whole.frames.times[:11])
    assert main(["link", str(moved), "-o", str(tmp_path / "again")]) == 0
    assert posetube.load(tmp_path / "again").ids.tolist() == [1]
    moved.write_bytes(moved.read_bytes()[:-9])
    with pytest.raises(posetube.FormatError, match=r"moved\.parquet"):
        posetube.load(moved)


def test_a_table_without_people_has_no_frames(tmp_path: Path) -> None:
    empty = coco_results(tmp_path / "nobody.json")
    empty.write_text(json.dumps(json.loads(empty.read_text()) | {"annotations": []}))
    assert main(["link", str(empty), "-o", str(tmp_path / "run")]) == 0
    shutil.copy(tmp_path / "run" / "tracks.parquet", tmp_path / "moved.parquet")

    assert len(posetube.load(tmp_path / "moved.parquet").frames) == 0


def test_a_folder_of_runs_is_not_linked_as_if_it_were_detections(run: Path) -> None:
    assert same_people(posetube.load(run.parent), posetube.load(run))
    with pytest.raises(
        InputError, match="runs: a folder of runs; name one of them, such as .*walk"
    ):
        posetube.link(run.parent)


def test_pictures_of_two_videos_are_never_one_video(tmp_path: Path) -> None:
    file = mixed(tmp_path / "a.json")
    message = "a.json: pictures of several videos, 'a_' and 'b_', have the same numbers"
    jobs: list[Callable[[], object]] = [
        lambda: posetube.load(file),
        lambda: posetube.link(file),
        lambda: posetube.export(file, tmp_path / "out.csv", to="csv"),
        lambda: posetube.evaluate(file, file),
        lambda: posetube.evaluate(walk(), file, protocol="poseval"),
    ]
    for job in jobs:
        with pytest.raises(InputError, match=message):
            job()
    assert main(["data", "check", str(file)]) == 3
    (tmp_path / "folder").mkdir()
    shutil.copy(file, tmp_path / "folder" / "a.json")
    with pytest.raises(InputError, match=message):
        posetube.load(tmp_path / "folder")

    # As single pictures they are in order: AP follows nobody over time.
    assert posetube.evaluate(file, file, protocol="coco").total("ap") == pytest.approx(100)


def timed(path: Path, *beginnings: str) -> Path:
    """A list of pictures that are named by times, across a full minute, of each of some cameras."""
    content = json.loads(coco_results(path).read_text())
    for i, image in enumerate(content["images"]):
        second, camera = divmod(i, len(beginnings))
        time = datetime(2024, 5, 6, 12, 0, 50) + timedelta(seconds=second)
        image["file_name"] = f"{beginnings[camera]}{time:%Y-%m-%d_%H-%M-%S}.jpg"
    path.write_text(json.dumps(content))
    return path


def test_pictures_named_by_times_are_one_video_with_these_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = timed(tmp_path / "door.json", "door_")
    assert posetube.load(file).frames.times.tolist() == list(range(20))
    assert main(["link", str(file), "-o", str(tmp_path / "run")]) == 0
    assert "frames per second are assumed" not in capsys.readouterr().err
    assert posetube.load(tmp_path / "run").frames.times.tolist() == list(range(20))

    two = timed(tmp_path / "two.json", "left_", "right_")
    with pytest.raises(InputError, match="pictures of several videos, 'left_' and 'right_'"):
        posetube.load(two)


def test_one_of_several_videos_is_chosen_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    for name in ("a", "b"):
        csv_table.write_tracks(folder / f"{name}.csv", walk(name))
    chosen = posetube.load(folder, video="b")

    posetube.export(folder, tmp_path / "b.jsonl", to="jsonl", video="b")
    out = ["-o", str(tmp_path / "b.csv"), "--video", "b"]
    assert main(["export", str(folder), "--to", "csv", *out]) == 0
    assert main(["link", str(folder), "-o", str(tmp_path / "run"), "--video", "b"]) == 0

    assert same_people(json_lines.read(tmp_path / "b.jsonl"), chosen)
    assert same_people(csv_table.read(tmp_path / "b.csv"), chosen)
    assert len(posetube.link(folder, video="b").ids) == len(posetube.load(tmp_path / "run").ids)
    capsys.readouterr()
    for words in (["link", str(folder)], ["export", str(folder), "--to", "csv", "-o", "x.csv"]):
        assert main(words) == 2
        assert "holds 2 videos, say which one as --video; there are a, b" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["run", "file", "folder"])
def test_whatever_opens_is_checked(
    kind: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people").mkdir()
    for name in ("a", "b"):
        csv_table.write_tracks(tmp_path / "people" / f"{name}.csv", walk(name))
    source = {"run": run, "file": tmp_path / "people" / "a.csv", "folder": tmp_path / "people"}
    capsys.readouterr()

    assert main(["data", "check", str(source[kind])]) == 0

    counted = {"run": "1 videos, 12 frames", "file": "1 videos, 3 frames",
               "folder": "2 videos, 6 frames"}  # fmt: skip
    assert counted[kind] in capsys.readouterr().out
    if kind == "folder":
        (tmp_path / "people" / "b.csv").write_text("no,table\n")
        assert main(["data", "check", str(source[kind])]) == 3


def test_a_linked_file_has_nothing_to_draw_over(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["render", str(run)]) == 2
    assert "walk.json, which has no pictures to draw over; `posetube track VIDEO --boxes" in (
        capsys.readouterr().err
    )


def test_python_is_not_told_of_options(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"x")
    with pytest.raises(posetube.FormatError, match="no format ends in '.mp4'; say which") as error:
        posetube.load(tmp_path / "clip.mp4")
    assert "--" not in str(error.value)
    with pytest.raises(InputError, match="^the frame rate must be positive, got 0"):
        posetube.link(walk(), frame_rate=0)


def test_pictures_of_two_videos_are_told_apart_in_every_format(tmp_path: Path) -> None:
    posetrack17.write_tracks(tmp_path / "a.json", walk())
    content = json.loads((tmp_path / "a.json").read_text())
    for i, frame in enumerate(content["annolist"]):
        frame["image"] = [{"name": f"{'ab'[i % 2]}/{i // 2:04d}.jpg"}]
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="a.json: holds 2 videos, .*there are a, b"):
        posetube.load(tmp_path / "a.json")
    assert posetube.load(tmp_path / "a.json", video="b").frames.names == ("b/0000.jpg",)

    head = "scorer,s,s\nbodyparts,nose,nose\ncoords,x,y\n"
    lines = [f"labeled-data/{'ab'[i % 2]}/img{i // 2:04d}.png,{i},5\n" for i in range(4)]
    (tmp_path / "labels.csv").write_text(head + "".join(lines))
    with pytest.raises(InputError, match="labels.csv: pictures of several videos"):
        posetube.load(tmp_path / "labels.csv")


def test_nothing_is_written_over_the_file_that_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = coco_results(tmp_path / "a.json")
    before = file.read_bytes()
    other = tmp_path / "other.json"
    other.hardlink_to(file)

    assert main(["export", str(file), "--to", "coco", "-o", str(other)]) == 2
    assert main(["data", "convert", str(file), "--to", "coco", "-o", str(file)]) == 2
    with pytest.raises(InputError, match="is the file that is read; name another one"):
        posetube.export(file, file, to="csv")
    assert capsys.readouterr().err.count("is the file that is read; name another one") == 2
    assert file.read_bytes() == before


def test_a_run_that_lost_its_manifest_is_named_and_left_as_it_is(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It must be taken neither for a folder of files nor for one that may be written to."""
    (run / "run.json").unlink()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    truth = tmp_path / "walk.json"
    lines: list[list[str | Path]] = [
        ["link", run],
        ["link", run, "-o", tmp_path / "other"],
        ["link", run, "--suspicious"],
        ["link", truth, "-o", run],
        ["link", truth, "-o", run, "--on-existing", "overwrite"],
        ["render", run],
        ["export", run, "--to", "csv"],
        ["evaluate", run, truth],
        ["evaluate", truth, run],
        ["data", "check", run],
        ["data", "convert", run, "--to", "csv", "-o", tmp_path / "out.csv"],
        ["data", "check", run.parent],
    ]
    for line in lines:
        assert main([str(word) for word in line]) == 2, line
        assert (
            f"{run}: a run's directory without its run.json, which says what the run was made of "
            "and with which settings. Put run.json back, or make the run again in another folder; "
            f"for its tracks alone name {run / 'tracks.parquet'}" in capsys.readouterr().err
        ), line
    with pytest.raises(FormatError, match=r"without its run.json"):
        posetube.load(run)

    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert not (tmp_path / "other").exists()
    assert len(posetube.load(run / "tracks.parquet").ids) == 1
    # The detections alone are a run's, too.
    for path in run.glob("tracks.*"):
        path.unlink()
    with pytest.raises(FormatError, match=r"make the run again in another folder$"):
        posetube.load(run)
