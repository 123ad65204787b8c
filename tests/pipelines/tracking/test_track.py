import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import pytest

from posetube import atomic_files
from posetube.datasets.formats import posetrack18
from posetube.datasets.video import VideoConfig, open_video
from posetube.datasets.video.inputs import Input, find_inputs
from posetube.errors import InputError, MediaError
from posetube.models3d.devices import Device
from posetube.pipelines.failures import Interrupted
from posetube.pipelines.interrupt import Interrupt
from posetube.pipelines.loaded_model import LoadedModel
from posetube.pipelines.progress import Event
from posetube.pipelines.settings import DetectConfig, OverlayConfig, TrackConfig
from posetube.pipelines.storage.detections_store import read_frames
from posetube.pipelines.storage.existing_run import OnExisting
from posetube.pipelines.storage.manifest import Manifest, StageRecord
from posetube.pipelines.storage.recorder import Recorder
from posetube.pipelines.storage.run_directory import RunDirectory
from posetube.pipelines.storage.tracks_store import read_tracks
from posetube.pipelines.tracking import detect_stage
from posetube.pipelines.tracking.run_again import link_again, render_again
from posetube.pipelines.tracking.run_session import summary
from posetube.pipelines.tracking.track_input import (
    TrackTask,
    expected_frames,
    run_directories,
    track_input,
)
from posetube.pipelines.watch import Watch
from posetube.tracker.config import LinkConfig

ModelMaker = Callable[..., LoadedModel]
ClipMaker = Callable[..., Path]


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_stage, "PART_FRAMES", 4)


def one(path: Path) -> Input:
    return find_inputs([str(path)])[0]


def track(
    path: Path,
    run: Path,
    model: LoadedModel,
    *,
    on_existing: OnExisting = "resume",
    **settings: Any,
) -> Manifest:
    settings.setdefault("overlay", None)
    task = task_of(path, RunDirectory(run), TrackConfig(**settings), on_existing=on_existing)
    return track_input(task, model)


def task_of(
    path: Path, run: RunDirectory, config: TrackConfig | None = None, **changes: Any
) -> TrackTask:
    return TrackTask(item=one(path), run=run, config=config or TrackConfig(), **changes)


