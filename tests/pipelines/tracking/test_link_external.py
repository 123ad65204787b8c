import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import posetube
from posetube.boxes import area
from posetube.pipelines.cli import main
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking.link_external import detections_of
from posetube.skeletons import COCO17, Skeleton
from posetube.structures import FrameTable, RowState, VideoTracks
from posetube.tracker.config import LinkConfig
from posetube.tracker.paper import PaperConfig

POSE = np.random.default_rng(7).uniform([-20, -50], [20, 50], (17, 2))


def mot_file(path: Path, *, frames: int = 40, gone: range = range(0), score: float = 0.97) -> Path:
    """Two people walk side by side; nobody finds the second in some frames. Ids say nothing."""
    lines = [
        f"{frame + 1},-1,{100 + 3 * frame + 200 * person},50,40,100,{score},-1,-1,-1"
        for frame in range(frames)
        for person in (0, 1)
        if person == 0 or frame not in gone
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def coco_results(path: Path, *, frames: int = 20) -> Path:
    """One person walks right; the layout of COCO's keypoint files."""
    names = [f"left_{i}" if i else "nose" for i in range(17)]
    annotations = []
    for frame in range(frames):
        joints = POSE + np.array([100 + 3 * frame, 100])
        annotations.append(
            {
                "id": frame + 1,
                "image_id": frame + 1,
                "category_id": 1,
                "bbox": [80 + 3 * frame, 50, 40, 100],
                "score": 0.9,
                "keypoints": np.column_stack([joints, np.full(17, 2)]).ravel().tolist(),
                "num_keypoints": 17,
            }
        )
    images = [
        {"id": frame + 1, "file_name": f"{frame:06d}.jpg", "width": 640, "height": 360}
        for frame in range(frames)
    ]
    categories = [{"id": 1, "name": "person", "keypoints": names, "skeleton": []}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))
    return path


def run(*words: object) -> int:
    return main(["link", *map(str, words), "--progress", "none"])


@pytest.mark.parametrize("preset", ["paper", "online", "offline"])
def test_boxes_of_another_program_become_a_run(tmp_path: Path, preset: str) -> None:
    out = tmp_path / "run"

    assert run(mot_file(tmp_path / "walk.txt"), "-o", out, "--preset", preset) == 0

    tracks = read_tracks(out)
    assert len(tracks.ids) == 2
    assert len(tracks.frame) == 80
    manifest = json.loads((out / "run.json").read_text())
    assert manifest["state"] == "complete"
    assert manifest["frames"]["done"] == 40
    assert any("25 frames per second are assumed" in text for text in manifest["warnings"])
    assert json.loads((out / "tracks.json").read_text())["images"]


def test_poses_of_another_program_become_a_run(tmp_path: Path) -> None:
    assert run(coco_results(tmp_path / "poses.json"), "-o", tmp_path / "run") == 0

    tracks = read_tracks(tmp_path / "run")
    assert tracks.ids.tolist() == [1]
    assert tracks.size == (360, 640)


def test_a_run_of_a_file_can_be_linked_again_with_another_preset(tmp_path: Path) -> None:
    out = tmp_path / "run"
    run(mot_file(tmp_path / "walk.txt", gone=range(15, 25)), "-o", out, "--link.max-gap", "0.2")
    assert len(read_tracks(out).ids) == 3

    assert run(out, "--preset", "offline", "--link.max-gap", "0.2") == 0

    tracks = read_tracks(out)
    assert len(tracks.ids) == 2
    assert np.count_nonzero(tracks.states == RowState.INTERPOLATED) == 10
    assert json.loads((out / "run.json").read_text())["settings"]["link"]["preset"] == "offline"


