"""What happens to a run that is stopped, damaged, linked again, or made by an earlier version."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

import posetube
from posetube import atomic_files
from posetube.errors import FormatError, InputError
from posetube.pipelines.cli import main
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.progress import Event
from posetube.pipelines.settings import TrackConfig
from posetube.pipelines.storage.detections_store import part_path
from posetube.pipelines.storage.manifest import FORMAT, decode_manifest
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking import detect_stage, run_session, stages, track_command
from posetube.pipelines.tracking.run_again import link_again
from posetube.pipelines.tracking.run_session import open_session
from posetube.pipelines.tracking.stage_work import StageWork
from posetube.pipelines.watch import Watch
from posetube.tracker.config import LinkConfig
from tests.pipelines.conftest import ClipMaker, encoded_clip

ModelMaker = Callable[..., LoadedModel]


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch, make_model: ModelMaker) -> LoadedModel:
    """The one that the command loads; a part holds four frames."""
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 4)
    model = make_model()
    monkeypatch.setattr(track_command, "as_loaded", lambda *_, **__: model)
    return model


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    path.write_bytes(encoded_clip(path.suffix, frames=15, rate=25, pan=2))
    return path


@pytest.fixture
def line(clip: Path, tmp_path: Path) -> list[str]:
    """The line that makes the run of the tests: 15 frames in four parts."""
    return ["track", str(clip), "-o", str(tmp_path / "run")]


@pytest.fixture
def run(line: list[str], clip: Path) -> RunDirectory:
    """What the line makes; it is made once, and every test gets a copy."""
    run, kept = RunDirectory(Path(line[-1])), clip.parent / "kept"
    if kept.exists():
        shutil.copytree(kept, run.path)
        return run
    assert main([*line, "--no-overlay"]) == 0
    shutil.copytree(run.path, kept)
    return run


def contents(run: RunDirectory) -> Mapping[str, bytes]:
    """All that a run found, by file."""
    files = [*run.detections.iterdir(), run.tracks, run.posetrack]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in files}


# A run that was stopped


def test_a_run_that_failed_without_a_frame_takes_corrected_settings(line: list[str]) -> None:
    assert main([*line, "--no-overlay", "--end", "-1"]) != 0
    assert main([*line, "--no-overlay"]) == 0


def test_a_run_that_was_stopped_before_its_first_manifest_is_begun_again(line: list[str]) -> None:
    run = RunDirectory(Path(line[-1]))
    run.path.mkdir()
    run.lock.touch()
    (run.path / ".posetube-unfinished-run.json").write_text("{")

    assert main(line) == 0
    assert {path.name for path in run.path.iterdir()} == {
        *("run.json", "detections", "tracks.parquet", "tracks.json", "overlay.mp4"),
        *("report.html", "events.jsonl"),
    }


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_disk_that_takes_no_manifest_leaves_a_folder_that_can_be_used(
    line: list[str],
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(atomic_files, "flush", full)
        assert main(line) == 7
    assert "run the same line again, it goes on" in capsys.readouterr().err

    assert main(line) == 0


def test_files_and_folders_of_the_user_do_not_stop_a_run_and_stay(
    line: list[str], run: RunDirectory
) -> None:
    (run.path / "my.tmp.d").mkdir()
    (run.path / "notes.tmp.txt").write_text("mine")
    (run.detections / "part-00001.tmp.parquet").write_text("mine")
    (run.path / ".posetube-unfinished-of-mine").mkdir()
    run.tracks.unlink()

    assert main(line) == 0
    assert (run.path / "my.tmp.d").is_dir()
    assert (run.path / "notes.tmp.txt").read_text() == "mine"
    assert (run.detections / "part-00001.tmp.parquet").read_text() == "mine"


@pytest.mark.parametrize("name", ["tracks.parquet", "tracks.json"])
def test_a_complete_run_without_its_tracks_is_linked_again(
    line: list[str], run: RunDirectory, model: LoadedModel, name: str
) -> None:
    before = contents(run)
    (run.path / name).unlink()
    model.network.encoded.clear()  # type: ignore[attr-defined]

    assert main(line) == 0
    assert contents(run) == before
    assert len(model.network.encoded) <= 1  # type: ignore[attr-defined]


@pytest.mark.slow
def test_an_overlay_of_another_style_is_drawn_again(line: list[str]) -> None:
    run = RunDirectory(Path(line[-1]))
    assert main(line) == 0
    before = run.overlay.read_bytes()

    assert main(line) == 0
    assert run.overlay.read_bytes() == before
    assert main([*line, "--overlay.trail", "0s"]) == 0
    assert run.overlay.read_bytes() != before


def test_tracks_that_are_damaged_are_refused_and_made_again(
    line: list[str], run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run)
    flipped(run.tracks, at=400, bit=3)
    capsys.readouterr()

    for words in (["export", str(run.path), "--to", "csv"], ["render", str(run.path)]):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert f"{run.tracks}: damaged, or not a table of tracks" in said
        assert f"`posetube link {run.path}` makes it again" in said
    assert main([*line, "--no-overlay"]) == 0
    assert contents(run) == before


# Parts of the detections that are missing or damaged


def flipped(path: Path, *, at: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def lose(run: RunDirectory) -> None:
    part_path(run.detections, 1).unlink()


def damage(run: RunDirectory) -> None:
    flipped(part_path(run.detections, 1), at=900, bit=3)


def empty(run: RunDirectory) -> None:
    part_path(run.detections, 1).write_bytes(b"")


def repeat(run: RunDirectory) -> None:
    shutil.copy(part_path(run.detections, 0), part_path(run.detections, 1))


@pytest.mark.slow
@pytest.mark.parametrize("harm", [lose, damage, empty, repeat])
@pytest.mark.parametrize("clip_length", [1, 3])
def test_a_part_that_is_missing_or_damaged_stops_linking_and_is_made_again(
    make_clip: ClipMaker,
    tmp_path: Path,
    harm: Callable[[RunDirectory], None],
    clip_length: int,
    model: LoadedModel,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model.network.clip_length = clip_length  # type: ignore[misc]
    # long enough that the frames around a part, which clips need, are few
    line = ["track", str(make_clip(frames=31, pan=2)), "-o", str(tmp_path / "run")]
    assert main([*line, "--no-overlay"]) == 0
    run = RunDirectory(Path(line[-1]))
    before, manifest = contents(run), run.read()
    harm(run)
    capsys.readouterr()

    # Times and states of frames lie in the parts: without one, tracks would be read wrongly.
    for words in (["link", str(run.path)], ["export", str(run.path), "--to", "jsonl"]):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "part-00001.parquet" in said
        assert f"`posetube track {line[1]} -o {run.path}`" in said
    assert run.read() == manifest
    assert run.tracks.read_bytes() == before["tracks.parquet"]

    model.network.encoded.clear()  # type: ignore[attr-defined]
    assert main([*line, "--no-overlay"]) == 0
    assert contents(run) == before
    assert sum(model.network.encoded) < 31 - 8  # type: ignore[attr-defined]
    assert run.read().frames == manifest.frames


def test_the_last_part_is_missed_too(
    line: list[str], run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run)
    part_path(run.detections, 3).unlink()
    capsys.readouterr()

    assert main(["link", str(run.path)]) == 2
    assert "part-00003.parquet is missing" in capsys.readouterr().err
    assert main(line) == 0
    assert before.items() <= contents(run).items()


@pytest.mark.slow
def test_parts_of_another_run_are_refused_and_replaced(
    line: list[str], run: RunDirectory, make_clip: ClipMaker, tmp_path: Path
) -> None:
    before = contents(run)
    other = tmp_path / "other"
    assert main(["track", str(make_clip("b.mp4", frames=15)), "-o", str(other), "--every=1"]) == 0
    shutil.copy(other / "detections" / "part-00002.parquet", run.detections)

    with pytest.raises(FormatError, match="part-00002.parquet: belongs to another run.* `posetube"):
        link_again(run, LinkConfig())
    assert main(line) == 0
    assert before.items() <= contents(run).items()


def test_parts_in_another_order_are_refused(run: RunDirectory) -> None:
    one, two = (part_path(run.detections, number) for number in (1, 2))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)

    with pytest.raises(FormatError, match="part-00001.parquet: belongs to another run, or to an"):
        link_again(run, LinkConfig())


@pytest.mark.slow
def test_parts_that_were_cut_elsewhere_are_made_again_from_the_gap_on(
    line: list[str], run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_tracks(run.path)
    part_path(run.detections, 1).unlink()
    part_path(run.detections, 2).unlink()
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 8)

    assert main(line) == 0

    assert run.read().frames.done == 15
    np.testing.assert_array_equal(read_tracks(run.path).boxes, before.boxes)
    assert main(["link", str(run.path)]) == 0


@pytest.mark.slow
def test_no_flipped_bit_of_a_part_goes_unnoticed(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    before, path = contents(run), part_path(run.detections, 1)
    whole, rng = path.read_bytes(), np.random.default_rng(5)
    capsys.readouterr()

    for place in rng.integers(0, 8 * len(whole), 60).tolist():
        flipped(path, at=place // 8, bit=place % 8)
        assert main(["link", str(run.path)]) == 2, place
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "part-00001.parquet" in said
        path.write_bytes(whole)

    assert contents(run) == before


# Later stages that fail


@pytest.mark.slow
def test_a_stage_that_fails_leaves_what_earlier_ones_made(
    line: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(Path(line[-1]))

    def broken(work: StageWork) -> Mapping[str, Any]:
        work.files["overlay.mp4"].write_bytes(b"half")
        raise ZeroDivisionError("no ink")

    rows = [replace(row, work=broken) if row.name == "render" else row for row in stages.STAGES]
    with monkeypatch.context() as patched:
        patched.setattr(run_session, "STAGES", tuple(rows))
        assert main(line) == 1

    manifest = run.read()
    assert (manifest.state, manifest.error) == ("failed", "no ink")
    assert manifest.finished("detect")
    assert manifest.finished("link")
    assert not manifest.finished("render")
    assert not run.overlay.exists()
    assert not list(run.path.glob(".posetube*"))
    assert main(line) == 0
    assert (run.read().state, run.read().error) == ("complete", None)


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True])
def test_linking_again_that_fails_or_is_stopped_leaves_the_tracks_and_the_overlay(
    line: list[str], stopped: bool
) -> None:
    run = RunDirectory(Path(line[-1]))
    assert main(line) == 0
    before, manifest, overlay = contents(run), run.read(), run.overlay.read_bytes()
    interrupt = Interrupt()

    def listener(event: Event) -> None:
        if event.event == "progress" and event.done == 9:
            if not stopped:
                raise ZeroDivisionError("no thread")
            interrupt.requested = True

    watch = Watch(listener=listener, interrupt=interrupt)
    with pytest.raises(Interrupted if stopped else ZeroDivisionError):
        link_again(run, LinkConfig(sure_score=0.99), watch=watch)

    assert run.read().state == ("partial" if stopped else "failed")
    assert (run.read().settings, run.read().stages) == (manifest.settings, manifest.stages)
    assert contents(run) == before
    assert run.overlay.read_bytes() == overlay
    assert main(line) == 0


def test_a_file_can_be_linked_twice_and_says_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{frame + 1},-1,{100 + frame},50,40,100,0.97\n" for frame in range(9)]
    (tmp_path / "walk.txt").write_text("".join(lines))
    words = ["link", str(tmp_path / "walk.txt"), "-o", str(tmp_path / "run")]
    assert main(words) == 0
    before, said = contents(RunDirectory(tmp_path / "run")), capsys.readouterr().out

    assert main(words) == 0
    assert capsys.readouterr().out == said
    assert contents(RunDirectory(tmp_path / "run")) == before
    part_path(tmp_path / "run" / "detections", 0).unlink()
    assert main(["link", str(tmp_path / "run")]) == 2
    assert f"`posetube link {tmp_path / 'walk.txt'} -o " in capsys.readouterr().err
    assert main(words) == 0
    assert contents(RunDirectory(tmp_path / "run")) == before
    assert main([*words, "--frame-rate", "50"]) == 2
    assert "frame_rate was 25.0, is now 50.0" in capsys.readouterr().err
    assert main([*words, "--on-existing", "skip"]) == 0
    assert "skipped" in capsys.readouterr().out


def test_linking_a_file_that_fails_does_not_stay_running_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "walk.txt").write_text("1,-1,100,50,40,100,0.97\n")
    words = ["link", str(tmp_path / "walk.txt"), "-o", str(tmp_path / "run")]

    def broken(work: StageWork) -> Mapping[str, Any]:
        raise ZeroDivisionError

    rows = [replace(row, work=broken) if row.name == "link" else row for row in stages.STAGES]
    with monkeypatch.context() as patched:
        patched.setattr(run_session, "STAGES", tuple(rows))
        assert main(words) == 1
    assert RunDirectory(tmp_path / "run").read().state == "failed"
    assert main(words) == 0


def test_a_folder_of_openpose_is_linked_without_naming_its_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "walk"
    folder.mkdir()
    for frame in range(6):
        joints = [number for joint in range(25) for number in (9.0 * joint, 4.0 * joint, 0.9)]
        person = {"person_id": [-1], "pose_keypoints_2d": joints}
        content = {"version": 1.3, "people": [person]}
        (folder / f"walk_{frame:012d}_keypoints.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path)

    assert main(["link", "walk"]) == 0
    assert len(read_tracks(tmp_path / "runs" / "walk")) == 1


# Exports


def test_exports_of_the_earlier_tracks_are_removed_when_a_run_is_linked_again(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run.path), "--to", "csv"]) == 0
    assert main(["export", str(run.path), "--to", "openpose"]) == 0
    assert main(["export", str(run.path), "--to", "mot", "-o", str(run.path / "mine.txt")]) == 0
    (run.path / "tracks-coco.json").write_text("my own")
    assert run.read().exports == ("mine.txt", "tracks-export.csv", "tracks-openpose")
    capsys.readouterr()

    assert main(["link", str(run.path)]) == 0

    said = capsys.readouterr().err
    assert "removed" in said
    assert "tracks-openpose is made of earlier results" in said
    assert not (run.path / "tracks-export.csv").exists()
    assert not (run.path / "mine.txt").exists()
    assert (run.path / "tracks-coco.json").read_text() == "my own"
    assert run.read().exports == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tracks.parquet", "run.json", "detections/part-00000.parquet"])
def test_an_export_never_replaces_a_runs_own_files(
    run: RunDirectory, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run)
    capsys.readouterr()

    assert main(["export", str(run.path), "--to", "parquet", "-o", str(run.path / name)]) == 2
    assert "belongs to the run itself" in capsys.readouterr().err
    assert main(["data", "convert", str(run.path), str(run.path / name), "--to", "csv"]) == 2
    assert contents(run) == before


def test_an_export_from_python_is_removed_with_the_tracks_too(run: RunDirectory) -> None:
    posetube.export(run.path, run.path / "mine.csv", to="csv")

    assert run.read().exports == ("mine.csv",)


@pytest.mark.parametrize("out", [".", "/proc/x", "/dev/null/x"])
def test_an_export_to_where_no_file_can_be_is_refused_in_one_line(
    run: RunDirectory, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert main(["export", str(run.path), "--to", "csv", "-o", out]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith(f"posetube export: {out}: ")
    assert len(said) == 2  # the first says what the format has no place for


# Runs of earlier and later versions


def as_format_1(run: RunDirectory) -> None:
    """Write a run's files as the first version did: flat settings, no checksums."""
    for path in run.detections.glob("part-*"):
        table = pq.read_table(path)
        metadata = {name: text for name, text in table.schema.metadata.items() if name != b"key"}
        pq.write_table(table.replace_schema_metadata(metadata), path)
    now = json.loads(run.manifest.read_text())
    tree = now["settings"]
    branches = ("preset", "cuts", "offline", "paper")
    link = {name: value for name, value in tree["link"].items() if name not in branches}
    first = {
        "state": now["state"],
        "source": {name: now["source"][name] for name in ("name", "path", "kind", "size")}
        | {"fingerprint": now["source"]["fingerprint"]},
        "model": now["model"],
        "settings": {
            **{name: tree["video"][name] for name in ("start", "end", "every")},
            **tree["detect"],
            "link": link,
        },
        "frames": {
            name: now["frames"][name]
            for name in ("expected", "done", "corrupt", "missing", "cut_short")
        },
        **{name: now[name] for name in ("device", "versions", "skeleton", "tracks", "stages")},
        "warnings": [],
        "error": None,
    }
    run.manifest.write_text(json.dumps(first))