def test_a_clip_becomes_a_run_with_everything_in_it(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    events: list[Event] = []
    run = RunDirectory(tmp_path / "run")

    task, watch = task_of(make_clip(frames=10), run), Watch(listener=events.append)
    manifest = track_input(task, make_model(), watch=watch)

    assert manifest == run.read()
    assert (manifest.state, manifest.tracks) == ("complete", 2)
    assert (manifest.frames.expected, manifest.frames.done, manifest.frames.corrupt) == (10, 10, 0)
    assert manifest.model.name == "squares"
    assert set(manifest.stages) == {"detect", "link", "refine", "render"}
    assert {path.name for path in run.path.iterdir()} == {
        *("run.json", "detections", "tracks.parquet", "tracks.json", "overlay.mp4"),
        "events.jsonl",
    }
    assert [path.name for path in sorted(run.detections.iterdir())] == [
        f"part-0000{number}.parquet" for number in range(3)
    ]
    assert [event.stage for event in events if event.event == "stage"] == [
        *("detect", "link", "refine", "render"),
    ]
    lines = run.events.read_bytes().splitlines()
    assert [msgspec.json.decode(line)["event"] for line in lines][-1] == "end"


def test_the_tracks_are_the_people_of_the_clip(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    track(make_clip(frames=12), tmp_path / "run", make_model())

    tracks = read_tracks(tmp_path / "run")

    assert tracks.source == "clip"
    assert tracks.size == (96, 160)
    assert tracks.ids.tolist() == [1, 2]
    np.testing.assert_allclose(tracks.frames.times, np.arange(12) / 25)
    walker = min(tracks, key=lambda person: person.boxes[0, 1])
    assert walker.frames.tolist() == list(range(12))
    np.testing.assert_allclose(walker.boxes[:, 0], 2 * np.arange(12), atol=2)


def test_the_overlay_has_every_frame_at_its_time_in_a_form_browsers_play(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    track_input(task_of(make_clip(frames=7), RunDirectory(tmp_path / "run")), make_model())

    with av.open(str(tmp_path / "run" / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    np.testing.assert_allclose([float(f.time or 0) for f in frames], np.arange(7) / 25, atol=1e-3)


def test_tracks_json_lists_every_frame_in_17_slots(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    track(make_clip(frames=6), tmp_path / "run", make_model())

    document = msgspec.json.decode((tmp_path / "run" / "tracks.json").read_bytes())
    back = posetrack18.read(tmp_path / "run" / "tracks.json")

    np.testing.assert_array_equal(back.track_ids, read_tracks(tmp_path / "run").track_ids)
    assert len(document["images"]) == 6
    assert len(document["categories"][0]["keypoints"]) == 17
    assert {len(person["keypoints"]) for person in document["annotations"]} == {51}


@pytest.mark.parametrize(
    ("stretch", "expected"),
    [
        ({}, 50),
        ({"every": 3}, 17),
        ({"end": 1.0}, 25),
        ({"start": 0.4, "end": 1.0}, 15),
        ({"start": 1.2}, 20),
        ({"start": 1.2, "end": 9.0, "every": 2}, 10),
        ({"start": 7.0}, 1),
    ],
)
def test_progress_knows_about_how_many_frames_a_stretch_has(
    make_clip: ClipMaker, stretch: dict[str, Any], expected: int
) -> None:
    with open_video(make_clip(frames=50), config=VideoConfig(**stretch)) as video:
        assert expected_frames(video) == expected


class StopAfter:
    """A listener that presses Ctrl-C once so many frames of a stage are done."""

    def __init__(self, stage: str, frames: int) -> None:
        self.interrupt = Interrupt()
        self._stage, self._frames = stage, frames

    def __call__(self, event: Event) -> None:
        if event.event == "progress" and event.stage == self._stage and event.done == self._frames:
            self.interrupt.requested = True


@pytest.mark.parametrize(
    ("now", "warning"),
    [
        (Device(name="cpu", reason="", threads=2), None),
        (Device(name="cpu", reason="", threads=1), "began on cpu (2 threads), goes on with cpu (1"),
        (Device(name="cuda", reason=""), "began on cpu (2 threads), goes on with cuda: the last"),
    ],
)
def test_a_run_that_goes_on_with_other_threads_says_so(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path, now: Device, warning: str | None
) -> None:
    clip, run, stop = make_clip(frames=9), tmp_path / "run", StopAfter("detect", 1)
    first = Device(name="cpu", reason="a test", threads=2)
    with pytest.raises(Interrupted):
        track_input(
            task_of(clip, RunDirectory(run)),
            replace(make_model(), device=first),
            watch=Watch(listener=stop, interrupt=stop.interrupt),
        )

    manifest = track(clip, run, replace(make_model(), device=now))
    again = track(clip, run, replace(make_model(), device=now))

    assert (manifest.device, manifest.threads) == ("cpu", 2)
    assert len(manifest.warnings) == len(again.warnings) == (warning is not None)
    assert (warning or "") in "".join(manifest.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("clip_length", [1, 3, 4])
@pytest.mark.parametrize(
    ("stage", "frames"), [("detect", 1), ("detect", 9), ("detect", 18), ("link", 5), ("render", 3)]
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    tmp_path: Path,
    stage: str,
    frames: int,
    clip_length: int,
) -> None:
    clip = make_clip(frames=18, pan=2)
    model = make_model(clip_length=clip_length, batch=2)
    whole, stopped = RunDirectory(tmp_path / "whole"), RunDirectory(tmp_path / "stopped")
    # the other preset is done with a frame soon after it is found
    config = TrackConfig(link=LinkConfig(preset="offline" if stage == "link" else "online"))
    track_input(task_of(clip, whole, config), model)
    stop = StopAfter(stage, frames)
    watch = Watch(listener=stop, interrupt=stop.interrupt)

    with pytest.raises(Interrupted):
        track_input(task_of(clip, stopped, config), model, watch=watch)
    assert stopped.read().state == "partial"
    assert list(stopped.detections.glob("part-*"))
    manifest = track_input(task_of(clip, stopped, config), model)

    assert manifest.state == "complete"
    assert manifest.frames == whole.read().frames
    assert stopped.tracks.read_bytes() == whole.tracks.read_bytes()
    assert stopped.posetrack.read_bytes() == whole.posetrack.read_bytes()
    for mine, theirs in zip(
        sorted(stopped.detections.iterdir()), sorted(whole.detections.iterdir()), strict=True
    ):
        assert mine.read_bytes() == theirs.read_bytes()


def test_detections_tell_what_linking_needs_so_that_no_frame_is_decoded_again(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    config = TrackConfig(overlay=None)
    clip = make_clip(frames=12, pan=2)
    track_input(task_of(clip, run, config), make_model(clip_length=3))
    first = run.tracks.read_bytes()
    clip.unlink()

    found = list(read_frames(run.detections, joints=17))
    link_again(run, LinkConfig())

    assert [f.camera is None for f in found] == [True] + [False] * 11
    assert all(f.camera is None or round(f.camera[0, 2]) == -2 for f in found)
    assert [f.continues.tolist() for f in found if f.continues is not None] == (
        [[-1, -1]] + [[0, 1]] * 11
    )
    looks = found[5].people.embeddings
    assert looks is not None
    np.testing.assert_allclose(looks, np.array([[230, 20, 20], [20, 230, 20]]) / 255, atol=0.1)
    assert (run.read().settings.detect.camera_motion, run.read().settings.detect.appearance) == (
        True,
        True,
    )
    assert run.tracks.read_bytes() == first


@pytest.mark.parametrize("clip_length", [1, 3])
def test_tracks_do_not_depend_on_how_many_frames_are_looked_at_together(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    tmp_path: Path,
    clip_length: int,
) -> None:
    clip = make_clip(frames=18, pan=2)

    for batch in (1, 2, 4):
        model = make_model(clip_length=clip_length, batch=batch)
        track(clip, tmp_path / str(batch), model)

    tables = [(tmp_path / str(n) / "tracks.parquet").read_bytes() for n in (1, 2, 4)]
    assert tables[0] == tables[1] == tables[2]


def test_a_run_that_is_complete_is_not_done_again(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=5)
    track(clip, tmp_path / "run", make_model())
    model = make_model()

    manifest = track(clip, tmp_path / "run", model)

    assert manifest.state == "complete"
    assert model.network.encoded == []  # type: ignore[attr-defined]


def test_an_overlay_can_be_had_afterwards(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=5)
    track(clip, tmp_path / "run", make_model())

    track_input(task_of(clip, RunDirectory(tmp_path / "run")), make_model())

    assert (tmp_path / "run" / "overlay.mp4").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"video": VideoConfig(every=2)}, "every was 1, is now 2"),
        ({"detect": DetectConfig(appearance=False)}, "appearance was True, is now False"),
        ({"detect": DetectConfig(camera_motion=False)}, "camera_motion was True, is now False"),
        ({"link": LinkConfig(preset="offline")}, "differently: link.preset was online, is now"),
        ({"link": LinkConfig(max_gap=2.0)}, "link.max_gap was 0.8, is now 2.0.* `posetube link"),
    ],
)
def test_a_run_is_not_taken_up_with_other_settings(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    tmp_path: Path,
    settings: dict[str, Any],
    message: str,
) -> None:
    clip = make_clip(frames=5)
    track(clip, tmp_path / "run", make_model())

    with pytest.raises(InputError, match=message):
        track(clip, tmp_path / "run", make_model(), **settings)


def test_a_run_is_not_taken_up_with_another_input_or_model(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=5)
    track(clip, tmp_path / "run", make_model())

    with pytest.raises(InputError, match="was made differently: the input is another.*overwrite"):
        track(make_clip("other.mp4", frames=6), tmp_path / "run", make_model())
    with pytest.raises(InputError, match="was made differently: model was squares"):
        track(clip, tmp_path / "run", make_model(sha256="1" * 64))


def test_a_run_has_the_quality_of_its_model_and_keeps_it(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, best = make_clip(frames=5), replace(make_model(), quality="best", flip=True)

    manifest = track(clip, tmp_path / "run", best)

    assert manifest.settings.detect == DetectConfig(quality="best", flip=True, runtime="torch")
    with pytest.raises(InputError, match="flip was True, is now False; quality was best, is now n"):
        track(clip, tmp_path / "run", make_model())
    with pytest.raises(InputError, match="squares was loaded with quality best, flip True; asked"):
        track(clip, tmp_path / "run", best, detect=DetectConfig(quality="fast"))


def test_a_run_keeps_its_runtime(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, graphs = make_clip(frames=2), replace(make_model(), runtime="onnx")

    manifest = track(clip, tmp_path / "run", graphs)

    assert manifest.settings.detect.runtime == "onnx"
    with pytest.raises(InputError, match="was made differently: runtime was onnx, is now torch"):
        track(clip, tmp_path / "run", make_model())
    with pytest.raises(InputError, match="squares was loaded with runtime onnx; asked for is torc"):
        track(clip, tmp_path / "other", graphs, detect=DetectConfig(runtime="torch"))


def test_a_run_keeps_its_precision(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, half = make_clip(frames=2), replace(make_model(), precision="bfloat16")

    manifest = track(clip, tmp_path / "run", half)

    assert manifest.settings.detect.precision == "bfloat16"
    with pytest.raises(InputError, match="differently: precision was bfloat16, is now float32"):
        track(clip, tmp_path / "run", make_model())
    with pytest.raises(
        InputError, match="was loaded with precision float32; asked for is bfloat16"
    ):
        track(clip, tmp_path / "other", make_model(), detect=DetectConfig(precision="bfloat16"))
    auto = track(clip, tmp_path / "auto", make_model(), detect=DetectConfig(precision="auto"))
    assert auto.settings.detect.precision == "float32"


def test_parts_of_runs_from_before_there_were_qualities_stay_theirs(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=2)
    plain = track(clip, tmp_path / "plain", make_model())
    best = track(clip, tmp_path / "best", replace(make_model(), quality="best"))

    said = {
        "model": f"squares ({'0' * 12})",
        "start": None,
        "end": None,
        "every": 1,
        "camera_motion": True,
        "appearance": True,
    }
    content = (plain.source.fingerprint, sorted(said.items()))
    key = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:32]
    assert plain.detections_key == key != best.detections_key


@pytest.mark.parametrize("choice", ["fail", "overwrite"])
def test_a_run_that_is_there_is_refused_or_begun_again_if_asked(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path, choice: OnExisting
) -> None:
    track(make_clip(frames=9), tmp_path / "run", make_model())
    clip = make_clip(frames=5)

    if choice == "fail":
        with pytest.raises(InputError, match='holds a run already; on_existing="resume"'):
            track(clip, tmp_path / "run", make_model(), on_existing=choice)
    else:
        assert track(clip, tmp_path / "run", make_model(), on_existing=choice).frames.done == 5
        assert len(list((tmp_path / "run" / "detections").iterdir())) == 2


def test_a_folder_with_other_files_is_left_alone(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=3)

    with pytest.raises(InputError, match="holds other files and no run.json"):
        track(clip, tmp_path, make_model(), on_existing="overwrite")

    assert clip.exists()


def test_two_processes_do_not_work_on_one_run(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, run = make_clip(frames=3), RunDirectory(tmp_path / "run")

    with run.locked(), pytest.raises(InputError, match="another process is at work on this run"):
        track(clip, run.path, make_model())

    assert track(clip, run.path, make_model()).state == "complete"


def test_a_broken_manifest_says_how_to_go_on(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip = make_clip(frames=5)
    track(clip, tmp_path / "run", make_model())
    (tmp_path / "run" / "run.json").write_text("{")

    with pytest.raises(ValueError, match=r"run.json: not a manifest of this version .*overwrite"):
        track(clip, tmp_path / "run", make_model())
    assert track(clip, tmp_path / "run", make_model(), on_existing="overwrite").state == "complete"


def test_a_part_that_was_being_written_when_the_power_went_is_made_again(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, run = make_clip(frames=10), RunDirectory(tmp_path / "run")
    expected = track(clip, run.path, make_model())
    content = run.tracks.read_bytes()
    (run.detections / "part-00002.parquet").unlink()
    (run.detections / ".posetube-unfinished-part-00002.parquet").write_bytes(b"half a par")
    run.write(msgspec.structs.replace(expected, state="running", stages={}))

    track(clip, run.path, make_model())

    assert run.tracks.read_bytes() == content
    assert not list(run.detections.glob(".posetube-*"))


def test_a_full_disk_leaves_no_half_file_and_the_run_goes_on_later(
    make_clip: ClipMaker,
    make_model: ModelMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip, run = make_clip(frames=10), RunDirectory(tmp_path / "run")
    flush = atomic_files.flush

    def full(path: Path) -> None:
        if path.name.endswith("part-00001.parquet"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        flush(path)

    monkeypatch.setattr(atomic_files, "flush", full)
    with pytest.raises(OSError, match="No space left"):
        track(clip, run.path, make_model())
    assert [path.name for path in run.detections.iterdir()] == ["part-00000.parquet"]
    assert run.read().state == "failed"

    monkeypatch.setattr(atomic_files, "flush", flush)
    assert track(clip, run.path, make_model()).state == "complete"


def test_every_nth_frame_keeps_its_index_and_time(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    manifest = track(
        make_clip(frames=20), tmp_path / "run", make_model(), video=VideoConfig(start=0.2, every=3)
    )

    tracks = read_tracks(tmp_path / "run")

    assert manifest.frames.done == 5
    assert np.unique(tracks.frame).tolist() == [6, 9, 12, 15, 18]
    assert np.isnan(tracks.frames.times[:6]).all()
    np.testing.assert_allclose(tracks.frames.times[6::3], np.arange(6, 19, 3) / 25)


def test_a_stretch_beyond_the_end_is_refused(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    with pytest.raises(
        MediaError, match=r"no frame in the stretch .* the last one is \d+\.\d+ s after it"
    ):
        track(make_clip(frames=5), tmp_path / "run", make_model(), video=VideoConfig(start=100.0))
    assert not (tmp_path / "run").exists()


def test_a_video_with_nobody_in_it_is_complete(make_model: ModelMaker, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    import cv2

    for number in (1, 2, 4):
        cv2.imwrite(str(folder / f"{number:03d}.png"), np.full((40, 60, 3), 40, np.uint8))

    manifest = track(folder, tmp_path / "run", make_model())

    assert manifest.tracks == 0
    assert (manifest.state, manifest.frames.missing) == ("partial", 1)
    tracks = read_tracks(tmp_path / "run")
    assert len(tracks) == 0
    assert len(tracks.frames) == 4


def test_linking_again_gives_other_tracks_and_drops_the_overlay(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, run = make_clip(frames=10), RunDirectory(tmp_path / "run")
    track_input(task_of(clip, run), make_model())

    line = link_again(run, LinkConfig(sure_score=0.99))

    assert line.startswith("clip: 0 tracks, 10 frames")
    assert run.read().settings.link.sure_score == 0.99
    assert not run.overlay.exists()
    assert render_again(run, OverlayConfig()).endswith("overlay.mp4")
    assert run.overlay.exists()


def test_a_run_of_an_earlier_model_is_linked_again_and_not_resumed(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, run = make_clip(frames=10), RunDirectory(tmp_path / "run")
    earlier = make_model(sha256="e" * 64)
    track(clip, run.path, earlier)
    before = read_tracks(run.path)

    with pytest.raises(InputError, match=r"made differently: model was .*eee.*, is now .*000"):
        track(clip, run.path, make_model())
    link_again(run, LinkConfig())

    np.testing.assert_array_equal(read_tracks(run.path).boxes, before.boxes)
    assert run.read().model == earlier.record


def test_what_cannot_be_linked_or_drawn_again_says_why(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    clip, run = make_clip(frames=10), RunDirectory(tmp_path / "run")
    style = OverlayConfig()
    with pytest.raises(InputError, match="run: no such file or folder"):
        link_again(run, LinkConfig())
    manifest = track(clip, run.path, make_model())
    make_clip(frames=11)
    with pytest.raises(InputError, match="is not the video any more"):
        render_again(run, style)
    run.write(msgspec.structs.replace(manifest, stages={}))
    with pytest.raises(InputError, match="not all frames were looked at yet"):
        link_again(run, LinkConfig())
    with pytest.raises(InputError, match="there are no tracks yet"):
        render_again(run, style)


def test_one_input_has_the_folder_itself_and_several_share_it() -> None:
    items = [Input(name=name, source=f"{name}.mp4", kind="video") for name in ("a", "b")]

    assert run_directories(items[:1], Path("x"), alone=True) == [RunDirectory(Path("x"))]
    assert run_directories(items[:1], None, alone=True) == [RunDirectory(Path("runs/a"))]
    assert run_directories(items, Path("x"), alone=False) == [
        RunDirectory(Path("x/a")),
        RunDirectory(Path("x/b")),
    ]


def test_the_summary_says_what_came_out_and_where(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    manifest = track(make_clip(frames=5), run.path, make_model())

    assert summary(run, manifest).startswith("clip: 2 tracks, 5 frames (0 corrupt), ")
    assert summary(run, manifest).endswith("run/tracks.parquet")


def test_the_summary_of_one_picture_names_no_rate(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    manifest = track(make_clip(frames=1), run.path, make_model())
    one = msgspec.structs.replace(manifest, tracks=1)

    assert summary(run, one) == f"clip: 1 track, 1 frame (0 corrupt) -> {run.tracks}"


def test_a_kill_does_not_lose_the_time_that_was_spent(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    manifest = track(make_clip(frames=4), run.path, make_model())
    seconds = iter(range(100, 200, 10))
    record = Recorder(
        run, msgspec.structs.replace(manifest, stages={}), clock=lambda: next(seconds)
    )

    with record.timed("detect"):
        record.update(state="running")
        record.update(state="running")
        assert run.read().stages["detect"] == StageRecord(done=False, seconds=20)
    record.finish("detect")

    assert run.read().stages["detect"] == StageRecord(done=True, seconds=30)


def test_a_stage_within_another_has_its_own_time(
    make_clip: ClipMaker, make_model: ModelMaker, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    manifest = track(make_clip(frames=4), run.path, make_model())
    now = 0.0
    record = Recorder(run, msgspec.structs.replace(manifest, stages={}), clock=lambda: now)

    with record.timed("link"):
        now += 1
        with record.timed("detect"):
            now += 10
        now += 100

    spent = {name: stage.seconds for name, stage in record.manifest.stages.items()}
    assert spent == {"link": 101, "detect": 10}