def test_the_settings_of_a_preset_are_options(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("--link.preset", "offline", "--link.offline.max-gap", "1500ms")

    assert run(mot_file(tmp_path / "walk.txt"), "-o", out, *options) == 0

    stored = json.loads((out / "run.json").read_text())["settings"]["link"]
    assert (stored["preset"], stored["offline"]["max_gap"]) == ("offline", 1.5)
    assert run(out, "--preset", "paper", "--link.paper.min-score", "0.99") == 0
    assert json.loads((out / "run.json").read_text())["tracks"] == 0


def test_a_limit_that_nearly_nobody_reaches_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    out, limit = tmp_path / "run", "--link.paper.min-score"
    run(mot_file(tmp_path / "walk.txt"), "-o", out)
    capsys.readouterr()

    run(out, "--preset", "paper", limit, "0.99")

    assert (
        "walk: warning: preset paper uses people from a score of 0.99 on, as published for its own "
        "network; 0 of 80 reach that here, the surest has 0.97: lower --link.paper.min-score"
    ) in " ".join(capsys.readouterr().err.split())
    run(out, "--preset", "paper", limit, "0.9")
    run(out, "--preset", "online")
    assert "preset paper" not in capsys.readouterr().err
    posetube.link(out, link=LinkConfig(preset="paper", paper=PaperConfig(min_score=0.99)))
    assert "0 of 80 reach that here" in caplog.text


def test_the_weakest_links_are_listed_with_their_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    run(mot_file(tmp_path / "walk.txt"), "-o", out)
    capsys.readouterr()

    assert run(out, "--suspicious") == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 20
    assert all(" s to " in line and "track" in line for line in lines)
    assert all("of at most 0.700, no rival" in line for line in lines)


def test_a_link_with_a_rival_says_how_much_dearer_that_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{frame + 1},-1,{100 + x},50,40,100,0.97" for frame in range(9) for x in (0, 14)]
    (tmp_path / "close.txt").write_text("\n".join(lines) + "\n")

    for preset in ("online", "paper"):
        run(tmp_path / "close.txt", "-o", tmp_path / preset, "--preset", preset)
        capsys.readouterr()
        assert run(tmp_path / preset, "--suspicious") == 0
        said = capsys.readouterr().out
        assert "next best 0." in said
        assert " dearer\n" in said
        assert ("of at most" in said) == (preset == "online")
        assert "nan" not in said


def test_what_cannot_be_linked_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = mot_file(tmp_path / "walk.txt"), tmp_path / "run"
    run(file, "-o", out)
    capsys.readouterr()

    assert run(file, "-o", out, "--on-existing", "fail") == 2
    assert "holds a run already" in capsys.readouterr().err
    assert run(out, "-o", tmp_path / "other") == 2
    assert "is a run and is linked where it is" in capsys.readouterr().err
    assert run(file, "-o", tmp_path / "new", "--frame-rate", 0) == 2
    assert "the frame rate must be positive, got 0" in capsys.readouterr().err
    assert run(tmp_path / "absent.json", "-o", tmp_path / "new") == 5
    assert "no such file" in capsys.readouterr().err
    assert run(file, "-o", out, "--preset", "offline") == 2
    said = capsys.readouterr().err
    assert "link.preset was online, is now offline" in said
    assert f"link again with `posetube link {out}`" in said


@pytest.mark.parametrize(("name", "content"), [("a.txt", ""), ("b.json", "[]"), ("c.json", "{}")])
def test_a_file_with_nothing_in_it_is_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)

    assert run(tmp_path / name, "-o", tmp_path / "run") == 2
    assert f"{name}: nothing in it, read as " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_frames_with_nobody_in_them_are_linked_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = [{"id": i, "file_name": f"{i}.jpg", "width": 64, "height": 48} for i in (1, 2)]
    joints = {"id": 1, "name": "person", "keypoints": list(COCO17.joints), "skeleton": []}
    content = {"images": pictures, "annotations": [], "categories": [joints]}
    (tmp_path / "nobody.json").write_text(json.dumps(content))

    assert run(tmp_path / "nobody.json", "-o", tmp_path / "run") == 0
    assert "there is nobody in the file" in capsys.readouterr().err


def table(**changes: Any) -> VideoTracks:
    values: dict[str, Any] = {
        "source": "theirs",
        "size": None,
        "skeleton": COCO17,
        "frames": FrameTable(times=np.array([0.0, 0.5])),
        "frame": np.array([0, 1]),
        "track_ids": np.array([-1, -1]),
        "boxes": np.full((2, 4), np.nan, np.float32),
        "scores": np.array([1.5, 3.0], np.float32),
        "keypoints": np.stack([POSE + 100, POSE + 110]),
        "keypoint_scores": np.ones((2, 17), np.float32),
    }
    return VideoTracks(**values | changes)


@pytest.mark.parametrize("absent", [np.nan, 0])
def test_boxes_come_from_the_joints_and_scores_into_their_range(absent: float) -> None:
    boxes = np.full((2, 4), absent, np.float32)
    tracks, notes = detections_of(table(boxes=boxes), frame_rate=25)

    assert (area(tracks.boxes) > 100).all()
    assert tracks.scores.tolist() == [0.5, 1.0]
    assert notes == ["scores up to 3 are divided by that"]
    assert tracks.frames.times.tolist() == [0.0, 0.5]