def test_a_run_of_format_1_is_resumed_linked_drawn_and_exported(
    line: list[str], run: RunDirectory, model: LoadedModel
) -> None:
    before = contents(run)
    as_format_1(run)
    model.network.encoded.clear()  # type: ignore[attr-defined]

    assert main([*line, "--no-overlay"]) == 0
    assert model.network.encoded == []  # type: ignore[attr-defined]
    assert main(["link", str(run.path)]) == 0
    assert main(["render", str(run.path)]) == 0
    assert main(["export", str(run.path), "--to", "csv"]) == 0
    assert run.tracks.read_bytes() == before["tracks.parquet"]
    assert json.loads(run.manifest.read_text())["format"] == FORMAT


def test_a_run_of_format_1_that_lost_a_part_is_refused_and_made_again(
    line: list[str], run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_tracks(run.path)
    as_format_1(run)
    part_path(run.detections, 2).unlink()
    capsys.readouterr()

    assert main(["link", str(run.path)]) == 2
    assert "part-00002.parquet is missing" in capsys.readouterr().err
    assert main(line) == 0
    np.testing.assert_array_equal(read_tracks(run.path).boxes, before.boxes)


def test_settings_of_format_1_become_the_tree() -> None:
    first = {
        "state": "partial",
        "source": {"name": "a", "path": "a", "kind": "video", "fingerprint": "f", "size": [9, 16]},
        "model": {"name": "tiny", "sha256": "", "licence": ""},
        "settings": {
            "start": 1.5,
            "every": 3,
            "link": {"max_gap": 2, "preset": "offline", "offline.max_gap": 4.0, "of_old": 1},
        },
        "frames": {"expected": None},
        "device": "cpu",
        "versions": {},
        "skeleton": "coco17",
        "stages": {"detect": {"done": True, "seconds": 1}, "render": {"done": True, "seconds": 1}},
    }

    manifest = decode_manifest(json.dumps(first).encode())

    settings = manifest.settings
    assert (settings.video.start, settings.video.end, settings.video.every) == (1.5, None, 3)
    assert (settings.detect.camera_motion, settings.detect.appearance) == (False, False)
    assert (settings.link.preset, settings.link.max_gap) == ("offline", 2.0)
    assert settings.link.offline.max_gap == 4.0
    assert settings.link.min_score == LinkConfig().min_score
    assert settings.overlay == TrackConfig().overlay
    assert manifest.frames.detections is None


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"null", b"[1, 2]", b"\0\xff", b'{"format": 2}'),
        b'{"format": 2, "settings": {"refine": {"kalman": [1]}}}',
    ],
)
def test_a_manifest_that_cannot_be_read_is_named_by_every_command(
    run: RunDirectory, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    run.manifest.write_bytes(content)
    before = contents(run)

    for words in (["link"], ["link", "--suspicious"], ["render"], ["export", "--to", "csv"]):
        assert main([words[0], str(run.path), *words[1:]]) == 2
        said = capsys.readouterr().err
        assert f"{run.manifest}: not a manifest of this version" in said
        assert "The line that made the run makes it again with `--on-existing overwrite`" in said

    assert contents(run) == before


def test_a_run_of_a_later_version_is_left_alone(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {**json.loads(run.manifest.read_text()), "format": FORMAT + 1}
    run.manifest.write_text(json.dumps(content))

    assert main(["link", str(run.path)]) == 2
    assert f"format {FORMAT + 1}, this version reads up to {FORMAT}" in capsys.readouterr().err


# The table of stages


def test_a_new_stage_is_one_row_and_one_function(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(work: StageWork) -> Mapping[str, Any]:
        people = len(read_tracks(work.record.run.path))
        work.files["people.txt"].write_text(f"{people} people")
        return {}

    row = stages.RunStage(
        name="count",
        needs=("link",),
        writes=lambda _: ("people.txt",),
        work=count,
        reads=lambda settings: None,
        not_yet="nobody is counted yet",
    )
    for module in (stages, run_session):
        monkeypatch.setattr(module, "STAGES", (*stages.STAGES, row))

    with open_session(run) as session:
        session.run_stages("count")
    assert (run.path / "people.txt").read_text() == "2 people"
    assert run.read().finished("count")

    assert main(["link", str(run.path)]) == 0
    assert not (run.path / "people.txt").exists()
    assert not run.read().finished("count")
    with open_session(run) as session, pytest.raises(InputError, match="nobody is counted yet"):
        session.require("count")


def test_a_job_reads_the_manifest_only_when_it_has_the_run_to_itself(run: RunDirectory) -> None:
    with open_session(run) as session:
        session.record.update(tracks=7)
        with pytest.raises(InputError, match="another process is at work on this run"):
            link_again(run, LinkConfig())
    assert not run.lock.exists()
    with open_session(run) as session:
        assert session.manifest.tracks == 7
        assert session.manifest == msgspec.structs.replace(run.read())
