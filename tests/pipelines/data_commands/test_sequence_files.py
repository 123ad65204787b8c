"""``export --like``: runs become the files of a data set's sequences, with its frames."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posetube.datasets.formats import csv_table, posetrack17, posetrack18, posetrack18_writer
from posetube.datasets.people import open_people
from posetube.pipelines.cli import main
from posetube.pipelines.evaluation.evaluate import evaluate
from posetube.structures import VideoTracks
from tests.pipelines.evaluation.conftest import walk

NAMES = ("000007_mpii_test", "000008_mpii_test")


def listed(name: str) -> VideoTracks:
    """A sequence whose frames are numbered from 12 and have ids of their own."""
    made = walk(name)
    frames = replace(
        made.frames,
        names=tuple(f"images/val/{name}/{i + 12:06d}.jpg" for i in range(len(made.frames))),
        ids=np.arange(len(made.frames)) + 10_000_000_000 + int(name[:6]) * 10_000 + 12,
    )
    return replace(made, frames=frames)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """PoseTrack18 with two sequences of the part val and one of the part train."""
    root = tmp_path / "PoseTrack18"
    for part, name in (("val", NAMES[0]), ("val", NAMES[1]), ("train", "000001_mpii_train")):
        path = root / "annotations" / part / f"{name}.json"
        posetrack18_writer.write_tracks(path, listed(name))
    return root


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """Predictions in files of another form, with a frame that the sequences lack."""
    folder = tmp_path / "found"
    folder.mkdir()
    for name in (*NAMES, "000009_mpii_test"):
        made = walk(name, noise=3.0)
        names = tuple(f"{name}/{i + 12:06d}.jpg" for i in range(len(made.frames) + 1))
        times = np.arange(len(names)) / 25
        frames = replace(made.frames, times=times, names=names)
        posetrack18_writer.write_tracks(folder / f"{name}.json", replace(made, frames=frames))
    return folder


def export(found: Path, root: Path, out: Path, *more: str, to: str = "posetrack18") -> int:
    words = ["export", str(found), "--to", to, "--like", str(root), "-o", str(out)]
    return main([*words, "--split", "val", *more])


@pytest.mark.parametrize("to", ["posetrack18", "posetrack21", "posetrack17"])
def test_each_sequence_gets_its_file_with_the_frames_of_the_server(
    to: str, found: Path, root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    assert export(found, root, out, to=to) == 0

    assert sorted(path.name for path in out.iterdir()) == [f"{name}.json" for name in NAMES]
    for name in NAMES:
        read = posetrack17.read if to == "posetrack17" else posetrack18.read
        made, wanted = read(out / f"{name}.json"), listed(name)
        assert made.frames.names == wanted.frames.names
        if to != "posetrack17":
            assert made.frames.ids is not None
            assert made.frames.ids.tolist() == np.asarray(wanted.frames.ids).tolist()
        assert len(made.frame) == len(wanted.frame)
    if to == "posetrack18":
        assert main(["evaluate", "--submission", str(out), str(root), "--split", "val"]) == 0
        own, sent = (evaluate(side, root, protocol="clean") for side in (found, out))
        assert own.metrics == sent.metrics


def test_unsure_people_are_left_out_and_their_frames_stay(
    found: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(found, root, tmp_path / "out", "--min-track", "1") == 0

    content = json.loads((tmp_path / "out" / f"{NAMES[0]}.json").read_text())
    assert (len(content["images"]), content["annotations"]) == (6, [])
    assert capsys.readouterr().err.count("no place for") == 1


def test_what_cannot_be_written_is_one_line(
    found: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    def refused(*more: str, to: str = "posetrack18") -> str:
        assert export(found, root, out, *more, to=to) == 2
        assert not out.exists()
        return capsys.readouterr().err

    assert "--like is for the formats posetrack17, posetrack18, posetrack21" in refused(to="csv")
    assert "--like writes all sequences; leave --video out" in refused("--video", NAMES[0])
    words = ["export", str(found), "--to", "posetrack18", "--like", str(root)]
    assert main(words) == 2
    assert "--like: say with -o which folder to write" in capsys.readouterr().err
    short = posetrack18.read(found / f"{NAMES[1]}.json").take_frames(np.arange(4))
    posetrack18_writer.write_tracks(found / f"{NAMES[1]}.json", short)
    assert f"{NAMES[1]}.json has no frame 000016.jpg" in refused()
    (found / f"{NAMES[1]}.json").unlink()
    assert f"no prediction of sequence {NAMES[1]}" in refused()


def test_the_summary_beside_runs_is_no_video(found: Path) -> None:
    (found / "summary.csv").write_text("input,state,people\nwalk,complete,3\n")
    (found / "other.csv").write_text("frame,track_id,joint,x,y\n0,1,nose,3,4\n")
    for path in found.glob("*.json"):
        path.unlink()

    assert open_people(found).videos() == ("other",)


def test_people_without_scores_are_written_as_they_are(root: Path, tmp_path: Path) -> None:
    """Nothing says that they are unsure."""
    blind = replace(
        walk(NAMES[0]),
        scores=np.full(18, np.nan, np.float32),
        keypoint_scores=np.full((18, 15), np.nan),
    )
    csv_table.write_tracks(tmp_path / "blind.csv", blind)

    words = ["export", str(tmp_path / "blind.csv"), "--to", "jsonl", "--min-joint", "0.5"]
    assert main([*words, "--min-track", "0.5", "-o", str(tmp_path / "out.jsonl")]) == 0

    assert not np.isnan(open_people(tmp_path / "out.jsonl").read("out").tracks.keypoints).any()