def test_joints_under_other_names_keep_what_coco_has() -> None:
    theirs = Skeleton(name="theirs", joints=("tail", "nose"))
    points = np.array([[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]])
    made = table(skeleton=theirs, keypoints=points, keypoint_scores=np.ones((2, 2), np.float32))

    tracks, _ = detections_of(made, frame_rate=25)

    assert tracks.skeleton == COCO17
    np.testing.assert_array_equal(tracks.keypoints[:, COCO17.index("nose")], points[:, 1])
    assert np.isnan(tracks.keypoints[:, 1:]).all()


def test_joints_that_coco_does_not_know_still_make_boxes() -> None:
    theirs = Skeleton(name="mouse", joints=("snout", "tail"))
    points = np.array([[[10.0, 20], [30, 60]], [[12, 20], [32, 60]]])
    made = table(skeleton=theirs, keypoints=points, keypoint_scores=np.ones((2, 2), np.float32))

    tracks, notes = detections_of(made, frame_rate=25)

    np.testing.assert_allclose(tracks.boxes[0], [8, 16, 32, 64], atol=1e-5)
    assert notes[-1] == "COCO has none of the joints snout, tail; people are linked by their boxes"


@pytest.mark.parametrize("nothing", [-1.0, 0.0, np.nan])
def test_scores_that_say_nothing_are_no_reason_to_leave_anybody_out(nothing: float) -> None:
    tracks, notes = detections_of(table(scores=np.full(2, nothing, np.float32)), frame_rate=25)

    assert tracks.scores.tolist() == [1, 1]
    assert notes == ["people without a score are taken to be sure"]


def test_results_in_cocos_form_are_linked_picture_by_picture(tmp_path: Path) -> None:
    results = [
        {
            "image_id": 1000 + 3 * frame,
            "category_id": 1,
            "score": 0.9,
            "keypoints": np.column_stack([POSE + 100 + 2 * frame, np.ones(17)]).ravel().tolist(),
        }
        for frame in range(12)
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))

    assert run(tmp_path / "results.json", "-o", tmp_path / "run", "--frame-rate", 30) == 0

    tracks = read_tracks(tmp_path / "run")
    assert tracks.ids.tolist() == [1]
    np.testing.assert_allclose(tracks.frames.times, np.arange(12) / 30)
    np.testing.assert_allclose(tracks.keypoints[3], POSE + 106, atol=1e-3)


def test_pictures_that_may_be_of_several_videos_are_linked_and_it_is_said(tmp_path: Path) -> None:
    content = json.loads(coco_results(tmp_path / "a.json", frames=2).read_text())
    for i, image in enumerate(content["images"], start=1):
        image["file_name"] = f"cam{i}_{i:04d}.jpg"
    (tmp_path / "a.json").write_text(json.dumps(content))
    words = "names differ in more than a number are taken as frames of one video"

    assert run(tmp_path / "a.json", "-o", tmp_path / "run") == 0
    assert words in (tmp_path / "run" / "run.json").read_text()
    assert run(coco_results(tmp_path / "b.json"), "-o", tmp_path / "other") == 0
    assert words not in (tmp_path / "other" / "run.json").read_text()


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("command", ["link", "convert"])
def test_pictures_of_two_videos_are_refused_unless_the_file_has_videos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, listed: bool
) -> None:
    content = json.loads(coco_results(tmp_path / "a.json").read_text())
    for i, image in enumerate(content["images"]):
        image["file_name"] = f"{'ab'[i % 2]}_{i // 2:04d}.jpg"
    named = {image["id"]: image["file_name"] for image in content["images"]}
    results = [
        person | {"image_id": named[person["image_id"]]} for person in content["annotations"]
    ]
    out = {"link": tmp_path / "run", "convert": tmp_path / "out.csv"}[command]
    words = [str(tmp_path / "a.json"), "-o", str(out)]
    line = ["link", *words] if command == "link" else ["data", "convert", *words, "--to", "csv"]
    (tmp_path / "a.json").write_text(json.dumps(results if listed else content))

    assert main(line) == 2
    said = capsys.readouterr().err
    assert "a.json: pictures of several videos, 'a_' and 'b_', have the same numbers" in said
    assert said.count("\n") == 1
    assert not out.exists()
    if not listed:
        for i, image in enumerate(content["images"]):
            image |= {"video_id": 1 + i % 2, "frame_id": i // 2}
        (tmp_path / "a.json").write_text(json.dumps(content))
        assert main(line) == 0
