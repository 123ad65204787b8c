"""``evaluate --submission`` refuses what PoseTrack's server would refuse, one line each."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posetube.datasets.formats import posetrack17, posetrack18_writer, posetrack21
from posetube.pipelines.cli import main
from posetube.structures import VideoTracks

Tracks = Callable[..., VideoTracks]
Change = Callable[[dict[str, Any]], object]
NAMES = ("000001_mpii_test", "000002_mpii_test")
IDS = {NAMES[0]: 10_000_010_000, NAMES[1]: 10_000_020_000}


def sequence(tracks: Tracks, name: str) -> VideoTracks:
    made = tracks(name)
    return replace(made, frames=replace(made.frames, ids=IDS[name] + np.arange(len(made.frames))))


@pytest.fixture
def data(tracks: Tracks, tmp_path: Path) -> Path:
    """PoseTrack18 and 17 with two sequences of the test part, as published: without people."""
    for name in NAMES:
        empty = sequence(tracks, name).select([])
        for root, write in (
            ("18", posetrack18_writer.write_tracks),
            ("17", posetrack17.write_tracks),
        ):
            path = tmp_path / root / "annotations" / "test" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, empty)
        path = tmp_path / "18" / "annotations" / "test" / f"{name}.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({"images": content["images"]}))
    return tmp_path


@pytest.fixture
def results(tracks: Tracks, tmp_path: Path) -> Path:
    for name in NAMES:
        for form, write in (
            ("posetrack18", posetrack18_writer.write_tracks),
            ("posetrack21", posetrack21.write_tracks),
            ("posetrack17", posetrack17.write_tracks),
        ):
            (tmp_path / form).mkdir(exist_ok=True)
            write(tmp_path / form / f"{name}.json", sequence(tracks, name))
    return tmp_path


def check(folder: Path, *more: str) -> int:
    return main(["evaluate", "--submission", str(folder), *more])


def changed(path: Path, change: Change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("form", ["posetrack17", "posetrack18"])
def test_what_the_server_takes_is_counted(
    form: str, data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = data / form.removeprefix("posetrack")

    assert check(results / form, str(root), "--split", "test", "--dataset", form) == 0
    assert check(results / form) == 0

    told, alone = capsys.readouterr().out.splitlines()
    assert told.endswith(f"{form}: 2 sequences, 12 frames, 36 poses, as {form} wants them")
    assert alone.endswith("name the data set to check that all sequences and frames are there")


def test_a_person_without_joints_needs_no_scores(data: Path, results: Path) -> None:
    def empty(content: dict[str, Any]) -> None:
        content["annotations"][0] |= {"keypoints": [0] * 51, "scores": []}

    changed(results / "posetrack18" / f"{NAMES[0]}.json", empty)

    assert check(results / "posetrack18", str(data / "18")) == 0


def person(**fields: Any) -> Change:
    return lambda content: content["annotations"][1].update(fields)


def image(**fields: Any) -> Change:
    return lambda content: content["images"][2].update(fields)


def without(field: str) -> Change:
    return lambda content: content["annotations"][1].pop(field)


REFUSED: dict[str, tuple[Change, str]] = {
    "frame left out": (
        lambda content: content["images"].pop(5),
        r"annotations\[15\]: no image has the id 10000010005",
    ),
    "empty frame left out": (
        lambda content: (content["images"].pop(), content["annotations"].clear()),
        "5 frames, the server's sequence has 6; it wants all, also those without labels",
    ),
    "frame renamed": (
        image(file_name="images/test/000001_mpii_test/000009.jpg"),
        "frame 3 is images/test/.*/000009.jpg, the server's is images/val/.*/000002.jpg",
    ),
    "frame of another": (
        image(file_name="images/val/000002_mpii_test/000002.jpg"),
        "not of the sequence that the file is called by",
    ),
    "frame without a number": (
        image(file_name="images/val/000001_mpii_test/a2.jpg"),
        "frame .*a2.jpg: the server wants a number up to 9999 as its name",
    ),
    "frame twice": (
        image(file_name="images/val/000001_mpii_test/000001.jpg"),
        "two frames have the same name",
    ),
    "another image id": (
        lambda content: (content["annotations"].clear(), image(id=7)(content)),
        "image id 3 is 7, the server's is 10000010002",
    ),
    "no frames": (lambda content: (content["images"].clear(), content["annotations"].clear()),
                  "no frames; the server wants all of the sequence's"),
    "id twice in a frame": (
        person(track_id=1),
        r"frame .*000000.jpg, annotations\[1\]: track id 1 is there twice in this frame",
    ),
    "id too large": (person(track_id=10_000), r"Expected int <= 9999, at annotations\[1\]"),
    "no id": (without("track_id"), "missing required field track_id"),
    "no scores": (person(scores=[]), "scores: expected 17 numbers for 17 joints, got 0"),
    "no list of scores": (without("scores"), "missing required field scores"),
    "too few joints": (person(keypoints=[1.0] * 48), "keypoints: expected 51 numbers.*got 48"),
    "unknown number": (person(scores=[None] * 17), "Expected float, got null"),
    "box of three": (person(bbox=[1, 2, 3]), "length >= 4"),
    "no categories": (lambda content: content.pop("categories"), "required field categories"),
    "no person": (
        lambda content: content["categories"][0].update(name="dog"),
        "wants one category, person, with PoseTrack's 15 or 17 joints, got 'dog' with 17 joints",
    ),
    "other joints": (
        lambda content: content["categories"][0]["keypoints"].__setitem__(1, "neck"),
        "got without head_bottom",
    ),
    "no people's list": (lambda content: content.pop("annotations"), "field annotations"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_the_server_refuses_is_refused(
    name: str, data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = REFUSED[name]
    path = results / "posetrack18" / f"{NAMES[0]}.json"
    changed(path, change)

    assert check(path.parent, str(data / "18")) == 2

    error = capsys.readouterr().err
    assert error.startswith(f"posetube evaluate: {path}: ")
    assert re.search(message, error)
    assert error.count("\n") == 1


@pytest.mark.parametrize("word", ["NaN", "1e999"])
def test_numbers_are_finite(
    word: str, data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results / "posetrack18" / f"{NAMES[0]}.json"
    text = path.read_text()
    path.write_text(re.sub(r'"keypoints":\[[\d.]+', f'"keypoints":[{word}', text, count=1))

    assert check(path.parent, str(data / "18")) == 2
    assert re.search("not valid JSON|not finite|out of range", capsys.readouterr().err)


REFUSED17: dict[str, tuple[Change, str]] = {
    "joint twice": (
        lambda rect: rect["annopoints"][0]["point"][1].update(id=[0]),
        r"annolist\[0\].annorect\[1\]: a joint is there twice, got \[0, 0, 2",
    ),
    "joint of COCO": (
        lambda rect: rect["annopoints"][0]["point"][1].update(id=[16]),
        r"Expected int <= 14, at annolist\[0\].annorect\[1\]",
    ),
    "number without a list": (lambda rect: rect.update(track_id=2), "Expected array, got int"),
    "no score": (
        lambda rect: rect["annopoints"][0]["point"][1].pop("score"),
        "missing required field score",
    ),
    "id twice in a frame": (lambda rect: rect.update(track_id=[1]), "track id 1 is there twice"),
}


@pytest.mark.parametrize("name", REFUSED17)
def test_posetrack17_has_a_form_of_its_own(
    name: str, data: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = REFUSED17[name]
    path = results / "posetrack17" / f"{NAMES[0]}.json"
    changed(path, lambda content: change(content["annolist"][0]["annorect"][1]))

    assert check(path.parent, str(data / "17")) == 2
    assert re.search(message, capsys.readouterr().err)


def test_each_sequence_has_its_file_and_nothing_else_is_there(
    data: Path, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, root = results / "posetrack18", str(data / "18")

    def refused(*words: str) -> str:
        assert check(folder, *words) in (2, 5)
        return capsys.readouterr().err

    assert "no video of part 'val'; there is test" in refused(root, "--split", "val")
    (folder / f"{NAMES[1]}.json").rename(folder / "000003_mpii_test.json")
    assert "posetrack18: no file of sequence 000002_mpii_test" in refused(root)
    (folder / "000003_mpii_test.json").rename(folder / f"{NAMES[1]}.json")
    (folder / "000003_mpii_test.json").write_bytes((folder / f"{NAMES[0]}.json").read_bytes())
    assert "posetrack18: the server has no sequence 000003_mpii_test" in refused(root)
    (folder / "000003_mpii_test.json").rename(folder / "walk.json")
    assert "walk.json: the server wants a file called like its sequence" in refused()
    (folder / "walk.json").rename(folder / "notes.txt")
    assert "notes.txt: the server wants a .json for each sequence, in no folder" in refused(root)
    for path in folder.iterdir():
        path.unlink()
    assert "posetrack18: the folder is empty" in refused(root)
    folder.rmdir()
    assert "posetrack18: no such folder" in refused(root)
    assert "--tune does not go with --submission" in refused(root, "--tune")
    folder = results / "posetrack17"
    (tmp_path / "labels").mkdir()
    assert "penn-action; servers score posetrack17, posetrack18" in refused(
        str(tmp_path), "--dataset", "penn-action"
    )
    assert "missing required field images" in refused(root)  # the form of another server


def test_posetrack21_looks_for_test_in_the_name(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = results / "posetrack21"
    assert check(folder, "--dataset", "posetrack21") == 0
    (folder / f"{NAMES[0]}.json").rename(folder / "000001_mpii_train.json")

    assert check(folder, "--dataset", "posetrack21") == 2
    assert "looks for files with _test in their name" in capsys.readouterr().err


def test_without_truth_there_is_nothing_to_compare_with(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(results / "posetrack18")]) == 2
    assert "TRUTH is missing: say what the predictions are compared" in capsys.readouterr().err
